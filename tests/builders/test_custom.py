"""Layer by layer: what the page works out about a stack is what Keras makes of it; every refusal says what helps."""

import numpy as np
import pytest
import yaml

import builders
from builders import custom
from builders._layers import layer_table
from builders._stack import MOST_LAYERS, entering, fits, follow, obstacle, read
from builders._stack_kinds import KINDS, Flow
from builders._stack_templates import templates
from recipes import Recipe, Refusal, Training, keras, validate
from tests.builders.smallest import build, examples, signature_of
from training.fit import compile_stage
from training.plan import resolve

ROW, STEPS, PICTURE, CLIP = Flow((12,)), Flow((10, 6)), Flow((9, 8, 3)), Flow((4, 9, 8, 3))
WORDS, SOUND = Flow((12,), "words", vocabulary=20), Flow((8000,), "sound", rate=8000)
ALL = (ROW, STEPS, PICTURE, CLIP, WORDS, SOUND)
SERVED = (
    ("tabular", "classification"), ("tabular", "regression"), ("image", "classification"), ("text", "classification"),
    ("series", "forecasting"), ("series", "classification"), ("audio", "classification"), ("video", "classification"),
)  # fmt: skip
VARIED = (
    {"kind": "Dense", "units": 7, "use_bias": False},
    {"kind": "Conv1D", "filters": 5, "kernel_size": 4, "padding": "valid", "strides": 2},
    {"kind": "Conv1D", "filters": 5, "kernel_size": 3, "padding": "causal", "dilation_rate": 3},
    {"kind": "Conv2D", "filters": 5, "kernel_size": 2, "padding": "valid", "strides": 3, "use_bias": False},
    {"kind": "Conv2D", "filters": 5, "kernel_size": 3, "padding": "valid", "dilation_rate": 2},
    {"kind": "SeparableConv2D", "filters": 5, "kernel_size": 2, "padding": "same", "strides": 2},
    {"kind": "Conv3D", "filters": 5, "kernel_size": 2, "padding": "valid", "strides": 2},
    {"kind": "MaxPooling2D", "pool_size": 3, "strides": 2, "padding": "same"},
    {"kind": "AveragePooling1D", "pool_size": 3, "strides": 1},
    {"kind": "LSTM", "units": 5, "return_sequences": True},
    {"kind": "GRU", "units": 5, "bidirectional": True},
    {"kind": "SimpleRNN", "units": 5, "bidirectional": True, "return_sequences": True},
    {"kind": "Reshape", "target_shape": [2, -1]},
    {"kind": "MelSpectrogram", "num_mel_bins": 16},
)


def stack(kind, layers, task="classification"):
    signature = signature_of(kind, task)
    start = entering(signature)
    return follow(read(layers), start), start


def refused(kind, layers, task="classification"):
    """Return the one sentence with which the page and `build` refuse a stack."""
    told = obstacle(*stack(kind, layers, task))
    with pytest.raises(Refusal) as refusal:
        build("custom", kind, task, layers=layers)
    assert str(refusal.value) == told
    return told


def entered(flow):
    """Return what the layers read, and the mask, for this flow."""
    data = keras.Input(flow.shape, dtype="int32" if flow.what == "words" else "float32")
    return data, (keras.ops.cast(keras.ops.not_equal(data, 0), "float32") if flow.what == "words" else None)


@pytest.mark.parametrize("layer", [*({"kind": kind} for kind in KINDS), *VARIED], ids=str)
def test_shapes_and_parameters_are_those_of_keras(layer):
    (step_of,) = read([layer])
    able = [flow for flow in ALL if fits(step_of, flow)]
    assert able
    for flow in able:
        (step,) = follow([step_of], flow)
        with keras.StatelessScope(initialize_variables=False):
            data, mask = entered(flow)
            x, _ = custom._applied(step, data, mask, custom.Config())
            model = keras.Model(data, x)
        assert step.after
        assert x.shape[1:] == step.after.shape, flow
        assert model.count_params() == step.parameters, flow


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_it_is(kind):
    layer = KINDS[kind]()
    assert layer.kind == kind
    assert layer.SENTENCE
    assert not layer.SENTENCE.endswith(".")
    for name, field in KINDS[kind].model_fields.items():
        assert field.title, name
        assert (field.description or "").endswith((".", "none")), name
    assert read([layer.plain()]) == (layer,)


@pytest.mark.parametrize(("kind", "task"), SERVED)
def test_every_template_builds_as_foretold_and_survives_saving(kind, task, tmp_path):
    signature = signature_of(kind, task)
    x = examples(signature, 3).x
    for number, template in enumerate(templates(signature)):
        layers = [layer.plain() for layer in template.layers]
        steps, _ = stack(kind, layers, task)
        core = build("custom", kind, task, layers=layers, **({"shortcut": False} if task == "forecasting" else {})).core
        answer = core.get_layer("answer").count_params()
        assert core.count_params() == sum(step.parameters for step in steps) + answer, template.title
        core.save(tmp_path / f"{number}.keras")
        again = keras.saving.load_model(tmp_path / f"{number}.keras", safe_mode=True)
        np.testing.assert_allclose(core(x), again(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "task"), SERVED)
