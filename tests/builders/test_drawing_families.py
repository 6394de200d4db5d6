"""Autoencoder, variational autoencoder, adversaries and belief network: what each promises beyond the contract."""

import numpy as np
import pytest

import builders
from builders import _drawing, _sheets
from recipes import Part, Refusal, Signature, Target, TensorSpec, keras


def signature(shape=(12, 10, 1), task="generation", classes=("a", "b")):
    spec = TensorSpec(shape=shape, dtype="uint8" if len(shape) == 3 else "float32")
    name = "picture" if len(shape) == 3 else "features"
    sorts = task == "classification"
    return Signature(
        data_type="image" if len(shape) == 3 else "tabular", task=task, inputs={name: spec}, raw=(),
        target=Target(name="answer", classes=classes if sorts else ()), rows={"train": 40, "validation": 8, "test": 8},
        details={} if sorts else {"classes": list(classes), "anomalies": []},
    )  # fmt: skip


def build(family, given, **settings):
    keras.utils.set_random_seed(3)
    return builders.get(family).build(given, builders.config(family, settings))


def fitted(stage, x, y=None, epochs=1, rate=0.01):
    if stage.before:
        stage.before()
    stage.model.compile("adam", loss=stage.loss, metrics=stage.metrics())
    stage.model.optimizer.learning_rate = rate
    stage.model.optimizer.build(stage.model.trainable_variables)  # or the step is traced twice
    return stage.model.fit(x, y, batch_size=8, epochs=epochs, verbose=0).history


def pictures(rows=40, shape=(12, 10, 1)):
    """Make bars at one of two places: there is something to learn."""
    random = np.random.default_rng(5)
    found = random.integers(0, 40, (rows, *shape)).astype(np.uint8)
    found[::2, 2:4], found[1::2, 8:10] = 230, 230
    return found, (np.arange(rows) % 2).astype(np.int32)


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 9, 3), (28, 28, 1), (30, 50, 3), (64, 64, 3)])
@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_a_drawing_has_the_size_of_the_pictures(shape, kind):
    code = keras.Input((4,))
    assert _drawing.decode(code, shape, kind, 16, 2).shape == (None, *shape)


@pytest.mark.parametrize(("family", "task"), [("vae", "generation"), ("gan", "generation"), ("dbn", "classification")])
def test_one_weight_belongs_to_one_stage_alone(family, task):
    """No stage moves what another one holds, unless it copies it itself."""
    seen = [
        id(weight) for stage in build(family, signature(task=task)).stages for weight in stage.model.trainable_weights
    ]
    assert len(seen) == len(set(seen))


