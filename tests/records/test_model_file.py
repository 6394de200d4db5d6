"""A model file from outside: every way in which it could do harm has its sentence, and nothing of it is ever run."""

import json
import warnings
import zipfile

import pytest

from recipes import Refusal, keras
from records import model_description as description
from records import model_file
from records.model_file import CONFIG, METADATA, WEIGHTS, unpacked
from tests.records import words_of_keras
from tests.records.model_files import (
    code_that_writes,
    dense,
    hdf5,
    link,
    members,
    model,
    packed,
    part,
    with_config,
    with_layer,
)

AGAIN = "Save the model in Keras 3 with `model.save('model.keras')` and take that file."
REPLACE = "Replace it with built-in layers and save the model again."
DAMAGED = f"This is not a .keras file, or it is damaged or cut off. Copy or download it again. {AGAIN}"
NONE = "which is none of Keras's own parts that can be opened here."
ODD_NAME = (
    "The model 'small' holds a name that Keras does not give. Save the model again with names of letters and digits."
)
UNKNOWN_SETTING = (
    "The layer 'dense' has a setting that its kind does not have in Keras 3.15: `surprise`. Save the model again "
    "with a newer Keras."
)
BROKEN = "The description of the model inside this file is broken. Save the model again with Keras 3."


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.keras"


def refused(file):
    with pytest.raises(Refusal) as told:
        unpacked(file, file.parent)
    return str(told.value)


def test_an_honest_file_is_written_anew_word_by_word(file):
    found = unpacked(packed(file), file.parent)
    assert found.keras == "3.15.1"
    assert found.saved == "2026-11-01 10:00:00"
    assert found.weights.read_bytes() == hdf5()
    layers = found.config["config"]["layers"]
    assert [layer["config"]["name"] for layer in layers] == ["numbers", "dense"]
    assert found.config["compile_config"] is None


def test_how_it_was_trained_is_left_behind_and_said(file):
    config = model(compile_config={"optimizer": "adam", "loss": {"module": "os", "class_name": "system"}})
    found = unpacked(with_config(file, config), file.parent)
    assert found.config["compile_config"] is None
    assert found.notes == (
        "How it was trained (loss, optimizer, metrics) is not taken over: training settings are chosen anew here.",
    )


# The archive


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty. Was it still downloading?"),
        (
            b"\x89HDF\r\n\x1a\n",
            f"This is not a .keras file: it looks like an HDF5 file (.h5), the older format of Keras. {AGAIN}",
        ),
        (
            b"\x80\x04\x95....",
            f"This is not a .keras file: it looks like a pickled Python object, which could run any program. {AGAIN}",
        ),
        (b"\x89PNG\r\n\x1a\n", f"This is not a .keras file: it looks like a picture. {AGAIN}"),
        (b"<!doctype html>", f"This is not a .keras file: it looks like a web page. {AGAIN}"),
        (b"hello, world", DAMAGED),
        (b"PK\x03\x04 and no more", DAMAGED),
    ],
)
def test_another_kind_of_file_is_named(file, content, sentence):
    file.write_bytes(content)
    assert refused(file) == sentence


def test_a_file_that_was_cut_off(file):
    whole = packed(file).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert refused(file) == DAMAGED


def test_a_wrong_check_sum(file):
    whole = bytearray(packed(file).read_bytes())
    whole[whole.index(b"keras_version")] ^= 1
    file.write_bytes(whole)
    assert refused(file) == "A part of the file is damaged: its check sum is wrong. Copy or download the file again."


def test_a_wrong_check_sum_of_the_weights(file):
    whole = bytearray(packed(file).read_bytes())
    whole[whole.index(b"\x89HDF") + 900] ^= 1
    file.write_bytes(whole)
    assert refused(file) == "A part of the file is damaged: its check sum is wrong. Copy or download the file again."


@pytest.mark.parametrize("name", [CONFIG, METADATA, WEIGHTS])
def test_a_part_is_missing(file, name):
    packed(file, [member for member in members() if member[0] != name])
    assert refused(file) == f"The part `{name}` is missing, so this is no .keras file of Keras 3. {AGAIN}"


