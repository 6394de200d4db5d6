"""Trained networks of the pack: EfficientNet-Lite0 for pictures, Google's speech embedding for sounds.

Both are read without the libraries that wrote them: a pickle whose reader admits nothing but tensors, and the wire
format of protocol buffers. Only numbers are kept, in the order of axes that Keras uses.
"""

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

from datasets._pack._build_files import npz
from recipes import Refusal

EPSILON = 1e-3
"""Of EfficientNet-Lite's batch normalization."""


def efficientnet_lite0(sources: list[bytes]) -> bytes:
    """Pack the network without its last layer, batch normalization folded into the convolutions, as float16."""
    told = _tensors(sources[0])
    arrays: dict[str, np.ndarray] = {}
    arrays |= _folded("stem", told, "_conv_stem", "_bn0")
    for block in range(16):
        source, name = f"_blocks.{block}", f"block{block}"
        if f"{source}._expand_conv.weight" in told:
            arrays |= _folded(f"{name}.expand", told, f"{source}._expand_conv", f"{source}._bn0")
        arrays |= _folded(f"{name}.depthwise", told, f"{source}._depthwise_conv", f"{source}._bn1")
        arrays |= _folded(f"{name}.project", told, f"{source}._project_conv", f"{source}._bn2")
    arrays |= _folded("head", told, "_conv_head", "_bn1")
    return npz(**{name: array.astype(np.float16) for name, array in arrays.items()})


def _folded(name: str, told: dict[str, np.ndarray], convolution: str, batch: str) -> dict[str, np.ndarray]:
    """Return kernel (height, width, in, out), for depthwise ones (height, width, channels, 1), and bias."""
    kernel = told[f"{convolution}.weight"]  # (out, in, height, width)
    scale = told[f"{batch}.weight"] / np.sqrt(told[f"{batch}.running_var"] + EPSILON)
    bias = told[f"{batch}.bias"] - told[f"{batch}.running_mean"] * scale
    kernel = kernel * scale[:, None, None, None]
    is_depthwise = name.endswith("depthwise")
    return {f"{name}.kernel": kernel.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0)), f"{name}.bias": bias}


def _tensors(data: bytes) -> dict[str, np.ndarray]:
    """Read a file of PyTorch's old format: three pickles to skip, the object, the storage keys, then raw storages."""
    stream = io.BytesIO(data)
    for _ in range(3):
        _Reader(stream).load()
    told = _Reader(stream).load()
    storages = {}
    for key in _Reader(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        storages[key] = count, stream.tell()
        width = 8 if any(each.kind == "LongStorage" for each in told.values() if each.key == key) else 4
        stream.seek(count * width, io.SEEK_CUR)
    return {name: each.array(data, *storages[each.key]) for name, each in told.items() if each.kind == "FloatStorage"}


class _Tensor:
    """Where a tensor lies; its numbers need not lie in a row."""

    def __init__(
        self, storage: tuple[Any, ...], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> None:
        self.kind, self.key = storage[1], storage[2]
        self.offset, self.shape, self.stride = offset, shape, stride

    def array(self, data: bytes, count: int, start: int) -> np.ndarray:
        """Return the numbers in their shape."""
        storage = np.frombuffer(data, dtype="<f4", count=count, offset=start)[self.offset :]
        strides = [4 * step for step in self.stride]
        return np.lib.stride_tricks.as_strided(storage, self.shape, strides, writeable=False).copy()


class _Reader(pickle.Unpickler):
    """Admits ordered dictionaries, names of storages and descriptions of tensors, nothing that runs code."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few things admitted."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name.endswith("Storage"):
            return name
        raise Refusal(f"The file of weights asks for {module}.{name}, which is not read.")

    def persistent_load(self, pid: Any) -> Any:
        """Return a storage as it is described: (word, kind, key, place, count, view)."""
        return pid


def speech_embedding(sources: list[bytes]) -> bytes:
    """Pack the front end (float32) and the 20 convolutions (float16), kernels as (height, width, in, out)."""
    front, body = (_initializers(source) for source in sources)
    arrays = {
        "front.real": front["0.stft.conv_real.weight"].transpose(2, 1, 0),  # (512, 1, 257)
        "front.imag": front["0.stft.conv_imag.weight"].transpose(2, 1, 0),
        "front.mel": front["1.melW"],  # (257, 32)
    }
    for number in range(20):
        stem = f"model/conv2d{f'_{number}' if number else ''}/Conv2D"
        fused, plain = f"{stem}_weights_fused_bn", f"{stem}/ReadVariableOp:0"
        kernel = body[fused if fused in body else plain]
        arrays[f"conv{number}.kernel"] = kernel.transpose(2, 3, 1, 0).astype(np.float16)
        if fused in body:
            arrays[f"conv{number}.bias"] = body[f"{stem}_bias_fused_bn"].astype(np.float16)
    return npz(**arrays)


MODEL_GRAPH, GRAPH_INITIALIZER = 7, 5
TENSOR_DIMENSIONS, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW = 1, 4, 8, 9
"""Field numbers of ONNX's protocol buffers."""


def _initializers(data: bytes) -> dict[str, np.ndarray]:
    """Return the float32 constants of an ONNX file that have a shape, by name."""
    graph = next(value for field, value in _fields(data) if field == MODEL_GRAPH)
    tensors = (list(_fields(value)) for field, value in _fields(graph) if field == GRAPH_INITIALIZER)
    named = {}
    for fields in tensors:
        name = next(value for field, value in fields if field == TENSOR_NAME).decode()
        raw = next((value for field, value in fields if field in {TENSOR_RAW, TENSOR_FLOATS}), b"")
        shape = [size for field, value in fields if field == TENSOR_DIMENSIONS for size in _sizes(value)]
        if shape and len(raw) == 4 * int(np.prod(shape)):
            named[name] = np.frombuffer(raw, dtype="<f4").reshape(shape)
    return named


def _sizes(value: Any) -> list[int]:
    """Return dimensions that were written one by one or packed into bytes."""
    if isinstance(value, int):
        return [value]
    sizes, at = [], 0
    while at < len(value):
        size, at = _varint(value, at)
        sizes.append(size)
    return sizes


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Walk over the fields of a message: (number, bytes or whole number)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            width = 8 if wire == 1 else 4
            value, at = data[at : at + width], at + width
        yield field, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a whole number of seven bits a byte; returns it and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
