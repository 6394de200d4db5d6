"""What every data type promises, over every file of `datasets/` and every bundled sample."""

import json
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import builders
import datasets
from datasets import DataSet, Prepared, Sample
from evaluation import tasks
from recipes import Data, Recipe, Refusal, keras
from training import plan

SAMPLES = {sample.name: sample for name in datasets.names() for sample in datasets.get(name).samples()}
OFFLINE = [name for name, sample in SAMPLES.items() if not sample.online]
UPLOADS = [(name, ending) for name in datasets.names() for ending in datasets.get(name).EXTENSIONS]


@dataclass(frozen=True)
class Ready:
    """The smallest sample of a data type, loaded and prepared."""

    sample: Sample
    dataset: DataSet
    data: Data
    prepared: Prepared


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    @cache
    def make(name):
        sample = min((each for each in SAMPLES.values() if each.data_type == name and not each.online), key=size)
        folder = tmp_path_factory.mktemp(name)
        dataset = datasets.get(name).load_sample(sample.name, folder / "data")
        data = plan.complete(plan.resolve(Recipe.of({"data": {"sample": sample.name}})), dataset.schema).data
        return Ready(sample, dataset, data, prepare(dataset, data, folder / "prepared"))

    return make


def size(sample):
    return sample.rows


def prepare(dataset, data, folder):
    return datasets.get(dataset.schema.data_type).prepare(dataset, data, 1, folder, nothing)


def nothing(_share, _words):
    pass


@pytest.mark.parametrize("name", datasets.names())
def test_introduces_itself(name):
    """The upload, the cards, the forms and the docs read these."""
    kind = datasets.get(name)
    assert kind.TITLE
    assert kind.SUMMARY[-1] in ".?"
    assert kind.NOUN.islower()
    assert re.fullmatch(r"[a-z0-9_]+", kind.ICON)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in kind.EXTENSIONS)
    assert set(kind.TASKS) <= set(tasks.names())
    assert set(kind.FIRST_CHOICE) <= set(kind.TASKS)
    assert all(family in builders.fitting(name, task) for task, family in kind.FIRST_CHOICE.items())
    assert any(not sample.online for sample in kind.samples())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_says_what_it_is_and_where_it_comes_from(name):
    sample = SAMPLES[name]
    assert re.fullmatch(r"[a-z0-9-]+", name)
    assert sample.sentence[-1] in ".?"
    assert sample.title
    assert sample.licence
    assert sample.source
    assert re.search(r"\d|not measured yet", sample.expected)
    assert sample.architecture in builders.fitting(sample.data_type, sample.task)


def test_no_two_samples_have_one_name():
    every = [sample.name for name in datasets.names() for sample in datasets.get(name).samples()]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("name", OFFLINE)
def test_a_sample_is_what_it_says(name, tmp_path):
    sample = SAMPLES[name]
    dataset = datasets.get(sample.data_type).load_sample(name, tmp_path / "data")
    assert DataSet.open(tmp_path / "data") == dataset
    assert (dataset.schema.data_type, dataset.schema.rows) == (sample.data_type, sample.rows)
    assert sample.task in datasets.tasks(dataset) or getattr(datasets.get(sample.data_type), "CHOOSES_TARGET", False)


@pytest.mark.parametrize("name", datasets.names())
def test_unknown_samples_name_the_known_ones(name, tmp_path):
    with pytest.raises(Refusal, match=r"There is no sample 'nothing'\. Available: "):
        datasets.get(name).load_sample("nothing", tmp_path / "data")


@pytest.mark.parametrize("name", datasets.names())
def test_prepared_arrays_are_what_the_signature_says(name, ready):
    """Shapes, dtypes and counts; no row stands in two parts; no number is missing."""
    told = ready(name).prepared
    parts = {part: told.part(part) for part in ("train", "validation", "test")}
    assert told.signature.rows == {part: len(held) for part, held in parts.items()}
    for held in parts.values():
        assert set(held.x) == set(told.signature.inputs)
        for key, spec in told.signature.inputs.items():
            wanted = [side or found for side, found in zip(spec.shape, held.x[key].shape[1:], strict=True)]
            assert (list(held.x[key].shape[1:]), str(held.x[key].dtype)) == (wanted, spec.dtype)
            assert np.isfinite(held.x[key]).all()
        assert len(held.y) == len(held.rows) == len(held) > 0
        assert np.isfinite(held.y).all()
    if name != "style":  # its one picture is what is to be painted: nothing can be kept back
        rows = np.concatenate([np.unique(held.rows) for held in parts.values()])
        assert len(rows) == len(np.unique(rows))


@pytest.mark.parametrize("name", datasets.names())
def test_the_same_seed_prepares_the_same_bits(name, ready, tmp_path):
    first = ready(name)
    again = prepare(first.dataset, first.data, tmp_path / "again")
    assert (again.signature, again.encoding) == (first.prepared.signature, first.prepared.encoding)
    for part in ("train", "validation", "test"):
        one, other = again.part(part), first.prepared.part(part)
        for left, right in zip(keras.tree.flatten(vars(one)), keras.tree.flatten(vars(other)), strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", datasets.names())
def test_the_deliverable_sees_what_was_trained_on(name, ready):
    """Raw rows through the stock layers of the download give the prepared arrays."""
    told, kind = ready(name), datasets.get(name)
    part = told.prepared.part("test")
    inputs, tensors = kind.layers_of(told.prepared.signature, told.prepared.encoding)
    model = keras.Model(inputs, tensors)
    for place, row in enumerate(kind.raw(told.dataset, told.prepared.signature, part.rows[:3].tolist())):
        assert set(row) == {raw.name for raw in told.prepared.signature.raw}
        for key, seen in model(row).items():
            np.testing.assert_allclose(np.asarray(seen)[0], part.x[key][place], atol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", datasets.names())
def test_every_check_answers_and_rows_can_be_shown(name, ready):
    told, kind = ready(name), datasets.get(name)
    findings = kind.check(told.dataset, told.data)
    assert findings
    assert all(finding.sentence.strip()[-1] in ".?!" for finding in findings)
    rows = told.prepared.part("test").rows[:2].tolist()
    shown = kind.preview(told.dataset, rows)
    assert len(shown) == len(rows)
    assert all(row and all(isinstance(key, str) for key in row) for row in shown)
    assert all(count > 0 for count in kind.classes(told.dataset, told.data).values())


@pytest.mark.parametrize(("name", "ending"), UPLOADS)
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02garbage\xff" * 40], ids=["empty", "garbage"])
def test_what_cannot_be_read_is_refused_in_words(name, ending, content, tmp_path):
    """A sentence with the next step; and nothing that looks like a data set is left behind."""
    file = tmp_path / f"upload{ending}"
    file.write_bytes(content)
    kind = datasets.get(name)
    with pytest.raises(Refusal) as refusal:
        kind.read(file, kind.Config(), tmp_path / "data", nothing)
    assert str(refusal.value)[-1] in ".?"
    assert len(str(refusal.value)) < 400
    assert not (tmp_path / "data" / "dataset.json").exists()


@pytest.mark.parametrize("name", datasets.names())
def test_settings_are_plain_and_explained(name):
    for key, field in datasets.get(name).Config.model_fields.items():
        assert field.title, key
        assert (field.description or "").endswith("."), key
    assert json.dumps(datasets.get(name).Config().model_dump())
