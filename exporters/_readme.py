"""The README beside a download: what the file is, and a snippet of plain Keras that asks it."""

from typing import Any

from builders import Whole
from evaluation import tasks
from evaluation.asked import Asked
from recipes import RawInput, Signature

SHAPED = {"sound": 16_000, "series": 100, "clip": 64}
"""Inputs that are arrays of their own, and how long an axis of any length is in the example."""
PICTURE = 'np.array(Image.open("picture.png").convert("{mode}"), "float32")'


def text(asked: Asked, version: str) -> str:
    """Write the README of a run's `.keras` files: what each answers, its classes, a snippet that runs as it stands."""
    signature, schema = asked.signature, asked.dataset.schema
    target = signature.target
    lines = [
        f"A model trained with Layerwise on '{schema.name}' ({schema.rows:,} rows).",
        f"{tasks.get(signature.task).SENTENCE} Saved with Keras {version}.",
        "It needs Keras with TensorFlow, nothing of Layerwise.",
        "",
    ]
    if asked.recipe.data.corrections:
        lines += [f"Before training the data were corrected by hand: {asked.recipe.data.corrections.sentence()}.", ""]
    wholes = {name: each for name, each in asked.blueprint.deliverables.items() if isinstance(each, Whole)}
    if len(wholes) < len(asked.blueprint.deliverables):
        lines += [snippet(signature), ""]
    lines += [f"{name}.keras: {each.title}. {each.sentence}" for name, each in wholes.items()]
    lines += [""] if wholes else []
    if target.classes:
        lines += ["Classes, in the order of the answer:", *(f"  {name}" for name in target.classes), ""]
    if signature.raw:
        lines += ["Inputs:", *(f"  {raw.name}: {_told(raw)}" for raw in signature.raw), ""]
    lines += ["recipe.yaml holds every setting; Layerwise trains the same model from it again.", ""]
    return "\n".join(lines)


def snippet(signature: Signature) -> str:
    """Write a few lines of plain Keras that load the model and ask it once; a task may bring lines of its own."""
    own = getattr(tasks.get(signature.task), "usage", None)
    if own is not None and (lines := own(signature)):
        return lines
    kinds = {raw.kind for raw in signature.raw}
    name = signature.target.name
    lines = [
        "import keras",
        "import numpy as np",
        *(["from PIL import Image"] if "picture" in kinds else []),
        "",
        'model = keras.saving.load_model("model.keras")',
        "raw = {",
        *(f"    {raw.name!r}: {_example(raw)}," for raw in signature.raw),
        "}",
    ]
    if signature.task not in ("classification", "regression"):
        return "\n".join(
            [*lines, "for name, answer in model.predict_on_batch(raw).items():", "    print(name, answer)"]
        )
    lines.append(f"answer = np.asarray(model.predict_on_batch(raw)[{name!r}])[0]")
    if signature.target.classes:
        classes = ", ".join(repr(each) for each in signature.target.classes)
        return "\n".join([*lines, f"classes = [{classes}]", "print(classes[answer.argmax()], answer.max())"])
    return "\n".join([*lines, "print(answer[0])"])


def _example(raw: RawInput) -> str:
    if raw.kind == "picture":
        grey = raw.shape[-1] == 1
        read = PICTURE.format(mode="L" if grey else "RGB")
        return f"{read}[None, ..., None]" if grey else f"{read}[None]"
    if raw.kind in SHAPED:
        sizes = ", ".join(str(size or SHAPED[raw.kind]) for size in (1, *raw.shape))
        return f'np.zeros(({sizes}), "float32")'
    if raw.dtype == "string":
        return f"np.array([[{str(raw.typical or '')!r}]])"
    return f'np.array([[{_number(raw.typical)}]], "float32")'


def _number(value: Any) -> str:
    return "np.nan" if value is None else repr(float(value))


def _told(raw: RawInput) -> str:
    if raw.kind == "picture":
        colours = "grey" if raw.shape[-1] == 1 else "red, green, blue"
        return f"pictures of any size, (pictures, height, width, {raw.shape[-1]}), {colours}, values 0 to 255"
    told = {
        "sound": "sounds, (sounds, samples), values -1 to 1",
        "series": f"series, (series, steps, {raw.shape[-1]})",
        "clip": "clips, (clips, frames, height, width, channels), values 0 to 255",
        "number": "number; nan where it is missing",
        "boolean": "0 or 1; nan where it is missing",
        "date": "days since 1970-01-01; nan where it is missing",
        "category": "text; empty where it is missing",
        "text": "text",
    }[raw.kind]
    if raw.kind in SHAPED and raw.description:
        told = f"{told}. {raw.description}"
    choices = f" ({', '.join(raw.choices[:12])}{', ...' if len(raw.choices) > 12 else ''})" if raw.choices else ""
    return told + choices
