"""A fork that answers for a clean process is as clean as one."""

import json
import subprocess
import sys
import time

import pytest

from tests.forked_check import Forks

TELLS = """
import json, os, sys
sys.stderr.write("to the log")
rooms = [name for name in sys.modules if name.split(".")[0] in sys.argv[1].split()]
told = {"path": sys.path, "environment": dict(os.environ), "folder": os.getcwd(), "arguments": sys.argv,
        "isolated": sys.flags.isolated, "rooms": rooms, "input": sys.stdin.read()}
json.dump(told, open("told.json", "w"))
sys.exit(3)
"""
ROOMS = "pages ui training evaluation exporters builders datasets records recipes tests"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "KERAS_BACKEND": "tensorflow",
    "LC_CTYPE": "C.UTF-8",
    "CUDA_VISIBLE_DEVICES": "-1",
}


@pytest.fixture(scope="module")
def forks():
    forks = Forks()
    yield forks
    forks.close()


def started(popen, folder, source, *arguments):
    folder.mkdir()
    (folder / "script.py").write_text(source)
    command = [sys.executable, "-I", str(folder / "script.py"), *arguments]
    with (folder / "log.txt").open("wb") as log:
        return popen(
            command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def test_finds_what_a_new_process_finds(forks, tmp_path):
    told = []
    for popen in (subprocess.Popen, forks.popen):
        folder = tmp_path / "same"
        assert started(popen, folder, TELLS, ROOMS).wait(timeout=60) == 3
        told.append(json.loads((folder / "told.json").read_text()))
        assert (folder / "log.txt").read_text() == "to the log"
        folder.rename(tmp_path / popen.__name__)
    new, forked = told
    assert new["rooms"] == []
    assert new["isolated"] == 1
    assert forked == new


def test_tells_a_mistake_in_the_log(forks, tmp_path):
    process = started(forks.popen, tmp_path / "fork", "raise ValueError('no such model')")
    assert process.wait(timeout=60) == 1
    assert (tmp_path / "fork" / "log.txt").read_text().endswith("ValueError: no such model\n")


def test_can_be_waited_for_and_ended(forks, tmp_path):
    process = started(forks.popen, tmp_path / "fork", "import time; time.sleep(600)")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.05)
    before = time.monotonic()
    process.kill()
    assert process.wait(timeout=60) == -9
    assert process.poll() == -9
    assert time.monotonic() - before < 60
