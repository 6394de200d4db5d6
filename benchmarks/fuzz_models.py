"""Thousands of damaged and hostile model files, sent through the gate: a sentence or a clean model, and nothing else?

    python -m benchmarks.fuzz_models --files 5000 --seed 1 --json docs/fuzz_models.json

Honest files of five architectures are mutated: bytes flipped, cut, moved; words of the description replaced by what an
attacker would write; weights replaced by odd HDF5; parts of the archive renamed, doubled, packed. The two limited
processes of the gate are forks of this one, which has imported Keras and computed nothing, so that thousands are
possible; their code and their walls are those of `training/gate.py`. Payloads are harmless: they would write a marker.

A file fails the benchmark if the gate raises anything but a `Refusal`, if a marker appears, or if it takes too long.
"""

import argparse
import copy
import io
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from recipes import Refusal, keras
from records.model_file import CONFIG, METADATA, WEIGHTS, Inspected, unpacked
from training import _gate_builder, _gate_reader

LONGEST = 30.0
"""Seconds for one file, all in all."""

Parts = list[tuple[str, bytes]]

BASES = """
import sys
from pathlib import Path
from recipes import keras
layers, folder = keras.layers, Path(sys.argv[1])
keras.utils.set_random_seed(1)
numbers, words, picture = keras.Input((4,)), keras.Input((5,), dtype="int32"), keras.Input((8, 8, 3))
shared = layers.Dense(4, "relu")
stack = [keras.Input((4,)), layers.Dense(3, "relu"), layers.Dropout(0.1), layers.Dense(2)]
keras.Sequential(stack).save(folder / "a.keras")
keras.Model({"x": numbers}, {"y": layers.Add()([shared(numbers), numbers]) * 2.0}).save(folder / "b.keras")
x = layers.Bidirectional(layers.GRU(3, return_sequences=True))(layers.Embedding(9, 4)(words))
keras.Model(words, layers.MultiHeadAttention(2, 3)(x, x)[:, 0]).save(folder / "c.keras")
x = layers.BatchNormalization()(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(picture)))
keras.Model(picture, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))).save(folder / "d.keras")
text = keras.Input((1,), dtype="string")
look = layers.TextVectorization(output_sequence_length=4, vocabulary=["ada", "grace", "alan"])
keras.Model(text, layers.Embedding(5, 2)(look(text))).save(folder / "e.keras")
"""


def main(arguments: list[str] | None = None) -> None:
    """Fuzz, print what happened, and fail if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_models", description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as made:
        told = fuzz(Path(made), asked.files, asked.seed)
    print(json.dumps(told, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if told["failed"]:
        sys.exit(f"{len(told['failed'])} files went wrong.")


def fuzz(folder: Path, files: int, seed: int) -> dict[str, Any]:
    """Send so many files through; returns counts, times, and what went wrong."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    marker = folder / "marker"
    subprocess.run([sys.executable, "-c", BASES, str(folder)], check=True, capture_output=True)
    bases = [_parts(file) for file in sorted(folder.glob("*.keras"))]
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    _ = keras.__version__  # imported once, here, and nothing computed
    for parts in bases:  # the files themselves are honest, or nothing of this would mean anything
        (folder / "honest.keras").write_bytes(_packed(parts))
        if (end := _sent(folder / "honest.keras", folder))[0] != "came through":
            sys.exit(f"An honest file did not come through: {end}")
    ends: Counter[str] = Counter()
    by_way: dict[str, Counter[str]] = {way.__name__.lstrip("_"): Counter() for way in WAYS}
    failed: list[dict[str, Any]] = []
    seconds = []
    for number in range(files):
        way = dice.choice(WAYS)
        file = folder / "brought.keras"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of doubled names, which are the point
            file.write_bytes(way(copy.deepcopy(dice.choice(bases)), dice, marker))
        started = time.monotonic()
        end, sentence = _sent(file, folder)
        seconds.append(time.monotonic() - started)
        ends[end] += 1
        by_way[way.__name__.lstrip("_")][end] += 1
        if end == "broken" or marker.exists() or seconds[-1] > LONGEST:
            failed.append({"number": number, "way": way.__name__, "end": end, "told": sentence[-600:]})
            marker.unlink(missing_ok=True)
    return {
        "files": files,
        "seed": seed,
        "ends": dict(ends),
        "by_way": {way: dict(counts) for way, counts in by_way.items() if counts},
        "seconds": {"median": round(float(np.median(seconds)), 3), "longest": round(max(seconds), 2)},
        "failed": failed,
        "upper_bound_95": round(_wilson_upper(len(failed), files), 5),
    }


