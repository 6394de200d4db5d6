"""Detection judged: overlaps, average precision, the threshold, and the report beside simple rivals."""

import numpy as np
import pytest

from builders import _boxes as grid
from builders import detector
from datasets import DataSet, Prepared
from evaluation import _boxes, report
from evaluation.asked import Asked, Replying
from evaluation.tasks import detection
from recipes import Part, Recipe, Schema, Signature, Target, TensorSpec, keras
from records import Run

LEFT, RIGHT = [0.0, 0.0, 0.4, 0.4], [0.6, 0.6, 1.0, 1.0]
HALF = [0.0, 0.0, 0.4, 0.2]
"""Overlaps `LEFT` by exactly one half."""


def things(*told):
    return np.array(told, dtype=float).reshape(-1, 5)


def found(*told):
    return np.array(told, dtype=float).reshape(-1, 6)


TRUTH = [things([0, *LEFT], [1, *RIGHT]), things([0, *LEFT]), things()]
ANSWER = [found([0, *LEFT, 0.9], [0, *RIGHT, 0.8]), found([0, *HALF, 0.7], [0, *RIGHT, 0.3]), found()]


def test_each_thing_gets_at_most_one_box():
    told = _boxes.met(TRUTH, ANSWER, 0.5)
    assert told.overlap.tolist() == pytest.approx([1.0, 1.0, 0.5])
    assert told.right.tolist() == [1, 0, 1]
    assert told.extra.tolist() == [0, 0, 0]
    assert _boxes.met(TRUTH, ANSWER, 0.2).extra.tolist() == [0, 1, 0]
    assert _boxes.met(TRUTH, ANSWER, 0.85).overlap.tolist() == [1.0, 0.0, 0.0]


def test_average_precision_is_worked_out_by_hand():
    """Class 0, surest first: right, wrong (class), right, wrong: precision 1 to recall 1/2, then 2/3 to recall 1."""
    told = _boxes.average_precisions(_boxes.ranked(TRUTH, ANSWER, 3))
    assert told[0] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert told[1] == 0
    assert np.isnan(told[2])


def test_a_second_box_on_the_same_thing_is_wrong():
    twice = [found([0, *LEFT, 0.9], [0, *LEFT, 0.8])]
    assert _boxes.ranked([things([0, *LEFT])], twice, 1).hit.tolist() == [1, 0]


def test_the_scores_of_all_pictures():
    told = _boxes.scores(TRUTH, ANSWER, 2, 0.5)
    assert told == {
        "iou": pytest.approx(2.5 / 3), "class_accuracy": pytest.approx(2 / 3), "found": pytest.approx(1.0),
        "extra": 0.0, "map50": pytest.approx(5 / 12),
    }  # fmt: skip
    low, high = _boxes.intervals(TRUTH, ANSWER, 2, 0.5, 1)["iou"] or (1.0, 0.0)
    assert low <= 2.5 / 3 <= high


def test_nothing_there_and_nothing_found_has_no_score():
    told = _boxes.scores([things()], [found()], 2, 0.5)
    assert told == {"iou": None, "class_accuracy": None, "found": None, "extra": 0.0, "map50": None}


def test_the_threshold_keeps_right_boxes_and_drops_wrong_ones():
    truth = [things([0, *LEFT])] * 10
    answer = [found([0, *LEFT, 0.6], [0, *RIGHT, 0.4])] * 10
    assert 0.4 < _boxes.best_threshold(_boxes.ranked(truth, answer, 1)) <= 0.6


def test_every_thing_and_box_is_counted_once():
    told = _boxes.mistakes(TRUTH, ANSWER, 0.2)
    assert told == {
        "Found and named right": 2, "Found, wrong class": 1, "Box badly placed": 0, "Missed": 0, "Boxes on nothing": 1,
    }  # fmt: skip


def test_rivals_answer_the_mean_box_and_the_nearest_picture():
    (usual,) = _boxes.usual([things([0, *LEFT]), things([0, *RIGHT]), things([1, *LEFT])], 1)
    assert usual[0].tolist() == pytest.approx([0, 0.2, 0.2, 0.6, 0.6, 1.0])
    pictures = np.random.default_rng(1).integers(0, 255, (3, 32, 32, 3)).astype(np.uint8)
    near = _boxes.of_nearest(pictures[1:2], pictures, [things([0, *LEFT]), things([1, *RIGHT]), things()])
    assert near[0].tolist() == [[1, *RIGHT, 1.0]]


# The answer of the download


