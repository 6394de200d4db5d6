"""The second child of the gate: rebuilds a model with Keras from what the first half has written anew, in a jail.

    python -P -m training._gate_builder FOLDER

reads FOLDER/rewritten.json (description, words of lookups, version), FOLDER/arrays.json and FOLDER/arrays.bin, writes
FOLDER/model.keras and FOLDER/model.json (`records.model_file.Inspected`), and says in one JSON line how it went.

The file that was brought is not there any more: Keras meets a description in which every word was understood, and an
HDF5 file that was written here from plain arrays. The model is first outlined with shapes alone, so that its size is
known before a number of it is made; what was saved in the end is read back and compared number for number.
"""

import copy
import hashlib
import json
import math
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from recipes import Refusal, keras
from records import model_description as description
from records.model_file import CONFIG, METADATA, WEIGHTS, Inspected, LayerLine, Port
from training import _jail

MEMORY = 6 * 2**30
SECONDS = 90
MOST_PARAMETERS = 50_000_000
MOST_NUMBERS = 2**28
"""Numbers that one layer may put out for one example."""
AGAIN = "Save the model again with Keras 3."
MISPLACED = f"The weights inside the file are not where the layers look for them. {AGAIN}"
UNBUILT = (
    "Keras could not rebuild this model from its description: some of its layers do not fit together. Load it where it "
    "comes from, and save it again with Keras {version}."
)
TOO_MUCH = "Rebuilding this model takes more memory than is allowed here. Take a smaller model."


def main(folder: Path) -> int:
    """Rebuild in a jail; the exit code is 0 whenever a line was said."""
    missing = _jail.enter(folder, memory=MEMORY, seconds=SECONDS, largest_file=2**30)
    try:
        told: dict[str, Any] = {"ok": {"missing": missing}}
        inspected = rebuilt(folder)
        (folder / "model.json").write_text(inspected.model_dump_json(), encoding="utf-8")
    except Refusal as refusal:
        told = {"refused": str(refusal)}
    except BaseException as error:  # noqa: BLE001 - Keras raises nine kinds of exceptions on damaged files
        print(repr(error)[:2_000], file=sys.stderr)  # noqa: T201 - the parent keeps it for the log
        is_memory = isinstance(error, MemoryError) or "OOM" in type(error).__name__ + str(error)[:200]
        told = {"refused": TOO_MUCH if is_memory else UNBUILT.format(version=keras.__version__)}
    print(json.dumps(told), flush=True)  # noqa: T201 - the one line that the parent reads
    return 0


def rebuilt(folder: Path) -> Inspected:
    """Write the clean file and return what is known about its model."""
    rewritten = json.loads((folder / "rewritten.json").read_text(encoding="utf-8"))
    arrays = _arrays(folder)
    _refuse_too_large(rewritten["config"], [array.shape for array in arrays.values()])
    own = folder / "rewritten.keras"
    _write(own, rewritten, arrays)
    try:
        model = keras.saving.load_model(own, custom_objects=None, compile=False, safe_mode=True)
    except ValueError as error:  # the layers fit together, or it would not have come so far
        raise Refusal(MISPLACED) from error
    clean = folder / "model.keras"
    model.save(clean)
    _refuse_changed(clean, arrays)
    odd = [path for path, array in arrays.items() if not _is_finite(array)]
    return _inspected(model, clean, rewritten, odd)


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    """Return {path: array}, read from the disk when they are used."""
    told = json.loads((folder / "arrays.json").read_text(encoding="utf-8"))
    packed = (
        np.memmap(folder / "arrays.bin", dtype=np.uint8, mode="r") if any(map(_size, told)) else np.zeros(0, "uint8")
    )
    found = {}
    for each in told:
        size = _size(each)
        raw = np.asarray(packed[each["offset"] : each["offset"] + size])
        found[str(each["path"])] = np.frombuffer(raw.tobytes(), np.dtype(each["dtype"])).reshape(each["shape"])
    return found


def _size(told: dict[str, Any]) -> int:
    return math.prod(told["shape"]) * np.dtype(told["dtype"]).itemsize


