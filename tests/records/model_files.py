"""Small `.keras` files written by hand, honest ones and hostile ones; a payload would only write a marker file."""

import base64
import io
import json
import marshal
import stat
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from records.model_file import CONFIG, METADATA, WEIGHTS


def part(kind: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def dense(name: str = "dense", units: Any = 2, **more: Any) -> dict[str, Any]:
    return part("Dense", name=name, units=units, activation="relu", **more)


def model(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Sequential of four numbers in."""
    start = part("InputLayer", name="numbers", batch_shape=[None, 4], dtype="float32")
    listed = list(layers or [dense()])
    return part("Sequential", "keras", name="small", layers=[start, *listed], build_input_shape=[None, 4]) | more


def arrays(units: int = 2) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    kernel = random.normal(size=(4, units)).astype("float32")
    return {"layers/dense/vars/0": kernel, "layers/dense/vars/1": np.ones(units, "float32")}


def hdf5(arrays_: dict[str, np.ndarray] | None = None) -> bytes:
    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        for path, array in (arrays() if arrays_ is None else arrays_).items():
            file.create_dataset(path, data=array)
    return written.getvalue()


def members(config: Any = None, weights: bytes | None = None, version: str = "3.15.1") -> list[tuple[str, bytes]]:
    text = config if isinstance(config, bytes) else json.dumps(config or model()).encode()
    told = json.dumps({"keras_version": version, "date_saved": "2026-11-01@10:00:00"}).encode()
    return [(METADATA, told), (CONFIG, text), (WEIGHTS, hdf5() if weights is None else weights)]


def packed(file: Path, parts: list[tuple[str, bytes]] | None = None, packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in parts or members():
            archive.writestr(name, content)
    return file


def with_config(file: Path, config: Any) -> Path:
    return packed(file, members(config))


def with_layer(file: Path, layer: dict[str, Any]) -> Path:
    return with_config(file, model(layer))


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def code_that_writes(marker: Path) -> dict[str, Any]:
    """A Lambda as Keras writes one: its program as bytes, which would write the marker."""
    program = compile(
        f"def payload(x):\n    open({str(marker)!r}, 'w').close()\n    return x", "payload", "exec", dont_inherit=True
    )
    payload = next(each for each in program.co_consts if hasattr(each, "co_code"))
    code = base64.b64encode(marshal.dumps(payload)).decode()
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    return part("Lambda", name="trick", function=function)