def cells(*told, number=16, classes=2):
    """Make what cells answer: (1, cells, 5 + classes); the others are sure that nothing is there."""
    answer = np.zeros((1, number, 5 + classes), dtype=np.float32)
    answer[..., 0] = -20
    for place, (sure, box, kind) in enumerate(told):
        answer[0, place, 0] = sure
        answer[0, place, 1:5] = box
        answer[0, place, 5 + kind] = 20
    return answer


def answered(answer):
    asked = keras.Input(answer.shape[1:])
    told = keras.Model(asked, grid.chosen(asked))(answer)
    return {name: np.asarray(value)[0] for name, value in told.items()}


def test_of_boxes_on_one_thing_the_surest_stays():
    """Of one class half an overlap makes them one thing, of two classes three quarters."""
    near, half_way = [0.1, 0.0, 0.5, 0.4], [0.08, 0.0, 0.48, 0.4]
    told = answered(cells((2, near, 0), (4, LEFT, 0), (3, half_way, 1), (2.5, LEFT, 1), (1, RIGHT, 0)))
    kept = told["scores"] > 0
    assert told["classes"][kept].tolist() == [0, 1, 0]
    np.testing.assert_allclose(told["boxes"][kept], [LEFT, half_way, RIGHT], atol=1e-6)
    assert (told["classes"][~kept] == -1).all()
    assert (told["boxes"][~kept] == 0).all()


def test_a_box_that_fell_takes_no_other_with_it():
    """Three in a row, each on the next: the second falls to the first, so the third stays."""
    row = [[0.0, 0.0, 0.4, 0.4], [0.12, 0.0, 0.52, 0.4], [0.24, 0.0, 0.64, 0.4]]
    told = answered(cells(*((4 - place, box, 0) for place, box in enumerate(row))))
    np.testing.assert_allclose(told["boxes"][told["scores"] > 0], [row[0], row[2]], atol=1e-6)


def test_one_picture_alone_is_answered_as_among_others():
    random = np.random.default_rng(1)
    answer = random.normal(size=(8, 64, 8)).astype(np.float32)
    answer[..., 1:3] = random.uniform(0, 0.5, (8, 64, 2))
    answer[..., 3:5] = answer[..., 1:3] + random.uniform(0.1, 0.5, (8, 64, 2))
    asked = keras.Input(answer.shape[1:])
    model = keras.Model(asked, grid.chosen(asked))
    together = model(answer)
    for row in range(8):
        alone = model(answer[row : row + 1])
        for name in together:
            np.testing.assert_array_equal(np.asarray(alone[name])[0], np.asarray(together[name])[row])


def test_boxes_end_at_the_edge():
    told = answered(cells((4, [-0.2, 0.5, 0.3, 1.4], 1)))
    np.testing.assert_allclose(told["boxes"][0], [0.0, 0.5, 0.3, 1.0], atol=1e-6)


def test_cells_near_a_thing_answer_for_it():
    truth = np.array([[1, 0.25, 0.25, 0.75, 0.75, -1, 0, 0, 0, 0]], dtype=np.float32)
    has, label, box = map(np.asarray, grid.tasks_of_cells(keras.ops.convert_to_tensor(truth), 4, 4))
    assert has.reshape(4, 4).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert label[has > 0].tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(box[has > 0], np.tile([0.25, 0.25, 0.75, 0.75], (4, 1)))
    has, _, _ = grid.tasks_of_cells(keras.ops.convert_to_tensor(truth[:, 5:]), 4, 4)
    assert not np.asarray(has).any()


