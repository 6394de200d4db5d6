"""The run's own data, part by part and in its order: as CSV, as picture files, as arrays."""

import csv
import io
import zipfile
from typing import Any

import numpy as np
from PIL import Image

import datasets
from datasets import PartName
from evaluation.asked import Asked
from recipes import Part, Signature

PARTS: tuple[PartName, ...] = ("train", "validation", "test")
ARRAYS = ("sound", "series", "clip")
BLOCK = 256


def write(asked: Asked, archive: zipfile.ZipFile) -> None:
    """Write `data/<part>.csv` with the truth, and beside it `data/pictures/` or `data/<part>-<input>.npy`."""
    for name in PARTS:
        part = asked.prepared.part(name)
        out = io.StringIO()
        writer = csv.writer(out)
        names = [raw.name for raw in asked.signature.raw if raw.kind not in ARRAYS]
        writer.writerow([*names, truth_column(asked.signature)])
        arrays: dict[str, list[np.ndarray]] = {raw.name: [] for raw in asked.signature.raw if raw.kind in ARRAYS}
        truth = truths(asked.signature, part)
        for start in range(0, len(part), BLOCK):
            rows = np.asarray(part.rows[start : start + BLOCK]).tolist()
            raws = datasets.get(asked.signature.data_type).raw(asked.dataset, asked.signature, rows)
            for place, (row, raw) in enumerate(zip(rows, raws, strict=True), start):
                writer.writerow([*_cells(asked.signature, archive, raw, f"{name}-{place:05d}-{row}"), truth[place]])
                for key, several in arrays.items():
                    several.append(np.asarray(raw[key][0]))
        archive.writestr(f"data/{name}.csv", out.getvalue())
        for key, several in arrays.items():
            _write_array(archive, f"data/{name}-{key}.npy", several)


def truth_column(signature: Signature) -> str:
    """Name the last column, so that it meets no other."""
    name = signature.target.name
    while name in {raw.name for raw in signature.raw}:
        name = f"{name} (truth)"
    return name


def truths(signature: Signature, part: Part) -> list[Any]:
    """Return the truth of a part as people know it: names of classes, or numbers in their own unit."""
    target = signature.target
    y = np.asarray(part.y).reshape(len(part))
    if target.classes:
        return [target.classes[int(label)] for label in y]
    return (y.astype(np.float64) * target.scale + target.mean).tolist()


def _cells(signature: Signature, archive: zipfile.ZipFile, raw: dict[str, np.ndarray], name: str) -> list[Any]:
    told: list[Any] = []
    for each in signature.raw:
        if each.kind == "picture":
            file = f"data/pictures/{name}-{len(told)}.png"
            archive.writestr(file, _png(raw[each.name][0]))
            told.append(file.removeprefix("data/"))
        elif each.kind not in ARRAYS:
            value = np.ravel(raw[each.name])[0]
            told.append(str(value) if each.dtype == "string" else "" if np.isnan(value) else repr(float(value)))
    return told


def _png(picture: np.ndarray) -> bytes:
    pixels = np.clip(np.round(np.asarray(picture)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(out, "PNG")
    return out.getvalue()


def _write_array(archive: zipfile.ZipFile, name: str, several: list[np.ndarray]) -> None:
    """Write examples as one array; shorter ones are filled up with zeros, as the model itself does."""
    longest = max(len(each) for each in several)
    filled = [np.pad(each, [(0, longest - len(each)), *[(0, 0)] * (each.ndim - 1)]) for each in several]
    out = io.BytesIO()
    np.save(out, np.stack(filled), allow_pickle=False)
    archive.writestr(name, out.getvalue())
