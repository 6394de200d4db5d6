"""Every family, every stage: the compiled loop does what Keras's own `fit` does, only sooner."""

import numpy as np
import pytest

import builders
import training.fit as loop
from builders import Stage
from recipes import Part, Training, keras, validate
from tests.builders.smallest import build, examples, first_pair, signature_of
from training.worker import trainings_of

ROWS, BATCH, EPOCHS = 20, 8, 2


def stages(name):
    """Yield each compiled stage of a family built afresh, with its settings and the rows that it reads."""
    kind, task = first_pair(name)
    plan = build(name, kind, task)
    settings = builders.get(name).TRAINING | {"batch_size": BATCH, "epochs": EPOCHS}
    for stage, training in zip(plan.stages, trainings_of(plan, validate(Training, settings, "training")), strict=True):
        if stage.before:
            stage.before()
        part = examples(signature_of(kind, task), ROWS)
        same = training.model_copy(update={"epochs": EPOCHS, "batch_size": BATCH, "class_weights": "none"})
        loop.compile_stage(stage, same)
        yield stage, same, stage.select(part) if stage.select else part


def plain(stage: Stage, training: Training, part: Part) -> dict[str, list[float]]:
    """Fit with nothing but Keras, on rows laid out in the loop's order."""
    found: dict[str, list[float]] = {}
    for epoch in range(EPOCHS):
        rows = loop.order(training.seed, epoch, len(part))
        x, y = keras.tree.map_structure(lambda array, rows=rows: np.asarray(array)[rows], (part.x, part.y))
        told = stage.model.fit(x, y, batch_size=BATCH, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0)
        for key, values in told.history.items():
            found[key] = found.get(key, []) + values
    return found


def fast(stage: Stage, training: Training, part: Part) -> dict[str, list[float]]:
    policy = loop.Policy("compiled", xla=False, resident=True, sentence="As the test wants it.")
    return loop.fit(stage.model, part, None, training=training, policy=policy).history


@pytest.mark.parametrize("name", builders.names())
def test_equals_plain_fit(name):
    """Loss and every live metric of every stage, to 1e-5."""
    expected = [plain(*each) for each in stages(name)]
    found = [fast(*each) for each in stages(name)]
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_allclose(one[key], other[key], rtol=1e-5, atol=1e-5, err_msg=key)
