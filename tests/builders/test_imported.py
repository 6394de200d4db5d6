"""A model from elsewhere learns on: it is adapted where that is honest, refused in words where it is not."""

import numpy as np
import pytest

import builders
from builders import imported
from recipes import Refusal, Signature, Target, TensorSpec, keras
from tests.builders.smallest import signature_of
from ui import example

layers = keras.layers


@pytest.fixture
def shelf(tmp_path):
    imported.lies_in(tmp_path)
    return tmp_path


def shelved(shelf, model):
    model.save(made := shelf / "made.keras")
    name = imported.fingerprint(made)
    (shelf / name).mkdir(exist_ok=True)
    made.replace(shelf / name / imported.FILE)
    return name


def pictures(height=8, width=8, channels=1, classes=("a", "b", "c")):
    return Signature(
        data_type="image", task="classification", raw=(), target=Target(name="kind", classes=classes),
        inputs={"picture": TensorSpec(shape=(height, width, channels), dtype="uint8")}, rows={"train": 8},
    )  # fmt: skip


def build(signature, name, **settings):
    return builders.get("imported").build(signature, builders.config("imported", {"model": name} | settings))


def refusal_of(signature, name, **settings):
    with pytest.raises(Refusal) as refused:
        build(signature, name, **settings)
    return str(refused.value)


def some_pictures(*shape):
    return np.random.default_rng(1).integers(0, 256, (3, *shape)).astype("uint8")


def network(*shape, answers=3, activation="softmax"):
    inputs = keras.Input(shape)
    seen = layers.Flatten()(inputs)
    seen = layers.Dense(5, activation="relu", kernel_initializer="he_normal")(seen)
    return keras.Model(inputs, layers.Dense(answers, activation=activation)(seen), name="from_school")


def shares(logits):
    return np.asarray(keras.ops.softmax(keras.ops.convert_to_tensor(logits)))


def test_a_model_that_answers_as_many_classes_answers_as_it_did_before_a_step_was_learned(shelf):
    model = network(8, 8, 1)
    plan = build(pictures(), shelved(shelf, model))
    x = some_pictures(8, 8, 1)
    np.testing.assert_allclose(shares(plan.core({"picture": x})), model(x / 255.0), atol=1e-5)
    assert plan.notes == (
        "'from_school' learns on: 1 of its 1 layers with weights (325 parameters), and the last layer.",
        "Its own last layer answers, with your classes in this order: a, b, c.",
        "It gets values from 0 to 1.",
    )


@pytest.mark.parametrize("end", ["layer", "activation", "nested"])
def test_a_last_bend_is_found_wherever_it_stands(shelf, end):
    """Scores go on, not shares: the loss takes scores."""
    inputs, scores = keras.Input((8, 8, 1)), layers.Dense(3)
    seen = layers.Dense(4)(layers.Flatten()(inputs))
    if end == "nested":
        inner = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5), layers.Dense(3, activation="softmax")])
        model = keras.Model(inputs, inner(seen))
    else:
        bend = layers.Softmax() if end == "layer" else layers.Activation("softmax")
        model = keras.Model(inputs, bend(scores(seen)))
    plan = build(pictures(), shelved(shelf, model))
    x = some_pictures(8, 8, 1)
    np.testing.assert_allclose(shares(plan.core({"picture": x})), model(x / 255.0), atol=1e-5)


def test_of_our_own_download_the_core_goes_on(shelf):
    """Raw pictures go in there; here the prepared ones do, with the values that the core knows."""
    file = example.FOLDER / "deliverables" / "model.keras"
    model = keras.saving.load_model(file)
    ((target, wanted),) = model.output.items()
    name = shelved(shelf, model)
    plan = build(pictures(classes=tuple("0123456789")), name)
    x = some_pictures(8, 8, 1)
    told = model({"picture": x.astype("float32")})[target]
    assert wanted.shape == (None, 10)
    np.testing.assert_allclose(shares(plan.core({"picture": x})), told, atol=1e-4)
    assert plan.notes[-1] == "It gets values from 0 to 255."


def test_a_row_of_pixels_gets_pictures_of_its_size_in_grey(shelf):
    model = network(144, answers=2)
    plan = build(pictures(8, 8, 3), shelved(shelf, model))
    x = some_pictures(8, 8, 3)
    grey = keras.ops.image.rgb_to_grayscale(
        keras.ops.image.resize(keras.ops.convert_to_tensor(x.astype("float32")), (12, 12), antialias=True)
    )
    seen = np.asarray(grey).reshape(3, 144) / 255
    hidden = model.layers[-2]
    new = plan.core.get_layer("answer")
    np.testing.assert_allclose(plan.core({"picture": x}), new(hidden(seen)), atol=1e-4)
    assert plan.notes[1:] == (
        "A new last layer answers, for 3 classes.",
        "Your pictures are brought from 8 x 8 to 12 x 12 pixels.",
        "The model sees them in grey.",
        "It gets values from 0 to 1.",
    )


@pytest.mark.parametrize(("values", "low", "high"), [("0..255", 0, 255), ("0..1", 0, 1), ("-1..1", -1, 1)])
def test_the_range_of_values_can_be_chosen(shelf, values, low, high):
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, layers.Reshape((4,))(inputs))
    plan = build(pictures(2, 2, 1, classes=tuple("abcd")), shelved(shelf, model), values=values)
    told = np.asarray(plan.core({"picture": np.array([[[[0], [255]], [[0], [255]]]], "uint8")}))
    assert (told.min(), told.max()) == (low, high)


