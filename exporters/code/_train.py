"""The script, cell by cell: data, preparation, model, training, the score beside the run's own, the file."""

from typing import Any

import builders
import datasets
from evaluation.asked import Asked
from exporters.code import _data
from exporters.code._data import ARRAYS
from exporters.code._source import Source, made
from recipes import Signature, Training, keras, validate

SHOWN = ("accuracy", "f1_macro", "roc_auc", "log_loss", "r2", "mae", "rmse")

Cells = list[tuple[str, str]]
"""Each words (Markdown) and code."""


def cells(asked: Asked) -> tuple[Cells, dict[str, Any]]:
    """Return the cells and the constants that are too long for the code."""
    training = _training(asked)
    signature, stage = asked.signature, asked.blueprint.stages[0]
    inputs, ready = datasets.get(signature.data_type).layers_of(signature, asked.encoding)
    preparing = Source()
    preparing.model(keras.Model([inputs[raw.name] for raw in signature.raw], ready, name="preprocessing"), "preprocess")
    source = Source(constants=preparing.constants)
    source.model(stage.model, "model")
    core = asked.blueprint.core
    split = stage.model is not core
    told = [
        (f"# {_title(asked)}\n\n{readme(asked).splitlines()[2]}", _begin(training)),
        ("## The data\n\nThe very rows of the run, part by part.", _load(signature)),
        (
            "## From raw values to numbers\n\nWhat was learned from the training part stands in the code.",
            "\n".join([*preparing.lines, _prepare(signature)]) + _share(training),
        ),
        ("## The model", "\n".join([*source.lines, "model.summary()"])),
        ("## Training", _fit(asked, training, stage)),
        ("## The score\n\nOn the test part, which was not touched until here.", _score(asked)),
        ("## The file\n\nOne model from raw values to the answer.", _save(asked, split=split)),
    ]
    return told, preparing.constants


def readme(asked: Asked) -> str:
    """Write what is in the zip, and what to expect."""
    family = builders.get(asked.recipe.model.architecture).TITLE
    schema = asked.dataset.schema
    head = (asked.run.read("report.json") or {}).get("headline")
    score = ""
    if head and head["value"] is not None:
        between = f" (95 % between {head['low']:.3f} and {head['high']:.3f})" if head.get("low") is not None else ""
        score = f" The run reached {head['title'].lower()} {head['value']:.3f}{between} on the test part."
    return (
        f"{_title(asked)}\n\nA {family.lower()} in plain Keras, on '{schema.name}' ({schema.rows:,} rows).{score} "
        "Chance (first weights, order) is drawn anew, so expect a score close to it, not the same digits.\n\n"
        "pip install -r requirements.txt\npython train.py\n\n"
        "train.ipynb holds the same code in cells. constants.json holds long lists, such as vocabularies. data/ holds "
        "the rows of the training, validation and test parts.\n"
    )


def _title(asked: Asked) -> str:
    return asked.recipe.name or f"{builders.get(asked.recipe.model.architecture).TITLE} on {asked.dataset.schema.name}"


def _training(asked: Asked) -> Training:
    """Return the settings of the run's one stage; a run's recipe has every setting written out."""
    return validate(Training, asked.recipe.training | asked.blueprint.stages[0].training, "training")


def _begin(training: Training) -> str:
    return f"""import json
import math
import os

os.environ.setdefault("KERAS_BACKEND", {keras.backend.backend()!r})

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from PIL import Image

keras.utils.set_random_seed({training.seed})
with open("constants.json", encoding="utf-8") as file:
    CONSTANTS = json.load(file)"""


