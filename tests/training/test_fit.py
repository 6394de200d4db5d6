"""The fast loop is Keras's `fit`: same batches, same losses, same weights, same callbacks; only faster."""

import numpy as np
import pytest

import training.fit as loop
from builders import Stage
from recipes import Part, Refusal, Training, keras, validate
from training.fast_dropout import hashed_dropout, keep_mask

ROWS, FEATURES, CLASSES = 50, 6, 3
SETTINGS = {"epochs": 3, "batch_size": 16, "early_stopping": False, "seed": 5}


def table(rows=ROWS, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, FEATURES)).astype("float32")
    y = np.argmax(x[:, :CLASSES] + random.normal(size=(rows, CLASSES)), axis=1).astype("int32")
    return Part({"features": x}, y, np.arange(rows))


def pictures(rows=ROWS, seed=0):
    random = np.random.default_rng(seed)
    x = random.integers(0, 256, (rows, 8, 8, 1)).astype("uint8")
    return Part({"features": x}, random.integers(0, CLASSES, rows).astype("int32"), np.arange(rows))


def dense(*, dropout=0.0, batch_normalization=False):
    inputs = keras.Input((FEATURES,), name="features")
    x = keras.layers.Dense(16, activation="relu")(inputs)
    x = keras.layers.BatchNormalization()(x) if batch_normalization else x
    x = keras.layers.Dropout(dropout, seed=3)(x) if dropout else x
    return keras.Model({"features": inputs}, keras.layers.Dense(CLASSES)(x))


def convolutional(*, residual=False):
    inputs = keras.Input((8, 8, 1), name="features")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    if residual:
        change = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(x))
        x = keras.layers.Add()([x, keras.layers.Dropout(0.2, seed=4)(change)])
    return keras.Model({"features": inputs}, keras.layers.Dense(CLASSES)(keras.layers.GlobalMaxPooling2D()(x)))


def told(settings):
    return validate(Training, settings)


def compiled(make, settings, **arguments):
    keras.utils.set_random_seed(7)
    model = make(**arguments)
    stage = Stage(
        "fit",
        model,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    loop.compile_stage(stage, told(settings))
    return model


def plain_fit(model, train, validation, settings, **arguments):
    """Fit epoch by epoch on rows laid out in the loop's own order, with nothing but Keras."""
    training = told(settings)
    history = {}
    for epoch in range(training.epochs):
        rows = loop.order(training.seed, epoch, len(train))
        extra = {name: values[rows] for name, values in arguments.items()}
        epoch_history = model.fit(
            {"features": train.x["features"][rows]}, train.y[rows], batch_size=training.batch_size, shuffle=False,
            validation_data=(validation.x, validation.y), initial_epoch=epoch, epochs=epoch + 1, verbose=0, **extra,
        ).history  # fmt: skip
        for name, values in epoch_history.items():
            history.setdefault(name, []).extend(values)
    return history


def forced(*, xla, resident):
    """Small data see both sides of the switch: two steps without XLA, the rest with it."""
    return loop.Policy("compiled", xla, resident, "As the test wants it.", steps_before_xla=2)


def same(one, other, tolerance=1e-5):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=tolerance, atol=tolerance, err_msg=name)


def fast_fit(model, train, validation, settings, *, xla=False, resident=True, **arguments):
    policy = forced(xla=xla, resident=resident)
    return loop.fit(model, train, validation, training=told(settings), policy=policy, **arguments)


CASES = {
    "dense": (dense, {}, table),
    "dense, dropout": (dense, {"dropout": 0.3}, table),
    "dense, batch normalization": (dense, {"batch_normalization": True}, table),
    "convolutions": (convolutional, {}, pictures),
    "residual, batch normalization, dropout": (convolutional, {"residual": True}, pictures),
}


@pytest.mark.parametrize("case", CASES)
def test_equals_plain_fit(case):
    """Losses, metrics and weights, with a last batch that is not full."""
    make, arguments, data = CASES[case]
    train, validation = data(), data(20, seed=1)
    first, second = compiled(make, SETTINGS, **arguments), compiled(make, SETTINGS, **arguments)
    expected = plain_fit(first, train, validation, SETTINGS)
    same(fast_fit(second, train, validation, SETTINGS).history, expected)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["dense", "dense, batch normalization"])
