"""Learning without labels: labels are not looked at, few are kept, twins can be found."""

import numpy as np
import pytest

from builders import contrastive
from builders._embeddings import flattened
from builders._twins import change_layer, twin_finder
from recipes import Part, Refusal, keras
from tests.builders.smallest import signature_of


def built(**settings):
    keras.utils.set_random_seed(3)
    return contrastive.build(signature_of("image", "classification"), contrastive.Config(filters=4, **settings))


def test_keeps_the_same_few_labels_of_each_class():
    labels = np.arange(60, dtype=np.int32) % 3
    part = Part({"picture": np.arange(60)[:, None]}, labels, np.arange(100, 160))
    few = contrastive.few(part, 5)
    assert np.bincount(few.y).tolist() == [5, 5, 5]
    np.testing.assert_array_equal(few.rows, few.x["picture"][:, 0] + 100)
    np.testing.assert_array_equal(few.y, labels[few.rows - 100])
    np.testing.assert_array_equal(few.rows, contrastive.few(part, 5).rows)
    assert len(contrastive.few(part, 1000)) == 60


def test_looks_at_no_label_in_the_first_stage():
    finder = built().stages[0].model
    keras.utils.set_random_seed(1)
    directions = keras.ops.normalize(keras.random.normal((8, 64)), axis=-1)
    one, other = (float(finder.compute_loss(y=np.full(4, label), y_pred=directions)) for label in (0, 2))
    assert one == other


def test_loss_is_small_for_twins_and_that_of_chance_for_equals():
    finder = built(temperature=0.1).stages[0].model
    apart = np.eye(64, dtype="float32")[[0, 1, 2, 3, 0, 1, 2, 3]]
    assert float(finder.compute_loss(y_pred=apart)) == pytest.approx(np.log(1 + 6 * np.exp(-10)), abs=1e-4)
    assert float(finder.found.result()) == 1.0
    equal = np.eye(64, dtype="float32")[[0] * 8]
    assert float(finder.compute_loss(y_pred=equal)) == pytest.approx(np.log(7), abs=1e-4)


def test_control_has_the_same_network_and_one_stage():
    taught, control = built(), built(pretraining=False)
    assert [stage.name for stage in taught.stages] == ["without labels", "few labels"]
    assert [stage.name for stage in control.stages] == ["few labels"]
    assert taught.core.count_params() == control.core.count_params()


def test_control_learns_with_all_its_weights():
    control = built(pretraining=False, learn_on=False)
    control.stages[0].before()
    assert len(control.core.trainable_weights) > 2
    taught = built(learn_on=False)
    taught.stages[1].before()
    assert len(taught.core.trainable_weights) == 2


def test_changes_only_while_training():
    keras.utils.set_random_seed(1)
    pictures = np.random.default_rng(1).uniform(0, 255, (4, 12, 12, 3)).astype("float32")
    layer = change_layer()(1.0, mirror=False)
    np.testing.assert_array_equal(layer(pictures), pictures)
    first, second = (np.asarray(layer(pictures, training=True)) for _ in range(2))
    assert first.shape == pictures.shape
    assert first.min() >= 0
    assert first.max() <= 255
    assert np.abs(first - second).mean() > 1
    assert np.abs(first[0] - first[1]).mean() > 1


def test_no_strength_is_no_change():
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 12, 12, 1)).astype("float32")
    np.testing.assert_allclose(change_layer()(0.0, mirror=False)(pictures, training=True), pictures, atol=1e-3)


def test_finds_twins_after_some_steps():
    """The part that learns without labels learns: ever more twins are found."""
    keras.utils.set_random_seed(2)
    encoder = built().stages[0].model.encoder
    finder = twin_finder()(encoder, "picture", 0.2, 0.3, mirror=False)
    pictures = np.random.default_rng(1).integers(0, 255, (32, 4, 4, 3)).repeat(4, axis=1).repeat(4, axis=2)
    finder.compile(keras.optimizers.Adam(0.003))
    finder.optimizer.build(finder.trainable_variables)  # or the step is traced twice
    told = finder.fit({"picture": pictures.astype("uint8")}, np.zeros(32), batch_size=32, epochs=40, verbose=0).history
    assert np.mean(told["loss"][-5:]) < 0.5 * np.mean(told["loss"][:5])
    assert np.mean(told["found"][:5]) < 0.8 < np.mean(told["found"][-5:])
    assert told["loss"][-1] < told["loss"][0]


def test_refuses_to_halve_too_often():
    with pytest.raises(Refusal) as refusal:
        built(depth=5)
    assert str(refusal.value) == (
        "`depth` 5 halves the picture 5 times, but 16 pixels can be halved only 4 times. Set `depth` to 4 or less, or "
        "use larger pictures."
    )


def test_cloud_does_not_spin():
    """The same features turned in space give the same points."""
    random = np.random.default_rng(1)
    features = random.normal(size=(30, 6)) * [5, 3, 1, 0.1, 0.1, 0.1]
    turn = np.linalg.qr(random.normal(size=(6, 6)))[0]
    first = flattened(features, None)
    np.testing.assert_allclose(flattened(features @ turn, first), first, atol=1e-6)
