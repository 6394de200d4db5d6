"""Dense network (multi-layer perceptron): layers of units, each looking at all units before it.

The first choice for tables; also a baseline for small pictures, which it reads as one long row of numbers. With the
straight path switched on a linear model stands beside it; with crossed columns too it is the family `wide_deep`.
Paper: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", 1986.
Score: accuracy 0.99 on penguins, 0.82 on Titanic, R² 0.86 on auto-mpg (sealed test part, mean of seeds 101 to 106);
average precision 0.63 and ROC AUC 0.86 on fraud (mean of seeds 1 to 3).
"""

from typing import Any, Literal

from builders import Blueprint
from builders._evidence_tables import about_rare, with_map
from builders._layers import Initializer, LayerSettings, answer, blueprint, dense_block, penalty
from recipes import Signature, keras, setting

TITLE = "Dense network"
SUMMARY = "The first choice for tables: layers of units, each of which looks at everything before it."
ICON = "hub"
TASKS = ("classification", "regression")
DATA_TYPES = ("tabular", "image")
PAPER = "Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, 1986"
TRAINING = {"epochs": 60, "patience": 15}


class Config(LayerSettings):
    """Settings of the dense network."""

    dropout: float = setting(
        0.1, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip
    initializer: Initializer = setting(
        "glorot_uniform", "First weights", "From which random numbers the weights start.", advanced=True
    )
    width: int = setting(256, "Width", "Units in each hidden layer.", ge=1, le=2048, log=True)
    depth: int = setting(2, "Depth", "Hidden layers. 0 leaves a linear model.", ge=0, le=10)
    taper: Literal["none", "halve"] = setting(
        "none", "Taper", "Give each hidden layer half the units of the one before.", advanced=True
    )
    skip: bool = setting(False, "Straight path", "Add a linear model beside the network.", advanced=True)


def build(signature: Signature, config: Config) -> Blueprint:
    """Map one input of any shape to (batch, outputs) logits or the standardised number."""
    name, spec = next(iter(signature.inputs.items()))
    inputs = keras.Input(spec.shape, name=name)
    features = _flat(inputs, signature)  # (batch, features)
    x = features
    for layer in range(config.depth):
        x = dense_block(x, _units(config, layer), config)
    x = answer(x, signature, config)
    if config.skip and config.depth:
        straight = keras.layers.Dense(
            signature.outputs, use_bias=False, kernel_initializer="zeros", kernel_regularizer=penalty(config),
            dtype="float32", name="straight",
        )(features)  # fmt: skip
        x = keras.layers.Add(dtype="float32", name="deep_and_straight")([x, straight])
    return with_map(
        blueprint(keras.Model({name: inputs}, x, name="mlp"), signature, notes=about_rare(signature)), signature
    )


def _flat(inputs: Any, signature: Signature) -> Any:
    if signature.data_type == "image":
        return keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs))
    return keras.layers.Flatten()(inputs) if len(inputs.shape) > 2 else inputs


def _units(config: Config, layer: int) -> int:
    return max(1, config.width // 2**layer) if config.taper == "halve" else config.width
