"""The measurements run, in their small setting; their large results stand in `docs/`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_fit_runs_and_its_losses_agree(tmp_path):
    """The benchmark itself refuses losses that differ from plain `fit`."""
    run("benchmarks.fit", "--small", "--only", "table", "--json", str(tmp_path / "fit.json"))
    told = json.loads((tmp_path / "fit.json").read_text())
    assert [case["case"] for case in told["cases"]] == ["table, 64-64", "table, 64-64, dropout"]


def test_scores_go_through_the_command_line(tmp_path):
    arguments = ["--small", "--samples", "iris", "--families", "mlp"]
    run("benchmarks.scores", *arguments, "--json", str(tmp_path / "scores.json"))
    told = json.loads((tmp_path / "scores.json").read_text())
    assert [(result["sample"], result["architecture"]) for result in told["results"]] == [("iris", "mlp")]


def test_data_from_the_disk_train_as_data_in_memory(tmp_path):
    """The benchmark itself refuses losses that differ between rows in memory and blocks from the disk."""
    run("benchmarks.prepare", "--small", "--only", "table", "--json", str(tmp_path / "prepare.json"))
    told = json.loads((tmp_path / "prepare.json").read_text())
    assert [(case["case"], case["rows"]) for case in told["cases"]] == [("table", 20_000)]
    assert told["cases"][0]["again"]["seconds"] < told["cases"][0]["prepare"]["seconds"]


def test_pages_answer_synthetic_visitors(tmp_path):
    """The benchmark itself refuses a page that shows an error."""
    run("benchmarks.pages", "--small", "--json", str(tmp_path / "pages.json"))
    told = json.loads((tmp_path / "pages.json").read_text())
    assert [page["page"] for page in told["pages"]] == ["start", "build", "runs", "compare", "learn", "run"]
    assert told["viewers"][0]["ticks"] > 0


def test_memory_counts_visitors(tmp_path):
    run("benchmarks.memory", "--small", "--json", str(tmp_path / "memory.json"))
    told = json.loads((tmp_path / "memory.json").read_text())
    assert [case["page"] for case in told["cases"]] == ["run", "build"]


def test_chaos_breaks_no_promise(tmp_path):
    """The benchmark itself ends with an error where one was broken."""
    run("benchmarks.chaos", "--small", "--json", str(tmp_path / "chaos.json"))
    told = json.loads((tmp_path / "chaos.json").read_text())
    assert [row["row"] for row in told["rows"]] == ["killed", "operations", "stale", "power", "rot", "full"]
    assert all(row["n"] and not row["failures"] for row in told["rows"])


def test_a_class_at_work_loses_nothing_by_a_restart(tmp_path):
    """Everybody joins, presses Train, watches, reloads; the server restarts under their tabs; the benchmark counts."""
    run("benchmarks.load", "--small", "--json", str(tmp_path / "load.json"))
    told = json.loads((tmp_path / "load.json").read_text())["classes"][0]
    assert (told["visitors"], told["runs_finished"], told["failures"], told["troubles"]) == (2, 2, 0, [])
    assert [told[name]["count"] for name in ("join", "press", "reload")] == [2, 2, 2]
    assert told["restart"]["tabs_back"]["count"] == 2
    assert told["freshness"]["count"] > 0


@pytest.mark.parametrize("name", ["fit", "scores"])
def test_large_results_are_in_the_docs(name):
    assert (ROOT / "docs" / f"{name}.json").exists()
