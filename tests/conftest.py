"""What the tests of several rooms share."""

import functools
import gc
import itertools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import sqlalchemy as sql
from psycopg.sql import SQL, Identifier

from records import database
from tests import postgres as own_postgres
from tests.forked_check import Forks

ROOM = Path(__file__).parent
_numbers = itertools.count()
LONGEST = (
    "browser/test_main_job", "exporters/test_every_family", "test_benchmarks", "builders/test_contract",
    "ui/test_panels_of_families", "training/test_fit_contract", "training/test_compress", "exporters/test_code",
    "exporters/test_every_data_type", "training/test_zygote", "training/test_worker", "training/test_cli",
    "training/test_fit_families", "training/test_fit", "builders/test_sequences", "evaluation/explain/test_contract",
    "training/test_opened", "pages/test_open_model", "exporters/test_keras_file", "exporters/test_service",
    "training/test_gate", "datasets/test_contract", "pages/test_run", "evaluation/test_strange",
)  # fmt: skip
"""Files of tests that take longest, the longest first."""


def pytest_collection_modifyitems(config, items):
    """Hand the longest files out first, so that no process is left alone with one of them at the end."""
    if hasattr(config, "workerinput"):
        place = {ROOM / f"{name}.py": number for number, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="module", autouse=True)
def _fresh_heap():
    """Begin each file with what is there set aside: later collections look at this file's objects alone.

    Half a million objects of TensorFlow live as long as the process; looking at them again and again was a tenth of
    the time of all tests. A traced step makes some hundred thousand more, of which few are ever garbage.
    """
    gc.set_threshold(10_000, 10, 10)
    _set_aside()


@pytest.fixture(autouse=True)
def _imports_set_aside():
    """The same after a test that was the first one to import TensorFlow or the like."""
    before = len(sys.modules)
    yield
    if len(sys.modules) > before + 200:
        _set_aside()


@pytest.fixture(scope="session", autouse=True)
def _workspaces_are_small():
    """Keep no room aside in the workspaces of tests: each would take 256 MB of the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERWISE_BALLAST_MB", "0")
        yield


def _set_aside():
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _keras_outlives_a_page():
    """Leave Keras alone after a page has run.

    After each script Streamlit calls `keras.backend.clear_session()` where Keras is loaded: a full garbage collection
    of a process full of TensorFlow, 0.1 to 0.4 s a click, and the end of the models of other tests. Page processes
    never hold Keras; only a test process, which has both, pays for it.
    """
    with pytest.MonkeyPatch.context() as patch:
        if runner := sys.modules.get("streamlit.runtime.scriptrunner.script_runner"):
            patch.setattr(runner, "_clean_problem_modules", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _packages_are_searched_once():
    """Let each page that is opened in a test know the answer of the first one.

    A server searches all installed packages for components of Streamlit when it starts; `AppTest` is a server of one
    page and does it anew each time: 0.1 s, half of what many of these tests take.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "streamlit.testing.v1" in sys.modules:
            from streamlit.components.v2 import manifest_scanner as scanner

            patch.setattr(scanner, "scan_component_manifests", functools.cache(scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def _checks_are_forked():
    """Let a fork of one clean process answer for each download that this process has checked; see `Forks`."""
    check = sys.modules.get("exporters.check")
    if check is None:
        yield
        return
    forks = Forks()

    def popen(command, **streams):
        is_keras = command[2] == str(check.SCRIPT) and streams["env"]["KERAS_BACKEND"] == "tensorflow"
        return (forks.popen if is_keras else subprocess.Popen)(command, **streams)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": popen}))
        yield
    forks.close()


@pytest.fixture
def new_processes(monkeypatch):
    """Check downloads in processes that are really new."""
    monkeypatch.setattr("exporters.check.subprocess", subprocess)


@pytest.fixture(scope="session")
def postgres_server():
    """One PostgreSQL server for all tests of this process."""
    with own_postgres.server() as address:
        yield address


@pytest.fixture
def postgres(postgres_server, monkeypatch):
    """The address of an empty database of its own on a real PostgreSQL, which the configuration names."""
    url = sql.make_url(postgres_server)
    name = f"catalogue_{next(_numbers)}"
    with psycopg.connect(host=str(url.query["host"]), user=url.username, dbname="postgres", autocommit=True) as one:
        one.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    mine = own_postgres.address(Path(str(url.query["host"])), 5432, name)
    monkeypatch.setenv("LAYERWISE_DATABASE", mine)
    yield mine
    database.open_database(mine).dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request):
    """Once with the file of a workspace, once with a server."""
    return request.getfixturevalue("postgres") if request.param == "postgresql" else ""
