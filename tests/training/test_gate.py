"""The gate: honest models come through number for number, hostile ones end in a sentence, and the walls hold."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from recipes import Refusal, keras
from records.model_file import Inspected, unpacked
from tests.builders.smallest import build, first_pair
from tests.records.model_files import arrays, code_that_writes, dense, hdf5, members, model, packed, part, with_layer
from training import _gate_builder, _gate_reader, gate

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "Save the model again with Keras 3."

NEEDED = "`small/dense/kernel` needs an array of shape (4, 2), which is not in the file"
DIVERGED = (
    "1 of its arrays of weights hold numbers that are none (NaN or Infinity): it has diverged while it was trained, "
    "and its answers mean nothing. It can be looked at, but not trained on."
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "brought.keras"


def rebuilt(file):
    """Both halves in this very process: the same code as behind the gate, without the seconds of starting Keras."""
    room = file.parent
    found = unpacked(file, room)
    read = _gate_reader.read(room / "uploaded.h5", room / "arrays.bin")
    (room / "arrays.json").write_text(json.dumps(read))
    told = {"config": found.config, "keras": found.keras, "saved": found.saved, "notes": found.notes}
    (room / "rewritten.json").write_text(json.dumps(told | {"vocabularies": found.vocabularies}))
    return _gate_builder.rebuilt(room)


def refused(file):
    with pytest.raises(Refusal) as told:
        rebuilt(file)
    return str(told.value)


def refused_to_read(tmp_path, write):
    with h5py.File(tmp_path / "uploaded.h5", "w") as opened:
        write(opened)
    with pytest.raises(Refusal) as told:
        _gate_reader.read(tmp_path / "uploaded.h5", tmp_path / "arrays.bin")
    return str(told.value)


def example(told, *, rows=2):
    """Ready inputs for a model, by what is known about it."""
    random = np.random.default_rng(2)
    shapes = {port.name: (rows, *(size or 8 for size in port.shape)) for port in told.inputs}
    whole = {port.name for port in told.inputs if port.dtype.startswith(("int", "uint"))}
    return [
        random.integers(1, 4, shape).astype("int32") if name in whole else random.normal(size=shape).astype("float32")
        for name, shape in shapes.items()
    ]


def assert_same(file, given):
    """The clean file answers as the model that was saved, to the last bit."""
    told = rebuilt(file)
    clean = keras.saving.load_model(file.parent / "model.keras")
    asked = example(told)
    ready = dict(zip([port.name for port in told.inputs], asked, strict=True)) if len(asked) > 1 else asked[0]
    for one, other in zip(keras.tree.flatten(given(ready)), keras.tree.flatten(clean(ready)), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert told.parameters == given.count_params()
    return told


# Honest files


def test_a_sequential(file):
    given = keras.Sequential(
        [keras.Input((4,), name="numbers"), keras.layers.Dense(3, "relu"), keras.layers.Dropout(0.2)]
    )
    given.save(file)
    told = assert_same(file, given)
    assert [line.kind for line in told.layers] == ["Input", "Dense", "Dropout"]
    assert [(port.name, port.shape, port.dtype) for port in told.inputs] == [("numbers", (4,), "float32")]
    assert told.keras == keras.__version__
    assert told.trainable == told.parameters == 15


def test_a_trained_model_leaves_its_optimizer_behind(file):
    given = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    given.compile("adam", "mse", metrics=["mae"])
    given.fit(np.ones((8, 4)), np.ones((8, 1)), verbose=0)
    given.save(file)
    told = assert_same(file, given)
    assert told.trainable == told.parameters - 8
    assert told.notes[0].startswith("How it was trained (loss, optimizer, metrics) is not taken over")


def test_a_layer_that_is_used_twice_and_a_model_inside(file):
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    shared = keras.layers.Dense(4, activation="gelu")
    inner = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(3), keras.layers.LayerNormalization()], name="inner"
    )
    joined = keras.ops.concatenate([shared(left), shared(right) * 2.0], axis=-1)
    given = keras.Model({"left": left, "right": right}, {"answer": inner(joined)[:, :2]})
    given.save(file)
    told = assert_same(file, given)
    assert [port.name for port in told.inputs] == ["left", "right"]
    assert [(port.name, port.shape) for port in told.outputs] == [("answer", (2,))]
    assert "inner › dense" in "\n".join(line.name for line in told.layers)


def test_a_recurrent_network_over_words(file):
    words = keras.Input((6,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(10, 4, mask_zero=True)(words)
    x = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(x)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    given = keras.Model(words, keras.layers.TimeDistributed(keras.layers.Dense(2))(x))
    given.save(file)
    assert_same(file, given)


def test_lookups_keep_their_words(file):
    text = keras.Input((1,), dtype="string", name="text")
    look = keras.layers.TextVectorization(output_sequence_length=4)
    look.adapt(np.array(["ada wrote a program", "ada drew a machine"]))
    keras.Model(text, look(text)).save(file)
    rebuilt(file)
    clean = keras.saving.load_model(file.parent / "model.keras")
    asked = keras.ops.convert_to_tensor(np.array([["ada drew a program"]]))
    np.testing.assert_array_equal(clean(asked), look(asked))


def test_a_published_network_with_random_weights(file):
    given = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=5)
    given.save(file)
    assert assert_same(file, given).parameters == 416_613


@pytest.mark.parametrize("name", ["mlp", "residual_cnn", "gpt", "tcn", "two_towers", "vae", "detector"])
def test_what_a_family_gives_away(name, file):
    kind, task = first_pair(name)
    given = build(name, kind, task).core
    given.save(file)
    told = rebuilt(file)
    assert told.parameters == given.count_params()
    clean = keras.saving.load_model(file.parent / "model.keras")
    for one, other in zip(given.get_weights(), clean.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Dense(
            3, keras.layers.LeakyReLU(0.1), kernel_regularizer="l2", kernel_constraint="max_norm"
        ),
        lambda: keras.layers.SpectralNormalization(keras.layers.Dense(2)),
        lambda: keras.layers.PReLU(shared_axes=None),
        lambda: keras.layers.Dense(3, dtype="mixed_float16"),
    ],
    ids=["parts", "wrapped", "learned bend", "half precision"],
)
def test_what_layers_are_made_of(file, layer):
    given = keras.Sequential([keras.Input((4,)), layer()])
    given.save(file)
    assert_same(file, given)


def test_weights_that_are_no_numbers_are_told(file):
    odd = arrays()
    odd["layers/dense/vars/1"][0] = np.nan
    told = rebuilt(packed(file, members(weights=hdf5(odd))))
    assert not told.is_finite
    assert told.notes == (DIVERGED,)


def test_a_model_that_never_met_data(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.Sequential([keras.layers.Dense(2)]).save(file)
    assert refused(file) == (
        "This model has never met data, so it has no shapes and no weights. Call it once or give it an Input, and save "
        "it again."
    )


# Weights that do not fit


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (arrays(3), f"{NEEDED}; the file has one of shape (4, 3) instead."),
        ({}, f"{NEEDED}."),
        (arrays() | {"layers/other/vars/0": np.ones(7, "float32")},
         "the file has an array of shape (7,) that no layer needs."),
    ],
    ids=["wrong", "missing", "extra"],
)  # fmt: skip
def test_weights_of_another_shape(file, given, sentence):
    packed(file, members(weights=hdf5(given)))
    assert refused(file) == f"The weights do not fit the layers: {sentence} {AGAIN}"


def test_weights_in_the_wrong_place(file):
    packed(file, members(model(dense(), dense("second", 2)), hdf5({
        "layers/dense/vars/0": np.ones((2, 2), "float32"), "layers/dense/vars/1": np.ones(2, "float32"),
        "layers/dense_1/vars/0": np.ones((4, 2), "float32"), "layers/dense_1/vars/1": np.ones(2, "float32"),
    })))  # fmt: skip
    assert refused(file) == f"The weights inside the file are not where the layers look for them. {AGAIN}"


def test_too_many_parameters(file):
    packed(file, members(model(dense("a", 8_192), dense("b", 8_192)), hdf5({})))
    assert refused(file) == (
        "This model has 67,158,016 parameters; at most 50,000,000 are opened here. Take a smaller model."
    )


def test_a_layer_that_puts_out_too_much(file):
    again = [part("RepeatVector", name=name, n=8_192) for name in ("again", "more")]
    packed(file, members(model(dense("five", 5), again[0], part("Flatten", name="flat"), again[1]), hdf5({})))
    assert refused(file) == (
        "The layer 'more' puts out 335,544,320 numbers for one example. No computer here could hold them."
    )


# HDF5


def test_a_link_to_another_file(tmp_path):
    def write(opened):
        opened["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")

    assert refused_to_read(tmp_path, write) == (
        f"The weights `layers/dense/vars/0` are a link to somewhere else, and no link is followed here. {AGAIN}"
    )


def test_a_soft_link_at_a_group(tmp_path):
    def write(opened):
        opened["layers"] = h5py.SoftLink("/elsewhere")

    assert refused_to_read(tmp_path, write) == (
        f"The weights `layers` are a link to somewhere else, and no link is followed here. {AGAIN}"
    )


def test_numbers_that_are_kept_in_another_file(tmp_path):
    (tmp_path / "bait").write_bytes(b"secret words")

    def write(opened):
        opened.create_dataset("a", (3,), "f4", external=[(str(tmp_path / "bait"), 0, 12)])

    assert refused_to_read(tmp_path, write) == (
        f"The weights `a` are kept in another file, and no other file is opened here. {AGAIN}"
    )


def test_numbers_that_are_made_up_of_others(tmp_path):
    def write(opened):
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "a", (3,))
        opened.create_virtual_dataset("a", layout)

    assert refused_to_read(tmp_path, write) == (
        f"The weights `a` are kept in another file, and no other file is opened here. {AGAIN}"
    )


@pytest.mark.parametrize("dtype", [h5py.string_dtype(), h5py.ref_dtype, h5py.vlen_dtype("f4"), "S4", [("a", "f4")]])
def test_what_is_no_list_of_numbers(tmp_path, dtype):
    assert refused_to_read(tmp_path, lambda opened: opened.create_dataset("a", (3,), dtype)) == (
        f"The weights `a` are no list of numbers. {AGAIN}"
    )


@pytest.mark.parametrize("shape", [(2**50,), (2**31, 2**20), (1_000_000_000,)])
def test_a_shape_that_is_a_bomb(tmp_path, shape):
    """A few bytes that would become exabytes of the fill value."""
    assert refused_to_read(tmp_path, lambda opened: opened.create_dataset("a", shape, "f4", chunks=(1024,) * len(shape)
                                                                          if len(shape) == 1 else (32, 32))) == (
        "The weights inside the file say that they are more than 50 million numbers; at most so many are opened here."
    )  # fmt: skip


def test_many_small_bombs(tmp_path):
    def write(opened):
        for number in range(40):
            opened.create_dataset(f"a{number}", (2_000_000,), "f4", chunks=(1024,), fillvalue=7)

    assert "more than 50 million numbers" in refused_to_read(tmp_path, write)


def test_a_filter_that_keras_does_not_use(tmp_path):
    def write(opened):
        opened.create_dataset("a", (64,), "f4", compression="lzf")

    assert refused_to_read(tmp_path, write) == f"The weights `a` are packed in a way that Keras does not use. {AGAIN}"


def test_a_group_inside_itself(tmp_path):
    def write(opened):
        group = opened.create_group("a")
        group["b"] = group

    assert refused_to_read(tmp_path, write) == f"The weights `a/b` stand in the file twice. {AGAIN}"


# Through the real gate


def test_comes_through_as_a_new_file(file, tmp_path):
    told = gate.admitted(packed(file), tmp_path / "clean")
    assert sorted(each.name for each in (tmp_path / "clean").iterdir()) == ["model.json", "model.keras"]
    clean = keras.saving.load_model(tmp_path / "clean" / "model.keras")
    np.testing.assert_array_equal(clean.get_weights()[0], arrays()["layers/dense/vars/0"])
    assert gate.opened(tmp_path / "clean") == told
    assert isinstance(told, Inspected)
    with (tmp_path / "clean" / "model.keras").open("ab") as opened:
        opened.write(b"more")
    with pytest.raises(Refusal, match="is not as it was when it was checked"):
        gate.opened(tmp_path / "clean")


def test_nothing_is_left_of_what_was_refused(file, tmp_path):
    with_layer(file, code_that_writes(tmp_path / "marker"))
    with pytest.raises(Refusal, match="Code from a file is never run here"):
        gate.admitted(file, tmp_path / "clean")
    assert list((tmp_path / "clean").iterdir()) == []
    assert not (tmp_path / "marker").exists()


def test_damaged_weights_end_in_a_sentence(file, tmp_path):
    packed(file, members(weights=hdf5()[:700]))
    with pytest.raises(Refusal) as told:
        gate.admitted(file, tmp_path / "clean")
    assert (
        str(told.value)
        == "The weights inside the file are damaged and cannot be read. Save the model again with Keras 3."
    )


@pytest.mark.parametrize("late", [gate.READING, gate.BUILDING])
def test_a_child_that_takes_too_long_is_ended(file, tmp_path, monkeypatch, late):
    monkeypatch.setitem(gate.LONGEST, late, 0.05)
    with pytest.raises(Refusal) as told:
        gate.admitted(packed(file), tmp_path / "clean")
    assert str(told.value) == "Opening this model took too long, so it was given up. Take a smaller model."
    assert list((tmp_path / "clean").iterdir()) == []


@pytest.mark.parametrize("module", ["this", "no.such.module"])
def test_a_child_that_says_nothing_of_use(tmp_path, monkeypatch, module):
    monkeypatch.setitem(gate.LONGEST, module, 20.0)
    with pytest.raises(Refusal) as told:
        gate._asked(module, tmp_path)
    assert str(told.value) == (
        "Opening this model took more memory or time than is allowed here. Take a smaller model."
    )


def test_what_a_child_left_is_no_link(tmp_path):
    (tmp_path / "arrays.bin").symlink_to("/etc/passwd")
    for name in ("arrays.bin", "nothing"):
        with pytest.raises(Refusal, match="more memory or time than is allowed"):
            gate._plain(tmp_path / name)


PROBES = """
import ctypes, json, os, pathlib, socket, sys, threading
from training import _jail
room = pathlib.Path(sys.argv[1])
missing = _jail.enter(room, memory=2**30, seconds=5, largest_file=2**20)
def tried(work):
    try: work()
    except BaseException as error: return type(error).__name__
    return "done"