def _load(signature: Signature) -> str:
    target, truth_name = signature.target, _data.truth_column(signature)
    words = [raw.name for raw in signature.raw if raw.dtype == "string"] + ([truth_name] if target.classes else [])
    lines = []
    for raw in signature.raw:
        if raw.kind == "picture":
            mode = "L" if raw.shape[-1] == 1 else "RGB"
            got = f'pictures(table[{raw.name!r}], "{mode}")'
        elif raw.kind in ARRAYS:
            got = f'np.load(f"data/{{part}}-{raw.name}.npy")'
        else:
            dtype = '"str"' if raw.dtype == "string" else '"float32"'
            got = f"table[{raw.name!r}].to_numpy({dtype})[:, None]"
        lines.append(f"        {raw.name!r}: {got},")
    raws = "\n".join(lines)
    if target.classes:
        head = f"CLASSES = {list(target.classes)!r}"
        truth = f'np.array([CLASSES.index(name) for name in table[{truth_name!r}]], "int32")'
    else:
        head = f"# The model learns (value - MEAN) / SCALE.\nMEAN, SCALE = {target.mean!r}, {target.scale!r}"
        truth = f'table[{truth_name!r}].to_numpy("float32")'
    pictures = (
        '''

def pictures(files, mode):
    """Return pictures (height, width, channels), values 0 to 255: an array where all have one size, else a list."""
    told = [np.asarray(Image.open(f"data/{file}").convert(mode), "float32") for file in files]
    told = [picture[..., None] if picture.ndim == 2 else picture for picture in told]
    return np.stack(told) if len({picture.shape for picture in told}) == 1 else told

'''
        if any(raw.kind == "picture" for raw in signature.raw)
        else "\n\n"
    )
    return f'''{head}
WORDS = {words!r}
{pictures}
def load(part):
    """Return the raw inputs of a part by name, and the truth."""
    words = dict.fromkeys(WORDS, "str")
    table = pd.read_csv(f"data/{{part}}.csv", dtype=words, keep_default_na=False, na_values=NUMBERS)
    raw = {{
{raws}
    }}
    return raw, {truth}


NUMBERS = {{name: [""] for name in {[raw.name for raw in signature.raw if raw.dtype != "string"]!r}}}
parts = {{part: load(part) for part in ("train", "validation", "test")}}
for part, (raw, truth) in parts.items():
    print(part, len(truth), "rows")'''


def _prepare(signature: Signature) -> str:
    needed = list(signature.inputs)
    truths = "truth" if signature.target.classes else "(truth - MEAN) / SCALE"
    return f'''
def prepared(raw):
    """Turn raw inputs into what the model reads, block by block."""
    values = list(raw.values())
    size = 1 if any(isinstance(each, list) for each in values) else 256
    blocks = []
    for start in range(0, len(values[0]), size):
        ready = preprocess([ops.convert_to_tensor(np.stack(each[start : start + size])) for each in values])
        blocks.append({{name: np.asarray(ready[name]) for name in {needed!r}}})
    return {{name: np.concatenate([block[name] for block in blocks]) for name in {needed!r}}}


x = {{part: prepared(raw) for part, (raw, truth) in parts.items()}}
y = {{part: {truths} for part, (raw, truth) in parts.items()}}'''


def _share(training: Training) -> str:
    """Write how only a share of the training rows is taken; nothing where all are."""
    if training.train_share == 1:
        return ""
    return f"""

# Only a share of the training rows, taken by chance.
kept = np.random.default_rng({training.seed}).permutation(len(y["train"]))
kept = np.sort(kept[: max(1, round({training.train_share!r} * len(kept)))])
x["train"], y["train"] = {{name: array[kept] for name, array in x["train"].items()}}, y["train"][kept]"""


def _fit(asked: Asked, training: Training, stage: Any) -> str:
    metrics = ", ".join(_metrics(stage))
    lines = [
        f"EPOCHS, BATCH_SIZE, RATE = {training.epochs}, {training.batch_size}, {training.learning_rate!r}",
        *_callbacks(training),
        "model.compile(",
        f"    optimizer={_optimizer(training)},",
        f"    loss={made(stage.loss)},",
        f"    metrics=[{metrics}],",
        ")",
    ]
    weights = ""
    if training.class_weights == "balanced" and asked.signature.target.classes:
        lines += [
            "# Rare classes count as much as frequent ones.",
            'counts = np.bincount(y["train"], minlength=len(CLASSES))',
            'weights = len(y["train"]) / (np.count_nonzero(counts) * np.maximum(counts, 1))',
        ]
        weights = ' sample_weight=weights[y["train"]],'
    return "\n".join(
        [
            *lines,
            "history = model.fit(",
            f'    x["train"], y["train"], validation_data=(x["validation"], y["validation"]), epochs=EPOCHS,{weights}',
            "    batch_size=BATCH_SIZE, callbacks=callbacks, verbose=2,",
            ")",
        ]
    )


def _metrics(stage: Any) -> list[str]:
    return [made(each) for each in stage.metrics() if type(each).__module__.startswith("keras.")]


