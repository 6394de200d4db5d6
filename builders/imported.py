"""A model from elsewhere: a network that you bring as a `.keras` file learns on with your own data.

For whoever has a trained model already: one of a lesson, of a colleague, or one's own download from here. The file has
come through the gate first (docs/import.md). Its layers stand between the prepared data and the answer: pictures are
brought to the size, colours and range of values that it knows, its last layer is kept or replaced by one for your
classes, and all of it learns, its last layers, or the new answer alone. Of a download from here only the core goes on;
what it did to raw values is done anew for your data.
Paper: Yosinski, Clune, Bengio, Lipson, "How transferable are features in deep neural networks?", 2014.
Score: accuracy 0.95 on digits after 12 rounds, by a small network that knew the digits 0 to 4 before (sealed test part,
seed 1).
"""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from builders import Blueprint
from builders._evidence_tables import with_map
from builders._layers import blueprint
from recipes import Refusal, Settings, Signature, keras, setting

TITLE = "Model from elsewhere"
SUMMARY = (
    "A .keras file that you bring learns on with your own data: all of it, its last layers, or a new answer alone."
)
ICON = "deployed_code_update"
TASKS = ("classification", "regression", "forecasting")
DATA_TYPES = ("tabular", "image", "series", "audio")
PAPER = "Yosinski, Clune, Bengio, Lipson: How transferable are features in deep neural networks?, 2014"
TRAINING = {"epochs": 30, "patience": 8, "learning_rate": 0.0005}
NEEDS_FILE = True

FILE = "model.keras"
NONE = (
    "No model was chosen. Open a .keras file under Learn › Open a .keras file, and press *Train it on your data* there."
)
GONE = (
    "The model that learns on here is not on this computer. Open the same .keras file under Learn › Open a .keras "
    "file, press *Train it on your data* there, and try again."
)
OWN = "layerwise"
"""The name of our own downloads: raw values, then preprocessing, core and answer, each a model inside."""
BENDS = ("linear", "softmax", "sigmoid")
"""Activations of a last layer that only turn scores into shares; the scores before them go on."""
COLOURS = {1: "grey", 3: "colour"}

_shelf: dict[str, Path] = {}


