"""Generative adversarial network: a forger draws pictures from noise, a critic tells them from real ones, both learn.

The generator never sees a picture; it only learns what the discriminator falls for. `dense` suits tiny pictures,
`dcgan` draws with convolutions, and with `conditional` both are told the class, so that one can be asked for.
Both networks take one step at a time, in one fit: a sum of two costs of which each reaches one network only.
Paper: Goodfellow and others, "Generative Adversarial Nets", 2014; `dcgan` after Radford, Metz, Chintala, 2015;
`conditional` after Mirza, Osindero, 2014; noise on what the critic sees after Arjovsky, Bottou, 2017.
Score: all 10 classes among 500 new pictures on digits and on glyphs, judged by an independent classifier.
"""

from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np

from builders import Blueprint, Stage, Whole
from builders._drawing import classes_of, codes, decode, encode, picture_of, shown
from recipes import Refusal, Settings, Signature, keras, setting

TITLE = "Generative adversarial network"
SUMMARY = "A forger and a critic learn from each other until the forger's pictures pass for real."
ICON = "draw"
TASKS = ("generation",)
DATA_TYPES = ("image",)
PAPER = "Goodfellow and others: Generative Adversarial Nets, 2014"
TRAINING = {
    "epochs": 200, "batch_size": 64, "learning_rate": 0.0005, "optimizer": "rmsprop", "momentum": 0.0,
    "early_stopping": False, "restore_best": False,
}  # fmt: skip
READING = (
    "Forger and critic pull against each other, so the loss tells little: look at the drawings and at the balance."
)
METRICS = {
    "judging": ("Critic's cost", "How often the critic errs: 1.39 is guessing, near 0 means that it sees through all."),
    "fooling": ("Forger's cost", "How rarely the critic falls for a drawing: 0.69 is a draw, above 3 it never does."),
}


