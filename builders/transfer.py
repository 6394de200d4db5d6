"""Transfer learning: a network that has seen a million photos looks at your pictures; only its last part learns anew.

The first choice for colour pictures with some dozen to some thousand examples. First a new last layer learns on what
the trained network sees; then the network's last blocks learn on with a small rate. What stays as it is looks at each
picture once, before the first round, so that training takes seconds.
Paper: Yosinski, Clune, Bengio, Lipson, "How transferable are features in deep neural networks?", 2014; the network that
comes along: Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020.
Score: accuracy 0.86 on emoji, where a network from scratch reaches 0.76 (sealed test part, mean of seeds 1 to 3).
"""

import contextlib
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from builders import Blueprint, Panel, Stage
from builders._efficientnet import lite0
from builders._embeddings import cloud, held_out
from builders._layers import objective
from recipes import Part, Refusal, Settings, Signature, keras, setting

TITLE = "Transfer learning"
SUMMARY = "The first choice for colour pictures: what a network learned from a million photos is used for yours."
ICON = "move_up"
TASKS = ("classification",)
DATA_TYPES = ("image",)
PAPER = "Yosinski, Clune, Bengio, Lipson: How transferable are features in deep neural networks?, 2014"
TRAINING = {"epochs": 20, "patience": 8}

BATCH = 64
CHUNK = 512
"""Pictures that are looked at in one go."""
CUTS = {
    "mobilenet_v2": (
        "block_15_add", "block_14_add", "block_13_project_BN", "block_12_add", "block_11_add", "block_10_project_BN",
    ),
    "efficientnet_v2_b0": (
        "block6g_add", "block6f_add", "block6e_add", "block6d_add", "block6c_add", "block6b_add",
    ),
    "resnet50_v2": (
        "conv5_block2_out", "conv5_block1_out", "conv4_block6_out", "conv4_block5_out", "conv4_block4_out",
        "conv4_block3_out",
    ),
}  # fmt: skip
"""Where trunk and tail are parted: behind the n-th of these layers stand the last n blocks."""
APPLICATIONS = {"mobilenet_v2": "MobileNetV2", "efficientnet_v2_b0": "EfficientNetV2B0", "resnet50_v2": "ResNet50V2"}