def test_a_part_twice(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed(file, [*members(), (CONFIG, b"{}")])
    assert refused(file) == f"The part `config.json` is in the file twice. {AGAIN}"


@pytest.mark.parametrize("name", ["../../escaped.txt", "/etc/escaped.txt", "assets/../../escaped"])
def test_a_name_that_leads_out_of_the_folder(file, name):
    packed(file, [*members(), (name, b"here")])
    assert refused(file) == f"The file holds a part with an unsafe name, `{name}`. {AGAIN}"
    assert not (file.parent.parent / "escaped.txt").exists()


def test_a_link(file):
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members():
            archive.writestr(*(link(name, "/etc/passwd") if name == WEIGHTS else (name, content)))
    assert refused(file) == (
        f"The part `model.weights.h5` is a link to another file, and no link is followed here. {AGAIN}"
    )


@pytest.mark.parametrize("name", ["assets/anything.bin", "run.py", "model.weights.npz", "config.json "])
def test_a_part_that_keras_does_not_write(file, name):
    packed(file, [*members(), (name, b"here")])
    assert refused(file) == f"The file holds `{name}`, which is no part of a .keras file that is opened here. {AGAIN}"


def test_too_many_parts(file):
    packed(file, [*members(), *[(f"assets/layers/word_{number}/vocabulary.txt", b"") for number in range(70)]])
    assert refused(file) == f"The file holds 73 parts; a .keras file has three. {AGAIN}"


def test_a_zip_bomb(file):
    packed(file, members(weights=bytes(80 * 2**20)), zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 100_000
    assert refused(file) == "The file unpacks to 80 MB, far more than a model of its size needs."
    assert not (file.parent / "uploaded.h5").exists()


def test_a_bomb_that_lies_about_its_size(file):
    """What the archive says about a part's size is not believed: reading stops where it says, and the sum is wrong."""
    packed(file, members(weights=bytes(80 * 2**20)), zipfile.ZIP_DEFLATED)
    size = (80 * 2**20).to_bytes(4, "little")
    file.write_bytes(file.read_bytes().replace(size, (5_000).to_bytes(4, "little")))
    assert refused(file) in (
        DAMAGED,
        "A part of the file is damaged: its check sum is wrong. Copy or download the file again.",
    )
    assert sum(found.stat().st_size for found in file.parent.glob("uploaded.h5")) <= 2**20


def test_a_description_that_is_mostly_air(file):
    packed(file, members(json.dumps(model()).encode() + b" " * (9 * 2**20)))
    assert refused(file) == "The part `config.json` has more than 8,192 kB, far more than a model needs."


def test_a_password(file):
    whole = bytearray(packed(file).read_bytes())
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(start) + offset] |= 1
    file.write_bytes(whole)
    assert refused(file) == "The file has a password. Save it without one."


def test_a_file_of_keras_2(file):
    packed(file, members(version="2.15.0"))
    assert refused(file) == (
        "This file was written by Keras 2.15.0, and files of Keras 3 are opened here. Load it there, and save the "
        "model again with Keras 3."
    )


# The description


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", BROKEN),
        (b"[]", BROKEN),
        (b"null", BROKEN),
        (b'{"a": "\xff"}', BROKEN),
        (b"[" * 100_000, "The description of the model is nested more than 64 levels deep, which none needs."),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
         "The description of the model is nested more than 64 levels deep, which none needs."),
        (b'{"a": 1, "a": 2}', "The description of the model says something twice. Save the model again with Keras 3."),
        (b'{"a": NaN}', "The description of the model holds a number that is none (NaN or Infinity)."),
        (b'{"a": ' + b"9" * 100_000 + b"}", "The description of the model holds a number with more than 20 digits."),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_broken_description(file, text, sentence):
    assert refused(with_config(file, text)) == sentence


def test_a_lambda_is_never_run(file, tmp_path):
    marker = tmp_path / "marker"
    assert refused(with_layer(file, code_that_writes(marker))) == (
        "The layer 'trick' is a Lambda, which holds program code of its own. Code from a file is never run here. "
        + REPLACE
    )
    assert not marker.exists()


