"""ONNX: the numeric core in the format that most runtimes read, with a script that asks it from raw values on."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked
from exporters import _core_zip, _tracing
from recipes import Signature

TITLE = "ONNX"
SUMMARY = "Runs in ONNX Runtime on servers, desktops and phones and in browsers: Python, C++, C#, Java, JavaScript."
ENDING = "onnx.zip"
TOLERANCE = 1e-4
CHECK = "core"
OPSET = 17
"""The first with a Fourier transform; ONNX Runtime reads it since 2022."""


def offered(signature: Signature) -> str:  # noqa: ARG001 - the same question to every format
    """Say why this format is not for this model, or nothing."""
    return ""


def export(asked: Asked, name: str, deliverable: Any) -> Path:
    """Write `deliverables/<name>.onnx.zip`."""
    return _core_zip.write(asked, name, deliverable, ENDING, "onnx", convert)


def convert(core: _core_zip.Core, file: Path) -> dict[str, Any]:
    """Write the model as ONNX; its inputs and answers keep their names."""
    # Without this, tf2onnx sets up a logger that shouts while it is imported.
    os.environ.setdefault("TF2ONNX_DEBUG_MODE", "")
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    patch_tf2onnx()  # what Keras mends for numpy 2
    whole = _tracing.frozen(core.model)
    inputs, answers = ([each.name for each in tensors] for tensors in (whole.inputs, whole.outputs))
    names = dict(zip(inputs, sorted(core.model.input), strict=True))
    names |= dict(zip(answers, sorted(core.model.output), strict=True))
    proto, _ = tf2onnx.convert.from_graph_def(
        whole.graph.as_graph_def(),
        input_names=inputs,
        output_names=answers,
        opset=OPSET,
        custom_op_handlers={name: (handler, []) for name, handler in HANDLERS.items()},
        tensors_to_rename=names,
    )
    file.write_bytes(proto.SerializeToString())
    return {}


def _erfc(graph: Any, node: Any, name: str, _: Any) -> None:
    """Write 1 - erf(x); GELU is made of it."""
    node.type = "Erf"
    one = graph.make_const(f"{name}_one", np.array(1, np.float32)).output[0]
    graph.insert_new_node_on_output("Sub", node.output[0], inputs=[one, node.output[0]], name=f"{name}_rest")


def _rfft(graph: Any, node: Any, name: str, _: Any) -> None:
    """Write a discrete Fourier transform; real and imaginary parts stand along a last axis of two."""
    length = graph.make_const(f"{name}_length", np.array(node.inputs[1].get_tensor_value()[0], np.int64)).output[0]
    last = graph.make_const(f"{name}_last", np.array([-1], np.int64)).output[0]
    rank = len(graph.get_shape(node.input[0]))
    real = graph.make_node("Unsqueeze", [node.input[0], last]).output[0]
    output, shapes, dtypes = node.output, node.output_shapes, node.output_dtypes
    graph.remove_node(node.name)
    graph.make_node(
        "DFT", [real, length], attr={"axis": rank - 1, "onesided": 1}, name=name, outputs=output,
        shapes=[[*shapes[0], 2]], dtypes=dtypes,
    )  # fmt: skip


def _part(place: int) -> Any:
    def handler(graph: Any, node: Any, name: str, _: Any) -> None:
        index = graph.make_const(f"{name}_place", np.array(place, np.int64)).output[0]
        whole, output, shapes, dtypes = node.input[0], node.output, node.output_shapes, node.output_dtypes
        graph.remove_node(node.name)
        graph.make_node("Gather", [whole, index], attr={"axis": -1}, name=name, outputs=output, shapes=shapes,
                        dtypes=dtypes)  # fmt: skip

    return handler


HANDLERS = {"Erfc": _erfc, "RFFT": _rfft, "Real": _part(0), "Imag": _part(1)}
"""What tf2onnx does not know by itself."""
