"""What every file of `evaluation/tasks/` promises; a new file is tested by existing."""

import pytest

import datasets
from evaluation import tasks
from recipes import Refusal


@pytest.mark.parametrize("name", tasks.names())
def test_introduces_itself_and_its_scores(name):
    """Build, Learn and the report read these."""
    task = tasks.get(name)
    assert task.TITLE[0].isupper()
    assert task.SENTENCE.endswith(".")
    for title, meaning, better in task.METRICS.values():
        assert title
        assert meaning.endswith(".")
        assert better in ("up", "down")


@pytest.mark.parametrize("name", tasks.names())
def test_offers_what_a_run_asks_of_it(name):
    for function in ("finish", "evidence", "report", "reply"):
        assert callable(getattr(tasks.get(name), function)), function


def test_every_task_of_a_data_type_exists():
    for kind in datasets.names():
        assert set(datasets.get(kind).TASKS) <= set(tasks.names()), kind


def test_an_unknown_task_names_the_known_ones():
    with pytest.raises(Refusal) as refused:
        tasks.get("classfication")
    assert str(refused.value).startswith("There is no task 'classfication'. Did you mean 'classification'? Available: ")