@pytest.mark.parametrize(("learn", "last", "learning"), [("all", 3, 8), ("last", 1, 4), ("last", 2, 6), ("head", 3, 2)])
def test_what_learns_can_be_chosen(shelf, learn, last, learning):
    """Weights that learn: two a layer, those of the answer among them."""
    dense = [layers.Dense(4, activation="relu") for _ in range(3)]
    name = shelved(shelf, keras.Sequential([keras.Input((5,)), *dense, layers.Dense(3)]))
    for head in ("keep", "replace"):
        plan = build(signature_of("tabular", "classification"), name, learn=learn, last=last, head=head)
        assert len(plan.core.trainable_weights) == learning, head


def test_a_longer_series_shows_its_last_steps(shelf):
    inputs = keras.Input((4, 2))
    name = shelved(shelf, keras.Model(inputs, layers.GlobalAveragePooling1D()(inputs)))
    plan = build(signature_of("series", "classification"), name, head="replace", dropout=0.0)
    x = np.zeros((1, 24, 2), "float32")
    x[:, -4:] = 1.0
    wanted = plan.core.get_layer("answer")(np.ones((1, 2), "float32"))
    np.testing.assert_allclose(plan.core({"series": x}), wanted, atol=1e-6)
    assert plan.notes[-1] == "It sees the last 4 of the 24 steps."


@pytest.mark.parametrize(
    ("kind", "task", "model", "sentence"),
    [
        (
            "tabular", "classification", lambda: network(13),
            ("This model takes 13 numbers, but your data have 5. Leave columns out or take more, until they are as "
            "many; a column of words counts as several numbers."),
        ),
        (
            "tabular", "regression", lambda: network(8, 8, 1),
            "This model takes an array of 8 x 8 x 1 numbers, but your data are rows of 5 numbers. Choose other data.",
        ),
        (
            "series", "forecasting", lambda: network(48, 2),
            "This model looks back 48 steps, but your data show 24. Set the window of the data to 48 or more.",
        ),
        (
            "series", "forecasting", lambda: network(24, 5),
            (
                "This model reads 5 columns at each step, but your series have 2. Choose as many columns, or another "
                "model."
            ),
        ),
        (
            "audio", "classification", lambda: network(16_000),
            ("This model hears 16,000 values of a sound at once, but your sounds have 8,000. Set length and rate of "
            "the sounds so that they have as many."),
        ),
        (
            "image", "classification", lambda: network(8, 8, 4),
            ("This model takes pictures with 4 channels, but yours have 3. Only grey (1) and colour (3) can be turned "
            "into each other."),
        ),
        (
            "image", "classification", lambda: network(13),
            "This model takes a row of 13 numbers, which pictures cannot be turned into. Choose another model.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_fit_is_refused_in_words(shelf, kind, task, model, sentence):
    assert refusal_of(signature_of(kind, task), shelved(shelf, model())) == sentence


def test_words_and_several_inputs_are_refused(shelf):
    table = signature_of("tabular", "classification")
    tokens = keras.Input((5,), dtype="int32")
    words = shelved(shelf, keras.Model(tokens, layers.Dense(3)(layers.Flatten()(layers.Embedding(9, 2)(tokens)))))
    assert refusal_of(table, words) == (
        "This model takes whole numbers that stand for something, such as words, and your data do not share their "
        "meaning. Choose a model that takes measured numbers, a picture, a series or a sound."
    )
    one, other = keras.Input((5,)), keras.Input((5,))
    twins = shelved(shelf, keras.Model([one, other], layers.Dense(3)(one + other)))
    assert refusal_of(table, twins) == (
        "This model takes 2 inputs and gives 1 answer at once. Only models with one of each can learn on here."
    )


def test_a_head_that_does_not_fit_is_not_kept(shelf):
    name = shelved(shelf, network(5, answers=7))
    assert refusal_of(signature_of("tabular", "classification"), name, head="keep") == (
        "`head` keep needs an answer of 3 classes, but this model gives 7 numbers. Set `head` to replace."
    )


def test_only_what_lies_on_the_shelf_under_its_own_fingerprint_is_opened(shelf):
    table, name = signature_of("tabular", "classification"), shelved(shelf, network(5))
    assert refusal_of(table, "") == imported.NONE
    assert refusal_of(table, "0" * 64) == imported.GONE
    network(5).save(shelf / name / imported.FILE)
    assert refusal_of(table, name) == imported.GONE
    with pytest.raises(Refusal, match=r"^`model\.model`"):
        builders.config("imported", {"model": "../../brought.keras"})


def test_a_fingerprint_is_of_what_a_file_holds(tmp_path):
    """The date of saving is not part of it; a weight is."""
    model = network(5)
    files = [tmp_path / f"{number}.keras" for number in range(3)]
    model.save(files[0])
    model.save(files[1])
    model.layers[-1].bias.assign([1.0, 0.0, 0.0])
    model.save(files[2])
    first, again, other = map(imported.fingerprint, files)
    assert first == again != other
