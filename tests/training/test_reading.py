"""Whatever an upload does to the child that reads it, the page gets a data set or one sentence, and soon."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from recipes import Data, Refusal
from records import Workspace
from training import shelf

ROWS = "a,kind\n" + "\n".join(f"{number},{'xy'[number % 2]}" for number in range(40)) + "\n"
MEND = "Save it again in its program, or as CSV."
TOO_MUCH = (
    "This file needs more memory than reading may take (4 GB). Use a smaller file, or fewer columns."
)  # fmt: skip


def finished(job, seconds=60):
    last = time.monotonic() + seconds
    while (told := shelf.reading(job))["done"] < 1:
        assert time.monotonic() < last, "it is read for ever"
        time.sleep(0.02)
    return told


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "rows.csv").write_text(ROWS)
    return folder / "rows.csv"


def read(file, tmp_path, **told):
    data = Data.model_validate({"file": str(file), **told})
    return finished(shelf.start_reading(data, Workspace(tmp_path / "workspace")))


def reader(monkeypatch, code):
    """Let another program take the reader's place; its only argument is the job's folder."""
    code = f"told = lambda value: json.dump(value, open(job + '/result.json', 'w'))\n{code}"
    monkeypatch.setattr(
        shelf, "READER", (sys.executable, "-c", f"import os, sys, json, time\njob = sys.argv[1]\n{code}")
    )


def test_the_child_finds_out_what_it_is_and_what_else_it_could_be(file, tmp_path):
    told = read(file, tmp_path)
    assert (told["refused"], told["type"]) == (None, "tabular")
    assert shelf.kinds(file)[0] == "tabular"
    assert Path(told["dataset"]).is_relative_to(tmp_path / "workspace" / "cache" / "datasets")
    again = Data.model_validate({"file": str(file), "type": "tabular", "delimiter": "", "encoding": ""})
    assert again.file == str(file)
    assert not list((tmp_path / "workspace").rglob("made"))


def test_an_unknown_ending_is_refused_by_the_child(file, tmp_path):
    odd = file.with_name("notes.docx")
    odd.write_text("hello")
    assert read(odd, tmp_path)["refused"].startswith("'notes.docx' is of no known kind. Known endings: .aif, ")


def test_a_file_that_is_gone_is_refused_at_once(tmp_path):
    with pytest.raises(Refusal, match=r"^There is no file '/nowhere/x\.csv'\. Check `data\.file` in the recipe\.$"):
        shelf.start_reading(Data.model_validate({"file": "/nowhere/x.csv"}), Workspace(tmp_path))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("os.abort()", TOO_MUCH),
        ("os.kill(os.getpid(), 9)", TOO_MUCH),
        ("os.kill(os.getpid(), 11)", f"This file made its reader stop: it may be damaged. {MEND}"),
        ("sys.exit(3)", f"This file made its reader stop: it may be damaged. {MEND}"),
        ("pass", f"This file made its reader stop: it may be damaged. {MEND}"),
        ("open(job + '/result.json', 'w').write('[' * 99999)", shelf.CRASHED),
        ("told({'data': {'file': '/etc/passwd', 'type': 'tabular'}})", shelf.CRASHED),
        ("told({'data': 7})", shelf.CRASHED),
        ("told({'refused': 'x' * 9999})", "x" * 600),
    ],
)  # fmt: skip
def test_a_child_that_ends_oddly_leaves_one_sentence(file, tmp_path, monkeypatch, code, sentence):
    reader(monkeypatch, code)
    assert read(file, tmp_path)["refused"] == sentence


def test_a_child_that_never_ends_is_ended_with_its_own_children(file, tmp_path, monkeypatch):
    reader(
        monkeypatch,
        "import subprocess\nopen(job + '/pid', 'w').write(str(subprocess.Popen(['sleep', '99']).pid))\ntime.sleep(99)",
    )
    monkeypatch.setenv("LAYERWISE_READING_SECONDS", "5")
    job = shelf.start_reading(Data.model_validate({"file": str(file)}), Workspace(tmp_path / "workspace"))
    assert finished(job)["refused"] == (
        "Reading this file took longer than 5 seconds, so it was given up. Use a smaller one."
    )
    state = Path(f"/proc/{(job / 'pid').read_text()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_link_that_the_child_leaves_is_not_followed(file, tmp_path, monkeypatch):
    told = {"data": {"file": str(file), "type": "tabular"}}
    reader(
        monkeypatch,
        "os.mkdir(job + '/made')\nos.symlink('/etc/passwd', job + '/made/dataset.json')\n"
        f"open(job + '/result.json', 'w').write({json.dumps(told)!r})",
    )
    assert read(file, tmp_path)["refused"] == shelf.CRASHED


def test_a_server_that_was_started_again_reads_afresh(tmp_path):
    """Nobody watches the job any more: whoever looks at it is told so instead of waiting for ever."""
    job = tmp_path / "job"
    job.mkdir()
    shelf._tell(job, 0.3, "Reading")
    assert shelf.reading(job)["done"] == 0.3
    os.utime(job / "progress.json", (time.time() - 60, time.time() - 60))
    with pytest.raises(shelf.LeftError):
        shelf.reading(job)


def test_the_reader_meets_no_secret_of_the_server(file, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_RAY_TOKEN", "hush")
    reader(monkeypatch, "json.dump({'refused': ' '.join(sorted(os.environ))}, open(job + '/result.json', 'w'))")
    assert "LAYERWISE" not in read(file, tmp_path)["refused"]
