"""Two detectors on the same pictures, two writers on the same text: which is better is judged there too."""

import numpy as np
import pytest

from evaluation import _boxes, _paired_boxes, paired
from evaluation.paired import Answers
from recipes import Recipe, Refusal
from records import Run, write_json

BOX = np.array([0.1, 0.1, 0.5, 0.5])
ROWS = 80


def found(right, sure=0.9, extra=0):
    """Boxes (rows, most, 6): the thing's own where `right`, else one that is elsewhere; and some on nothing."""
    told = np.zeros((len(right), 1 + extra, 6), dtype="float32")
    told[:, :, 0] = -1
    for row, hit in enumerate(right):
        told[row, 0] = [row % 2, *(BOX if hit else 1 - BOX[[2, 3, 0, 1]] * 0.5), sure]
        for place in range(extra):
            told[row, 1 + place] = [0, 0.8, 0.8, 0.9, 0.9, 0.2]
    return told


def truth(rows=ROWS):
    return np.array([[row % 2, *BOX] for row in range(rows)], dtype="float32")


def finished(folder, task, rows, truth, answer, **report):
    run = Run.create(folder, Recipe.of({"data": {"sample": "penguins"}}))
    headline = {"metric": {"detection": "iou", "generation": "loss"}[task]}
    told = {"task": task, "target": "t", "classes": [], "headline": headline, **report}
    write_json(run.folder / "report.json", told)
    if answer is not None:
        np.savez(run.folder / "predictions.npz", rows=rows, truth=truth, answer=answer)
    return run


@pytest.fixture
def detectors(tmp_path):
    random, rows = np.random.default_rng(1), np.arange(ROWS)
    hits = [random.random(ROWS) < share for share in (0.5, 0.9)]
    return [
        finished(tmp_path / str(number), "detection", rows, truth(), found(right, extra=number), threshold=0.5)
        for number, right in enumerate(hits)
    ], hits


@pytest.mark.parametrize("metric", ["", "map50", "found", "class_accuracy"])
def test_the_detector_that_finds_more_is_called_better(detectors, metric):
    """They answer with different numbers of boxes; below its threshold a box is not shown."""
    told = paired.runs(*detectors[0], metric=metric)
    assert told["verdict"] == "second", told["sentence"]
    assert told["low"] < told["difference"] < told["high"]
    assert told["metric"] == (metric or "iou")


def test_scores_of_the_pictures_are_those_of_the_report(detectors):
    """Once each picture, the paired score is the one that the report has."""
    (_, run), _ = detectors
    told = Answers.of(run)
    things = [row.reshape(-1, 5).astype(float) for row in told.truth]
    boxes = [row[row[:, 0] >= 0].astype(float) for row in told.answer]
    once = np.ones((1, ROWS))
    for metric, expected in _boxes.scores(things, boxes, 2, 0.0).items():
        found_here = _paired_boxes.score(metric)(told.truth, told.answer, once)[0]
        assert found_here == pytest.approx(expected), metric


def test_two_detectors_that_differ_by_chance_are_left_open(tmp_path):
    random, rows = np.random.default_rng(4), np.arange(30)
    runs = [
        finished(tmp_path / str(number), "detection", rows, truth(30), found(random.random(30) < 0.6), threshold=0.5)
        for number in range(2)
    ]
    told = paired.runs(*runs, metric="map50")
    assert told["verdict"] == "unclear"
    assert "Chance alone could make that difference" in told["sentence"]


def test_boxes_below_the_threshold_count_for_average_precision_alone():
    told = found([True], sure=0.3, extra=1)
    assert _paired_boxes.shown(told, 0.5)[..., 0].tolist() == [[-1, -1]]
    assert _paired_boxes.shown(told, 0.25)[..., 0].tolist() == [[0, -1]]


def writers(tmp_path, prints, losses):
    rows = np.arange(len(losses[0]))
    return [
        finished(tmp_path / str(number), "generation", rows, told, np.stack([loss, 1 / (1 + loss)], axis=1))
        for number, (told, loss) in enumerate(zip(prints, losses, strict=True))
    ]


def test_the_writer_that_is_less_surprised_by_the_same_passages_is_better(tmp_path):
    random = np.random.default_rng(2)
    hard, prints = random.normal(2.0, 0.5, 300), random.integers(0, 60_000, (300, 2))
    losses = [hard + random.normal(0, 0.02, 300), hard - 0.05 + random.normal(0, 0.02, 300)]
    runs = writers(tmp_path, [prints, prints], losses)
    told = paired.runs(*runs)
    assert told["verdict"] == "second", "what is hard for both cancels out"
    assert told["difference"] == pytest.approx(-0.05, abs=0.01)
    bits = paired.runs(*runs, metric="bits")
    assert bits["difference"] == pytest.approx(told["difference"] / np.log(2), rel=1e-6)
    assert paired.runs(*runs, metric="perplexity")["first"] == pytest.approx(np.exp(losses[0].mean()))


def test_passages_that_were_cut_or_numbered_otherwise_are_not_compared(tmp_path):
    random = np.random.default_rng(3)
    prints = [random.integers(0, 60_000, (40, 2)) for _ in range(2)]
    with pytest.raises(Refusal) as refused:
        paired.runs(*writers(tmp_path, prints, [np.ones(40), np.ones(40)]))
    assert str(refused.value) == (
        "These two runs cut the text into other pieces, or know other words, so their surprise cannot be compared. "
        "Train both with the same length and the same vocabulary."
    )


def test_pictures_that_were_made_have_no_answer_to_each_row(tmp_path):
    runs = [finished(tmp_path / name, "generation", None, None, None) for name in "ab"]
    with pytest.raises(Refusal) as refused:
        paired.runs(*runs)
    assert str(refused.value) == paired.WITHOUT
