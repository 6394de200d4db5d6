"""LiteRT (.tflite): the numeric core for phones and small devices, with a script that asks it from raw values on."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked
from exporters import _core_zip, _tracing
from recipes import Refusal, Signature

TITLE = "LiteRT"
SUMMARY = "Runs on phones and small devices (Android, iOS, Raspberry Pi), formerly called TensorFlow Lite."
ENDING = "tflite.zip"
TOLERANCE = 1e-4
CHECK = "core"


def offered(signature: Signature) -> str:
    """Say why this format is not for this model, or nothing."""
    if signature.task == "styling":
        return "LiteRT takes pictures of one size only, and this model paints pictures of any size. Take ONNX."
    return ""


def export(asked: Asked, name: str, deliverable: Any) -> Path:
    """Write `deliverables/<name>.tflite.zip`."""
    return _core_zip.write(asked, name, deliverable, ENDING, "litert", convert)


def convert(core: _core_zip.Core, file: Path) -> dict[str, Any]:
    """Write the model as LiteRT in full precision."""
    file.write_bytes(converted(core))
    return {}


def converted(
    core: _core_zip.Core, few: Callable[[], Iterator[list[np.ndarray]]] | None = None, *, small_weights: bool = False
) -> bytes:
    """Convert with LiteRT's own operations only.

    With `small_weights` weights become int8; with `few` rows of ready arrays the numbers inside, too.
    """
    import tensorflow as tf

    model = core.model
    _refuse(core)
    whole = _tracing.frozen(model, unroll=True)
    names = sorted(model.input)
    tensors = {each["name"]: each["tensor"] for each in (*core.inputs, *core.answers)}

    def ask(**given: Any) -> dict[str, Any]:
        found = whole(*(given[tensors[name]] for name in names))
        return {tensors[name]: answer for name, answer in zip(sorted(model.output), found, strict=True)}

    one = {tensors[name]: tf.TensorSpec((1, *model.input[name].shape[1:]), model.input[name].dtype) for name in names}
    asking = tf.function(ask, autograph=False)
    module: Any = tf.Module()
    module.ask = asking
    with tempfile.TemporaryDirectory(prefix="layerwise-litert-") as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": asking.get_concrete_function(**one)})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        if few is not None or small_weights:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if few is not None:
            rows = [{tensors[name]: array for name, array in zip(names, row, strict=True)} for row in few()]
            converter.representative_dataset = lambda: iter(rows)
        return converter.convert()


def _refuse(core: _core_zip.Core) -> None:
    """Refuse what the converter would take minutes for, or what LiteRT has no operation for."""
    steps = _tracing.steps_of(core.model)
    if steps > _tracing.MOST_STEPS:
        raise Refusal(
            f"LiteRT knows no loops, so the {steps:,} steps of this model would be written out one by one, and at most "
            f"{_tracing.MOST_STEPS} are. Take ONNX, or train with a shorter length."
        )