def test_without_layers_the_first_template_is_built(kind, task):
    signature = signature_of(kind, task)
    first = [layer.plain() for layer in templates(signature)[0].layers]
    one, other = (build("custom", kind, task, **more).core for more in ({}, {"layers": first}))
    assert [row["kind"] for row in layer_table(one)] == [row["kind"] for row in layer_table(other)]
    assert one.count_params() == other.count_params()


@pytest.mark.parametrize(("kind", "task"), SERVED)
@pytest.mark.parametrize("seed", range(2))
def test_any_stack_that_is_not_refused_trains(kind, task, seed):
    """Layers are drawn among those that fit, until one row of numbers is left."""
    random = np.random.default_rng([seed, len(kind)])
    signature = signature_of(kind, task)
    flow, chosen = entering(signature), []
    while len(chosen) < 5 or obstacle(follow(chosen, entering(signature)), entering(signature)):
        able = [layer() for layer in KINDS.values() if fits(layer(), flow)]
        assert flow
        if len(chosen) >= 5 and flow.what != "words" and len(flow.shape) > 1:
            able = [KINDS["Flatten"]()]
        chosen.append(able[random.integers(len(able))])
        flow = follow(chosen, entering(signature))[-1].after
    plan = build("custom", kind, task, layers=[layer.plain() for layer in chosen])
    stage, part = plan.stages[0], examples(signature, 8)
    compile_stage(stage, validate(Training, {}, "training"))
    stage.model.run_eagerly = True
    loss = stage.model.train_on_batch(part.x, part.y)
    assert np.isfinite(loss).all(), [layer.kind for layer in chosen]


def test_padding_of_a_text_does_not_count():
    """A word alone means as much as the same word twice, and an empty text is no accident."""
    tokens = np.zeros((3, 12), dtype="int32")
    tokens[0, :1], tokens[1, :2] = 5, 5
    for pooling in ("GlobalAveragePooling1D", "GlobalMaxPooling1D"):
        layers = [{"kind": "Embedding", "output_dim": 4}, {"kind": pooling}]
        one, two, nothing = np.asarray(
            build("custom", "text", "classification", layers=layers).core({"tokens": tokens})
        )
        np.testing.assert_allclose(one, two, rtol=1e-5)
        assert np.isfinite(nothing).all()


def test_the_last_word_of_a_text_is_the_last_that_is_read():
    """Behind a short text the memory stands still."""
    core = build("custom", "text", "classification", layers=[{"kind": "Embedding"}, {"kind": "GRU", "units": 4}]).core
    tokens = np.zeros((1, 12), dtype="int32")
    tokens[0, :2] = 5, 7
    embedding, gru = core.layers[1:3]
    read_alone = gru(embedding(np.array([[5, 7]])))
    np.testing.assert_allclose(core({"tokens": tokens}), core.get_layer("answer")(read_alone), rtol=1e-4, atol=1e-5)


def test_a_layer_for_pictures_behind_flatten_is_told_where_to_go():
    layers = [{"kind": "Conv2D"}, {"kind": "Flatten"}, {"kind": "Conv2D"}]
    assert refused("image", layers) == (
        "Layer 3 (Conv2D) needs pictures (height x width x channels), but gets 8,192 numbers. "
        "Put it before layer 2 (Flatten)."
    )