@pytest.mark.parametrize("outer", ["TimeDistributed", "Bidirectional", "RNN"])
def test_a_lambda_inside_another_layer(file, tmp_path, outer):
    inner = "cell" if outer == "RNN" else "layer"
    layer = part(outer, name="outer")
    layer["config"][inner] = code_that_writes(tmp_path / "marker")
    assert refused(with_layer(file, layer)).startswith("The layer 'trick' is a Lambda, which holds program code")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("TFSMLayer", "opens a TensorFlow model from another file"),
        ("TorchModuleWrapper", "holds a PyTorch module"),
        ("JaxLayer", "holds program code for JAX"),
    ],
)
def test_layers_that_load_something(file, kind, words):
    layer = part(kind, name="loader", filepath="elsewhere", module="x")
    assert refused(with_layer(file, layer)) == (
        f"The layer 'loader' {words}. Code from a file is never run here. {REPLACE}"
    )


@pytest.mark.parametrize(
    ("module", "kind"),
    [("os", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("keras.utils", "get_file"),
     ("keras.saving", "load_model"), ("keras.src.layers.core.lambda_layer", "Lambda2"), ("keras.layers", "Custom"),
     ("keras.config", "enable_unsafe_deserialization"), ("keras.src.ops.core", "WhileLoop"),
     ("keras.src.ops.numpy", "np"), ("keras.layers", "__class__")],
)  # fmt: skip
def test_a_path_to_something_else(file, module, kind):
    layer = part(kind, module, name="trick", args=["touch marker"])
    assert refused(with_layer(file, layer)) == (f"The layer 'trick' names '{module}.{kind}', {NONE} {REPLACE}")


def test_a_class_of_ones_own(file):
    layer = dense() | {"registered_name": "mine>Dense"}
    assert refused(with_layer(file, layer)) == (f"The model 'small' names 'mine>Dense', {NONE} {REPLACE}")


def test_a_model_of_ones_own(file):
    config = part("MyModel", "mine.models") | {"registered_name": "MyModel"}
    assert refused(with_config(file, config)) == (
        "This model is of a class of its own ('mine.models.MyModel'), whose program code is not in the file. Only "
        "Functional and Sequential models can be opened."
    )


@pytest.mark.parametrize(
    "setting",
    [
        {"activation": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}},
        {"activation": "os.system"},
        {"activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"}},
    ],
)
def test_an_activation_that_is_none(file, setting):
    sentence = f"The layer 'dense' names an activation that Keras does not have. {REPLACE}"
    assert refused(with_layer(file, part("Dense", name="dense", units=2, **setting))) == sentence


@pytest.mark.parametrize("key", ["kernel_initializer", "kernel_regularizer", "kernel_constraint", "dtype"])
def test_a_part_of_a_layer_that_is_none(file, key):
    layer = dense()
    layer["config"][key] = part("Popen", "subprocess", args="touch marker")
    assert refused(with_layer(file, layer)) == (f"The layer 'dense' names 'subprocess.Popen', {NONE} {REPLACE}")


@pytest.mark.parametrize("kind", ["TextVectorization", "StringLookup", "IntegerLookup"])
def test_words_from_a_file_or_an_address(file, kind):
    for place in ("/etc/passwd", "https://example.org/words.txt"):
        assert refused(with_layer(file, part(kind, name="words", vocabulary=place))) == (
            "The layer 'words' reads its words from a file, and no file is opened for a model here. Give the layer its "
            "words as a list and save the model again."
        )


