"""What every family reaches with default settings on the sealed test part of every sample it serves.

    python -m benchmarks.scores [--small] [--seeds 101 102 103] [--samples penguins ...] [--json docs/scores.json]

Every run goes through the command line, as another program would start it. The default seeds are none of those (1 to
5) with which the families' defaults were chosen, so splits, first weights and order are new. The large setting writes
`docs/scores.json`, from which `docs/scores.md` and the families' pages are made.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import builders
import datasets

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run every pair for every seed, print a line each, write the numbers; status 1 if a run failed."""
    asked = _arguments()
    seeds, epochs = ([101], 1) if asked.small else (asked.seeds, None)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for sample, family in _pairs(asked.samples):
            runs = [run(Path(folder), sample, family, seed, epochs) for seed in seeds]
            results.append(summary(sample, family, seeds, runs))
            print(line(results[-1]), flush=True)
    told = {"cores": os.cpu_count(), "results": results}
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def run(folder: Path, sample: str, family: str, seed: int, epochs: int | None) -> dict[str, Any]:
    """Train one recipe through the command line; returns the JSON object that it prints last."""
    recipe = folder / f"{sample}-{family}-{seed}.json"
    training = {"seed": seed} | ({"epochs": epochs} if epochs else {})
    recipe.write_text(json.dumps({"data": {"sample": sample}, "model": {"architecture": family}, "training": training}))
    command = [sys.executable, "-m", "training", str(recipe), "--workspace", str(folder / "workspace")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{sample} with {family}, seed {seed}, ended with status {done.returncode}: {done.stderr[-500:]}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def summary(sample: str, family: str, seeds: list[int], runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and spread of the leading score, and the longest run."""
    metric = "r2" if runs[0]["task"] == "regression" else "accuracy"
    scores = [told["metrics"][metric] for told in runs]
    return {
        "sample": sample,
        "architecture": family,
        "metric": metric,
        "mean": statistics.fmean(scores),
        "lowest": min(scores),
        "highest": max(scores),
        "scores": dict(zip(map(str, seeds), scores, strict=True)),
        "seconds": max(told["seconds"] for told in runs),
    }


def line(told: dict[str, Any]) -> str:
    """Say one result in a line."""
    spread = f"{told['lowest']:.3f} to {told['highest']:.3f}"
    return (
        f"{told['sample']:14} {told['architecture']:13} {told['metric']:9} {told['mean']:.3f} ({spread}), "
        f"longest run {told['seconds']:.0f} s"
    )


def _pairs(wanted: list[str]) -> list[tuple[str, str]]:
    """Pair the bundled samples with the families that serve them; pictures with those made for pictures."""
    pairs = []
    for kind in datasets.names():
        for sample in datasets.get(kind).samples():
            if sample.online or (wanted and sample.name not in wanted):
                continue
            able = builders.fitting(kind, sample.task)
            pairs += [(sample.name, family) for family in able if kind == builders.get(family).DATA_TYPES[0]]
    return pairs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="one seed and one epoch: only shows that all of it runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--samples", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
