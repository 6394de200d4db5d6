"""Transfer learning: what stays frozen stays frozen, what is computed once is what the whole model computes."""

import numpy as np
import pytest

import builders
from builders import transfer
from builders._efficientnet import lite0
from recipes import Part, Refusal, keras
from tests.builders.smallest import examples, signature_of


def built(**settings):
    keras.utils.set_random_seed(3)
    signature = signature_of("image", "classification")
    return builders.get("transfer").build(signature, builders.config("transfer", {"resolution": 64} | settings))


@pytest.mark.parametrize("learning", [0, 2, 6])
def test_trunk_and_tail_are_one_network_wherever_they_are_parted(learning):
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    whole, parted = (tail(trunk(pictures)) for trunk, tail in (lite0(64, 1), lite0(64, learning)))
    np.testing.assert_allclose(whole, parted, rtol=1e-4, atol=1e-5)


def test_backbone_knows_photos():
    """Features of one sprite in two styles are more alike than those of different animals."""
    from datasets._pack import path

    with np.load(path("sprites.npz"), allow_pickle=False) as told:
        sprites = told["pictures"].astype("float32")
    pictures = sprites[..., :3] * sprites[..., 3:] / 255 + 255 - sprites[..., 3:]
    trunk, tail = lite0(64, 0)
    seen = np.asarray(tail(trunk(pictures)))
    seen = (seen - seen.mean(axis=0)) / np.linalg.norm(seen - seen.mean(axis=0), axis=1, keepdims=True)
    alike = seen[:10] @ seen[10:].T
    assert (alike.argmax(axis=1) == np.arange(10)).sum() >= 6


def test_stages_and_download_answer_alike():
    """What the stages read was computed once by the very layers that the download has."""
    blueprint = built()
    part = examples(signature_of("image", "classification"), 4)
    expected = np.asarray(blueprint.core(part.x))
    for stage in blueprint.stages:
        answer = np.asarray(stage.model(stage.select(part).x))
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)


def test_only_the_new_layer_learns_until_fine_tuning():
    blueprint = built(unfreeze=1)
    frozen, fine = blueprint.stages
    assert [weight.path for weight in frozen.model.trainable_weights] == ["answer/kernel", "answer/bias"]
    assert len(fine.model.trainable_weights) == 2
    fine.before()
    assert len(fine.model.trainable_weights) > 2
    assert not any(layer.trainable_weights for layer in blueprint.core.layers if layer.name == "trunk")
    assert fine.training["learning_rate"] < 1e-4


def test_without_blocks_to_fine_tune_there_is_one_stage():
    assert [stage.name for stage in built(unfreeze=0).stages] == ["frozen"]


def test_looks_at_each_picture_once():
    blueprint = built()
    part = examples(signature_of("image", "classification"), 4)
    first = blueprint.stages[0].select(part)
    dark = Part({name: np.zeros_like(array) for name, array in part.x.items()}, part.y, part.rows)
    np.testing.assert_array_equal(first.x["features"], blueprint.stages[0].select(dark).x["features"])


def test_says_what_to_do_when_a_network_cannot_be_fetched(monkeypatch):
    def offline(**_):
        raise OSError("URL fetch failure on https://somewhere/mobilenet_v2_weights_no_top.h5: None")

    monkeypatch.setattr(keras.applications, "MobileNetV2", offline)
    with pytest.raises(Refusal) as refusal:
        built(backbone="mobilenet_v2")
    assert str(refusal.value) == (
        "`backbone` mobilenet_v2 needs a file of weights `mobilenet_v2_weights_no_top.h5` from the internet, and "
        "fetching it did not work. Choose efficientnet_lite0, which comes with the app, or lay the file into "
        "`~/.keras/models`."
    )


@pytest.mark.parametrize("backbone", transfer.APPLICATIONS)
@pytest.mark.parametrize("unfreeze", [0, 1, 6])
def test_other_networks_can_be_parted_too(backbone, unfreeze, monkeypatch):
    """With random weights: the files are not there, the layers where they are parted must be."""
    make = getattr(keras.applications, transfer.APPLICATIONS[backbone])
    monkeypatch.setattr(
        keras.applications, transfer.APPLICATIONS[backbone], lambda **told: make(**(told | {"weights": None}))
    )
    with keras.StatelessScope(initialize_variables=False):
        blueprint = built(backbone=backbone, unfreeze=unfreeze)
    assert blueprint.core.output_shape == (None, 3)
    assert len(blueprint.stages) == (2 if unfreeze else 1)
