"""What single families promise beyond the contract."""

import numpy as np
import pytest

import builders
from builders._layers import layer_table
from recipes import Refusal, Signature, Target, TensorSpec, keras


def pictures(height=8, width=8, channels=1):
    return Signature(
        data_type="image",
        task="classification",
        inputs={"picture": TensorSpec(shape=(height, width, channels), dtype="uint8")},
        raw=(),
        target=Target(name="label", classes=("cat", "dog")),
        rows={"train": 8, "validation": 4, "test": 4},
    )


def build(name, signature, **settings):
    return builders.get(name).build(signature, builders.config(name, settings))


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        (
            "cnn",
            {"depth": 4},
            (
                "`depth` 4 halves the picture 4 times, but 8 x 8 pixels can be halved only 3 times. "
                "Set `depth` to 3 or less, or use larger pictures."
            ),
        ),
        (
            "cnn",
            {"kernel": 9},
            "`kernel` 9 is larger than the picture of 8 x 8 pixels. Set `kernel` to 8 or less.",
        ),
        (
            "residual_cnn",
            {"stages": 5},
            (
                "`stages` 5 halve the picture 4 times, but 8 x 8 pixels allow only 4 stages. "
                "Set `stages` to 4 or less, or use larger pictures."
            ),
        ),
        (
            "residual_cnn",
            {"stem": "large"},
            "`stem` large needs pictures of at least 16 x 16 pixels, but these have 8 x 8. Set `stem` to small.",
        ),
    ],
)
def test_refuses_impossible_settings_in_words(name, settings, sentence):
    with pytest.raises(Refusal) as refusal:
        build(name, pictures(), **settings)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("name", ["cnn", "residual_cnn"])
def test_augmentation_stays_out_of_the_download(name):
    """The stage wears it, the core does not, and both have the same weights."""
    wishes = {"flip": "horizontal", "rotation": 10, "shift": 0.1, "zoom": 0.1, "brightness": 0.2, "contrast": 0.2}
    plan = build(name, pictures(16, 16, 3), **wishes)
    (stage,), core = plan.stages, plan.deliverables["model"]
    kinds = [row["kind"] for row in layer_table(stage.model)]
    assert kinds[1:7] == [
        "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomBrightness", "RandomContrast",
    ]  # fmt: skip
    assert not [row for row in layer_table(core) if row["kind"].startswith("Random")]
    assert [id(weight) for weight in stage.model.trainable_weights] == [id(w) for w in core.trainable_weights]
    x = {"picture": np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")}
    np.testing.assert_array_equal(stage.model(x, training=False), core(x, training=False))


@pytest.mark.parametrize("name", ["cnn", "residual_cnn", "mlp"])
def test_no_augmentation_by_default(name):
    """A mirrored digit is another digit: nothing is changed that nobody asked for."""
    plan = build(name, pictures())
    assert plan.stages[0].model is plan.deliverables["model"]


def test_dense_network_without_hidden_layers_is_linear():
    core = build("mlp", pictures(), depth=0).deliverables["model"]
    assert [row["kind"] for row in layer_table(core)] == ["Input", "Rescaling", "Flatten", "Dense"]


def test_straight_path_starts_at_nothing():
    """A wide and deep network begins as the deep one alone."""
    keras.utils.set_random_seed(1)
    core = build("mlp", pictures(), skip=True).deliverables["model"]
    assert not core.get_layer("straight").get_weights()[0].any()


def test_taper_halves_the_layers():
    core = build("mlp", pictures(), taper="halve", width=8, depth=5, dropout=0).deliverables["model"]
    assert [row["shape"] for row in layer_table(core) if row["kind"] == "Dense"] == ["8", "4", "2", "1", "1", "2"]


def test_layer_table_speaks_of_shapes_without_the_batch():
    core = build("cnn", pictures(16, 16, 3), filters=8, depth=1, dropout=0).deliverables["model"]
    assert [(row["kind"], row["shape"], row["parameters"]) for row in layer_table(core)] == [
        ("Input", "16 x 16 x 3", 0),
        ("Rescaling", "16 x 16 x 3", 0),
        ("Conv2D", "16 x 16 x 8", 216),
        ("BatchNormalization", "16 x 16 x 8", 32),
        ("Activation", "16 x 16 x 8", 0),
        ("MaxPooling2D", "8 x 8 x 8", 0),
        ("GlobalAveragePooling2D", "8", 0),
        ("Dense", "2", 18),
    ]


def test_large_pictures_enter_small():
    plan = build("residual_cnn", pictures(96, 96, 3), filters=4)
    assert plan.notes == ("The pictures are large, so they enter at a quarter of their size.",)
    table = layer_table(plan.deliverables["model"])
    assert table[3]["shape"] == "24 x 24 x 4"
