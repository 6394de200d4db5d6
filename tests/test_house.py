"""The house itself: our folders are ours, screens stay light, every package is named and pinned."""

import ast
import importlib.metadata
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import datasets

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("recipes", "records", "datasets", "builders", "evaluation", "exporters", "training", "ui", "pages")
CLEAN = "exporters/check/script.py"
"""Runs alone in a clean process and knows Keras only: it is the outside world."""
PAGES = sorted((ROOT / "pages").glob("[!_]*.py"))
FILES = [ROOT / "app.py", ROOT / "asgi.py", *(file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))]


def test_no_installed_package_uses_our_names():
    """Else it would depend on the way of starting which of the two is imported."""
    assert not set(ROOMS) & importlib.metadata.packages_distributions().keys()


def test_datasets_is_ours():
    assert Path(datasets.__file__).parent == ROOT / "datasets"


def test_every_room_is_a_package():
    assert [room for room in ROOMS if not (ROOT / room / "__init__.py").exists()] == []


def test_every_module_can_be_imported_without_keras():
    """Importing Keras costs seconds and half a gigabyte; only workers may pay that, and only when they start."""
    modules = [
        module.name
        for room in ROOMS
        if room != "pages"  # a page draws itself when it is imported
        for module in pkgutil.walk_packages([str(ROOT / room)], f"{room}.")
        if not module.name.endswith("__main__") and module.name.replace(".", "/") + ".py" != CLEAN
    ]
    assert "training.zygote" in modules
    script = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({'keras', 'tensorflow', 'sklearn', 'scipy'} & set(sys.modules))))"
    )
    command = [sys.executable, "-W", "ignore", "-c", script]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.splitlines()[-1]) == []


def test_no_file_imports_keras_but_through_recipes():
    """`from recipes import keras` is the one door."""
    offenders = [str(file.relative_to(ROOT)) for file in FILES if "keras" in _imported_at_top(file)]
    assert offenders == [CLEAN]


def test_every_package_in_use_is_named_and_pinned():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    named = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    providers = importlib.metadata.packages_distributions()
    used = {
        name: {provider.lower().replace("_", "-") for provider in providers[name]}
        for file in FILES
        for name in _imported(file)
        if name in providers
    }
    assert {name: by for name, by in used.items() if not by & named} == {}


def test_the_server_keeps_its_settings():
    """Each of these was measured; without them a live curve costs ten times as much or every page breaks."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
    assert "enforceSerializableSessionState" not in settings["runner"]
    assert settings["server"]["fileWatcherType"] == "none"
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["client"]["showErrorDetails"] == "none"


def test_no_page_starts_a_process_or_a_thread():
    """What a page starts dies with its tab or runs once a visitor; the supervisor owns what must last."""
    forbidden = {"subprocess", "multiprocessing", "threading", "concurrent"}
    assert [file.name for file in PAGES if forbidden & _imported(file)] == []


def test_no_code_trusts_html():
    assert [str(file) for file in FILES if "unsafe_allow_html=True" in file.read_text(encoding="utf-8")] == []


def _imported(file):
    return {name for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for name in _names(node)}


def _imported_at_top(file):
    return {name for node in ast.parse(file.read_text(encoding="utf-8")).body for name in _names(node)}


def _names(node):
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {node.module.partition(".")[0]}
    return set()
