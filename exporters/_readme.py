"""The README beside a download: what the file is, and a snippet of plain Keras that asks it."""

from typing import Any

from recipes import RawInput, Schema, Signature

PICTURE = 'np.array(Image.open("picture.png").convert("{mode}"), "float32")'


def text(signature: Signature, schema: Schema, version: str) -> str:
    """Write the README of a `.keras` file, with its classes and a snippet that runs as it stands."""
    target = signature.target
    answered = (
        f"the probability of each class of '{target.name}'" if target.classes else f"one number, the '{target.name}'"
    )
    lines = [
        f"A model trained with Layerwise on '{schema.name}' ({schema.rows:,} rows).",
        f"It answers {answered}. Saved with Keras {version}; it needs Keras with TensorFlow, nothing of Layerwise.",
        "",
        snippet(signature),
        "",
    ]
    if target.classes:
        lines += ["Classes, in the order of the answer:", *(f"  {name}" for name in target.classes), ""]
    lines += ["Inputs:", *(f"  {raw.name}: {_told(raw)}" for raw in signature.raw), ""]
    lines += ["recipe.yaml holds every setting; Layerwise trains the same model from it again.", ""]
    return "\n".join(lines)


def snippet(signature: Signature) -> str:
    """Write a few lines of plain Keras that load the model and ask it once."""
    picture = any(raw.kind == "picture" for raw in signature.raw)
    name = signature.target.name
    lines = [
        "import keras",
        "import numpy as np",
        *(["from PIL import Image"] if picture else []),
        "",
        'model = keras.saving.load_model("model.keras")',
        "raw = {",
        *(f"    {raw.name!r}: {_example(raw)}," for raw in signature.raw),
        "}",
        f"answer = np.asarray(model.predict_on_batch(raw)[{name!r}])[0]",
    ]
    if signature.target.classes:
        classes = ", ".join(repr(each) for each in signature.target.classes)
        return "\n".join([*lines, f"classes = [{classes}]", "print(classes[answer.argmax()], answer.max())"])
    return "\n".join([*lines, "print(answer[0])"])


def _example(raw: RawInput) -> str:
    if raw.kind == "picture":
        grey = raw.shape[-1] == 1
        read = PICTURE.format(mode="L" if grey else "RGB")
        return f"{read}[None, ..., None]" if grey else f"{read}[None]"
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
        "number": "number; nan where it is missing",
        "boolean": "0 or 1; nan where it is missing",
        "date": "days since 1970-01-01; nan where it is missing",
        "category": "text; empty where it is missing",
        "text": "text",
    }[raw.kind]
    choices = f" ({', '.join(raw.choices[:12])}{', ...' if len(raw.choices) > 12 else ''})" if raw.choices else ""
    return told + choices