def _optimizer(training: Training) -> str:
    name = next(each for each in dir(keras.optimizers) if each.lower() == training.optimizer.replace("_", ""))
    settings = "learning_rate=RATE"
    # Zero, not left out: some optimizers have a decay of their own.
    settings += f", weight_decay={training.weight_decay!r}"
    if training.gradient_clipping:
        settings += f", global_clipnorm={training.gradient_clipping!r}"
    if training.optimizer in ("sgd", "rmsprop"):
        settings += f", momentum={training.momentum!r}"
    if training.optimizer == "muon":
        settings += f", adam_weight_decay={training.weight_decay!r}"
    if training.optimizer == "adafactor":
        settings += ", relative_step=False"
    return f"keras.optimizers.{name}({settings})"


def _callbacks(training: Training) -> list[str]:
    lines = ["callbacks = []"]
    on_plateau = training.schedule == "reduce_on_plateau"
    if training.schedule != "constant" or training.warmup_epochs:
        lines += ["", "", *_rate(training), "", "",
                  "callbacks.append(keras.callbacks.LearningRateScheduler(rate))"]  # fmt: skip
    if on_plateau:
        lines.append(
            f"callbacks.append(keras.callbacks.ReduceLROnPlateau(factor={training.decay_factor!r}, "
            f"patience={training.decay_every}))"
        )
    if training.early_stopping or training.restore_best:
        patience = str(training.patience) if training.early_stopping else "EPOCHS + 1"
        lines.append(
            f"callbacks.append(keras.callbacks.EarlyStopping(patience={patience}, "
            f"restore_best_weights={training.restore_best}))"
        )
    return lines


def _rate(training: Training) -> list[str]:
    """Write the learning rate of an epoch (from 0)."""
    warm, factor, every = training.warmup_epochs, training.decay_factor, training.decay_every
    shares = {
        "cosine": "0.5 * (1 + math.cos(math.pi * passed / left))",
        "step": f"{factor!r} ** (passed // {every})",
        "exponential": f"{factor!r} ** (passed / max(left - 1, 1))",
    }
    lines = ["def rate(epoch, now):", f'    """Return the learning rate of an epoch, after {warm} of warm-up."""']
    if warm:
        lines += [f"    if epoch < {warm}:", f"        return RATE * (epoch + 1) / {warm + 1}"]
    lines.append(f"    passed, left = epoch - {warm}, EPOCHS - {warm}")
    if training.schedule == "reduce_on_plateau":
        return [*lines[:-1], f"    return RATE if epoch == {warm} else now"]
    return [
        *lines,
        f"    return RATE * {shares[training.schedule]}" if training.schedule in shares else "    return RATE",
    ]


def _score(asked: Asked) -> str:
    known = (asked.run.read("report.json") or {}).get("metrics", {})
    run = {name: round(value, 4) for name, value in known.items() if name in SHOWN and value is not None}
    if asked.signature.target.classes:
        own = """outputs = np.asarray(model.predict(x["test"], verbose=0), "float64")
powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
answers = powers / powers.sum(axis=1, keepdims=True)
truth = y["test"]
scores = {
    "accuracy": float((answers.argmax(axis=1) == truth).mean()),
    "log_loss": float(-np.log(np.clip(answers[np.arange(len(truth)), truth], 1e-15, 1)).mean()),
}"""
    else:
        own = """answers = np.asarray(model.predict(x["test"], verbose=0), "float64").reshape(-1) * SCALE + MEAN
truth = parts["test"][1].astype("float64")
errors = truth - answers
scores = {
    "r2": float(1 - (errors**2).sum() / ((truth - truth.mean()) ** 2).sum()),
    "mae": float(np.abs(errors).mean()),
    "rmse": float(np.sqrt((errors**2).mean())),
}"""
    return f"""{own}
RUN = {run!r}
for name, score in scores.items():
    print(f"{{name}} {{score:.4f}}, the run {{RUN.get(name)}}")
with open("scores.json", "w", encoding="utf-8") as file:
    json.dump(scores, file)"""


def _save(asked: Asked, *, split: bool) -> str:
    target, core = asked.signature.target, asked.blueprint.core
    judge = f"model.get_layer({core.name!r})" if split else "model"
    names = [raw.name for raw in asked.signature.raw]
    last = "layers.Softmax()(outputs)" if target.classes else "layers.Rescaling(SCALE, offset=MEAN)(outputs)"
    return f"""raw = dict(zip({names!r}, preprocess.inputs))
ready = preprocess(preprocess.inputs)
outputs = {judge}({{name: ready[name] for name in {list(asked.signature.inputs)!r}}})
whole = keras.Model(raw, {{{target.name!r}: {last}}})
whole.save("model.keras")
print("model.keras written")"""