def test_equals_plain_fit_with_xla(case):
    make, arguments, data = CASES[case]
    train, validation = data(), data(20, seed=1)
    expected = plain_fit(compiled(make, SETTINGS, **arguments), train, validation, SETTINGS)
    same(fast_fit(compiled(make, SETTINGS, **arguments), train, validation, SETTINGS, xla=True).history, expected)


def test_equals_plain_fit_when_data_come_in_blocks(monkeypatch):
    """Data that do not fit into memory meet the same steps."""
    monkeypatch.setattr(loop, "BLOCK_BYTES", 700)  # one batch of 16 rows
    train, validation = table(), table(20, seed=1)
    expected = plain_fit(compiled(dense, SETTINGS), train, validation, SETTINGS)
    same(fast_fit(compiled(dense, SETTINGS), train, validation, SETTINGS, resident=False).history, expected)


def test_equals_plain_fit_with_class_weights():
    settings = SETTINGS | {"class_weights": "balanced"}
    train, validation = table(), table(20, seed=1)
    counts = np.bincount(train.y)
    weights = (len(train) / (CLASSES * counts))[train.y].astype("float32")
    expected = plain_fit(compiled(dense, settings), train, validation, settings, sample_weight=weights)
    same(fast_fit(compiled(dense, settings), train, validation, settings).history, expected)


def test_balanced_weights_need_classes():
    part = Part({"features": np.zeros((4, 2), "float32")}, np.zeros((4, 1), "float32"), np.arange(4))
    with pytest.raises(Refusal) as refusal:
        loop.weights_of_classes(part)
    assert str(refusal.value) == (
        "`class_weights: balanced` needs classes, but the target is a number. Set it to `none`."
    )


@pytest.mark.parametrize("optimizer", ["sgd", "nadam", "lamb", "schedule_free_adam_w"])
def test_equals_plain_fit_with_other_optimizers(optimizer):
    settings = SETTINGS | {"optimizer": optimizer, "gradient_clipping": 1.0, "weight_decay": 0.01, "epochs": 2}
    train, validation = table(), table(20, seed=1)
    expected = plain_fit(compiled(dense, settings), train, validation, settings)
    history = fast_fit(compiled(dense, settings), train, validation, settings).history
    if optimizer == "schedule_free_adam_w":  # plain fits, one an epoch, end with the averaged weights each time
        expected, history = {"loss": expected["loss"][:1]}, {"loss": history["loss"][:1]}
    same(history, expected)


def test_plain_way_meets_the_same_batches():
    """Callbacks that want every batch get Keras's own loop, with the same numbers."""
    seen = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    train, validation = table(), table(20, seed=1)
    expected = plain_fit(compiled(dense, SETTINGS), train, validation, SETTINGS)
    points = []
    model = compiled(dense, SETTINGS)
    history = loop.fit(
        model, train, validation, training=told(SETTINGS), callbacks=[Listener()],
        between=lambda done, logs: points.append(done),  # noqa: ARG005
    )  # fmt: skip
    same(history.history, expected)
    assert seen == [0, 1, 2, 3] * 3
    assert points[-1] == 3.0


def test_early_stopping_restores_the_best_round():
    """Same epoch, same weights as with Keras's own loop."""
    settings = SETTINGS | {"epochs": 30, "learning_rate": 0.1}

    def stopper():
        return keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)

    class Hears(keras.callbacks.Callback):
        """Sends its run the plain way."""

        def on_train_batch_end(self, batch, logs=None):
            pass

    train, validation = table(), table(20, seed=1)
    first, second = compiled(dense, settings), compiled(dense, settings)
    plain = loop.fit(first, train, validation, training=told(settings), callbacks=[stopper(), Hears()])
    fast = fast_fit(second, train, validation, settings, callbacks=[stopper()])
    assert len(fast.history["loss"]) < 30
    same(fast.history, plain.history)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_callbacks_keep_their_meaning(tmp_path):
    rates = []
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 / (epoch + 1)),  # noqa: ARG005
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"])),  # noqa: ARG005
    ]
    fast_fit(compiled(dense, SETTINGS), table(), table(20, seed=1), SETTINGS, callbacks=callbacks)
    np.testing.assert_allclose(rates, [0.01, 0.005, 0.01 / 3], rtol=1e-6)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4


