"""Every family on a sample: what it shows while it learns and in the report is small, plain and can be drawn."""

import json
from functools import cache

import pytest
from streamlit.testing.v1 import AppTest

import builders
import datasets
from evaluation import report
from evaluation.asked import Asked
from recipes import Recipe, keras
from records import Run
from tests.builders.smallest import own_settings
from training import plan
from training.evidence import Evidence
from ui import families

MOST_BYTES = 100_000
"""Of the live evidence: it is sent to every viewer, again and again."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    @cache
    def make(sample, task):
        kind = datasets.get(datasets.find_sample(sample).data_type)
        folder = tmp_path_factory.mktemp(sample)
        dataset = kind.load_sample(sample, folder / "data")
        recipe = Recipe.of({"data": {"sample": sample} | ({"task": task} if task else {})})
        data = plan.complete(plan.resolve(recipe), dataset.schema).data
        return dataset, data, kind.prepare(dataset, data, 1, folder / "prepared", lambda _share, _words: None)

    return make


def draw(folder, file, name):
    from pathlib import Path

    import streamlit as st

    from records import Run
    from ui import panels

    run = Run(Path(folder))
    panels.draw(run, (run.read(file) or {}).get(name) or [], "panel")
    st.caption("The end")


@pytest.mark.parametrize("name", builders.names())
def test_what_a_family_shows_can_be_drawn(name, prepared, tmp_path):
    sample, task = families.start(name)
    dataset, data, told = prepared(sample, task)
    recipe = Recipe.of({"data": data.model_dump(exclude_defaults=True), "model": {"architecture": name}})
    run = Run.create(tmp_path / "run", recipe)
    keras.utils.set_random_seed(1)
    blueprint = builders.get(name).build(told.signature, builders.config(name, own_settings(name, told.signature)))
    asked = Asked(run, recipe, dataset, told, blueprint)
    evidence = Evidence(asked)
    for epoch in (1, 2):
        evidence.show(blueprint.stages[0].name, epoch, now=True)
    assert run.read("evidence.json")["panels"]
    assert (run.folder / "evidence.json").stat().st_size < MOST_BYTES
    (run.folder / "report.json").write_text(json.dumps(report.make(asked, []), allow_nan=False), encoding="utf-8")
    for file in ("evidence.json", "report.json"):
        page = AppTest.from_function(draw, args=(str(run.folder), file, "panels"), default_timeout=60).run()
        assert not page.exception
        assert page.caption[-1].value == "The end"