class Config(Settings):
    """Settings of the generative adversarial network."""

    variant: Literal["dense", "dcgan"] = setting(
        "dense", "Kind", "`dense` suits tiny pictures and is quick; `dcgan` draws with convolutions."
    )
    conditional: bool = setting(False, "Told the class", "Both learn the class, so that you can ask for one.")
    code: int = setting(32, "Numbers in the code", "Random numbers that a drawing starts from.", ge=1, le=256, log=True)
    units: int = setting(256, "Units", "Units of the larger dense layer; the other has half.", ge=1, le=4096, log=True)
    filters: int = setting(
        32, "Filters", "Filters of the first convolution; they double from step to step.", ge=1, le=256, log=True,
        advanced=True,
    )  # fmt: skip
    noise: float = setting(
        0.1, "Noise for the critic", "Blurs what the critic sees, real and drawn alike, so that it stays beatable.",
        ge=0, le=1, step=0.05, advanced=True,
    )  # fmt: skip
    dropout: float = setting(
        0.3, "Dropout of the critic", "Share of the critic's units that sit out each step; keeps it from memorising.",
        ge=0, le=0.8, step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Make generator (code to picture), discriminator (picture to one number) and the model that trains both."""
    name, spec = picture_of(signature)
    classes = classes_of(signature)
    if config.conditional and len(classes) < 2:
        raise Refusal("`conditional` True needs pictures with classes, and these have none. Switch it off.")
    kinds = len(classes) if config.conditional else 0
    drawer, critic = _drawer(spec.shape, config, kinds), _critic(spec.shape, config, kinds)
    trainer = _trainer()(drawer, critic, {"picture": name, "kinds": kinds, "code": config.code, "noise": config.noise})
    stage = Stage("fit", trainer, select=_with_labels if kinds else None)
    return Blueprint(
        (stage,), {"generator": _generator(drawer, config, kinds), "discriminator": _judge(critic, spec.shape, kinds)}
    )


def _drawer(shape: Any, config: Config, kinds: int) -> Any:
    """Map a code, and with it the class as shares (batch, kinds), to logits of a picture."""
    code = keras.Input((config.code,), name="code")
    inputs, x = [code], code
    if kinds:
        inputs.append(keras.Input((kinds,), name="class"))
        x = keras.layers.Concatenate()([code, keras.layers.Dense(config.code, use_bias=False)(inputs[1])])
    kind = "dense" if config.variant == "dense" else "convolutional"
    logits = decode(x, shape, kind, config.units, config.filters, "leaky_relu", batch=True)
    return keras.Model(inputs, logits, name="drawer")


def _critic(shape: Any, config: Config, kinds: int) -> Any:
    """Map a picture from 0 to 1, and with it the class, to one number: above 0 it looks real."""
    picture = keras.Input(shape, name="picture")
    kind = "dense" if config.variant == "dense" else "convolutional"
    scaled = keras.layers.Rescaling(2.0, offset=-1.0)(picture)
    x = encode(scaled, kind, config.units, config.filters, "leaky_relu", config.dropout)
    inputs = [picture]
    answer = keras.layers.Dense(1, dtype="float32", name="looks_real")(x)
    if kinds:
        # Projection: how well the picture's features fit the class (Miyato, Koyama, 2018).
        inputs.append(keras.Input((kinds,), name="class"))
        wanted = keras.layers.Dense(x.shape[-1], use_bias=False, dtype="float32")(inputs[1])
        answer = keras.layers.Add(dtype="float32")([answer, keras.layers.Dot(1, dtype="float32")([x, wanted])])
    return keras.Model(inputs, answer, name="critic")


def _generator(drawer: Any, config: Config, kinds: int) -> Whole:
    code = keras.Input((config.code,), name="code")
    inputs, told = {"code": code}, {"code": codes(config.code)}
    sentence = f"{config.code} random numbers from a normal distribution in, a picture from 0 to 255 out."
    passed = [code]
    if kinds:
        inputs["class"] = keras.Input((1,), name="class", dtype="int32")
        told["class"] = (np.arange(8) % kinds).astype(np.int32)[:, None]
        passed.append(_shares(inputs["class"], kinds))
        sentence = f"{config.code} random numbers and the number of a class in, a picture from 0 to 255 out."
    model = keras.Model(inputs, {"picture": shown(drawer(passed))}, name="generator")
    return Whole(model, "Generator", sentence, told)


def _judge(critic: Any, shape: Any, kinds: int) -> Whole:
    picture = keras.Input(shape, name="picture")
    random = np.random.default_rng(7)
    inputs, told = {"picture": picture}, {"picture": random.integers(0, 256, (8, *shape)).astype(np.float32)}
    passed = [keras.layers.Rescaling(1 / 255)(picture)]
    if kinds:
        inputs["class"] = keras.Input((1,), name="class", dtype="int32")
        told["class"] = (np.arange(8) % kinds).astype(np.int32)[:, None]
        passed.append(_shares(inputs["class"], kinds))
    real = keras.layers.Activation("sigmoid", dtype="float32")(critic(passed))
    model = keras.Model(inputs, {"real": real}, name="discriminator")
    size = f"{shape[0]} x {shape[1]} pixels"
    return Whole(model, "Discriminator", f"A picture of {size} from 0 to 255 in, how real it looks (0 to 1) out.", told)


def _shares(number: Any, kinds: int) -> Any:
    """Turn a class number (batch, 1) into (batch, kinds) with a 1 at its place."""
    return keras.layers.Flatten()(keras.layers.CategoryEncoding(kinds, output_mode="one_hot")(number))


def _with_labels(part: Any) -> Any:
    """Let the fit read the class numbers beside the pictures."""
    return replace(part, x=part.x | {"class": part.y})


@cache
def _trainer() -> Any:
    """Make the class that is fitted; Keras is only there once a worker builds."""
    ops = keras.ops

    class Adversaries(keras.Model):
        """Generator and discriminator in one step; each term of the loss reaches one of them only."""

        def __init__(self, drawer: Any, critic: Any, told: dict[str, Any]) -> None:
            super().__init__(name="adversaries")
            self.drawer, self.critic, self.told = drawer, critic, told
            self.seed = keras.random.SeedGenerator()
            self.judging, self.fooling = keras.metrics.Mean(name="judging"), keras.metrics.Mean(name="fooling")
            self.built = True

        def call(self, x: Any, training: Any = None) -> Any:
            real = ops.cast(x[self.told["picture"]], "float32") / 255
            rows = ops.shape(real)[0]
            noise = keras.random.normal((rows, self.told["code"]), seed=self.seed)
            kinds = self.told["kinds"]
            label = [ops.one_hot(ops.reshape(x["class"], (-1,)), kinds)] if kinds else []
            fake = ops.sigmoid(self.drawer([noise, *label], training=training))
            judge = self.critic
            seen = [self._blurred(real), *label]
            frozen = [ops.stop_gradient(each.value) for each in judge.trainable_variables]
            state = [each.value for each in judge.non_trainable_variables]
            drawn = self._blurred(fake)
            fooled, _ = judge.stateless_call(frozen, state, [drawn, *label], training=training)
            return {
                "real": judge(seen, training=training),
                "fake": judge([ops.stop_gradient(drawn), *label], training=training),
                "fooled": fooled,
            }

        def _blurred(self, pictures: Any) -> Any:
            if not self.told["noise"]:
                return pictures
            return pictures + self.told["noise"] * keras.random.normal(ops.shape(pictures), seed=self.seed)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            judging = ops.mean(ops.softplus(-y_pred["real"]) + ops.softplus(y_pred["fake"]))
            fooling = ops.mean(ops.softplus(-y_pred["fooled"]))
            self.judging.update_state(judging)
            self.fooling.update_state(fooling)
            return judging + fooling

    return Adversaries