def test_tells_where_it_is_between_chunks():
    points = []
    fast_fit(
        compiled(dense, SETTINGS), table(), table(20, seed=1), SETTINGS,
        between=lambda done, logs: points.append((done, sorted(logs))),
    )  # fmt: skip
    done = [x for x, _ in points]
    assert done == sorted(done)
    assert done[0] == 16 / ROWS  # the first chunk is one step, so the first point comes early
    assert {1.0, 2.0, 3.0} <= set(done)
    assert points[0][1] == ["accuracy", "loss"]


class Leave(Exception):  # noqa: N818 - not an error
    """What a worker raises when it is asked to stop."""


def test_stops_between_chunks():
    """A wish to stop does not wait for the end of the epoch, and leaves a model that can go on."""
    model = compiled(dense, SETTINGS)

    def leave(done, logs):  # noqa: ARG001
        if done > 1.2:
            raise Leave

    with pytest.raises(Leave):
        fast_fit(model, table(), table(20, seed=1), SETTINGS, between=leave)
    assert model.optimizer.iterations.numpy() < 8
    assert model.evaluate(table().x, table().y, verbose=0)[0] > 0
    assert "call" not in vars(model.layers[-1])


@pytest.mark.parametrize("xla", [False, True])
def test_stops_when_the_loss_is_no_number(xla):
    settings = SETTINGS | {"optimizer": "sgd", "learning_rate": 10.0, "epochs": 50}
    train = table()
    train.x["features"][:] *= 1e20
    with pytest.raises(loop.NotFiniteError, match=r"The loss became NaN in epoch 1\.") as error:
        fast_fit(compiled(dense, settings), train, table(20, seed=1), settings, xla=xla)
    assert 0 < error.value.epochs_done < 1


@pytest.mark.parametrize("xla", [False, True])
def test_stops_behind_the_very_batch_whose_loss_is_no_number(xla):
    """Also in the middle of a chunk of steps between which Python does not look in."""
    train = table(1600)
    rows = loop.order(SETTINGS["seed"], 0, len(train))
    train.x["features"][rows[60 * SETTINGS["batch_size"]], 0] = np.inf
    model = compiled(dense, SETTINGS)
    with pytest.raises(loop.NotFiniteError):
        fast_fit(model, train, None, SETTINGS, xla=xla)
    assert int(model.optimizer.iterations.numpy()) == 61


@pytest.mark.parametrize("xla", [False, True])
def test_resumes_to_the_last_bit(xla):
    """Order, masks and steps are functions of seed and epoch, so two halves are one whole."""
    settings = SETTINGS | {"epochs": 4}
    train, validation = table(), table(20, seed=1)
    whole = compiled(dense, settings, dropout=0.2)
    expected = fast_fit(whole, train, validation, settings, xla=xla).history
    first = compiled(dense, settings, dropout=0.2)
    fast_fit(first, train, validation, settings, xla=xla, epochs=2)
    second = compiled(dense, settings, dropout=0.2)
    for old, new in zip(first.variables, second.variables, strict=True):
        new.assign(old)
    for old, new in zip(first.optimizer.variables, second.optimizer.variables, strict=True):
        new.assign(old)
    history = fast_fit(second, train, validation, settings, xla=xla, initial_epoch=2).history
    assert history["loss"] == expected["loss"][2:]
    for one, other in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_order_is_a_function_of_seed_and_epoch():
    assert loop.order(1, 2, 10).tolist() == loop.order(1, 2, 10).tolist()
    assert loop.order(1, 2, 10).tolist() != loop.order(1, 3, 10).tolist()
    assert sorted(loop.order(1, 2, 10).tolist()) == list(range(10))