class Config(Settings):
    """Settings of transfer learning."""

    backbone: Literal["efficientnet_lite0", "mobilenet_v2", "efficientnet_v2_b0", "resnet50_v2"] = setting(
        "efficientnet_lite0", "Trained network",
        "EfficientNet-Lite0 comes with the app; the others are fetched from the internet once.",
    )  # fmt: skip
    resolution: int = setting(
        128, "Seen at", "Pictures are brought to this many pixels a side. Larger sees more and is slower.",
        ge=64, le=224, step=32, unit="px",
    )  # fmt: skip
    unfreeze: int = setting(
        2, "Blocks to fine-tune", "So many of the last blocks learn on after the new last layer has learned; 0 keeps "
        "the whole network as it is.", ge=0, le=6,
    )  # fmt: skip
    fine_tune_epochs: int = setting(5, "Rounds of fine-tuning", "At most so many epochs for the last blocks.", ge=1,
                                    le=200, panel="training")  # fmt: skip
    fine_tune_rate: float = setting(
        0.00005, "Rate of fine-tuning", "Much smaller than the learning rate, or what was learned before is lost.",
        ge=0.000001, le=0.01, log=True, panel="training",
    )  # fmt: skip
    dropout: float = setting(
        0.5, "Dropout", "Share of the features that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip
    l2: float = setting(
        0.0, "L2 penalty", "Makes large weights costly; a little (0.0001) keeps the last layer simple.", ge=0, le=0.1,
        advanced=True, log=True, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, height, width, channels), 0 to 255, to (batch, classes) logits."""
    name, spec = next(iter(signature.inputs.items()))
    picture = keras.Input(spec.shape, name=name)
    trunk, tail = _parted(config)
    seen = trunk(_pixels(picture, config.resolution))
    head = _head(int(tail.output.shape[-1]), signature, config)
    core = keras.Model({name: picture}, head(tail(seen)), name="transfer")
    trunk.trainable = tail.trainable = False
    looking = keras.Model({name: picture}, seen, name="looking")
    views = _Views(name, looking, tail)
    loss, metrics = objective(signature)
    features = keras.Input(tail.output.shape[1:], name="features")
    only_head = keras.Model({"features": features}, head(features), name="new_last_layer")
    stages = [Stage("frozen", only_head, loss, metrics, select=views.features)]
    if config.unfreeze:
        activations = keras.Input(seen.shape[1:], name="seen")
        learning = keras.Model({"seen": activations}, head(tail(activations)), name="last_blocks")
        training = {"epochs": config.fine_tune_epochs, "learning_rate": config.fine_tune_rate, "warmup_epochs": 0}
        stages.append(
            Stage("fine-tune", learning, loss, metrics, training, lambda: _unfreeze(tail), select=views.activations)
        )
    kept, learned = trunk.count_params(), tail.count_params() if config.unfreeze else 0
    note = f"{kept + tail.count_params() - learned:,} trained weights stay as they are; {learned:,} are fine-tuned."
    return Blueprint(tuple(stages), {"model": core}, (note,), lambda asked: _evidence(asked, looking, tail))


def _head(features: int, signature: Signature, config: Config) -> Any:
    seen = keras.Input((features,), name="features")
    x = keras.layers.Dropout(config.dropout)(seen) if config.dropout else seen
    penalty = keras.regularizers.L2(config.l2) if config.l2 else None
    answer = keras.layers.Dense(signature.outputs, dtype="float32", kernel_regularizer=penalty, name="answer")(x)
    return keras.Model(seen, answer, name="head")


def _pixels(picture: Any, side: int) -> Any:
    """Map (batch, height, width, 1 or 3) to (batch, side, side, 3)."""
    # Not the layer `Resizing`: it would tell all layers behind it that they are training (Keras 3.15).
    x = keras.ops.image.resize(keras.ops.cast(picture, "float32"), (side, side), antialias=True)
    return keras.layers.Concatenate()([x, x, x]) if picture.shape[-1] == 1 else x


def _unfreeze(tail: Any) -> None:
    tail.trainable = True
    for layer in tail.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # it keeps the means of a million photos; those of a batch are too rough


def _parted(config: Config) -> tuple[Any, Any]:
    """Return trunk and tail of the trained network: (batch, side, side, 3) in 0 to 255 to (batch, features)."""
    if config.backbone == "efficientnet_lite0":
        return lite0(config.resolution, config.unfreeze)
    whole = _fetched(config)
    picture = keras.Input((config.resolution, config.resolution, 3), name="pixels")
    is_ready = config.backbone.startswith("efficientnet")  # it brings its own scaling
    x = picture if is_ready else keras.layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    cut = whole.get_layer(CUTS[config.backbone][config.unfreeze - 1]).output if config.unfreeze else whole.output
    seen = keras.Input(cut.shape[1:], name="activations")
    last = keras.Model(cut, whole.output, name="last")(seen) if config.unfreeze else seen
    tail = keras.Model(seen, keras.layers.GlobalAveragePooling2D()(last), name="tail")
    return keras.Model(picture, keras.Model(whole.input, cut, name="first")(x), name="trunk"), tail


def _fetched(config: Config) -> Any:
    """Return one of Keras's own trained networks without its last layer; its weights are kept in Keras's folder."""
    make = getattr(keras.applications, APPLICATIONS[config.backbone])
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to the command line's one JSON object
            return make(include_top=False, weights="imagenet", input_shape=(config.resolution, config.resolution, 3))
    except Exception as error:  # noqa: BLE001 - Keras raises a plain Exception when it cannot fetch
        found = re.search(r"/([^/\s]+\.h5)", str(error))
        file = f" `{found[1]}`" if found else ""
        raise Refusal(
            f"`backbone` {config.backbone} needs a file of weights{file} from the internet, and fetching it did not "
            "work. Choose efficientnet_lite0, which comes with the app, or lay the file into `~/.keras/models`."
        ) from None


@dataclass(frozen=True)
class _Views:
    """What the trained network sees in the pictures of a part, computed once and kept in files without a name."""

    name: str
    looking: Any
    tail: Any
    kept: dict[bytes, np.ndarray] = field(default_factory=dict)

    def activations(self, part: Part) -> Part:
        """Return {"seen": (rows, height, width, channels)}: what reaches the blocks that may learn on."""
        rows = np.asarray(part.rows).tobytes()
        if rows not in self.kept:
            self.kept[rows] = _mapped(self.looking, self.name, part.x[self.name])
        return Part({"seen": self.kept[rows]}, part.y, part.rows)

    def features(self, part: Part) -> Part:
        """Return {"features": (rows, features)}: what reaches the new last layer."""
        seen = self.activations(part).x["seen"]
        return Part({"features": _mapped(self.tail, "", seen)}, part.y, part.rows)


def _mapped(model: Any, name: str, array: np.ndarray) -> np.ndarray:
    """Ask a model of one input (of that name, if it takes names) about all rows; the answers lie on the disk."""
    model.jit_compile = False  # XLA would compile longer than it saves here
    shape = (len(array), *model.output.shape[1:])
    with tempfile.TemporaryFile() as file:
        found = np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
    for start in range(0, len(array), CHUNK):
        some = np.asarray(array[start : start + CHUNK])
        found[start : start + CHUNK] = model.predict({name: some} if name else some, batch_size=BATCH, verbose=0)
    return found


def _evidence(asked: Any, looking: Any, tail: Any) -> Callable[[], list[Panel]]:
    """Draw what the tail makes of held-out pictures; what reaches it is computed once."""
    x, truth = held_out(asked)
    ((name, pictures),) = x.items()
    seen = _mapped(looking, name, pictures)
    sentence = "What the network sees in pictures it never trained on: alike ones lie close together."
    classes = list(asked.signature.target.classes)
    return cloud(lambda: _mapped(tail, "", seen), truth, classes, pictures, sentence)