def _sent(file: Path, folder: Path) -> tuple[str, str]:
    """Return where a file ended, and with which words."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        room = Path(made)
        try:
            found = unpacked(file, room)
        except Refusal as refusal:
            return "refused before Keras", str(refusal)
        except Exception:  # noqa: BLE001 - this is what is looked for
            return "broken", traceback.format_exc()
        told = _forked(lambda: _gate_reader.main(room), room)
        if "ok" not in told:
            return _end(told, "weights")
        (room / "uploaded.h5").unlink()
        rewritten = {"config": found.config, "keras": found.keras, "saved": found.saved, "notes": found.notes}
        rewritten["vocabularies"] = found.vocabularies
        (room / "rewritten.json").write_text(json.dumps(rewritten), encoding="utf-8")
        told = _forked(lambda: _gate_builder.main(room), room)
        if "ok" not in told:
            return _end(told, "rebuilding")
        try:
            Inspected.model_validate_json((room / "model.json").read_bytes())
        except ValueError:
            return "broken", traceback.format_exc()
        return "came through", ""


def _end(told: dict[str, Any], where: str) -> tuple[str, str]:
    if "refused" in told:
        return f"refused at {where}", told["refused"]
    return f"process ended at {where}", str(told)


def _forked(work: Callable[[], int], room: Path) -> dict[str, Any]:
    """Do one half of the gate in a fork; returns its line, or how it ended."""
    said = room / "said"
    child = os.fork()
    if not child:
        with said.open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            tempfile.tempdir = str(room)  # as TMPDIR says behind the gate; nothing else can be written to
            code = 1
            try:
                code = work()
                sys.stdout.flush()
            finally:
                os._exit(code)
    deadline = time.monotonic() + LONGEST
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    lines = said.read_text(encoding="utf-8", errors="replace").splitlines() if said.exists() else []
    try:
        told = json.loads(lines[-1]) if lines else {}
    except ValueError:
        told = {}
    return told if ended[1] == 0 and told else {"status": ended[1]}


# The ways of mutating


def _flip(parts: Parts, dice: random.Random, _marker: Path) -> bytes:
    """Flip bytes of the archive."""
    whole = bytearray(_packed(parts))
    for _ in range(dice.randint(1, 8)):
        whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
    return bytes(whole)


def _cut(parts: Parts, dice: random.Random, _marker: Path) -> bytes:
    """Cut the archive off, or take a piece out of it."""
    whole = _packed(parts)
    start = dice.randrange(len(whole))
    return whole[:start] if dice.random() < 0.5 else whole[:start] + whole[start + dice.randint(1, 400) :]


def _weights(parts: Parts, dice: random.Random, _marker: Path) -> bytes:
    """Flip bytes of the weights, with a right check sum."""
    return _packed([(name, _flipped(text, dice) if name == WEIGHTS else text) for name, text in parts])


def _words(parts: Parts, dice: random.Random, marker: Path) -> bytes:
    """Replace words of the description by what no honest model says."""
    return _packed([(name, _reworded(text, dice, marker) if name == CONFIG else text) for name, text in parts])


def _bytes_of_words(parts: Parts, dice: random.Random, _marker: Path) -> bytes:
    """Flip bytes of the description or of the version, with a right check sum."""
    chosen = dice.choice((CONFIG, METADATA))
    return _packed([(name, _flipped(text, dice) if name == chosen else text) for name, text in parts])


def _odd_weights(parts: Parts, dice: random.Random, marker: Path) -> bytes:
    """Replace one array by another kind of thing."""
    return _packed([(name, _odd_hdf5(text, dice, marker) if name == WEIGHTS else text) for name, text in parts])


def _members(parts: Parts, dice: random.Random, _marker: Path) -> bytes:
    """Rename, double, add or leave out parts of the archive."""
    number = dice.randrange(len(parts))
    name, text = parts[number]
    odd = dice.choice(
        (
            "../" + name,
            "/" + name,
            name + " ",
            "assets/../x",
            "assets/a/vocabulary.txt",
            "x.py",
            "\u202eyp.x",
            "é" * 300,
        )
    )
    choice = dice.randrange(4)
    if choice == 0:
        parts[number] = (odd, text)
    elif choice == 1:
        parts.append((name, dice.randbytes(dice.randrange(200))))
    elif choice == 2:
        parts.append((odd, text))
    else:
        parts.pop(number)
    return _packed(parts, dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))


WAYS = (_flip, _cut, _weights, _words, _words, _words, _bytes_of_words, _odd_weights, _members)
"""Words of the description are tried most: they are what an attacker chooses freely."""


def _reworded(text: bytes, dice: random.Random, marker: Path) -> bytes:
    config = json.loads(text)
    for _ in range(dice.randint(1, 3)):
        places = list(_places(config))
        holder, key = dice.choice(places)
        choice = dice.random()
        if choice < 0.15 and isinstance(holder, dict):
            holder[dice.choice(("x", "function", "module", "weights", "__class__", "lora_rank"))] = holder.pop(key)
        elif choice < 0.25:
            del holder[key]
        elif choice < 0.4:
            other, elsewhere = dice.choice(places)
            holder[key] = copy.deepcopy(other[elsewhere]) if elsewhere in _keys(other) else None
        else:
            holder[key] = copy.deepcopy(dice.choice(_evil(marker)))
    return json.dumps(config).encode("utf-8", "surrogatepass")


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(value: Any) -> Any:
    """Yield every (holder, key) of a description."""
    for key in list(_keys(value)) if isinstance(value, (dict, list)) else ():
        yield value, key
        yield from _places(value[key])


def _evil(marker: Path) -> list[Any]:
    order = f"touch {marker}"
    named = [
        ("os", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("keras.utils", "get_file"),
        ("keras.layers", "Lambda"), ("keras.layers", "TFSMLayer"), ("keras.config", "enable_unsafe_deserialization"),
        ("keras.saving", "load_model"), ("keras.layers", "Dense"), ("keras.layers", "RNN"), ("keras", "Sequential"),
        ("keras.src.ops.core", "WhileLoop"), ("keras.src.ops.numpy", "Add"), ("keras.initializers", "Zeros"),
    ]  # fmt: skip
    parts = [
        {"module": module, "class_name": kind, "config": {"name": "x", "args": [order]}, "registered_name": None}
        for module, kind in named
    ]
    functions = [
        {"module": module, "class_name": "function", "config": kind, "registered_name": kind}
        for module, kind in named[:4]
    ]
    plain = [
        None, True, -1, 0, 1, 2, 7, 10**9, 2**63, 10**40, 1e308, -0.5, "", "..", "../../x", "os.system", order, "relu",
        "same", "file:///etc/passwd", "https://127.0.0.1:9/x", "\ud800", "é" * 600, "x" * 100_000, [], {},
        [None, 10**9], [None, 4], [[[[[[]]]]]],
        {"class_name": "__lambda__", "config": {"code": "4wAA", "defaults": None, "closure": None}},
        {"class_name": "__tensor__", "config": {"value": [1e30], "dtype": "float32"}},
        {"class_name": "__typespec__", "spec_name": "x"}, {"class_name": "__bytes__", "config": {"value": order}},
    ]  # fmt: skip
    return [*parts, *functions, *plain]


def _odd_hdf5(text: bytes, dice: random.Random, marker: Path) -> bytes:
    import h5py

    memory = io.BytesIO(text)
    with h5py.File(memory, "r+") as file:
        paths: list[str] = []
        file.visititems(lambda path, each: paths.append(path) if isinstance(each, h5py.Dataset) else None)
        path = dice.choice(paths)
        shape = file[path].shape
        odd: list[Callable[[], Any]] = [
            lambda: file.__setitem__(path, h5py.ExternalLink(str(marker), "/")),
            lambda: file.__setitem__(path, h5py.SoftLink("/layers")),
            lambda: file.__setitem__(path, np.full(shape, np.nan, "float32")),
            lambda: file.__setitem__(path, np.ones((*shape, 2), "float32")),
            lambda: file.__setitem__(path, np.array(b"words")),
            lambda: file.create_dataset(path, (2**45,), "f4", chunks=(1024,)),
            lambda: file.create_dataset(path, shape, "f4", external=[(str(marker), 0, 4096)]),
            lambda: file.create_dataset(path, shape, h5py.string_dtype()),
            lambda: file.create_dataset(path, shape, "f8"),
            lambda: file.create_group(path),
            lambda: None,
        ]
        del file[path]
        dice.choice(odd)()
    return memory.getvalue()


def _flipped(text: bytes, dice: random.Random) -> bytes:
    whole = bytearray(text)
    for _ in range(dice.randint(1, 6)):
        whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
    return bytes(whole)


def _parts(file: Path) -> Parts:
    with zipfile.ZipFile(file) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _packed(parts: Parts, packing: int = zipfile.ZIP_STORED) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", packing) as archive:
        for name, text in parts:
            archive.writestr(name, text)
    return memory.getvalue()


def _wilson_upper(failures: int, count: int, z: float = 1.96) -> float:
    share = failures / count
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle + spread) / (1 + z * z / count)


if __name__ == "__main__":
    main()
