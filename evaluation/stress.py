"""How much an example can be disturbed before the answer changes: blur, noise, typos, gaps. Needs no Keras.

Every disturbance has a strength from 0 (nothing) to 1 (hardly anything is left). The idea of judging a model over
strengths of corruption is that of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", 2019.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from recipes import RawInput, Signature

LEVELS = tuple(step / 8 for step in range(9))
DRAWS = 3
"""Times that chance is asked at each strength."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NOISE = 100.0
"""Standard deviation of the strongest noise in pictures, in steps of 0 to 255."""
BLUR = 0.15
"""Radius of the strongest blur, as a share of the shorter side."""
LOUDEST_NOISE, FAINTEST_NOISE = -10.0, 40.0
"""Decibels of a sound above the strongest and the weakest noise."""

Row = dict[str, np.ndarray]
Change = Callable[[RawInput, np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Disturbance:
    """One way to disturb an example."""

    name: str
    """`blur`; `TITLES` says it to people."""
    kinds: tuple[str, ...]
    """The kinds of raw input that it changes."""
    change: Change
    """From one raw input with its value (1, ...), strength and chance to the changed value."""
    is_random: bool = True


def offered(signature: Signature) -> tuple[Disturbance, ...]:
    """Return the disturbances that suit a model's raw inputs; none for tasks without one answer."""
    if signature.task not in ("classification", "regression"):
        return ()
    kinds = {raw.kind for raw in signature.raw}
    return tuple(each for each in DISTURBANCES if kinds & set(each.kinds))


def disturbed(signature: Signature, row: Row, name: str, strength: float, draw: int = 0) -> Row:
    """Return a raw row (every array (1, ...)) disturbed that much; the same draw gives the same row."""
    if not strength:
        return row
    way = next(each for each in DISTURBANCES if each.name == name)
    random = np.random.default_rng([draw, int(strength * 1000)])
    return {
        raw.name: way.change(raw, row[raw.name], strength, random) if raw.kind in way.kinds else row[raw.name]
        for raw in signature.raw
    }


def _on_pictures(change: Callable[[Image.Image, float], Image.Image]) -> Change:
    def changed(_raw: RawInput, value: np.ndarray, strength: float, _random: np.random.Generator) -> np.ndarray:
        pixels = np.clip(np.asarray(value[0]), 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        told = np.asarray(change(image, strength))
        return told.reshape(pixels.shape)[None].astype(value.dtype)

    return changed


def _blurred(image: Image.Image, strength: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(strength * BLUR * min(image.size)))


def _darkened(image: Image.Image, strength: float) -> Image.Image:
    return image.point(lambda light: int(light * (1 - 0.95 * strength)))


def _turned(image: Image.Image, strength: float) -> Image.Image:
    corner = image.getpixel((0, 0))
    return image.rotate(180 * strength, Image.Resampling.BILINEAR, fillcolor=corner)


def _grained(_raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    noisy = np.asarray(value, dtype=float) + random.normal(0, NOISE * strength, value.shape)
    return np.clip(np.round(noisy), 0, 255).astype(value.dtype)


def _hissing(_raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    decibels = FAINTEST_NOISE + (LOUDEST_NOISE - FAINTEST_NOISE) * strength
    loudness = float(np.sqrt((np.asarray(value, dtype=float) ** 2).mean())) or 1e-3
    noise = random.normal(0, loudness * 10 ** (-decibels / 20), value.shape)
    return np.clip(value + noise, -1, 1).astype(value.dtype)


def _hurried(_raw: RawInput, value: np.ndarray, strength: float, _random: np.random.Generator) -> np.ndarray:
    """Play it up to twice as fast; silence follows."""
    sound = value[0]
    length = max(1, round(len(sound) / (1 + strength)))
    played = np.interp(np.linspace(0, len(sound) - 1, length), np.arange(len(sound)), sound)
    return np.pad(played, (0, len(sound) - length))[None].astype(value.dtype)


def _mistyped(_raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Change up to four of ten letters into others."""

    def typed(text: str) -> str:
        return "".join(
            LETTERS[random.integers(len(LETTERS))] if letter.isalpha() and random.random() < 0.4 * strength else letter
            for letter in text
        )

    return _of_texts(value, typed)


def _thinned(_raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Leave out up to nine of ten words."""
    return _of_texts(value, lambda text: " ".join(word for word in text.split() if random.random() >= 0.9 * strength))


def _of_texts(value: np.ndarray, change: Callable[[str], str]) -> np.ndarray:
    told = np.empty(value.shape, dtype=object)
    for place in np.ndindex(value.shape):
        told[place] = change(str(value[place]))
    return told


def _jittered(raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Move a number by up to about the spread that it has in the training data."""
    if raw.minimum is None or raw.maximum is None:
        return value
    spread = (raw.maximum - raw.minimum) / 4
    return (value + random.normal(0, spread * strength, value.shape)).astype(value.dtype)


def _shaken(_raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    spread = value.std(axis=1, keepdims=True) + 1e-9
    return (value + random.normal(0, 1, value.shape) * spread * 2 * strength).astype(value.dtype)


def _gaping(_raw: RawInput, value: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Hold the last value over a stretch of up to nine tenths."""
    steps = value.shape[1]
    length = round(0.9 * strength * steps)
    start = int(random.integers(0, steps - length + 1))
    told = np.array(value)
    told[:, start : start + length] = value[:, max(0, start - 1)][:, None]
    return told


PICTURES = ("picture",)
DISTURBANCES = (
    Disturbance("blur", PICTURES, _on_pictures(_blurred), is_random=False),
    Disturbance("grain", PICTURES, _grained),
    Disturbance("darkness", PICTURES, _on_pictures(_darkened), is_random=False),
    Disturbance("turn", PICTURES, _on_pictures(_turned), is_random=False),
    Disturbance("hiss", ("sound",), _hissing),
    Disturbance("hurry", ("sound",), _hurried, is_random=False),
    Disturbance("typos", ("text",), _mistyped),
    Disturbance("lost_words", ("text",), _thinned),
    Disturbance("jitter", ("number",), _jittered),
    Disturbance("shaking", ("series",), _shaken),
    Disturbance("gaps", ("series",), _gaping),
)
TITLES = {
    "blur": "Blur", "grain": "Noise", "darkness": "Darkness", "turn": "Turning", "hiss": "Noise", "hurry": "Speed",
    "typos": "Typos", "lost_words": "Lost words", "jitter": "Noise in the numbers", "shaking": "Noise", "gaps": "Gaps",
}  # fmt: skip