def test_fits_models_with_their_own_loss():
    """A special objective overrides `compute_loss`; its `Mean`s appear in the logs."""

    @keras.saving.register_keras_serializable("tests")
    class Mirror(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(FEATURES)
            self.noise = keras.random.SeedGenerator(2)
            self.error = keras.metrics.Mean(name="error")

        def call(self, inputs, training=None):
            x = inputs["features"]
            return self.inner(x + 0.1 * keras.random.normal(keras.ops.shape(x), seed=self.noise))

        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: FBT002 - Keras's signature
            loss = keras.ops.mean(keras.ops.square(x["features"] - y_pred))
            self.error.update_state(loss)
            return loss

    def make():
        keras.utils.set_random_seed(7)
        model = Mirror()
        model({"features": np.zeros((1, FEATURES), "float32")})
        model.noise.state.assign([2, 0])
        loop.compile_stage(Stage("fit", model), told(SETTINGS))
        return model

    train, validation = table(), table(20, seed=1)
    expected = plain_fit(make(), train, validation, SETTINGS | {"epochs": 1})
    history = fast_fit(make(), train, validation, SETTINGS | {"epochs": 1}).history
    assert history["error"][0] == pytest.approx(expected["error"][0], abs=1e-6)
    assert history["loss"][0] == pytest.approx(expected["loss"][0], abs=1e-6)


def test_mixed_precision_trains():
    """The rare case of half-size numbers on a CPU: slow, but it works."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled(dense, SETTINGS)
    finally:
        keras.config.set_dtype_policy(policy)
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    losses = fast_fit(model, table(), table(20, seed=1), SETTINGS).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("make", "data", "settings", "xla", "sentence"),
    [
        (
            dense,
            table,
            {"epochs": 3},
            False,
            (
                "The data lie in memory and many steps run per call; compiling further (XLA) would take longer than "
                "the 12 steps it would shorten."
            ),
        ),
        (
            dense,
            table,
            {"epochs": 3000},
            True,
            "The data lie in memory and many steps run as one program compiled by XLA.",
        ),
        (
            convolutional,
            pictures,
            {"epochs": 1000},
            False,
            (
                "The data lie in memory and many steps run per call; compiling further (XLA) would slow down `Conv2D` "
                "layers on this processor."
            ),
        ),
    ],
)
def test_says_why_it_is_this_fast(make, data, settings, xla, sentence):
    settings = SETTINGS | settings
    policy = loop.choose_policy(compiled(make, settings), data(), told(settings))
    assert (policy.loop, policy.xla, policy.resident) == ("compiled", xla, True)
    assert policy.sentence == sentence


def test_big_data_come_in_blocks(monkeypatch):
    monkeypatch.setattr(loop, "_free_memory", lambda: 1000)
    policy = loop.choose_policy(compiled(dense, SETTINGS), table(), told(SETTINGS))
    assert not policy.resident
    assert policy.sentence.startswith("The data are too big for memory and come in blocks from the disk")


def test_hashed_mask_has_its_rate_and_no_pattern():
    """About the asked share is dropped; neither steps, layers nor neighbours are alike."""
    size = (512, 64)
    masks = [keep_mask(size, 0.3, (seed, step)).numpy() for seed, step in [(1, 0), (1, 1), (1, 2), (2, 0), (70_001, 0)]]
    for mask in masks:
        assert mask.mean() == pytest.approx(0.7, abs=0.01)
        assert mask.mean(axis=0) == pytest.approx(np.full(64, 0.7), abs=0.1)
        for other in (np.roll(mask, 1, axis=0), np.roll(mask, 1, axis=1)):
            assert np.corrcoef(mask.ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.02)
    for number, mask in enumerate(masks):
        for other in masks[:number]:
            assert np.corrcoef(mask.ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.02)


def test_hashed_dropout_keeps_the_mean_and_leaves_no_trace():
    layer = keras.layers.Dropout(0.25, seed=1)
    inputs = keras.Input((64,))
    model = keras.Model(inputs, layer(inputs))
    ones = np.ones((200, 64), "float32")
    with hashed_dropout(model):
        dropped = np.asarray(model(ones, training=True))
        assert np.array_equal(model(ones, training=False), ones)
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    assert "call" not in vars(layer)


def test_hashed_dropout_drops_whole_maps_where_asked():
    inputs = keras.Input((4, 8))
    model = keras.Model(inputs, keras.layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=1)(inputs))
    with hashed_dropout(model):
        dropped = np.asarray(model(np.ones((3, 4, 8), "float32"), training=True))
    assert np.array_equal(dropped, np.repeat(dropped[:, :1], 4, axis=1))
    assert 0 < dropped.mean() < 2


def test_hashed_dropout_learns_as_well():
    """Loss curves agree within noise."""
    settings = SETTINGS | {"epochs": 12}
    train, validation = table(400), table(100, seed=1)
    stock = fast_fit(compiled(dense, settings, dropout=0.3), train, validation, settings).history
    hashed = fast_fit(compiled(dense, settings, dropout=0.3), train, validation, settings, xla=True).history
    np.testing.assert_allclose(hashed["loss"][4:], stock["loss"][4:], rtol=0.08)
    np.testing.assert_allclose(hashed["val_loss"], stock["val_loss"], rtol=0.08)