class Config(Settings):
    """Settings of a model that was brought."""

    model: str = setting(
        "", "Model", "The fingerprint of the model that was opened here; its file has to be on this computer.",
        panel="file", pattern="^([0-9a-f]{64})?$",
    )  # fmt: skip
    head: Literal["auto", "keep", "replace"] = setting(
        "auto", "Last layer",
        "`keep` goes on with its own answer, `replace` puts a new one in its place; `auto` keeps it where it answers "
        "as many classes as you have.",
    )  # fmt: skip
    learn: Literal["all", "last", "head"] = setting(
        "all", "What learns", "The whole model, its last layers, or the answer alone; the rest stays as it came.",
    )  # fmt: skip
    last: int = setting(
        3, "Last layers", "How many of its last layers with weights learn, where only the last ones do.", ge=1, le=200
    )
    values: Literal["auto", "0..255", "0..1", "-1..1"] = setting(
        "auto", "Values of pictures",
        "Between which numbers the model expects a picture's values; `auto` is 0..1 unless it scales them itself.",
        advanced=True,
    )  # fmt: skip
    dropout: float = setting(
        0.2, "Dropout", "Share of what the model saw that sits out each step, before a new answer.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


@dataclass(frozen=True)
class _Brought:
    """The model in two parts: what sees, and what answers."""

    name: str
    body: Any
    """One input to features (batch, ...), without the last layer."""
    head: Any
    """The last Dense layer, which gives scores; None where the model ends in something else."""
    is_ours: bool


def lies_in(folder: Path) -> None:
    """Say where this process finds the models that came through the gate: FOLDER/<fingerprint>/model.keras."""
    _shelf["folder"] = folder


def fingerprint(file: Path) -> str:
    """Return a hash of what a `.keras` file holds, whenever it was saved: SHA-256 of its parts without the date."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(file) as archive:
        for name in sorted(set(archive.namelist()) - {"metadata.json"}):
            digest.update(f"{name}\0{archive.getinfo(name).file_size}\0".encode())
            with archive.open(name) as part:
                while piece := part.read(1 << 20):
                    digest.update(piece)
    return digest.hexdigest()


def build(signature: Signature, config: Config) -> Blueprint:
    """Map one input to (batch, outputs) logits, or standardised numbers, through the model that was brought."""
    brought = _parted(_opened(config.model))
    name, spec = next(iter(signature.inputs.items()))
    inputs = keras.Input(spec.shape, name=name, dtype=spec.dtype if signature.data_type != "image" else "float32")
    entered, notes = _entered(inputs, brought, signature, config)
    kept = _keeps(brought, signature, config)
    learning, all_layers = _let_learn(brought.body, config)
    seen = brought.body(entered)
    outputs = _answer_kept(brought, seen, config) if kept else _answer_anew(seen, signature, config)
    core = keras.Model({name: inputs}, outputs, name="imported")
    told = (
        f"'{brought.name}' learns on: {learning} of its {all_layers} layers with weights "
        f"({brought.body.count_params():,} parameters), and the last layer."
    )
    return with_map(blueprint(core, signature, notes=(told, _about_answer(signature, kept=kept), *notes)), signature)


# --- the file ---------------------------------------------------------------------------------------------------------


def _opened(model: str) -> Any:
    """Load the file that came through the gate: only such ones lie on the shelf, each under its own fingerprint."""
    if not model:
        raise Refusal(NONE)
    file = _shelf["folder"] / model / FILE if "folder" in _shelf else None
    if file is None or not file.is_file() or fingerprint(file) != model:
        raise Refusal(GONE)
    return keras.saving.load_model(file, custom_objects=None, compile=False, safe_mode=True)


def _parted(model: Any) -> _Brought:
    """Take a model apart into what sees and what answers."""
    name, is_ours = model.name, False
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if model.name == OWN and len(inside) == 3:
        (_, model, _), is_ours = inside, True
        name = model.name
    given, outputs = model.inputs, model.outputs
    if len(given) != 1 or len(outputs) != 1:
        raise Refusal(
            f"This model takes {_counted(len(given), 'input')} and gives {_counted(len(outputs), 'answer')} at once. "
            "Only models with one of each can learn on here."
        )
    features, head = _cut(outputs[0])
    return _Brought(name, keras.Model(given[0], features, name="brought"), head, is_ours)


def _cut(output: Any) -> tuple[Any, Any]:
    """Return the tensor that the last Dense layer reads, and that layer; the output and None without such a layer."""
    told = output
    while (made := _maker(told))[0] is not None and _is_bend(made[0]):
        told = made[1]
    layer, entering = made
    if isinstance(layer, keras.layers.Dense) and keras.activations.serialize(layer.activation) in BENDS:
        return entering, layer
    if isinstance(layer, keras.Model) and len(layer.inputs) == len(layer.outputs) == 1:
        inner, head = _cut(layer.outputs[0])
        if head is not None:
            return keras.Model(layer.inputs[0], inner, name=f"{layer.name}_seeing")(entering), head
    return told, None


def _maker(tensor: Any) -> tuple[Any, Any]:
    """Return the layer or operation that a tensor comes out of, and what goes into it."""
    layer, number, _ = tensor._keras_history  # noqa: SLF001 - the one way to walk a functional graph backwards
    entering = layer._inbound_nodes[number].input_tensors  # noqa: SLF001
    return (layer, entering[0]) if len(entering) == 1 else (None, None)


def _is_bend(layer: Any) -> bool:
    """Is it a step of its own that turns scores into shares?"""
    if isinstance(layer, keras.layers.Activation):
        return keras.activations.serialize(layer.activation) in BENDS
    return type(layer).__name__ in ("Softmax", "Sigmoid")


# --- between the data and the model -----------------------------------------------------------------------------------


def _entered(inputs: Any, brought: _Brought, signature: Signature, config: Config) -> tuple[Any, tuple[str, ...]]:
    """Bring the prepared data to what the model takes; refuses in words where that cannot be."""
    wanted = brought.body.input
    shape = tuple(wanted.shape[1:])
    is_picture = signature.data_type == "image"
    if not str(wanted.dtype).startswith("float") and not (
        is_picture and len(shape) == 3 and "int" in str(wanted.dtype)
    ):
        _refuse_words(str(wanted.dtype), brought)
    if is_picture:
        entered, notes = _as_picture(inputs, shape)
        entered, note = _ranged(entered, brought, config)
        if len(shape) != 3:
            entered = keras.ops.reshape(entered, (-1, *_flat(shape, entered)))
        return keras.ops.cast(entered, wanted.dtype), (*notes, note)
    return {"tabular": _as_row, "series": _as_series, "audio": _as_sound}[signature.data_type](inputs, shape)


def _refuse_words(dtype: str, brought: _Brought) -> None:
    if brought.is_ours or dtype == "string":
        raise Refusal(
            "This model reads words, by a list of words of its own that your data do not share. Choose a model that "
            "takes numbers, a picture, a series or a sound."
        )
    raise Refusal(
        "This model takes whole numbers that stand for something, such as words, and your data do not share their "
        "meaning. Choose a model that takes measured numbers, a picture, a series or a sound."
    )


def _as_row(inputs: Any, shape: tuple[int | None, ...]) -> tuple[Any, tuple[str, ...]]:
    count = int(inputs.shape[-1])
    wanted = [size for size in shape if size != 1]
    if len(wanted) > 1:
        raise Refusal(f"This model takes {_kind(shape)}, but your data are rows of {count} numbers. Choose other data.")
    if wanted not in ([count], [None]) and not (count == 1 and not wanted):
        size = wanted[0] or 1 if wanted else 1
        raise Refusal(
            f"This model takes {_counted(size, 'number')}, but your data have {count}. Leave columns out or take more, "
            "until they are as many; a column of words counts as several numbers."
        )
    note = (
        "Your columns come in standardised, in the order of the table. A model that learned with another order or "
        "other columns has to learn anew what each number means."
    )
    return (inputs if len(shape) == 1 else keras.ops.reshape(inputs, (-1, *_known(shape, count)))), (note,)


def _known(shape: tuple[int | None, ...], count: int) -> tuple[int, ...]:
    return tuple(count if size is None else size for size in shape)


def _as_series(inputs: Any, shape: tuple[int | None, ...]) -> tuple[Any, tuple[str, ...]]:
    steps, columns = (int(size) for size in inputs.shape[1:])
    if len(shape) == 1 and columns == 1:
        shape, flat = (shape[0], 1), True
    else:
        flat = False
    if len(shape) != 2:
        raise Refusal(f"This model takes {_kind(shape)}, but your data are series. Choose other data or another model.")
    if shape[1] not in (None, columns):
        raise Refusal(
            f"This model reads {_counted(shape[1] or 0, 'column')} at each step, but your series have {columns}. "
            "Choose as many columns, or another model."
        )
    if shape[0] is not None and shape[0] > steps:
        raise Refusal(
            f"This model looks back {shape[0]:,} steps, but your data show {steps:,}. Set the window of the data to "
            f"{shape[0]:,} or more."
        )
    last = shape[0] or steps
    x = inputs[:, -last:] if last < steps else inputs
    note = (f"It sees the last {last:,} of the {steps:,} steps.",) if last < steps else ()
    return (keras.ops.reshape(x, (-1, last)) if flat else x), note


def _as_sound(inputs: Any, shape: tuple[int | None, ...]) -> tuple[Any, tuple[str, ...]]:
    length = int(inputs.shape[1])
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
        raise Refusal(f"This model takes {_kind(shape)}, but your data are sounds as they come. Choose another model.")
    if shape[0] not in (None, length):
        raise Refusal(
            f"This model hears {shape[0]:,} values of a sound at once, but your sounds have {length:,}. Set length and "
            "rate of the sounds so that they have as many."
        )
    return (inputs if len(shape) == 1 else keras.ops.expand_dims(inputs, -1)), ()


def _as_picture(inputs: Any, shape: tuple[int | None, ...]) -> tuple[Any, tuple[str, ...]]:
    """Map (batch, height, width, 1 or 3) to the height, width and channels that the model takes."""
    height, width, channels = (int(size) for size in inputs.shape[1:])
    rows, columns, colours = _frame(shape, (height, width, channels))
    if colours not in COLOURS:
        raise Refusal(
            f"This model takes pictures with {_counted(colours, 'channel')}, but yours have {channels}. Only grey "
            "(1) and colour (3) can be turned into each other."
        )
    x, notes = inputs, []
    if (rows, columns) != (height, width):
        # Not the layer `Resizing`: it would tell all layers behind it that they are training (Keras 3.15).
        x = keras.ops.image.resize(x, (rows, columns), antialias=True)
        notes.append(f"Your pictures are brought from {height} x {width} to {rows} x {columns} pixels.")
    if colours != channels:
        x = keras.layers.Concatenate()([x, x, x]) if channels == 1 else keras.ops.image.rgb_to_grayscale(x)
        notes.append(f"The model sees them in {COLOURS[colours]}.")
    return x, tuple(notes)


def _frame(shape: tuple[int | None, ...], own: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return height, width and channels of the pictures that a model takes, also of one that takes them as one row."""
    height, width, channels = own
    if len(shape) == 3:
        return shape[0] or height, shape[1] or width, shape[2] or channels
    if len(shape) == 2:
        return shape[0] or height, shape[1] or width, 1
    if len(shape) == 1 and shape[0]:
        for colours in (1, 3):
            side = round((shape[0] / colours) ** 0.5)
            if side * side * colours == shape[0]:
                return side, side, colours
    raise Refusal(f"This model takes {_kind(shape)}, which pictures cannot be turned into. Choose another model.")


def _flat(shape: tuple[int | None, ...], picture: Any) -> tuple[int, ...]:
    """Return the shape in which the model takes the picture."""
    rows, columns, colours = (int(size) for size in picture.shape[1:])
    return {1: (rows * columns * colours,), 2: (rows, columns), 3: (rows, columns, colours)}[len(shape)]


def _ranged(x: Any, brought: _Brought, config: Config) -> tuple[Any, str]:
    """Scale values from 0 to 255 to the range that the model knows."""
    values = config.values
    if values == "auto":
        first = next((each for each in _leaves(brought.body) if not isinstance(each, keras.layers.InputLayer)), None)
        scales = isinstance(first, (keras.layers.Rescaling, keras.layers.Normalization))
        takes_bytes = "int" in str(brought.body.input.dtype)
        values = "0..255" if brought.is_ours or scales or takes_bytes else "0..1"
    if values == "0..255":
        return x, "It gets values from 0 to 255."
    if values == "0..1":
        return keras.layers.Rescaling(1 / 255)(x), "It gets values from 0 to 1."
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0)(x), "It gets values from -1 to 1."


