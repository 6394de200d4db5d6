"""Six instruments, computed: 900 sounds of one second at 8 kHz, at 37 pitches (MIDI 45 to 81).

Organ: harmonics. Flute: vibrato and breath. Plucked string: Karplus and Strong, "Digital Synthesis of Plucked-String
and Drum Timbres", 1983. Bell: frequency modulation with an inharmonic ratio (Chowning, "The Synthesis of Complex Audio
Spectra by Means of Frequency Modulation", 1973). Brass: its brightness rises with its loudness. Drum: a falling tone
with noise.
"""

from collections.abc import Callable, Sequence

import numpy as np

RATE = 8000
SECONDS = 1.0
PITCHES = range(45, 82)
CLASSES = ("bell", "brass", "drum", "flute", "organ", "string")


def tones(rows: int = 900, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sounds (rows, 8000) int16, labels (numbers of `CLASSES`) and pitches (MIDI numbers)."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % len(CLASSES)
    pitches = np.array([PITCHES[row // len(CLASSES) % len(PITCHES)] for row in range(rows)])
    order = random.permutation(rows)
    labels, pitches = labels[order], pitches[order]
    sounds = [_recorded(MAKERS[label](_hertz(pitch), random), random) for label, pitch in
              zip(labels.tolist(), pitches.tolist(), strict=True)]  # fmt: skip
    return np.round(np.stack(sounds) * 32767).astype(np.int16), labels.astype(np.int32), pitches


def _hertz(pitch: int) -> float:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _times() -> np.ndarray:
    return np.arange(round(RATE * SECONDS)) / RATE


def _sum_of_tones(hertz: float, loudness: Callable[[int], np.ndarray | float], phase: np.ndarray) -> np.ndarray:
    """Add the harmonics below 3.8 kHz; `phase` is the running phase of the first one in turns."""
    numbers = range(1, int(3800 // hertz) + 1)
    return sum((loudness(k) * np.sin(2 * np.pi * k * phase) for k in numbers), np.zeros(len(phase)))


def _organ(hertz: float, random: np.random.Generator) -> np.ndarray:
    pipes = {1: 1.0, 2: 0.7, 3: 0.35, 4: 0.45, 6: 0.25, 8: 0.2}
    mix = {k: level * random.uniform(0.6, 1.4) for k, level in pipes.items()}
    return _sum_of_tones(hertz, lambda k: mix.get(k, 0.0), hertz * _times() + random.random()) * _swell(0.03, 0.08)


def _flute(hertz: float, random: np.random.Generator) -> np.ndarray:
    times = _times()
    vibrato = 0.006 * np.sin(2 * np.pi * random.uniform(4.5, 6.5) * times + random.uniform(0, 6))
    phase = np.cumsum(hertz * (1 + vibrato)) / RATE
    tone = _sum_of_tones(hertz, lambda k: (1.0, 0.25, 0.1)[k - 1] if k < 4 else 0.0, phase)
    breath = _filtered([0.3], [1, -0.7], random.normal(size=len(times)))
    return (tone + random.uniform(0.05, 0.12) * breath) * _swell(0.08, 0.1)


def _string(hertz: float, random: np.random.Generator) -> np.ndarray:
    """Let a burst of noise run round a delay line that softens it a little each time."""
    delay = round(RATE / hertz - 0.5)
    burst = np.zeros(len(_times()))
    burst[:delay] = random.uniform(-1, 1, delay)
    softened = np.zeros(delay + 2)
    softened[0], softened[delay], softened[delay + 1] = 1.0, -0.498, -0.498
    return _filtered([1.0], softened, burst)


def _filtered(ahead: Sequence[float], back: Sequence[float] | np.ndarray, signal: np.ndarray) -> np.ndarray:
    from scipy.signal import lfilter  # slow to import

    return lfilter(ahead, back, signal)


def _bell(hertz: float, random: np.random.Generator) -> np.ndarray:
    times = _times()
    ratio, decay = random.choice([1.4, 1.73, 2.23, 2.76]), random.uniform(2.0, 4.5)
    bend = random.uniform(3, 6) * np.exp(-1.5 * decay * times)
    return np.sin(2 * np.pi * hertz * times + bend * np.sin(2 * np.pi * hertz * ratio * times)) * np.exp(-decay * times)


def _brass(hertz: float, random: np.random.Generator) -> np.ndarray:
    times = _times()
    rise = random.uniform(0.06, 0.16)
    strength = np.minimum(times / rise, 1.0) * np.exp(-0.6 * times)
    bright = 0.35 + 0.5 * strength
    return _sum_of_tones(hertz, lambda k: strength * bright ** (k - 1), hertz * times) * _swell(0.01, 0.06)


def _drum(hertz: float, random: np.random.Generator) -> np.ndarray:
    times = _times()
    falling = hertz * (0.5 + random.uniform(0.5, 1.0) * np.exp(-18 * times))
    skin = np.sin(2 * np.pi * np.cumsum(falling) / RATE) * np.exp(-random.uniform(6, 11) * times)
    return skin + random.uniform(0.3, 0.7) * random.normal(size=len(times)) * np.exp(-random.uniform(14, 30) * times)


def _swell(rise: float, fall: float) -> np.ndarray:
    """Fade in and out, in seconds."""
    times = _times()
    return np.clip(times / rise, 0, 1) * np.clip((times[-1] - times) / fall, 0, 1)


def _recorded(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Start up to 0.15 s late, at a loudness of its own, in a room that is never silent."""
    late = random.integers(0, round(0.15 * RATE))
    sound = np.concatenate([np.zeros(late), sound])[: len(sound)]
    loud = 10 ** random.uniform(-1.0, -0.1) * sound / max(np.abs(sound).max(), 1e-9)
    hiss = 10 ** random.uniform(-3.2, -2.0) * random.normal(size=len(sound))
    return np.clip(loud + hiss, -1, 1)


MAKERS = (_bell, _brass, _drum, _flute, _organ, _string)