def test_mirrored_answers_lie_where_the_mirrored_things_are():
    answer = np.random.default_rng(1).uniform(0, 1, (2, 6, 7)).astype(np.float32)
    once = detector._mirrored(keras.ops.convert_to_tensor(answer), 2, (2, 3))
    np.testing.assert_allclose(np.asarray(once)[0, 0], [
        answer[0, 2, 0], 1 - answer[0, 2, 3], answer[0, 2, 2], 1 - answer[0, 2, 1], answer[0, 2, 4], *answer[0, 2, 5:],
    ], rtol=1e-6)  # fmt: skip
    for axis in (1, 2):
        there = detector._mirrored(keras.ops.convert_to_tensor(answer), axis, (2, 3))
        np.testing.assert_allclose(np.asarray(detector._mirrored(there, axis, (2, 3))), answer, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("flip", ["horizontal", "both"])
def test_mirroring_is_for_training_only(flip):
    keras.utils.set_random_seed(1)
    signature = signature_of()
    plan = detector.build(signature, detector.Config(flip=flip, brightness=0.2, contrast=0.2))
    x = {"picture": np.random.default_rng(1).integers(0, 255, (8, 32, 32, 3)).astype(np.uint8)}
    stage = plan.stages[0].model
    np.testing.assert_allclose(stage(x, training=False), plan.core(x, training=False), rtol=1e-5, atol=1e-5)
    assert np.abs(np.asarray(stage(x, training=True)) - np.asarray(plan.core(x, training=True))).max() > 1e-3
    plan = detector.build(signature, detector.Config())
    assert plan.stages[0].model is plan.core


# The report


def signature_of(rows=(8, 4, 4)) -> Signature:
    return Signature(
        data_type="boxes", task="detection", raw=(), target=Target(name="label", classes=("dark", "light")),
        inputs={"picture": TensorSpec(shape=(32, 32, 3), dtype="uint8")},
        rows=dict(zip(("train", "validation", "test"), rows, strict=True)), details={"most": 1},
    )  # fmt: skip


def squares(rows, seed):
    """Make grey pictures with one dark or light square each: {"picture"}, (rows, 5)."""
    random = np.random.default_rng(seed)
    pictures = np.full((rows, 32, 32, 3), 128, dtype=np.uint8)
    y = np.zeros((rows, 5), dtype=np.float32)
    for row in range(rows):
        side, kind = int(random.integers(10, 16)), row % 2
        left, top = random.integers(0, 32 - side, 2)
        pictures[row, top : top + side, left : left + side] = 255 * kind
        y[row] = kind, left / 32, top / 32, (left + side) / 32, (top + side) / 32
    return Part({"picture": pictures}, y, np.arange(rows))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Fit a small detector on squares and let it be judged."""
    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("squares")
    run = Run.create(folder / "run", Recipe.of({"data": {"sample": "penguins"}, "training": {"epochs": 8}}))
    prepared = Prepared(folder / "data", signature_of((320, 40, 60)), {})
    prepared.save({"train": squares(320, 1), "validation": squares(40, 2), "test": squares(60, 3)})
    plan = detector.build(prepared.signature, detector.Config(filters=8, width=16, context=2))
    stage, train = plan.stages[0], squares(320, 1)
    stage.model.compile("adam", stage.loss, metrics=stage.metrics())
    stage.model.optimizer.learning_rate = 0.005
    history = stage.model.fit(train.x, train.y, epochs=25, verbose=0).history
    dataset = DataSet(folder, Schema(name="squares", data_type="boxes", rows=60, columns=(), fingerprint=""))
    asked = Asked(run, run.recipe, dataset, prepared, plan)
    return asked, report.make(asked, []), history


def test_it_learns_and_the_report_stands_beside_honest_rivals(judged):
    _, told, history = judged
    assert set(history) == {"loss", "iou", "class_accuracy"}
    assert told["metrics"]["iou"] > 0.6
    assert told["metrics"]["class_accuracy"] > 0.85
    assert told["headline"]["baseline_value"] < told["metrics"]["iou"]
    assert [each["name"] for each in told["baselines"]] == ["usual box", "nearest training picture"]
    assert told["headline"]["low"] <= told["metrics"]["iou"] <= told["headline"]["high"]
    assert sum(list(told["mistakes"].values())[:4]) == told["things"] == 60
    assert told["panels"][0]["kind"] == "boxes"
    assert told["sentences"][0].startswith("Found ")
    assert set(told["metrics"]) == set(detection.METRICS)


def test_live_evidence_shows_the_same_pictures_again(judged):
    asked, _, _ = judged
    now = detection.evidence(asked)
    one, other = now()[0], now()[0]
    assert one == other
    assert one["kind"] == "boxes"
    assert len(one["rows"]) == len(one["truth"]) == len(one["answer"]) == detection.SHOWN


def test_a_person_gets_boxes_and_the_threshold_that_suits(judged):
    asked, told, _ = judged
    part = asked.prepared.part("test")
    model = keras.Model(asked.core.input, detection.finish(asked.signature, asked.core.output))
    replying = Replying(asked.run, asked.prepared, {}, lambda _name: model)
    row = {"picture": np.asarray(part.x["picture"][:1])}
    object.__setattr__(replying, "row", lambda: row)
    answer = detection.reply(replying)
    assert answer["classes"] == ["dark", "light"]
    assert answer["threshold"] == told["threshold"]
    sure = [box for box in answer["boxes"] if box[5] >= answer["threshold"]]
    assert len(sure[0]) == 6
    assert sure[0][0] == part.y[0, 0]


def test_the_lines_beside_the_download_run_as_they_stand(judged):
    asked, _, _ = judged
    lines = detection.usage(asked.signature)
    compile(lines, "usage", "exec")
    assert 'classes = ["dark", "light"]'.replace('"', "'") in lines