# --- the answer -------------------------------------------------------------------------------------------------------


def _keeps(brought: _Brought, signature: Signature, config: Config) -> bool:
    """Does the model's own answer stay?"""
    size = _answers(brought)
    fits = size == signature.outputs
    if config.head == "keep" and not fits:
        told = f"gives {_counted(size, 'number')}" if size else "ends in no row of numbers"
        raise Refusal(
            f"`head` keep needs an answer of {_counted(signature.outputs, _noun(signature))}, but this model {told}. "
            "Set `head` to replace."
        )
    # Numbers of a model from elsewhere are in a unit of their own; ours are standardised, as here.
    return (
        config.head != "replace"
        and fits
        and (config.head == "keep" or bool(signature.target.classes) or brought.is_ours)
    )


def _answers(brought: _Brought) -> int:
    """Count the numbers that the model answers for one example; 0 where it gives no row of numbers."""
    if brought.head is not None:
        return int(brought.head.units) if len(brought.body.output.shape) == 2 else 0
    shape = brought.body.output.shape
    return int(shape[1] or 0) if len(shape) == 2 else 0


def _answer_kept(brought: _Brought, seen: Any, config: Config) -> Any:
    if brought.head is None:
        if config.learn == "head":
            raise Refusal(
                "`learn` head needs a last layer that can learn, and this model has none. Set `learn` to last."
            )
        return keras.ops.cast(seen, "float32")
    brought.head.activation = keras.activations.get("linear")  # the loss takes scores, not shares
    brought.head.trainable = True
    return brought.head(seen)


