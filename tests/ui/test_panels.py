"""Every panel that is written can be drawn, and every data type's own screens fit into the house."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import datasets
from evaluation import tasks
from ui import explain, panels, previews, tries, try_fields

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = re.compile(r'"kind": "([a-z_]+)"')


def kinds_written():
    """Yield each kind with its file; those of an explanation are drawn in a folder of their own."""
    for room in ("builders", "evaluation"):
        for file in (ROOT / room).rglob("*.py"):
            for kind in WRITTEN.findall(file.read_text(encoding="utf-8")):
                yield file, kind


def test_every_panel_that_is_written_has_a_file_that_draws_it():
    drawn = {module.name for module in pkgutil.iter_modules(explain.__path__)}
    missing = {
        (file.name, kind)
        for file, kind in kinds_written()
        if kind not in (drawn if file.parent.name == "explain" else panels.names())
    }
    assert not missing


@pytest.mark.parametrize("name", panels.names())
def test_every_panel_says_what_it_draws(name):
    module = importlib.import_module(f"ui.panels.{name}")
    assert callable(module.show)
    assert module.__doc__


def test_screens_of_a_data_type_or_task_belong_to_one_that_exists():
    assert set(previews.names()) <= set(datasets.names())
    own = {module.name for module in pkgutil.iter_modules(tries.__path__) if not module.name.startswith("_")}
    assert own <= set(tasks.names())
    assert set(try_fields.names()) <= {"sound", "series", "clip"}
