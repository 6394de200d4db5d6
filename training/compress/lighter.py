"""Fewer bits and tighter packing: nothing is trained, so it takes seconds and is the same every time."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked, asking
from recipes import keras
from training.compress import copied

QUANTISED = ("Dense", "EinsumDense", "Embedding", "ReversibleEmbedding")
"""Layers whose weights Keras can hold in int8; convolutions and recurrent layers stay as they are."""


def pack(file: Path) -> None:
    """Pack a `.keras` file tightly: Keras writes its zip without compression, and reads it either way."""
    temporary = file.with_suffix(".packed.tmp")
    with (
        zipfile.ZipFile(file) as loose,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as tight,
    ):
        for name in loose.namelist():
            tight.writestr(name, loose.read(name))
    temporary.rename(file)


def in_16_bits(asked: Asked) -> Any:
    """Return the core with weights and numbers inside in float16; where a layer cannot, only the weights are rounded.

    Layers that insist on float32 keep it.
    """
    first = {name: array[:1] for name, array in asked.prepared.part("validation").x.items()}
    try:
        core = _core(copied(asked, "float16"))
        asking(core)(first)
    except Exception:  # noqa: BLE001 - a layer without float16 fails in its own way, at the latest when it is asked
        return rounded(asked)
    return core


def rounded(asked: Asked) -> Any:
    """Return the core with 10 bits of fraction in each weight, as float16 has; the zeros behind them pack well."""
    core = _core(copied(asked))
    for weight in core.variables:
        if weight.dtype == "float32":
            bits = np.array(np.asarray(weight)).view(np.uint32)
            weight.assign(((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32))
    return core


def in_8_bits(asked: Asked) -> Any:
    """Return the core with the weights of dense layers and embeddings in int8 (Keras's own quantisation)."""
    core = _core(copied(asked))
    for layer in quantised(core):
        layer.quantize("int8")
    return core


def quantisable(core: Any) -> float:
    """Return the share of the weights that int8 can hold."""
    return sum(layer.count_params() for layer in quantised(core)) / max(core.count_params(), 1)


def quantised(core: Any) -> list[Any]:
    """List the layers that Keras can hold in int8 and plain Keras loads again: those inside attention it does not."""
    return [layer for layer in _layers(core) if type(layer).__name__ in QUANTISED]


def _core(blueprint: Any) -> Any:
    return next(iter(blueprint.deliverables.values()))


def _layers(model: Any) -> list[Any]:
    found = []
    for layer in model.layers:
        found += _layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found