def _answer_anew(seen: Any, signature: Signature, config: Config) -> Any:
    pools = {3: keras.layers.GlobalAveragePooling1D, 4: keras.layers.GlobalAveragePooling2D,
             5: keras.layers.GlobalAveragePooling3D}  # fmt: skip
    rank = len(seen.shape)
    x = pools[rank]()(seen) if rank in pools else seen
    x = keras.layers.Dropout(config.dropout)(x) if config.dropout else x
    return keras.layers.Dense(signature.outputs, dtype="float32", name="answer")(x)


def _let_learn(body: Any, config: Config) -> tuple[int, int]:
    """Freeze what stays as it came; returns how many layers with weights learn, and how many there are."""
    body.trainable = True
    weighted = [layer for layer in _leaves(body) if layer.weights]
    learning = {"all": len(weighted), "last": min(config.last, len(weighted)), "head": 0}[config.learn]
    for layer in weighted[: len(weighted) - learning]:
        layer.trainable = False
    return learning, len(weighted)


def _leaves(model: Any) -> list[Any]:
    """List the layers from the input to the output, models inside opened."""
    found = []
    for layer in model.layers:
        found += _leaves(layer) if isinstance(layer, keras.Model) else [layer]
    return found


# --- words ------------------------------------------------------------------------------------------------------------


def _about_answer(signature: Signature, *, kept: bool) -> str:
    if not kept:
        return f"A new last layer answers, for {_counted(signature.outputs, _noun(signature))}."
    classes = ", ".join(signature.target.classes[:20])
    return f"Its own last layer answers{f', with your classes in this order: {classes}' if classes else ''}."


def _noun(signature: Signature) -> str:
    return "class" if signature.target.classes else "number"


def _counted(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def _kind(shape: tuple[int | None, ...]) -> str:
    sizes = " x ".join("any" if size is None else f"{size:,}" for size in shape)
    return f"{'an array' if len(shape) > 1 else 'a row'} of {sizes} numbers"