def _refuse_too_large(config: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    """Outline the model with shapes alone: its size, and whether the weights are those that it needs."""
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(copy.deepcopy(config), custom_objects={}, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise Refusal(f"The file holds no model. {AGAIN}")
        _refuse_unbuilt(model)
        parameters = model.count_params()
        if parameters > MOST_PARAMETERS:
            raise Refusal(
                f"This model has {parameters:,} parameters; at most {MOST_PARAMETERS:,} are opened here. Take a "
                "smaller model."
            )
        for layer in _all_layers(model):
            for shape in _shapes_of(layer):
                if math.prod(size or 1 for size in shape) > MOST_NUMBERS:
                    raise Refusal(
                        f"The layer '{layer.name}' puts out {math.prod(size or 1 for size in shape):,} numbers for one "
                        "example. No computer here could hold them."
                    )
        _refuse_unfit(model, shapes)


def _refuse_unfit(model: Any, shapes: list[tuple[int, ...]]) -> None:
    needed = Counter(tuple(variable.shape) for variable in model.weights)
    given = Counter(tuple(shape) for shape in shapes)
    if missing := needed - given:
        shape = next(iter(missing))
        extra = given - needed
        other = f"; the file has one of shape {next(iter(extra))} instead" if extra else ""
        owner = next(each.path for each in model.weights if tuple(each.shape) == shape)
        raise Refusal(
            f"The weights do not fit the layers: `{owner}` needs an array of shape {shape}, which is not in the "
            f"file{other}. {AGAIN}"
        )


def _refuse_unbuilt(model: Any) -> None:
    if not model.built or not hasattr(model, "inputs") or not model.inputs:
        raise Refusal(
            "This model has never met data, so it has no shapes and no weights. Call it once or give it an Input, and "
            "save it again."
        )


def _write(file: Path, rewritten: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a `.keras` file of our own from what was understood."""
    import h5py

    weights = file.with_suffix(".h5")
    with h5py.File(weights, "w") as opened:
        for path, array in arrays.items():
            opened.create_dataset(path, data=array)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(CONFIG, json.dumps(rewritten["config"]))
        archive.writestr(METADATA, json.dumps({"keras_version": rewritten["keras"], "date_saved": ""}))
        archive.write(weights, WEIGHTS)
        for path, words in rewritten["vocabularies"].items():
            archive.writestr(path, "\n".join(words))
    weights.unlink()


def _refuse_changed(clean: Path, arrays: dict[str, np.ndarray]) -> None:
    """Read the saved file back: it must hold every array that was brought, and no other."""
    import h5py

    weights = clean.with_suffix(".h5")
    with zipfile.ZipFile(clean) as archive:
        weights.write_bytes(archive.read(WEIGHTS))
    kept: Counter[str] = Counter()
    with h5py.File(weights, "r") as opened:
        opened.visititems(lambda _, each: kept.update([_print(each[()])] if isinstance(each, h5py.Dataset) else []))
    weights.unlink()
    brought = Counter(_print(array) for array in arrays.values())
    if brought == kept:
        return
    if not kept - brought:
        shape = (brought - kept).most_common()[0][0].rpartition(" ")[0]
        raise Refusal(
            f"The weights do not fit the layers: the file has an array of shape {shape} that no layer needs. {AGAIN}"
        )
    raise Refusal(MISPLACED)


def _print(array: np.ndarray) -> str:
    """Return a fingerprint of what stands in an array, whatever its precision was called."""
    plain = np.ascontiguousarray(array, dtype=np.float64 if array.dtype.kind == "f" else np.int64)
    return f"{array.shape} {hashlib.sha256(plain.tobytes()).hexdigest()}"


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _inspected(model: Any, clean: Path, rewritten: dict[str, Any], odd: list[str]) -> Inspected:
    notes = list(rewritten["notes"])
    if odd:
        notes.append(
            f"{len(odd)} of its arrays of weights hold numbers that are none (NaN or Infinity): it has diverged while "
            "it was trained, and its answers mean nothing. It can be looked at, but not trained on."
        )
    return Inspected(
        name=model.name,
        kind=type(model).__name__,
        keras=rewritten["keras"],
        saved=rewritten["saved"],
        layers=tuple(_lines(model)),
        parameters=model.count_params(),
        trainable=sum(math.prod(variable.shape) for variable in model.trainable_variables),
        inputs=_ports(_graph(model).input, "input"),
        outputs=_ports(_graph(model).output, "answer"),
        bytes=clean.stat().st_size,
        sha256=hashlib.sha256(clean.read_bytes()).hexdigest(),
        notes=tuple(notes),
        is_finite=not odd,
    )


def _lines(model: Any, inside: str = "") -> list[LayerLine]:
    """Return the layer table; a model inside the model shows its own layers, but not its inputs."""
    lines = []
    for layer in _operations(model):
        if isinstance(layer, keras.Model):
            lines += _lines(layer, f"{inside}{layer.name} › ")
        elif not (inside and isinstance(layer, keras.layers.InputLayer)):
            lines.append(_line(layer, inside))
    return lines


def _line(layer: Any, inside: str) -> LayerLine:
    return LayerLine(
        name=f"{inside}{layer.name}"[: description.LONGEST_NAME],
        kind="Input" if isinstance(layer, keras.layers.InputLayer) else type(layer).__name__,
        shape=" + ".join(_shape_in_words(shape) for shape in _shapes_of(layer)[:8])[:2_000],
        parameters=layer.count_params() if hasattr(layer, "count_params") and layer.built else 0,
    )


def _all_layers(model: Any) -> list[Any]:
    """List every layer and operation, also of the models inside."""
    found = []
    for layer in _operations(model):
        found.append(layer)
        if isinstance(layer, keras.Model):
            found += _all_layers(layer)
    return found


def _graph(model: Any) -> Any:
    """Return the model as a Functional one, which a Sequential is inside."""
    return getattr(model, "_functional", None) or model


def _operations(model: Any) -> list[Any]:
    """List layers and operations; the public list leaves out operations such as `a + b`."""
    return list(getattr(_graph(model), "_operations", None) or model.layers)


def _shapes_of(layer: Any) -> list[tuple[int | None, ...]]:
    """List the shapes of all that a layer puts out, without the examples' own axis."""
    try:
        outputs = keras.tree.flatten(layer.output)
    except (AttributeError, ValueError):  # it is used more than once, or not at all
        outputs = [each for node in layer._inbound_nodes for each in node.output_tensors]  # noqa: SLF001
    return [tuple(each.shape[1:]) for each in outputs if hasattr(each, "shape")]


def _shape_in_words(shape: tuple[int | None, ...]) -> str:
    return " × ".join("any" if size is None else f"{size:,}" for size in shape) or "1"


def _ports(tensors: Any, alone: str) -> tuple[Port, ...]:
    """Name inputs or outputs: by their key in a dictionary, else by the layer that they come from."""
    if isinstance(tensors, dict):
        named = list(tensors.items())
    else:
        listed = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
        named = [(getattr(each._keras_history.operation, "name", alone), each) for each in listed]  # noqa: SLF001
    return tuple(
        Port(name=str(name), shape=tuple(each.shape[1:]), dtype=str(keras.backend.standardize_dtype(each.dtype)))
        for name, each in named
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