def call(function, *values):
    if function(*values) < 0: raise OSError(ctypes.get_errno(), "refused")
print(json.dumps({
    "missing": missing,
    "own": tried(lambda: (room / "own").write_text("x")),
    "read": tried(lambda: pathlib.Path(sys.argv[2]).read_text()),
    "shorten": tried(lambda: os.truncate(sys.argv[2], 0)),
    "list": tried(lambda: os.listdir(str(room.parent))),
    "write": tried(lambda: (room.parent / "outside").write_text("x")),
    "socket": tried(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 1)),
    "program": tried(lambda: os.execv(str(room / "program"), ["program"])),
    "link": tried(lambda: os.symlink("/etc/passwd", room / "arrays.bin")),
    "pipe": tried(lambda: os.mkfifo(room / "model.json")),
    "memory": tried(lambda: bytearray(10 * 2**30)),
    "fork": tried(os.fork),
    "command": tried(lambda: __import__("subprocess").run(["/bin/true"])),
    "trace": tried(lambda: call(ctypes.CDLL(None, use_errno=True).ptrace, 16, int(sys.argv[4]), 0, 0)),
    "peek": tried(lambda: pathlib.Path(f"/proc/{sys.argv[4]}/environ").read_bytes()),
    "signal": tried(lambda: os.kill(int(sys.argv[4]), 0)),
    "unix": tried(lambda: socket.socket(socket.AF_UNIX)),
    "thread": tried(lambda: threading.Thread(target=len, args=("",)).start()),
    "large": tried(lambda: (room / "large").write_bytes(bytes(2**21))),
}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
def test_the_walls_hold(tmp_path):
    import socket

    room = tmp_path / "room"
    room.mkdir()
    (room / "program").write_text("#!/bin/sh\ntouch ran\n")
    (room / "program").chmod(0o755)
    (tmp_path / "bait").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-P", "-c", PROBES, str(room), str(tmp_path / "bait"), port, str(os.getpid())],
            cwd=room, check=True, capture_output=True, text=True, timeout=60,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    told = json.loads(done.stdout)
    missing = told.pop("missing")
    assert told["own"] == "done"
    assert told["memory"] == "MemoryError"
    assert told["large"] == "OSError"
    if "files" not in missing:
        walled = ("read", "shorten", "list", "write", "program", "link", "pipe")
        assert {name: told[name] for name in walled} == dict.fromkeys(walled, "PermissionError")
        assert (tmp_path / "bait").read_text() == "secret"
    if "network" not in missing:
        assert told["socket"] in {"OSError", "PermissionError"}
    assert told["thread"] == "done", "libraries compute in threads"
    if "processes" not in missing:
        walled = ("fork", "command", "trace", "signal", "unix", "socket")
        assert {name: told[name] for name in walled} == dict.fromkeys(walled, "PermissionError")
    if "files" not in missing:
        assert told["peek"] == "PermissionError"


def test_a_child_gets_no_secret_of_the_server(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_SECRET", "hush")
    assert not [name for name in gate._environment(tmp_path) if "LAYERWISE" in name]


def test_mutated_files_end_in_a_sentence_or_a_clean_model(tmp_path):
    """The benchmark in its small setting; docs/import.md has the large one."""
    asked = [sys.executable, "-m", "benchmarks.fuzz_models", "--files", "40", "--seed", "3"]
    done = subprocess.run(
        [*asked, "--json", str(tmp_path / "told.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["failed"] == []
    assert told["files"] == sum(told["ends"].values()) == 40
    assert set(told["ends"]) <= {"refused before Keras", "refused at weights", "refused at rebuilding", "came through"}
