"""A generator of wrist movements: what a watch with an accelerometer and a gyroscope feels, simulated.

Twenty values a second in six channels for five seconds. Each recording is one of four: at rest; walking (1.7 Hz);
running (2.7 Hz with a strong second harmonic); waving (0.8 Hz). How fast, how far, where down is and where the step
begins differ from person to person and from recording to recording; one in ten has a jolt.
"""

import numpy as np

VERSION = 1
RATE = 20.0
"""Values a second."""
STEPS = 100
CHANNELS = ("acceleration x", "acceleration y", "acceleration z", "turn x", "turn y", "turn z")
CLASSES = ("rest", "run", "walk", "wave")
RECORDINGS, PEOPLE = 800, 40
_RHYTHM = {"rest": 0.0, "walk": 1.7, "run": 2.7, "wave": 0.8}
"""Repetitions a second."""
_REACH = {"rest": 0.02, "walk": 0.35, "run": 0.8, "wave": 0.55}
"""How far the arm swings, in units of gravity."""
_HARMONIC = {"rest": 0.0, "walk": 0.25, "run": 0.7, "wave": 0.1}
"""Strength of the second harmonic."""
NOISE, JOLTS = 0.12, 0.1


def recordings(seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return movements (recordings, steps, channels) float32, class numbers and the number of the person of each."""
    random = np.random.default_rng(seed)
    people = np.arange(RECORDINGS) % PEOPLE
    labels = (np.arange(RECORDINGS) // PEOPLE) % len(CLASSES)
    pace = random.normal(1.0, 0.09, PEOPLE)  # every person's own tempo and vigour
    vigour = np.exp(random.normal(0.0, 0.25, PEOPLE))
    made = [
        _recording(random, CLASSES[label], pace[person], vigour[person])
        for label, person in zip(labels, people, strict=True)
    ]
    return np.stack(made).astype(np.float32), labels.astype(np.int64), people


def _recording(random: np.random.Generator, name: str, pace: float, vigour: float) -> np.ndarray:
    """Return one recording: (steps, channels)."""
    seconds = np.arange(STEPS) / RATE
    rhythm = _RHYTHM[name] * pace * random.normal(1.0, 0.04)
    # A tempo that wanders a little within the recording.
    phase = 2 * np.pi * np.cumsum(np.full(STEPS, rhythm) * (1 + 0.05 * np.sin(seconds + random.uniform(0, 6)))) / RATE
    phase = phase + random.uniform(0, 2 * np.pi)
    reach = _REACH[name] * vigour * np.exp(random.normal(0.0, 0.3))
    swing = np.sin(phase) + _HARMONIC[name] * np.sin(2 * phase + random.uniform(0, 2 * np.pi))
    turn = np.cos(phase) + 0.5 * _HARMONIC[name] * np.cos(2 * phase + random.uniform(0, 2 * np.pi))
    down, arm, axis = (_direction(random) for _ in range(3))
    felt = np.concatenate(
        [down + reach * swing[:, None] * arm, 1.5 * reach * turn[:, None] * axis], axis=1
    )  # (steps, channels)
    felt += random.normal(0.0, NOISE, felt.shape)
    if random.random() < JOLTS:
        place = random.integers(5, STEPS - 5)
        felt[place : place + 3] += random.normal(0.0, 1.2, (1, len(CHANNELS)))
    return felt


def _direction(random: np.random.Generator) -> np.ndarray:
    """Return a random direction in space, of length 1."""
    arrow = random.normal(size=3)
    return arrow / np.linalg.norm(arrow)
