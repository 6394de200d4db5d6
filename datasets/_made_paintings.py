"""Paintings of our own making: three styles and a drawn village, (size, size, 3) uint8, the same for the same seed.

Swirls are laid stroke by stroke along the curl of a smooth field, glass is cut along the borders of the nearest
of scattered points, waves are bands of a bent sea.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
NIGHT: tuple[Colour, ...] = (
    (18, 30, 84), (28, 58, 130), (46, 98, 170), (92, 150, 196), (160, 196, 206), (236, 214, 120), (246, 188, 52),
    (58, 88, 92),
)  # fmt: skip
CHURCH: tuple[Colour, ...] = (
    (190, 32, 48), (230, 120, 30), (248, 200, 60), (32, 110, 72), (28, 78, 158), (92, 44, 128), (238, 226, 196),
)  # fmt: skip
SEA: tuple[Colour, ...] = (
    (22, 44, 78),
    (38, 84, 124),
    (92, 140, 164),
    (178, 202, 200),
    (242, 234, 210),
    (214, 178, 132),
)


def swirls(size: int, seed: int) -> np.ndarray:
    """Paint short strokes that follow eddies; deep blues with some yellow lights."""
    random = np.random.default_rng(seed)
    flow, tone = smooth(size, 5, random), smooth(size, 6, random)
    down, across = np.gradient(flow)
    canvas = Image.new("RGB", (size, size), NIGHT[1])
    draw = ImageDraw.Draw(canvas)
    for width, strokes in ((9, 2600), (6, 5200), (4, 7000)):
        for x, y in random.uniform(0, size, (strokes, 2)):
            level = tone[int(y), int(x)] + random.normal(0, 0.07)
            path = _followed(x, y, across, down, int(random.integers(7, 14)), 2.2)
            colour = _varied(_blended(NIGHT[:7], level), random, 12)
            draw.line(path, fill=colour, width=max(1, width * size // 512), joint="curve")
    return np.asarray(canvas)


def glass(size: int, seed: int) -> np.ndarray:
    """Cut large panes of bright colours, parted by dark lead; each pane shines from its middle."""
    random = np.random.default_rng(seed)
    near, border, _ = _cells(size, 121, random)
    panes = np.array([_varied(CHURCH[random.integers(len(CHURCH))], random, 22) for _ in range(121)], np.float32)
    light = 0.72 + 0.5 * smooth(size, 24, random)[..., None]
    picture = panes[near] * light * (0.8 + 0.25 * np.minimum(border / (size / 18), 1))[..., None]
    picture[border < size / 150] = (24, 22, 26)
    return _finished(picture)


def waves(size: int, seed: int) -> np.ndarray:
    """Draw the bent bands of a sea, dark lines between flat colours, with foam on the crests."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size] / size
    bent = (
        rows + 0.09 * np.sin(2 * np.pi * (2.2 * columns + smooth(size, 3, random) * 2)) + 0.16 * smooth(size, 4, random)
    )
    phase = bent * 17
    band = np.floor(phase).astype(int)
    order = np.array([0, 1, 2, 3, 1, 4, 2, 0, 3, 5, 1, 2])
    picture = np.array(SEA, np.float32)[order[band % len(order)]]
    picture *= (0.92 + 0.16 * smooth(size, 40, random))[..., None]
    edge = np.abs(phase - np.round(phase))
    picture[edge < 0.075] = (18, 30, 52)
    foam = (smooth(size, 60, random) > 0.62) & (phase - np.floor(phase) < 0.4) & (smooth(size, 6, random) > 0.55)
    picture[foam] = (246, 244, 232)
    return _finished(picture)


