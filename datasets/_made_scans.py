"""X-ray-like chest pictures of our own making: is there a shadow on a lung?

Two dark lungs in a lighter body, ribs, spine and heart, film grain; half of the pictures have one soft round shadow
in a lung. Nothing is taken from a real picture or a real patient, and what learns here knows nothing about real ones.
"""

import numpy as np

VERSION = 1
SEED = 9
PICTURES, SIDE = 1_600, 48
CLASSES = ("clear", "shadow")


def make(pictures: int = PICTURES, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (pictures, side, side, 1) uint8 and the number of each one's class."""
    random = np.random.default_rng([VERSION, seed])
    labels = random.permutation(np.arange(pictures) % 2)
    return np.stack([_picture(random, shadow=bool(label)) for label in labels])[..., None], labels


def _picture(random: np.random.Generator, *, shadow: bool) -> np.ndarray:
    """Draw one picture, (side, side) uint8."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1) * 2 - 1  # -1 to 1, the middle is 0
    x, y = x - random.normal(0, 0.05), y - random.normal(0, 0.05)
    lean = random.normal(0, 0.06)
    x, y = x - lean * y, y + lean * x
    width, height = random.uniform(0.30, 0.38), random.uniform(0.58, 0.72)
    lungs = [_spot(x - side * 0.42, y + 0.02, width, height, 6) for side in (-1, 1)]
    body = 0.72 * _spot(x, y - 0.1, 0.98, 1.15, 10)
    image = body - random.uniform(0.38, 0.48) * np.maximum(*lungs)
    image += 0.22 * np.exp(-((x / 0.09) ** 2))  # the spine
    image += 0.30 * _spot(x - 0.16, y - 0.28, 0.26, 0.30, 4)  # the heart
    bend, gap, start = random.uniform(0.25, 0.4), random.uniform(0.19, 0.23), random.uniform(0, 0.2)
    image += 0.07 * np.exp(-((((y + bend * x**2 + start) % gap - gap / 2) / 0.035) ** 2)) * body  # the ribs
    if shadow:
        side, size = random.choice((-1, 1)), random.uniform(0.09, 0.17)
        place_x, place_y = side * (0.42 + random.uniform(-0.12, 0.14)), random.uniform(-0.4, 0.36)
        image += random.uniform(0.16, 0.30) * np.exp(-(((x - place_x) ** 2 + (y - place_y) ** 2) / size**2))
    image = image * random.uniform(0.85, 1.15) + random.uniform(-0.06, 0.06)
    image += random.normal(0, 0.035, image.shape)
    return np.clip(255 * image, 0, 255).astype(np.uint8)


def _spot(x: np.ndarray, y: np.ndarray, width: float, height: float, steep: float) -> np.ndarray:
    """Return an ellipse with a soft edge: about 1 inside, 0 outside."""
    return 1 / (1 + np.exp(steep * ((x / width) ** 2 + (y / height) ** 2 - 1)))
