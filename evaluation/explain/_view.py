"""The example as a network meets it and as a person sees it: a picture, a clip, a sound, a series, words.

Methods that weigh places work on a view and need not know which of these it is.
"""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from evaluation.explain import _words
from evaluation.explain._case import Case
from evaluation.explain._network import CONVOLUTIONS, Network, Place, repeated
from recipes import Signature

SEEN = ("picture", "clip", "sound", "series", "tokens")
"""Inputs whose places can be weighed."""
FRAMES = 6
"""Frames of a clip that are shown."""
TASKS = ("classification", "regression", "forecasting", "detection")
"""Tasks whose core answers one row of numbers, of which each can be asked about; a detector a row for each cell."""


@dataclass(frozen=True)
class View:
    """One input of one example in one network: where it is changed, its value (1, ...) there, and what means nothing.

    `place` is None where the input itself is changed.
    """

    case: Case
    network: Network
    name: str
    place: Place | None
    value: np.ndarray
    nothing: np.ndarray

    @classmethod
    def of(cls, case: Case, network: Network) -> "View":
        """Look at the input that `settings["input"]` names, else at the first that has places."""
        name = case.settings.get("input") or seen(network.signature)[0]
        inputs = case.inputs
        if name == "tokens":
            place = network.word_vectors(inputs)
            value = network.at(inputs, place)
            return cls(case, network, name, place, value, np.zeros_like(value))
        if name == "sound":
            place = network.first_convolution(inputs)
            value = network.at(inputs, place)
            return cls(case, network, name, place, value, np.full_like(value, value.min()))
        value = np.asarray(inputs[name], dtype=np.float32)
        return cls(case, network, name, None, value, np.zeros_like(value))

    def outputs(self, values: Any) -> Any:
        """Return what the core puts out (rows, outputs) for `values` (rows, ...) in the place of the example's own."""
        inputs = repeated(self.case.inputs, int(values.shape[0]))
        if self.place is None:
            return self.network.walk(inputs | {self.name: values})
        return self.network.walk(inputs, self.place, lambda _: values)

    def answers(self, values: np.ndarray, together: int = 64) -> np.ndarray:
        """Return probabilities, or numbers in the target's own unit, for `values` (rows, ...): (rows, outputs)."""
        told = [np.asarray(self.outputs(values[at : at + together])) for at in range(0, len(values), together)]
        return self.network.as_answers(np.concatenate(told))

    def panel(self, weights: np.ndarray, *, signed: bool) -> dict[str, Any]:
        """Return what draws one weight a place: of (1, ...) without the channels, as large as the view or coarser."""
        if self.name == "tokens":
            before = weights.shape[1] - self.case.inputs["tokens"].shape[1]
            return _words.panel(self.case, weights[0, before:], signed=signed)
        if self.name == "series":
            return self._stretches(weights[0])
        return self._heat(weights, signed=signed)

    def _heat(self, weights: np.ndarray, *, signed: bool) -> dict[str, Any]:
        pictures, maps = self._pictures(), weights if self.name == "clip" else weights[0]
        if self.name == "sound":
            maps = _upright(maps)[None]
        elif self.name == "clip":
            maps = maps.reshape(-1, *maps.shape[-2:])
            frames = np.linspace(0, len(pictures) - 1, min(FRAMES, len(pictures))).round().astype(int)
            # A map may stand for several frames where a layer has joined them.
            maps = maps[frames * len(maps) // len(pictures)]
            pictures = [pictures[frame] for frame in frames]
        else:
            maps = maps[None]
        most = float(np.abs(maps).max()) or 1.0
        told = {
            "kind": "heat", "seen": self.name, "signed": signed, "pictures": [png(one) for one in pictures],
            "heats": [png(_shades(one / most, signed=signed)) for one in maps], "grid": list(maps.shape[-2:]),
        }  # fmt: skip
        if self.case.box:
            told["box"] = [round(side, 4) for side in self.case.box]
        if self.name == "sound":
            told["seconds"] = float(self.network.signature.details.get("seconds", 0.0)) or None
        return told

    def _pictures(self) -> list[np.ndarray]:
        if self.name == "sound":
            shown = _upright(self.value[0, ..., 0])
            low, high = float(shown.min()), float(shown.max())
            return [(255 * (shown - low) / ((high - low) or 1.0)).astype(np.uint8)]
        whole = np.clip(self.value[0], 0, 255).astype(np.uint8)
        return list(whole) if self.name == "clip" else [whole]

    def _stretches(self, weights: np.ndarray) -> dict[str, Any]:
        names = self.network.signature.details.get("columns") or []
        series = self.value[0]
        columns = [
            {"name": str(names[place]) if place < len(names) else f"Column {place + 1}",
             "values": np.round(series[:, place], 4).tolist(), "weights": np.round(weights[:, place], 6).tolist()}
            for place in range(series.shape[1])
        ]  # fmt: skip
        return {"kind": "stretches", "columns": columns, "steps": len(series)}


def seen(signature: Signature) -> list[str]:
    """Name the inputs whose places can be weighed."""
    return [name for name in SEEN if name in signature.inputs]


def suits(signature: Signature, kinds: frozenset[str], inputs: tuple[str, ...] = SEEN) -> bool:
    """Has a run such an input, a task with plain answers, and a core that can be walked through?"""
    if signature.task not in TASKS or not kinds:
        return False
    found = [name for name in seen(signature) if name in inputs]
    if found == ["sound"]:
        return bool(kinds & set(CONVOLUTIONS))
    if found == ["tokens"]:
        return "Embedding" in kinds
    return bool(found)


def png(pixels: np.ndarray) -> str:
    """Write a picture (height, width) or (height, width, channels) of bytes as base64 PNG."""
    plain = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(plain.astype(np.uint8))).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _shades(weights: np.ndarray, *, signed: bool) -> np.ndarray:
    """Turn weights of at most 1 into bytes: 0 to 255, or around 128 where there are some against it."""
    return np.round(128 + 127 * weights if signed else 255 * np.maximum(weights, 0)).astype(np.uint8)


def _upright(spectrogram: np.ndarray) -> np.ndarray:
    """Turn (time, pitch) into rows of pitch, the highest on top, and columns of time."""
    return spectrogram.T[::-1]
