"""How a painted picture is judged: shares of the way from the picture to the painting, beside honest yardsticks."""

import numpy as np
import pytest
from PIL import Image

import builders
from builders import _seeing as seeing
from datasets import _made_paintings, style
from evaluation.asked import Asked, Replying
from evaluation.tasks import styling
from exporters.keras_file import assemble
from recipes import Data, keras

SIDE = 64


@pytest.fixture
def asked(tmp_path, run):
    """A painter that has not learned anything yet, on a small bundled pair."""
    dataset = style.load_sample("village-in-waves", tmp_path / "set")
    data = Data.model_validate({"sample": "village-in-waves", "size": SIDE, "pieces": 16})
    prepared = style.prepare(dataset, data, 1, tmp_path / "prepared", lambda *_: None)
    keras.utils.set_random_seed(1)
    family = builders.get("style")
    blueprint = family.build(prepared.signature, builders.config("style", {"filters": 4, "blocks": 1}))
    return Asked(run, run.recipe, dataset, prepared, blueprint)


def test_colours_alone_match_mean_and_covariance():
    """The yardstick does what it says: the colours are the painting's, the places are the picture's."""
    content, painting = _made_paintings.village(SIDE, 1), _made_paintings.waves(SIDE, 1)
    moved = styling.in_colours_of(content, painting)
    np.testing.assert_allclose(moved.mean(axis=(0, 1)), painting.mean(axis=(0, 1)), atol=6)
    assert moved.shape == content.shape


def test_a_picture_has_its_own_style_and_shows_itself():
    """The scores' ends: no distance from itself, and some from another."""
    eyes = seeing.eyes()
    one, other = (make(SIDE, 1)[None] for make in (_made_paintings.waves, _made_paintings.glass))
    known, unlike = (seeing.statistics_of_all(eyes, each) for each in (one, other))
    assert max(float(each) for each in seeing.style_distances(known, known)) == 0
    assert min(float(each) for each in seeing.style_distances(known, unlike)) > 0


def test_mirroring_keeps_the_colours_and_taking_pieces_together_keeps_the_whole():
    """Statistics of several pictures taken together are those of one picture made of them."""
    eyes = seeing.eyes()
    pictures = np.stack([make(SIDE, 1) for make in (_made_paintings.waves, _made_paintings.glass)])
    told = seeing.statistics_of_all(eyes, pictures)
    mean, covariance = told[len(seeing.LOOKS)]  # of the colours
    colours = pictures.reshape(-1, 3) / seeing.PIXELS
    np.testing.assert_allclose(mean[0], colours.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(covariance[0], np.cov(colours.T, bias=True), rtol=1e-3)


def test_the_report_names_its_yardsticks_and_that_nothing_was_sealed(asked):
    told = styling.report(asked, [])
    assert set(told["metrics"]) == set(styling.METRICS)
    assert [each["name"] for each in told["baselines"]] == ["colours of the style alone", "picture untouched"]
    untouched = told["baselines"][1]["metrics"]
    assert untouched["style_taken"] == 0
    assert untouched["content_kept"] == 1
    assert told["judged_on"] == (
        "Judged on the whole picture, of which it saw pieces: with one picture, nothing can be kept back for a test."
    )
    assert (asked.run.folder / "styled.png").exists()
    assert [panel["kind"] for panel in told["panels"]] == ["paintings"] * 3


def test_other_pictures_in_the_report_are_none_it_learned_from(asked):
    names = [each["caption"] for each in styling.report(asked, [])["panels"][1]["pictures"]]
    assert names == ["Temple", "Flower"]


def test_evidence_stays_small_and_keeps_first_and_newest(asked):
    look = styling.evidence(asked)
    for _ in range(12):
        panels = look()
    assert len(panels[1]["pictures"]) == styling.MOST_FRAMES
    assert panels[1]["pictures"][0]["caption"] == "before"
    assert panels[1]["pictures"][-1]["caption"] == "now"
    assert sum(len(each["picture"]) for panel in panels for each in panel["pictures"]) < 70_000


def test_try_paints_the_runs_own_picture_and_any_other(asked, tmp_path):
    model = assemble(asked.core, asked.signature, asked.encoding)
    own = styling.reply(Replying(asked.run, asked.prepared, {"own": True}, lambda _: model))
    assert (own["width"], own["height"]) == (SIDE, SIDE)

    Image.fromarray(_made_paintings.village(96, 2)[:48]).save(tmp_path / "wide.png")
    values = {"picture": (tmp_path / "wide.png").read_bytes(), "side": 96}
    told = styling.reply(Replying(asked.run, asked.prepared, values, lambda _: model))
    assert (told["width"], told["height"]) == (96, 48)


def test_the_download_paints_pictures_of_every_size_one_after_another(asked):
    """A compiled model meets another size with shapes that it only half knows."""
    model = assemble(asked.core, asked.signature, asked.encoding)
    for height, width in ((64, 64), (48, 96), (96, 64), (32, 128), (64, 64)):
        picture = np.full((1, height, width, 3), 100, dtype=np.float32)
        assert model.predict_on_batch({"picture": picture})["styled"].shape == (1, height, width, 3)
