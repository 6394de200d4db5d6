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


@pytest.mark.parametrize("name", ["fit", "scores"])
def test_large_results_are_in_the_docs(name):
    assert (ROOT / "docs" / f"{name}.json").exists()
