"""TensorFlow SavedModel: raw input in, named answer out, in any program with TensorFlow and without Keras."""

import re
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

from builders import Whole
from evaluation import tasks
from evaluation.asked import Asked
from exporters import _tracing, keras_file
from recipes import Signature, keras

TITLE = "SavedModel"
SUMMARY = "Runs in TensorFlow and TensorFlow Serving without Keras: raw input in, named answer out."
ENDING = "saved_model.zip"
TOLERANCE = 1e-5
CHECK = "saved_model"


def offered(signature: Signature) -> str:  # noqa: ARG001 - the same question to every format
    """Say why this format is not for this model, or nothing."""
    return ""


def export(asked: Asked, name: str, deliverable: Any) -> Path:
    """Write `deliverables/<name>.saved_model.zip`: the folder `model` with a README and the recipe beside it."""
    _tracing.refuse_backend()
    folder = asked.run.folder / "deliverables"
    folder.mkdir(exist_ok=True)
    model = keras_file.whole(deliverable, asked.prepared)
    temporary, file = folder / f"{name}.{ENDING}.tmp", folder / f"{name}.{ENDING}"
    saved = Path(tempfile.mkdtemp(prefix="layerwise-saved-"))
    try:
        _write(model, saved / "model")
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in sorted((saved / "model").rglob("*")):
                archive.write(each, each.relative_to(saved))
            archive.writestr("README.txt", _readme(asked, deliverable, model))
            archive.writestr("recipe.yaml", asked.run.recipe.portable().yaml())
        temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)
        shutil.rmtree(saved, ignore_errors=True)
    return file


def _write(model: Any, folder: Path) -> None:
    """Write the SavedModel with one endpoint, `serve`, that takes a dictionary by the columns' own names."""
    import tensorflow as tf

    # TensorFlow Serving sees plainer names: TensorFlow takes no others there, and each only once.
    specs = {
        name: tf.TensorSpec((None, *each.shape[1:]), each.dtype, f"{re.sub(r'[^A-Za-z0-9_]', '_', name)[:40]}_{place}")
        for place, (name, each) in enumerate(model.input.items())
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serve", lambda given: model(given, training=False), input_signature=[specs])
        archive.write_out(folder, verbose=False)


def _readme(asked: Asked, deliverable: Any, model: Any) -> str:
    import tensorflow as tf

    signature = asked.signature
    is_whole = isinstance(deliverable, Whole)
    about = deliverable.sentence if is_whole else tasks.get(signature.task).SENTENCE
    lines = [
        f"A model trained with Layerwise on '{asked.dataset.schema.name}'. {about}",
        f"It needs TensorFlow ({tf.__version__}), neither Keras nor Layerwise.",
        "",
        "    import tensorflow as tf",
        "",
        '    model = tf.saved_model.load("model")  # keep this object: its variables live as long as it does',
        "    answers = model.serve({",
        *(f"        {name!r}: ...,  # {_shape(each)}" for name, each in model.input.items()),
        "    })",
        "",
        "Answers:",
        *(f"  {name}: {_shape(each)}" for name, each in model.output.items()),
    ]
    if signature.target.classes and not is_whole:
        lines += ["Classes, in the order of the answer:", *(f"  {name}" for name in signature.target.classes)]
    return "\n".join([*lines, ""])


def _shape(tensor: Any) -> str:
    sizes = ", ".join("any" if size is None else str(size) for size in tensor.shape[1:])
    return f"{tensor.dtype} (rows, {sizes})" if sizes else f"{tensor.dtype} (rows,)"
