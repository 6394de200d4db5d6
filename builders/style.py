"""Style transfer: a network learns to paint a picture as if by the hand that painted another one.

The painter is a small network: it halves the picture twice, thinks about it in some blocks, and brings it back to its
size. A second network, trained on a million photos and frozen, looks at what it paints: it should show what the first
picture shows, and have the same statistics of colours, strokes and patterns as the second. Any picture can be painted
afterwards, in one go.
Paper: Johnson, Alahi, Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", 2016; the idea
after Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style", 2015; normalization of each picture by itself after
Ulyanov, Vedaldi, Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.
Score: style taken on 0.85, content kept 0.42 on temple-in-swirls, where moving the colours alone takes on 0.63 (the
whole picture, of which it saw pieces; seed 1).
"""

from functools import cache
from typing import Any

from builders import Blueprint, Stage
from builders import _seeing as seeing
from recipes import Part, Settings, Signature, keras, setting

TITLE = "Style transfer"
SUMMARY = "Paints one picture in the style of another: brush strokes, colours and patterns are learned from it."
ICON = "brush"
TASKS = ("styling",)
DATA_TYPES = ("style",)
PAPER = "Johnson, Alahi, Fei-Fei: Perceptual losses for real-time style transfer and super-resolution, 2016"
TRAINING = {
    "epochs": 12, "batch_size": 2, "learning_rate": 0.003, "early_stopping": False, "schedule": "cosine",
}  # fmt: skip
METRICS = {
    "style_cost": ("Style cost", "How far colours, strokes and patterns are from those of the painting."),
    "content_cost": ("Content cost", "How far what is shown is from what the picture shows."),
}
MOST_PIECES = 32
"""Pieces of the painting whose statistics are taken; the painting is not larger than that."""


class Config(Settings):
    """Settings of style transfer."""

    style: float = setting(
        1.0, "Style", "How much the style counts. More: the things dissolve in strokes.", ge=0.05, le=20, log=True
    )
    content: float = setting(
        4.0, "Content", "How much counts that things stay what they are. More: the picture is hardly changed.",
        ge=0.05, le=20, log=True,
    )  # fmt: skip
    smoothness: float = setting(
        0.3, "Smoothness", "How much calm surfaces count. More: less grain, fewer fine strokes.", ge=0, le=10,
        advanced=True,
    )  # fmt: skip
    filters: int = setting(
        16, "Filters", "Filters of the painter at full size; it has four times as many where it thinks.", ge=4, le=64,
        log=True, advanced=True,
    )  # fmt: skip
    blocks: int = setting(
        3, "Blocks", "So many steps of thought between looking and painting.", ge=1, le=8, advanced=True
    )


def build(signature: Signature, config: Config) -> Blueprint:
    """Make the painter, (batch, height, width, 3) from 0 to 255 to the same, and the model that trains it."""
    painter = _painter(config, signature.inputs["picture"].shape)
    eyes = seeing.eyes()
    model = _trainer()(painter, eyes, config)
    aims = _Aims(model)
    kept = f"The network that looks has {eyes.count_params():,} trained weights and stays as it is."
    return Blueprint((Stage("fit", model, select=aims.only_picture),), {"model": painter}, (kept,))


def _painter(config: Config, shape: tuple[int | None, ...]) -> Any:
    """Halve twice, think, double twice; sides that are multiples of 4 come back as they were."""
    layers, filters = keras.layers, config.filters
    picture = keras.Input(shape, name="picture")
    x = _block(layers.Rescaling(1 / 127.5, offset=-1.0)(picture), filters, 5)
    x = _block(x, 2 * filters, 3, strides=2)
    x = _block(x, 4 * filters, 3, strides=2)
    for _ in range(config.blocks):
        thought = _block(_block(x, 4 * filters, 3), 4 * filters, 3, is_bent=False)
        x = layers.Add()([x, thought])
    x = _block(_doubled(x), 2 * filters, 3)
    x = _block(_doubled(x), filters, 3)
    x = layers.Conv2D(3, 5, dtype="float32", name="paint")(_framed(x, 2))
    x = layers.Rescaling(255.0, dtype="float32")(layers.Activation("sigmoid", dtype="float32")(x))
    return keras.Model({"picture": picture}, {"styled": x}, name="painter")