def village(size: int, seed: int) -> np.ndarray:
    """Draw hills, a lake, trees and houses under a low sun."""
    random = np.random.default_rng(seed)
    big = 2 * size
    sky = np.linspace(0, 1, big)[:, None, None]
    picture = (1 - sky) * np.array([96, 158, 214]) + sky * np.array([252, 232, 200]) + np.zeros((big, big, 1))
    image = Image.fromarray(picture.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse(_box(0.74, 0.24, 0.075, big), fill=(255, 224, 120))
    for height, colour in ((0.44, (128, 158, 176)), (0.53, (98, 140, 124)), (0.62, (112, 158, 84))):
        draw.polygon(_hill(height, big, random), fill=colour)
    draw.ellipse((-0.15 * big, 0.76 * big, 0.62 * big, 1.12 * big), fill=(92, 150, 190))
    for line in range(7):
        y = (0.82 + 0.025 * line) * big
        x = random.uniform(0.02, 0.3) * big
        draw.line((x, y, x + random.uniform(0.08, 0.2) * big, y), fill=(170, 204, 222), width=big // 200)
    for x, y, side in ((0.52, 0.66, 0.13), (0.70, 0.72, 0.17), (0.88, 0.65, 0.12), (0.34, 0.64, 0.09)):
        _house(draw, x * big, y * big, side * big, random)
    for x, y, side in (
        (0.08, 0.7, 0.17),
        (0.2, 0.66, 0.12),
        (0.44, 0.74, 0.13),
        (0.95, 0.86, 0.24),
        (0.62, 0.93, 0.12),
    ):
        _tree(draw, x * big, y * big, side * big, random)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


def smooth(size: int, waves_across: int, random: np.random.Generator) -> np.ndarray:
    """Return a smooth random field (size, size) from 0 to 1, with about so many hills across."""
    coarse = random.uniform(0, 1, (waves_across + 3, waves_across + 3)).astype(np.float32)
    large = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    field = np.asarray(large)
    return (field - field.min()) / (field.max() - field.min() + 1e-9)


def _followed(
    x: float, y: float, across: np.ndarray, down: np.ndarray, steps: int, stride: float
) -> list[tuple[float, float]]:
    """Walk along the lines of equal height of a field: its gradient, turned by a right angle."""
    size, path = len(across), [(x, y)]
    for _ in range(steps):
        row, column = min(max(int(y), 0), size - 1), min(max(int(x), 0), size - 1)
        dx, dy = -down[row, column], across[row, column]
        length = float(np.hypot(dx, dy)) or 1.0
        x, y = x + stride * float(dx) / length, y + stride * float(dy) / length
        path.append((x, y))
    return path


def _cells(size: int, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pixel the nearest of scattered points, how far the border of its cell is, and the points."""
    from scipy.spatial import KDTree

    side = int(np.ceil(np.sqrt(count)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[:count]
    points = np.minimum((grid + random.uniform(0.08, 0.92, (count, 2))) * size / side, size - 1)
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    distances, found = KDTree(points).query(pixels, k=2)
    return found[:, 0].reshape(size, size), (distances[:, 1] - distances[:, 0]).reshape(size, size) / 2, points


def _blended(colours: Sequence[Colour], level: float) -> Colour:
    place = min(max(level, 0.0), 0.999) * (len(colours) - 1)
    first, second = colours[int(place)], colours[int(place) + 1]
    share = place - int(place)
    red, green, blue = (round((1 - share) * one + share * other) for one, other in zip(first, second, strict=True))
    return red, green, blue


def _varied(colour: Colour, random: np.random.Generator, by: float) -> Colour:
    light = random.normal(0, by)
    red, green, blue = (int(np.clip(each + light + random.normal(0, by / 2), 0, 255)) for each in colour)
    return red, green, blue


def _finished(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)))


def _box(x: float, y: float, radius: float, size: int) -> tuple[float, float, float, float]:
    return (x - radius) * size, (y - radius) * size, (x + radius) * size, (y + radius) * size


def _hill(height: float, size: int, random: np.random.Generator) -> list[tuple[float, float]]:
    turns, start = random.uniform(1.0, 2.2), random.uniform(0, 6)
    xs = np.linspace(0, 1, 40)
    ys = height + 0.06 * np.sin(turns * 2 * np.pi * xs / 1.4 + start) + 0.02 * np.sin(9 * xs + start)
    return [(float(x) * size, float(y) * size) for x, y in zip(xs, ys, strict=True)] + [(size, size), (0, size)]


def _house(draw: ImageDraw.ImageDraw, x: float, y: float, side: float, random: np.random.Generator) -> None:
    wall = _varied((240, 224, 196), random, 10)
    draw.rectangle((x - side / 2, y - side * 0.35, x + side / 2, y + side * 0.35), fill=wall)
    roof = [(x - side * 0.62, y - side * 0.35), (x, y - side * 0.85), (x + side * 0.62, y - side * 0.35)]
    draw.polygon(roof, fill=_varied((184, 72, 52), random, 12))
    for offset in (-0.28, 0.22):
        left = x + offset * side
        draw.rectangle((left, y - side * 0.18, left + side * 0.14, y + side * 0.02), fill=(70, 84, 104))
    draw.rectangle((x - side * 0.08, y + side * 0.02, x + side * 0.1, y + side * 0.35), fill=(120, 76, 50))


def _tree(draw: ImageDraw.ImageDraw, x: float, y: float, side: float, random: np.random.Generator) -> None:
    draw.rectangle((x - side * 0.05, y - side * 0.1, x + side * 0.05, y + side * 0.35), fill=(96, 68, 46))
    for _ in range(9):
        middle_x, middle_y = x + random.normal(0, side * 0.14), y - side * 0.35 + random.normal(0, side * 0.16)
        radius = side * random.uniform(0.14, 0.24)
        colour = _varied((66, 118, 62), random, 14)
        draw.ellipse((middle_x - radius, middle_y - radius, middle_x + radius, middle_y + radius), fill=colour)


STYLES: dict[str, Callable[[int, int], np.ndarray]] = {
    "swirls": swirls, "glass": glass, "waves": waves,
}  # fmt: skip
"""Every style by name."""
