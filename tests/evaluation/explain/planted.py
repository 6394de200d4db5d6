"""Small worlds in which it is known what counts: a patch, a column, a word; and models that have learned it."""

from typing import Any

import numpy as np

import builders
from builders import Blueprint
from datasets import Prepared
from evaluation.asked import Asked
from recipes import Part, Signature, Target, TensorSpec, keras
from tests.evaluation.made import asked_of, parts_of

SIDE, PATCH = 24, 8


def asked_about(run: Any, folder: Any, signature: Signature, x: dict, y: np.ndarray, core: Any, encoding: Any = None):
    """Save arrays as prepared data and ask about a core as the worker does."""
    rows = len(y)
    sizes = (rows - 2 * (rows // 4), rows // 4, rows // 4)
    told = {name: TensorSpec(shape=array.shape[1:], dtype=str(array.dtype)) for name, array in x.items()}
    signature = signature.model_copy(update={"inputs": told})
    prepared = Prepared(folder, signature, encoding or {}).save(parts_of(x, y, sizes))
    return asked_of(run, core, prepared)


def signature_of(data_type: str, classes: tuple[str, ...] = (), **details: Any) -> Signature:
    """Return a signature without inputs, which `asked_about` adds."""
    return Signature(
        data_type=data_type, task="classification" if classes else "regression", inputs={}, raw=(),
        target=Target(name="kind", classes=classes), rows={"train": 8, "validation": 8, "test": 8}, details=details,
    )  # fmt: skip


def patched(rows: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return noisy pictures, their class (is there a bright patch?), and where it is: (rows, 2)."""
    random = np.random.default_rng(seed)
    pictures = random.integers(60, 110, (rows, SIDE, SIDE, 1))
    truth = (np.arange(rows) % 2).astype("int32")
    places = random.integers(0, SIDE - PATCH, (rows, 2))
    for row in np.flatnonzero(truth):
        top, left = places[row]
        pictures[row, top : top + PATCH, left : left + PATCH] = random.integers(200, 255, (PATCH, PATCH, 1))
    return pictures.astype("uint8"), truth, places


def patch_finder(run: Any, folder: Any) -> tuple[Asked, np.ndarray]:
    """Fit a small convolutional network that says whether there is a patch; returns it and where the patches are."""
    keras.utils.set_random_seed(1)
    x, y, places = patched(320)
    layers = keras.layers
    picture = keras.Input((SIDE, SIDE, 1), name="picture")
    seen = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    for filters in (8, 8):
        seen = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(seen))
    seen = layers.Conv2D(16, 3, padding="same", activation="relu")(seen)
    core = keras.Model({"picture": picture}, layers.Dense(2)(layers.GlobalMaxPooling2D()(seen)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    core.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    core.fit({"picture": x[:160]}, y[:160], epochs=12, batch_size=16, verbose=0)
    assert core.evaluate({"picture": x[160:]}, y[160:], verbose=0)[1] > 0.97
    return asked_about(run, folder, signature_of("image", ("empty", "patch")), {"picture": x}, y, core), places


def columns_model(run: Any, folder: Any) -> Asked:
    """Fit a network to a class that hangs on `signal` and not at all on `noise`."""
    keras.utils.set_random_seed(2)
    random = np.random.default_rng(2)
    features = random.normal(size=(600, 3)).astype("float32")
    y = (features[:, 0] + 0.4 * features[:, 1] > 0).astype("int32")
    inputs = keras.Input((3,), name="features")
    hidden = keras.layers.Dense(16, activation="relu")(inputs)
    core = keras.Model({"features": inputs}, keras.layers.Dense(2)(hidden))
    core.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    core.fit({"features": features[:300]}, y[:300], epochs=15, verbose=0)
    number = {"log": False, "mean": 0.0, "scale": 1.0, "missing": False}
    encoding = {"numbers": [{"name": name, **number} for name in ("signal", "weak", "noise")], "dates": [],
                "categories": [], "texts": [], "features": ["signal", "weak", "noise"]}  # fmt: skip
    signature = signature_of("tabular", ("no", "yes"))
    return asked_about(run, folder, signature, {"features": features}, y, core, encoding)


def smallest(run: Any, folder: Any, name: str, kind: str, task: str) -> Asked:
    """Build a family on the smallest data, untrained, and ask about it."""
    from tests.builders import smallest as made

    signature = made.signature_of(kind, task)
    blueprint: Blueprint = made.build(name, kind, task)
    part = made.examples(signature, 16)
    parts: Any = {
        each: Part({key: array[first:last] for key, array in part.x.items()}, part.y[first:last], part.rows[first:last])
        for each, first, last in (("train", 0, 6), ("validation", 6, 12), ("test", 12, 16))
    }
    encoding: dict[str, Any] = {}
    if "features" in signature.inputs:
        width = int(signature.inputs["features"].shape[0] or 0)
        columns = [{"name": f"c{place}", "log": False, "mean": 0.0, "scale": 1.0, "missing": False}
                   for place in range(width)]  # fmt: skip
        encoding = {"numbers": columns, "dates": [], "categories": [], "texts": [],
                    "features": [column["name"] for column in columns]}  # fmt: skip
    if kind == "mixed":
        encoding = {"table": encoding, "texts": {"words": [f"w{place}" for place in range(18)]}}
    elif "tokens" in signature.inputs:
        encoding = {"vocabulary": [f"w{place}" for place in range(18)]}
    dataset: Any = None
    prepared = Prepared(folder, signature, encoding).save(parts)
    assert builders.get(name)
    return Asked(run, run.recipe, dataset, prepared, blueprint)