def test_an_autoencoder_answers_the_error_that_it_was_fitted_for():
    plan = build("autoencoder", signature(task="reconstruction"), noise=0.0)
    x = {"picture": pictures()[0]}
    loss = fitted(plan.stages[0], x, epochs=5)["loss"]
    told = plan.core(x)
    assert loss[-1] < loss[0]
    rebuilt = np.asarray(told["reconstruction"])
    expected = ((rebuilt / 255 - x["picture"] / 255) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(np.asarray(told["error"])[:, 0], expected, rtol=1e-4)


def test_encoder_and_decoder_of_an_autoencoder_make_the_whole():
    plan = build("autoencoder", signature(task="reconstruction"), code=3)
    x = {"picture": pictures()[0]}
    code = plan.deliverables["encoder"](x)
    assert code["code"].shape == (40, 3)
    drawn = plan.deliverables["decoder"].model({"code": code["code"]})["reconstruction"]
    np.testing.assert_allclose(drawn, plan.core(x)["reconstruction"], rtol=1e-4, atol=1e-3)


def test_an_autoencoder_chooses_its_code_by_the_data():
    plan = build("autoencoder", signature(shape=(12,), task="reconstruction"))
    assert plan.notes == ("Each example of 12 numbers is squeezed into 1.",)
    with pytest.raises(Refusal) as refusal:
        build("autoencoder", signature(shape=(12,), task="reconstruction"), layers="convolutional")
    assert str(refusal.value) == "`layers` convolutional needs pictures. Choose dense."


def test_each_cost_of_the_adversaries_reaches_one_of_them_only():
    """The forger's cost leaves the critic alone and the other way round: the sum is two objectives in one step."""
    import tensorflow as tf

    model = build("gan", signature(), dropout=0.0, noise=0.0).stages[0].model
    x = {"picture": tf.constant(pictures(8)[0])}

    def gradients(part):
        with tf.GradientTape() as tape:
            told = model(x, training=True)
            real, fake, fooled = (keras.ops.mean(told[name]) for name in ("real", "fake", "fooled"))
            cost = real + fake if part == "judging" else fooled
        found = tape.gradient(cost, [each.value for each in model.trainable_variables])
        return {
            each.path for each, slope in zip(model.trainable_variables, found, strict=True)
            if slope is not None and np.any(np.asarray(slope))
        }  # fmt: skip

    critic = {each.path for each in model.critic.trainable_variables}
    assert gradients("judging") <= critic
    assert gradients("fooling").isdisjoint(critic)
    assert gradients("fooling")


def test_a_conditional_generator_draws_the_class_that_is_asked_for():
    plan = build("gan", signature(), conditional=True, units=32, code=4)
    x, y = pictures(64)
    stage = plan.stages[0]
    part = stage.select(Part({"picture": x}, y, np.arange(64)))
    fitted(stage, part.x, part.y, epochs=60, rate=0.005)
    codes = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    drawn = [
        np.asarray(plan.core({"code": codes, "class": np.full((20, 1), kind, np.int32)})["picture"]) for kind in (0, 1)
    ]
    above = [each[:, 2:4].mean() - each[:, 8:10].mean() for each in drawn]
    assert above[0] > 50
    assert above[1] < -50


def test_a_conditional_generator_needs_classes():
    with pytest.raises(Refusal) as refusal:
        build("gan", signature(classes=()), conditional=True)
    assert str(refusal.value) == "`conditional` True needs pictures with classes, and these have none. Switch it off."


@pytest.mark.parametrize("shape", [(12, 10, 1), (6,)])
def test_a_machine_dreams_its_data_better_the_longer_it_learns(shape):
    plan = build("dbn", signature(shape=shape, task="classification"), units=16)
    x = (
        pictures()[0]
        if len(shape) == 3
        else (np.random.default_rng(2).normal(size=(40, 1)) * np.ones(6)).astype("float32")
    )
    name = "picture" if len(shape) == 3 else "features"
    for stage in plan.stages[:-1]:
        errors = fitted(stage, {name: x}, epochs=40)["redrawing"]
        assert errors[-1] < errors[0], stage.name


def test_fine_tuning_starts_where_the_machines_ended():
    plan = build("dbn", signature(task="classification"), units=8, depth=2)
    x, y = {"picture": pictures()[0]}, pictures()[1]
    for stage in plan.stages[:-1]:
        fitted(stage, x)
    plan.stages[-1].before()
    machines = [stage.model for stage in plan.stages[:-1]]
    layers = [layer for layer in plan.core.layers if isinstance(layer, keras.layers.Dense)][:2]
    for layer, machine in zip(layers, machines, strict=True):
        np.testing.assert_array_equal(layer.kernel, machine.kernel)
    np.testing.assert_array_equal(machines[1].below[0].kernel, machines[0].kernel)
    assert fitted(plan.stages[-1], x, y)["loss"]


def test_a_share_of_the_labels_keeps_every_class():
    plan = build("dbn", signature(task="classification"), labels_share=0.1)
    x, y = pictures(40)
    part = plan.stages[-1].select(Part({"picture": x}, y, np.arange(40)))
    assert len(part) == 4
    assert np.bincount(part.y).tolist() == [2, 2]
    np.testing.assert_array_equal(part.x["picture"], x[part.rows])


def test_without_pre_training_there_is_one_stage():
    plan = build("dbn", signature(task="classification"), pretraining=False)
    assert [stage.name for stage in plan.stages] == ["fine-tuning"]


def test_a_sheet_lays_pictures_row_by_row():
    import base64
    import io

    from PIL import Image

    many = np.stack([np.full((4, 6, 1), 10 * n) for n in range(5)])
    image = Image.open(io.BytesIO(base64.b64decode(_sheets.sheet(many, 3))))
    assert image.size == (3 * 7 - 1, 2 * 5 - 1)
    assert image.getpixel((7, 5)) == (40, 255)
    assert image.getpixel((19, 8)) == (0, 0)  # the sixth place is empty, and one sees through it