def _block(x: Any, filters: int, kernel: int, strides: int = 1, *, is_bent: bool = True) -> Any:
    layers = keras.layers
    x = layers.Conv2D(filters, kernel, strides=strides, use_bias=False)(_framed(x, kernel // 2))
    x = layers.GroupNormalization(groups=-1, epsilon=1e-5)(x)  # each picture and filter by itself
    return layers.Activation("relu")(x) if is_bent else x


def _doubled(x: Any) -> Any:
    """Double both sides, smoothly: a convolution that doubles would leave a grid in the picture.

    Each place twice and then the mean of nine is nearly bilinear. `UpSampling2D`'s own bilinear way cannot take
    pictures of changing sizes inside a compiled model (Keras 3.15).
    """
    return keras.layers.AveragePooling2D(3, strides=1, padding="same")(keras.layers.UpSampling2D(2)(x))


def _framed(x: Any, width: int) -> Any:
    """Mirror the picture over its edges: a frame of zeros would be painted as a frame."""
    return keras.ops.pad(x, [[0, 0], [width, width], [width, width], [0, 0]], mode="reflect")


class _Aims:
    """Hands the stage its pictures alone; what the pieces of the painting look like becomes the model's aim."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.are_known = False

    def only_picture(self, part: Part) -> Part:
        """Return {"picture": ...}. The first part it is given is the training part: its `style` sets the aim."""
        if not self.are_known:
            self.model.aim(seeing.statistics_of_all(self.model.eyes, part.x["style"][:MOST_PIECES]))
            self.are_known = True
        return Part({"picture": part.x["picture"]}, part.y, part.rows)


@cache
def _trainer() -> Any:
    """Make the class that is fitted; Keras is only there once a worker builds."""
    ops = keras.ops

    class Styling(keras.Model):
        """The painter under the eyes of a frozen network: style, content and smoothness make the loss."""

        def __init__(self, painter: Any, eyes: Any, config: Config) -> None:
            super().__init__(name="styling")
            self.painter, self.eyes, self.config = painter, eyes, config
            self.aims = [
                (
                    self.add_weight(shape=(1, size), initializer="zeros", trainable=False, name=f"mean_{number}"),
                    self.add_weight(
                        shape=(1, size, size), initializer="zeros", trainable=False, name=f"spread_{number}"
                    ),
                )
                for number, size in enumerate(seeing.sizes(eyes))
            ]
            self.style_cost = keras.metrics.Mean(name="style_cost")
            self.content_cost = keras.metrics.Mean(name="content_cost")
            self.built = True

        def aim(self, wanted: seeing.Statistics) -> None:
            """Set the statistics of the painting."""
            for (mean, spread), (wanted_mean, wanted_spread) in zip(self.aims, wanted, strict=True):
                mean.assign(wanted_mean)
                spread.assign(wanted_spread)

        def call(self, x: Any, training: Any = None) -> Any:
            return self.painter(x, training=training)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            picture, styled = ops.cast(x["picture"], "float32"), y_pred["styled"]
            seen = self.eyes(styled)
            found = seeing.statistics(self.eyes, styled, seen)
            style = sum(seeing.style_distances(found, self.aims)) / len(self.aims)
            content = seeing.content_distance(seeing.shown_in(seen), seeing.shown_in(self.eyes(picture)))
            down = ops.mean(ops.abs(styled[:, 1:] - styled[:, :-1]))
            across = ops.mean(ops.abs(styled[:, :, 1:] - styled[:, :, :-1]))
            self.style_cost.update_state(style)
            self.content_cost.update_state(content)
            told = self.config
            # The style is a mean over eleven looks: ten times as much brings the weights near 1.
            return 10 * told.style * style + told.content * content + told.smoothness * (down + across) / 255

    return Styling