def test_a_function_that_prepares_text(file):
    layer = part("TextVectorization", name="words", standardize={"module": "os", "class_name": "function"})
    assert refused(with_layer(file, layer)) == (
        f"The layer 'words' sets `standardize` to something that cannot be opened here. {REPLACE}"
    )


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (dense(units=10**9), "The layer 'dense' sets `units` to 1000000000, but at most 8,192 is allowed."),
        (part("Conv2D", name="c", filters=4, kernel_size=[9_000, 9_000]),
         "The layer 'c' sets `kernel_size` to 9000, but at most 8,192 is allowed."),
        (part("Embedding", name="e", input_dim=10**12, output_dim=4),
         "The layer 'e' sets `input_dim` to 1000000000000, but at most 10,000,000 is allowed."),
        (part("InputLayer", name="i", batch_shape=[None, 10**9]), "The layer 'i' has a shape that no data have."),
        (part("InputLayer", name="i", batch_shape=[None, -4]), "The layer 'i' has a shape that no data have."),
        (dense(surprise=1),
         UNKNOWN_SETTING),
        (dense(lora_rank=4), f"The layer 'dense' sets `lora_rank`, which is not opened here. {REPLACE}"),
        (dense(name="../../evil"),
         ODD_NAME),
        (dense(name=".."),
         ODD_NAME),
        (dense(name="\ud800"),
         ODD_NAME),
        (part("Rescaling", name="r", scale="/etc/passwd"),
         f"The layer 'r' sets `scale` to a text that no setting of Keras has. {REPLACE}"),
    ],
    ids=range(11),
)  # fmt: skip
def test_settings_that_no_honest_model_has(file, layer, sentence):
    assert refused(with_layer(file, layer)) == sentence


def test_two_layers_of_one_name(file):
    assert refused(with_config(file, model(dense("same"), dense("same")))) == (
        "The model 'small' has two layers that are called 'same'. Save the model again with Keras 3."
    )


def test_ten_thousand_layers(file):
    config = model(*[part("ReLU", name=f"r{number}") for number in range(10_000)])
    assert refused(with_config(file, config)) == (
        "This model has more than 2,000 layers. At most so many are opened here."
    )


def test_an_argument_that_is_none(file):
    start = part("InputLayer", name="a", batch_shape=[None, 4]) | {"name": "a", "inbound_nodes": []}
    call = {"args": [{"module": "os", "class_name": "function", "config": "system"}], "kwargs": {}}
    layers = [start, dense() | {"name": "dense", "inbound_nodes": [call]}]
    config = part(
        "Functional", "keras", name="m", layers=layers, input_layers=["a", 0, 0], output_layers=["dense", 0, 0]
    )
    assert refused(with_config(file, config)) == (f"The layer 'dense' names 'os.system', {NONE} {REPLACE}")


# The list


def test_the_list_is_what_the_installed_keras_has():
    """After an update of Keras, `tests/records/words_of_keras.py` writes it anew."""
    assert description.words() == json.loads(json.dumps(words_of_keras.words()))


def test_nothing_on_the_list_runs_code_or_opens_files():
    known = description.words()
    assert not words_of_keras.CLOSED & set(known["layers"])
    for module, operations in known["operations"].items():
        assert not words_of_keras.LOOPS & set(operations), module
    texts = {key for settings in known["layers"].values() for key in settings if "path" in key or "file" in key}
    assert texts == set()


def test_the_payload_of_these_tests_is_a_live_one(tmp_path):
    """Plain Keras without its safe mode runs it, so that its absence above means something."""
    file = with_layer(tmp_path / "model.keras", code_that_writes(tmp_path / "marker"))
    with pytest.raises(ValueError, match="safe"):
        keras.saving.load_model(file)
    config = json.loads(zipfile.ZipFile(file).read(CONFIG))["config"]["layers"][1]
    keras.saving.deserialize_keras_object(config, safe_mode=False)(keras.ops.ones((1, 4)))
    assert (tmp_path / "marker").exists()


def test_limits_are_those_of_the_documents():
    assert model_file.LARGEST == 200 * 2**20
    assert description.MOST_LAYERS == 2_000


@pytest.mark.parametrize("kind", [{"class_name": "Lambda"}, ["Functional"], 7, None])
def test_a_model_whose_class_is_no_word_is_refused_in_words(kind):
    with pytest.raises(Refusal, match="only Functional and Sequential models can be opened here"):
        description.cleaned(json.dumps({"module": "keras", "class_name": kind, "config": {}}).encode())