@pytest.mark.parametrize(
    ("kind", "layers", "sentence"),
    [
        (
            "tabular", [{"kind": "Conv2D"}],
            ("Layer 1 (Conv2D) needs pictures (height x width x channels), but gets 5 numbers. "
            "Put a Reshape before it, or choose another layer."),
        ),
        (
            "tabular", [{"kind": "Embedding"}],
            "Layer 1 (Embedding) needs words, but gets 5 numbers. It can only be the first layer, and only for text.",
        ),
        ("text", [{"kind": "Dense"}], "Layer 1 (Dense) needs numbers, but gets 12 words. Put an Embedding before it."),
        ("text", [], "The answer needs a row of numbers, but gets 12 words. Start with an Embedding."),
        (
            "series", [{"kind": "LSTM"}, {"kind": "LSTM"}],
            ("Layer 2 (LSTM) needs steps (steps x numbers), but gets 64 numbers. "
            "Switch on `return_sequences` in layer 1 (LSTM)."),
        ),
        (
            "series", [{"kind": "LSTM", "return_sequences": True}],
            ("The answer needs one row of numbers, but gets 24 steps of 64 numbers. "
            "Switch off `return_sequences` in layer 1 (LSTM), or add a Flatten."),
        ),
        (
            "image", [{"kind": "Conv2D", "filters": 8}],
            ("The answer needs one row of numbers, but gets a picture of 16 x 16 x 8. "
            "Add a Flatten or a GlobalAveragePooling2D at the end."),
        ),
        (
            "image", [{"kind": "GlobalAveragePooling1D"}],
            ("Layer 1 (GlobalAveragePooling1D) needs steps (steps x numbers), but gets a picture of 16 x 16 x 3. "
            "Use GlobalAveragePooling2D for pictures, or put a Reshape before it."),
        ),
        (
            "image", [{"kind": "MaxPooling2D", "pool_size": 9}, {"kind": "MaxPooling2D"}, {"kind": "Flatten"}],
            ("Layer 2 (MaxPooling2D) keeps one of 2 neighbours, but there are only 1 x 1. "
            "Make `pool_size` smaller, or take it out."),
        ),
        (
            "image", [{"kind": "Conv2D", "kernel_size": 9, "dilation_rate": 2, "padding": "valid"}],
            ("Layer 1 (Conv2D) has filters that reach over 17 places, but there are only 16 x 16. "
            "Make `kernel_size` smaller, or set `padding` to `same`."),
        ),
        (
            "tabular", [{"kind": "Reshape", "target_shape": "2 x 3"}],
            ("Layer 1 (Reshape) cannot arrange 5 numbers (5) as 2 x 3. "
            "The sizes of `target_shape` must multiply to 5."),
        ),
        (
            "audio", [{"kind": "Dense", "units": 4}, {"kind": "MelSpectrogram"}],
            "Layer 2 (MelSpectrogram) needs a sound, but gets 4 numbers. It can only stand at the start, for sounds.",
        ),
        (
            "image", [{"kind": "Conv2D", "filters": 1024}, {"kind": "Flatten"}, {"kind": "Dense", "units": 1024}],
            ("Layer 3 (Dense) brings the model to 268,465,152 parameters, and at most 50,000,000 are possible. "
            "Make it smaller, or make what comes in smaller with pooling."),
        ),
        (
            "audio", [{"kind": "Reshape", "target_shape": "-1 x 1"}, {"kind": "MultiHeadAttention"}],
            ("Layer 2 (MultiHeadAttention) makes 256,000,000 numbers of each example, and at most 4,000,000 are "
            "possible. Make it smaller, or make what comes in smaller with pooling."),
        ),
    ],
    ids=str,
)  # fmt: skip
def test_an_impossible_layer_is_refused_with_the_reason(kind, layers, sentence):
    assert refused(kind, layers) == sentence


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ("Dense", "`layers` must be a list of layers such as `- {kind: Dense, units: 64}`."),
        ([{"units": 3}], "Layer 1 needs a `kind`, such as `kind: Dense`."),
        (
            [{"kind": "Dens"}],
            f"Layer 1: There is no layer 'Dens'. Did you mean 'Dense'? Available: {', '.join(sorted(KINDS))}.",
        ),
        (
            [{"kind": "Dense"}, {"kind": "Dense", "units": 0}],
            "Layer 2 (Dense): `units` must be between 1 and 4096, but got 0.",
        ),
        (
            [{"kind": "Dropout", "unit": 3}],
            "Layer 1 (Dropout): There is no setting `unit`. Known here: kind, rate.",
        ),
        (
            [{"kind": "Conv1D", "strides": 2, "dilation_rate": 2}],
            "Layer 1 (Conv1D): `strides` and `dilation_rate` cannot both be above 1. Set one of them to 1.",
        ),
        (
            [{"kind": "Reshape", "target_shape": "two rows"}],
            "Layer 1 (Reshape): `target_shape` must be one to four sizes such as 8 x 32, but got 'two rows'.",
        ),
        (
            [{"kind": "Flatten"}] * (MOST_LAYERS + 1),
            "`layers` holds 65 layers, at most 64 are possible. Take some out.",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistaken_list_is_refused_in_words(layers, sentence):
    with pytest.raises(Refusal) as refusal:
        builders.config("custom", {"layers": layers})
    assert str(refusal.value) == sentence


def test_the_recipe_holds_the_layers_as_a_person_writes_them():
    text = """
data: {sample: penguins}
model:
  architecture: custom
  layers:
  - {kind: Dense, units: 8, activation: tanh}
  - {kind: Dropout, rate: 0.5}
"""
    recipe = Recipe.parse(text)
    assert yaml.safe_load(recipe.yaml())["model"] == yaml.safe_load(text)["model"]
    written = resolve(recipe).model.settings["layers"]
    assert written[0] == {
        "kind": "Dense", "units": 8, "activation": "tanh", "use_bias": True, "kernel_initializer": "glorot_uniform",
    }  # fmt: skip
    assert resolve(resolve(recipe)) == resolve(recipe)


def test_a_layer_is_told_in_a_line():
    told = [layer.told() for layer in read([{"kind": "Dense", "units": 8, "use_bias": False}, {"kind": "Flatten"}])]
    assert told == ["Dense 8 · relu · use_bias False", "Flatten"]


def test_a_penalty_reaches_every_kernel():
    layers = [{"kind": "Conv2D", "filters": 2}, {"kind": "Flatten"}, {"kind": "Dense", "units": 3}]
    core = build("custom", "image", "classification", layers=layers, l2=0.01).core
    assert len(core.losses) == 3
