"""What recommenders share: levels of users and items, the item vectors as a download, and their live neighbours."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel, Whole
from recipes import Settings, Signature, keras, setting

SHOWN = 5
"""Items whose neighbours are shown while training."""
NEAREST = 4
MOST_ITEMS = 3_000


class RecommenderSettings(Settings):
    """Settings of every recommender."""

    factors: int = setting(
        16,
        "Tastes",
        "Numbers that describe each user and each item; they are found, not named.",
        ge=1,
        le=256,
        log=True,
    )
    l2: float = setting(
        0.0, "L2 penalty", "Pulls each user and item towards the average; raise it where ratings are few.", ge=0,
        le=0.1, advanced=True, log=True, panel="training",
    )  # fmt: skip


def numbers(signature: Signature) -> dict[str, Any]:
    """Return the inputs: numbers of user and item (batch,), and the item's features where there are any."""
    return {name: keras.Input(spec.shape, name=name, dtype=spec.dtype) for name, spec in signature.inputs.items()}


def vectors(number: Any, amount: int, size: int, l2: float, name: str, spread: float = 0.05) -> Any:
    """Map numbers (batch,) to vectors (batch, size); number 0 stands for whoever is not known."""
    return keras.layers.Embedding(
        amount + 1, size, embeddings_initializer=keras.initializers.RandomNormal(stddev=spread),
        embeddings_regularizer=keras.regularizers.L2(l2) if l2 else None, name=name,
    )(number)  # fmt: skip


def levels(number: Any, amount: int, l2: float, name: str) -> Any:
    """Map numbers (batch,) to how far above the average each stands (batch, 1); it starts at nothing."""
    return keras.layers.Embedding(
        amount + 1, 1, embeddings_initializer="zeros", name=name,
        embeddings_regularizer=keras.regularizers.L2(l2) if l2 else None,
    )(number)  # fmt: skip


def rated(user_vector: Any, item_vector: Any, user_level: Any, item_level: Any) -> Any:
    """Add up a rating (batch, 1) in standard units: two levels and how well two vectors fit."""
    fit = keras.layers.Dot(axes=1, dtype="float32", name="fit")([user_vector, item_vector])
    return keras.layers.Add(dtype="float32", name="rating")([fit, user_level, item_level])


def item_vectors(signature: Signature, inputs: dict[str, Any], vector: Any, level: Any) -> Whole:
    """Return the part that knows the items, as a download of its own: numbers of items in, vectors and levels out."""
    needed = {name: inputs[name] for name in ("item", "features") if name in inputs}
    model = keras.Model(needed, {"vector": vector, "level": level}, name="items")
    random = np.random.default_rng(0)
    amount = int(signature.details["items"])
    examples: dict[str, np.ndarray] = {"item": random.integers(0, amount + 1, 8).astype("int32")}
    if "features" in needed:
        examples["features"] = random.normal(size=(8, *inputs["features"].shape[1:])).astype("float32")
    word = signature.details["item_word"]
    sentence = f"Takes the number of a {word} (and what is known of it); answers its vector and its level."
    return Whole(model, f"Vectors of each {word}", sentence, examples)


def user_vectors(signature: Signature, inputs: dict[str, Any], vector: Any, level: Any) -> Whole:
    """Return the part that knows the users, as a download of its own."""
    model = keras.Model({"user": inputs["user"]}, {"vector": vector, "level": level}, name="users")
    examples = np.random.default_rng(0).integers(0, int(signature.details["users"]) + 1, 8).astype("int32")
    word = signature.details["user_word"]
    sentence = f"Takes the number of a {word}; answers its vector and its level."
    return Whole(model, f"Vectors of each {word}", sentence, {"user": examples})


def neighbours(asked: Any) -> Callable[[], list[Panel]]:
    """Return what lists, for a few well-known items, those whose vectors point the same way."""
    names = asked.encoding["items"][:MOST_ITEMS]
    model = asked.blueprint.deliverables["items"].model
    inputs: dict[str, np.ndarray] = {"item": np.arange(1, len(names) + 1, dtype=np.int32)}
    if "features" in model.input:
        inputs["features"] = np.array(asked.encoding["features"]["table"], dtype=np.float32)[inputs["item"]]
    shown = np.unique(np.linspace(0, min(len(names), 60) - 1, SHOWN).astype(int))
    word = asked.signature.details["item_word"]

    def tell() -> list[Panel]:
        found = np.asarray(model.predict_on_batch(inputs)["vector"], dtype=np.float64)
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        alike = found[shown] @ found.T
        alike[np.arange(len(shown)), shown] = -np.inf
        near = np.argsort(-alike, axis=1)[:, :NEAREST]
        rows = [
            {
                "name": names[place],
                "near": [{"name": names[other], "value": round(float(alike[row, other]), 2)} for other in near[row]],
            }
            for row, place in enumerate(shown)
        ]
        return [
            {
                "kind": "nearest",
                "title": f"Which {word} is like which",
                "sentence": "As the model sees it now: 1 is the very same taste, 0 has nothing to do with it.",
                "rows": rows,
            }
        ]

    return tell if len(names) > NEAREST else list
