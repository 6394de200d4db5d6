"""Drawn and rebuilt pictures: judged against real ones, told in words, answered on the page."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders import Blueprint, Whole
from datasets import Prepared
from evaluation import _generation_pictures as drawing
from evaluation.asked import Asked, Replying
from evaluation.tasks import reconstruction
from recipes import Part, RawInput, Refusal, Signature, Target, TensorSpec, keras

SIDE = 8
RANDOM = np.random.default_rng(4)


def bars(rows, kinds=2):
    """Make pictures of a bright bar, left or right, and where there are three kinds, across."""
    found = RANDOM.integers(0, 60, (rows, SIDE, SIDE, 1)).astype(np.uint8)
    kind = (np.arange(rows) % kinds).astype(np.int32)
    found[kind == 0, :, 1:3] = 220
    found[kind == 1, :, 5:7] = 220
    found[kind == 2, 3:5] = 220
    return found, kind


def prepared(folder, task, kinds=2, anomalies=()):
    parts = {}
    for name, rows in (("train", 120), ("validation", 40), ("test", 60)):
        x, y = bars(rows, kinds)
        kept = np.isin(y, anomalies, invert=True) if name != "test" else np.ones(rows, bool)
        parts[name] = Part({"picture": x[kept]}, y[kept], np.flatnonzero(kept))
    signature = Signature(
        data_type="image", task=task, inputs={"picture": TensorSpec(shape=(SIDE, SIDE, 1), dtype="uint8")},
        raw=(RawInput(name="picture", kind="picture", shape=(None, None, 1)),), target=Target(name="picture"),
        rows={name: len(part) for name, part in parts.items()},
        details={"classes": ["left", "right", "across"][:kinds], "anomalies": list(anomalies)},
    )  # fmt: skip
    return Prepared(folder, signature, {}).save(parts)


def decoder(*, conditional=False):
    """Draw a bar at the left where the first number of the code (or the class) is below 0, else at the right."""
    code = keras.Input((2,), name="code")
    inputs = {"code": code}
    sign = keras.ops.sign(code[:, :1])
    if conditional:
        inputs["class"] = keras.Input((1,), name="class", dtype="int32")
        sign = 2.0 * keras.ops.cast(inputs["class"], "float32") - 1.0
    left, right = np.zeros((2, SIDE * SIDE), "float32")
    left.reshape(SIDE, SIDE)[:, 1:3], right.reshape(SIDE, SIDE)[:, 5:7] = 190, 190
    flat = 30.0 + 10 * code[:, 1:] + keras.ops.multiply(1 - sign, left / 2) + keras.ops.multiply(1 + sign, right / 2)
    return keras.Model(inputs, {"picture": keras.ops.reshape(keras.ops.clip(flat, 0, 255), (-1, SIDE, SIDE, 1))})


def asked_of(run, told, **deliverables):
    unread: Any = None  # the data set: these judges look at prepared pictures alone
    return Asked(run, run.recipe, unread, told, Blueprint((), deliverables))


def whole(model):
    return Whole(model, "Decoder", "A code in, a picture out.", {"code": np.zeros((2, 2), "float32")})


@pytest.fixture
def judged(run, tmp_path):
    return asked_of(run, prepared(tmp_path / "prepared", "generation"), decoder=whole(decoder()))


def test_good_drawings_stand_near_real_pictures_and_noise_far_off(judged):
    told = drawing.report_pictures(judged, [])
    noise, real = (each["metrics"]["distance"] for each in told["baselines"])
    assert [each["name"] for each in told["baselines"]] == ["each pixel on its own", "unseen real pictures"]
    assert real < told["metrics"]["distance"] < noise
    assert told["metrics"]["classes_drawn"] == 1
    assert told["headline"]["metric"] == "distance"
    assert told["headline"]["low"] <= told["headline"]["value"] * 1.5
    assert told["metrics"].keys() <= drawing.METRICS.keys()
    assert told["sentences"][0].startswith("Among 500 drawings all classes appear, says a classifier of its own")
    assert [panel["kind"] for panel in told["panels"]] == ["pictures", "bars", "pictures"]
    assert sum(next(panel for panel in told["panels"] if panel["kind"] == "bars")["values"]) > 400


def test_a_class_that_never_appears_is_named(run, tmp_path):
    model = decoder()
    code = keras.Input((2,), name="code")
    one_sided = keras.Model({"code": code}, model({"code": keras.ops.abs(code)}))
    told = drawing.report_pictures(
        asked_of(run, prepared(tmp_path / "prepared", "generation"), decoder=whole(one_sided)), []
    )
    assert told["metrics"]["classes_drawn"] == 0.5
    assert "'left' never appears" in told["sentences"][0]


def test_a_conditional_drawer_is_judged_by_whether_it_obeys(run, tmp_path):
    told = drawing.report_pictures(
        asked_of(run, prepared(tmp_path / "prepared", "generation"), generator=whole(decoder(conditional=True))), []
    )
    assert told["metrics"]["obeyed"] > 0.95


def test_pictures_without_classes_are_judged_in_principal_components(run, tmp_path):
    told = drawing.report_pictures(
        asked_of(run, prepared(tmp_path / "prepared", "generation", kinds=1), decoder=whole(decoder())), []
    )
    assert "classes_drawn" not in told["metrics"]
    assert "principal components" in told["sentences"][0]


def test_evidence_is_small_and_goes_on_after_a_resume(judged, run):
    look = drawing.evidence_pictures(judged)
    for epoch in range(1, 40):
        run.append("metrics", {"epoch": epoch, "end": True, "loss": 1.0, "judging": 1.3, "fooling": 0.7})
        panels = look()
    film = next(panel for panel in panels if panel["kind"] == "film")
    assert film["frames"][-1]["epoch"] == 39
    assert len(film["frames"]) <= drawing.FRAMES + 1
    assert len(json.dumps(panels)) < 60_000
    (run.folder / "evidence.json").write_text(json.dumps({"panels": panels}), encoding="utf-8")
    again = drawing.evidence_pictures(judged)()
    assert next(panel for panel in again if panel["kind"] == "film")["frames"][0] == film["frames"][0]
    assert [panel["title"] for panel in again if panel["kind"] == "lines"] == [
        "Balance", "Distance to real pictures", "Variety",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variety", "adversarial", "tone"), [(0.9, True, "good"), (0.2, True, "trouble"), (0.2, False, "caution")]
)
def test_drawings_that_look_alike_raise_an_alarm(variety, adversarial, tone):
    told = drawing.variety_words(variety, adversarial=adversarial)
    assert told[0] == tone
    assert ("mode collapse" in told[1]) == (tone == "trouble")


def test_the_frechet_distance_is_that_of_two_normal_distributions():
    one = RANDOM.normal(size=(4000, 3))
    assert drawing.frechet(one, one) < 1e-9
    np.testing.assert_allclose(drawing.frechet(one, one + np.array([3, 0, 4])), 25, rtol=1e-6)
    np.testing.assert_allclose(drawing.frechet(one, 2 * one), 3, rtol=0.1)  # (2 - 1)² in each of three


def size_of(sheet):
    return Image.open(io.BytesIO(base64.b64decode(sheet))).size


def replying(run, told, values, **models):
    (run.folder / "deliverables").mkdir(exist_ok=True)
    for name in models:
        (run.folder / "deliverables" / f"{name}.keras").touch()
    return Replying(run, told, values, models.__getitem__)


def test_a_person_may_draw_walk_and_mix(run, tmp_path):
    told = prepared(tmp_path / "prepared", "generation")
    picture = keras.Input((None, None, 1), name="picture")
    encoder = keras.Model({"picture": picture}, {"code": keras.ops.tile(keras.ops.mean(picture, axis=(1, 2)), (1, 2))})
    models = {"decoder": decoder(), "encoder": encoder}

    def reply(**values):
        return drawing.reply_pictures(replying(run, told, values, **models))

    assert reply(ask="about") == {"code": 2, "classes": [], "encodes": True, "test_rows": 60}
    assert size_of(reply(ask="draw", count=16)["sheet"]) == (8 * 9 - 1, 2 * 9 - 1)
    assert reply(ask="draw", seed=1) == reply(ask="draw", seed=1) != reply(ask="draw", seed=2)
    assert size_of(reply(ask="point", code=[0.5, 1])["sheet"]) == (8, 8)
    assert reply(ask="between", first=0, second=1, steps=4)["columns"] == 6
    with pytest.raises(Refusal) as refusal:
        reply(ask="point", code=[1])
    assert str(refusal.value) == "The code needs 2 numbers. Move the sliders once more."


def test_a_person_may_ask_for_a_class(run, tmp_path):
    told = prepared(tmp_path / "prepared", "generation")

    def reply(**values):
        return drawing.reply_pictures(replying(run, told, values, generator=decoder(conditional=True)))

    assert reply(ask="about")["classes"] == ["left", "right"]
    assert reply(ask="draw", **{"class": "left"}) != reply(ask="draw", **{"class": "right"})
    with pytest.raises(Refusal) as refusal:
        reply(ask="draw", **{"class": "up"})
    assert str(refusal.value) == "There is no class 'up'. Choose one of: left, right."


# Rebuilding


def rebuilder(told):
    """Rebuild by the two principal components of the training part, which know bars down but not across."""
    x = np.asarray(told.part("train").x["picture"]).reshape(-1, SIDE * SIDE) / 255
    mean = x.mean(axis=0).astype("float32")
    axes = np.linalg.svd(x - mean, full_matrices=False)[2][:2].astype("float32")
    picture = keras.Input((SIDE, SIDE, 1), name="picture")
    flat = keras.ops.reshape(keras.ops.cast(picture, "float32") / 255, (-1, SIDE * SIDE))
    code = keras.ops.matmul(flat - mean, axes.T)
    rebuilt = keras.ops.matmul(code, axes) + mean
    error = keras.ops.mean(keras.ops.square(flat - rebuilt), axis=1, keepdims=True)
    pictures = keras.ops.reshape(255 * rebuilt, (-1, SIDE, SIDE, 1))
    core = keras.Model({"picture": picture}, {"reconstruction": pictures, "error": error})
    return {"model": core, "encoder": keras.Model({"picture": picture}, {"code": code})}


def test_what_was_never_seen_is_found_by_its_error(run, tmp_path):
    told = prepared(tmp_path / "prepared", "reconstruction", kinds=3, anomalies=(2,))
    report = reconstruction.report(asked_of(run, told, **rebuilder(told)), [])
    assert report["metrics"]["roc_auc"] > 0.99
    assert report["metrics"].keys() <= reconstruction.METRICS.keys()
    assert [each["name"] for each in report["baselines"]] == ["straight-line code of 2", "mean of all"]
    np.testing.assert_allclose(report["metrics"]["error"], report["baselines"][0]["metrics"]["error"], rtol=1e-3)
    histogram = report["panels"][0]
    assert [one["name"] for one in histogram["series"]] == ["Usual", "Odd"]
    assert histogram["threshold"] in [step["threshold"] for step in histogram["steps"]]
    found = [step["found"] for step in histogram["steps"]]
    assert found == sorted(found)
    assert report["sentences"][1].startswith("It never trained on 'across'. At ")
    with np.load(run.folder / "predictions.npz") as saved:
        assert saved["truth"].sum() == 20


def test_without_odd_rows_it_is_judged_by_what_it_keeps(run, tmp_path):
    told = prepared(tmp_path / "prepared", "reconstruction")
    report = reconstruction.report(asked_of(run, told, **rebuilder(told)), [])
    assert report["headline"]["metric"] == "explained"
    assert "roc_auc" not in report["metrics"]
    assert [panel["title"] for panel in report["panels"]] == ["How odd is odd?", "The oddest", "The most usual"]


def test_evidence_shows_pictures_above_what_became_of_them(run, tmp_path):
    told = prepared(tmp_path / "prepared", "reconstruction")
    panels = reconstruction.evidence(asked_of(run, told, **rebuilder(told)))()
    assert [panel["kind"] for panel in panels] == ["pictures", "histogram"]
    assert panels[0]["rows"] == ["Picture", "Rebuilt"]
    assert size_of(panels[0]["sheet"]) == (8 * 9 - 1, 2 * 9 - 1)


def test_a_person_learns_whether_an_example_is_odd(run, tmp_path):
    told = prepared(tmp_path / "prepared", "reconstruction")
    model = rebuilder(told)["model"]
    (run.folder / "report.json").write_text('{"threshold": 0.02}', encoding="utf-8")
    usual, odd = np.asarray(told.part("test").x["picture"])[0], np.full((SIDE, SIDE, 1), 255, np.uint8)

    def reply(picture):
        buffer = io.BytesIO()
        Image.fromarray(picture[..., 0]).save(buffer, "PNG")
        return reconstruction.reply(replying(run, told, {"picture": buffer.getvalue()}, model=model))

    assert reply(usual)["odd"] is False
    assert reply(odd)["odd"] is True
    assert size_of(reply(odd)["sheet"]) == (17, 8)
