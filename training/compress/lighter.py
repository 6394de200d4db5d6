"""Fewer bits and tighter packing: nothing is trained, so it takes seconds and is the same every time."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

from evaluation.asked import Asked
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
    """Return the core with weights and numbers inside in float16; layers that insist on float32 keep it."""
    return _core(copied(asked, "float16"))


def in_8_bits(asked: Asked) -> Any:
    """Return the core with the weights of dense layers and embeddings in int8 (Keras's own quantisation)."""
    core = _core(copied(asked))
    with warnings.catch_warnings():
        # It warns of every layer that has nothing to quantise.
        warnings.filterwarnings("ignore", ".*does not have a `quantize`.*", UserWarning)
        core.quantize("int8")
    return core


def quantisable(core: Any) -> float:
    """Return the share of the weights that int8 can hold."""
    every = core.count_params()
    return sum(layer.count_params() for layer in _layers(core) if type(layer).__name__ in QUANTISED) / max(every, 1)


def _core(blueprint: Any) -> Any:
    return next(iter(blueprint.deliverables.values()))


def _layers(model: Any) -> list[Any]:
    found = []
    for layer in model.layers:
        found += _layers(layer) if isinstance(layer, keras.Model) else [layer]
    return found
