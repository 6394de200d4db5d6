"""Wildlife sightings of our own making: a poor photo, three measurements and a ranger's note on each animal.

Each part is made partial on purpose, so that only all together tell the species: the photo is small, grey and noisy,
weights and heights overlap, the note names the wrong habitat in one of five cases and the wrong sound in two of five.
"""

import hashlib
from typing import Any

import numpy as np
from PIL import Image

from datasets import _pack

VERSION = 1
"""Raise it whenever other sightings would come out: NumPy's streams are promised only within one version."""
ROWS = 3_000
SEED = 1
SIDE = 28
NOISE = 0.22
"""Standard deviation of a pixel's noise, where black is 0 and white is 1."""
HABITAT_RIGHT, SOUND_RIGHT = 0.8, 0.6

SPECIES = {
    "bear": (250, 110, 21, "forest", "growling"),
    "bird": (0.03, 12, 7, "marsh", "singing"),
    "cat": (4.5, 25, 22, "village", "meowing"),
    "cow": (600, 145, 11, "pasture", "mooing"),
    "dog": (25, 60, 16, "village", "barking"),
    "elephant": (4000, 300, 17, "savanna", "trumpeting"),
    "giraffe": (900, 480, 13, "savanna", "humming"),
    "horse": (500, 160, 15, "pasture", "neighing"),
    "sheep": (80, 90, 10, "hills", "bleating"),
    "zebra": (300, 135, 9, "steppe", "braying"),
}
"""Usual weight in kilograms, height in centimetres, hour of the day, habitat and sound."""
_OPENINGS = ("Seen", "Spotted", "Met", "Found one", "Watched it", "Saw one")
_PLACES = ("near the {}", "at the edge of the {}", "in the {}", "crossing the {}", "not far from the {}")
_SOUNDS = ("It was {}.", "We heard {}.", "Loud {}.", "Some {} in the distance.", "No doubt about the {}.")
_REMARKS = (
    "It ran off when we came closer.", "The light was poor.", "Tracks were measured.", "Our guide stayed calm.",
    "A young one was with it.", "It rained all day.",
)  # fmt: skip

Sightings = tuple[np.ndarray, dict[str, np.ndarray]]


def make(rows: int = ROWS, seed: int = SEED) -> Sightings:
    """Return pictures (rows, 28, 28) uint8 and one array a column, `species` last."""
    random = np.random.default_rng([VERSION, seed])
    names = np.array(sorted(SPECIES))
    species = names[np.arange(rows) % len(names)]
    random.shuffle(species)
    told = [SPECIES[name] for name in species]
    usual = np.array([each[:3] for each in told], dtype=float)
    columns = {
        "weight_kg": _three_digits(usual[:, 0] * np.exp(random.normal(0, 0.55, rows))),
        "height_cm": _three_digits(usual[:, 1] * np.exp(random.normal(0, 0.30, rows))),
        "hour": np.mod(np.round(usual[:, 2] + random.normal(0, 4.0, rows)), 24).astype(np.int64),
        "note": np.array([_note(random, each[3], each[4]) for each in told]),
        "species": species,
    }
    return _photos(random, species), columns


def record(made: Sightings) -> dict[str, Any]:
    """Say what was made: the generator's version, the seed, and the hash of what came out."""
    pictures, columns = made
    told = hashlib.sha256(pictures.tobytes())
    for name, cells in columns.items():
        told.update(name.encode())
        told.update(np.ascontiguousarray(cells).tobytes())
    return {"generator": f"sightings {VERSION}", "seed": SEED, "sha256": told.hexdigest()}


def _three_digits(values: np.ndarray) -> np.ndarray:
    return np.array([float(f"{value:.3g}") for value in values])


def _note(random: np.random.Generator, habitat: str, sound: str) -> str:
    """Write what a ranger writes: habitat and sound, each at times a wrong one, and a remark that says nothing."""
    if random.random() >= HABITAT_RIGHT:
        habitat = _other(random, habitat, 3)
    if random.random() >= SOUND_RIGHT:
        sound = _other(random, sound, 4)
    opening, place = random.choice(_OPENINGS), random.choice(_PLACES).format(habitat)
    parts = [f"{opening} {place}.", random.choice(_SOUNDS).format(sound)]
    if random.random() < 0.6:
        parts.append(str(random.choice(_REMARKS)))
    return " ".join(parts)


def _other(random: np.random.Generator, right: str, place: int) -> str:
    words = sorted({each[place] for each in SPECIES.values()} - {right})
    return str(random.choice(words))


def _photos(random: np.random.Generator, species: np.ndarray) -> np.ndarray:
    """Lay a sprite, turned, mirrored and of any size, on grey and add noise: (rows, 28, 28) uint8."""
    with np.load(_pack.path("sprites.npz"), allow_pickle=False) as told:
        sprites = {
            name: [Image.fromarray(sprite) for sprite in told["pictures"][told["names"] == name]] for name in SPECIES
        }
    photos = np.empty((len(species), SIDE, SIDE), dtype=np.uint8)
    for row, name in enumerate(species):
        sprite = sprites[name][random.integers(len(sprites[name]))]
        if random.random() < 0.5:
            sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        sprite = sprite.rotate(random.uniform(-15, 15), Image.Resampling.BILINEAR)
        size = int(random.integers(20, SIDE + 1))
        sprite = sprite.resize((size, size), Image.Resampling.BILINEAR)
        photo = Image.new("RGBA", (SIDE, SIDE), (int(random.integers(150, 240)),) * 3 + (255,))
        photo.alpha_composite(sprite, tuple(int(place) for place in random.integers(0, SIDE - size + 1, 2)))
        grey = np.asarray(photo.convert("L"), dtype=float) / 255 + random.normal(0, NOISE, (SIDE, SIDE))
        photos[row] = np.round(255 * grey.clip(0, 1)).astype(np.uint8)
    return photos
