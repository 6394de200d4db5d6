"""What every family reaches with default settings on the sealed test part of every sample it serves.

    python -m benchmarks.scores [--small] [--seeds 1 2 3] [--samples penguins ...] [--families mlp ...] [--json FILE]

Every run goes through the command line, as another program would start it. With `--json` each result is written as
soon as it is there, beside those that the file holds already, so the table can be made in several sittings;
`docs/scores.json` is the one from which `docs/scores.md` is made. `BARS` holds what a sample's first family must reach.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import builders
import datasets
from evaluation import tasks

ROOT = Path(__file__).resolve().parents[1]
SEEDS = [1, 2, 3]
MOST_SECONDS = 60
BARS = {
    "titanic": {"accuracy": 0.78},
    "fraud": {"roc_auc": 0.85, "average_precision": 0.5},
    "digits": {"accuracy": 0.95},
    "textures": {"accuracy": 0.90},
    "glyphs": {"accuracy": 0.92},
    "emoji": {"accuracy": 0.78},
    "find-the-animal": {"iou": 0.60, "class_accuracy": 0.85},
    "moving-animals": {"accuracy": 0.90},
    "reviews": {"accuracy": 0.86},
    "tickets": {"accuracy": 0.90},
    "sunspots": {"ratio_to_last": 0.7},
    "el-nino": {"ratio_to_season": 0.85},
    "wrist-sensor": {"accuracy": 0.93},
    "tones": {"accuracy": 0.97},
    "spoken-digits": {"accuracy": 0.95},
    "grimm": {"loss": 1.55},
    "french": {"exact": 0.95},
    "stories": {"exact": 0.90},
    "sightings": {"accuracy": 0.93},
    "films": {"rmse": 0.89},
}
"""What the first family of a sample must reach on the sealed test part; a lower or an upper bar, as the score goes."""
NAIVE = {
    "ratio_to_last": ("last value", "RMSE as a share of the last value's"),
    "ratio_to_season": ("a season ago", "RMSE as a share of that of a season ago"),
}
"""Bars of forecasts that are shares of the error of a forecast without a model: its name, and the title."""


@dataclass(frozen=True)
class Pair:
    """A family on a sample, where need be with settings that make the task."""

    sample: str
    family: str
    data: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    """Settings that are not the family's defaults: for controls, and for comparisons of parts."""
    bars: dict[str, float] = field(default_factory=dict)


MORE = (
    Pair("grimm", "gpt", bars={"loss": 1.7}),
    Pair("digits", "vae", {"task": "generation"}),
    Pair("digits", "gan", {"task": "generation"}),
    Pair("glyphs", "vae", {"task": "generation"}),
    Pair("glyphs", "gan", {"task": "generation"}),
    Pair("digits", "autoencoder", {"task": "reconstruction", "hold_out": "4"}, bars={"roc_auc": 0.90}),
    Pair("fraud", "autoencoder", {"task": "reconstruction"}, bars={"roc_auc": 0.80}),
    Pair("reviews", "lstm", bars={"accuracy": 0.86}),
    Pair("reviews", "gru", bars={"accuracy": 0.86}),
    Pair("reviews", "transformer", bars={"accuracy": 0.86}),
    Pair("french", "translator", bars={"exact": 0.95}),
    Pair("moving-animals", "video_gru", bars={"accuracy": 0.90}),
    Pair("spoken-digits", "speech_transfer", bars={"accuracy": 0.95}),
    Pair("films", "matrix_factorization", bars={"rmse": 0.89}),
    Pair("digits", "residual_cnn", bars={"accuracy": 0.95}),
    Pair("sightings", "hybrid", model={"use_table": False, "use_text": False}),
    Pair("sightings", "hybrid", model={"use_picture": False, "use_text": False}),
    Pair("sightings", "hybrid", model={"use_picture": False, "use_table": False}),
    Pair("reviews", "bert", model={"labels": 200}),
    Pair("reviews", "bert", model={"labels": 200, "pretraining": False}),
    Pair("emoji", "contrastive", model={"labels_per_class": 5}),
    Pair("emoji", "contrastive", model={"labels_per_class": 5, "pretraining": False}),
    Pair("digits", "dbn", model={"labels_share": 0.1}),
    Pair("digits", "dbn", model={"labels_share": 0.1, "pretraining": False}),
)
"""Pairs that are no sample's own task, have a bar of their own, or are compared with a control."""


def main() -> int:
    """Run every pair for every seed, print a line each, keep the numbers; status 1 if a run failed."""
    asked = _arguments()
    seeds, epochs = ([101], 1) if asked.small else (asked.seeds, None)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for pair in pairs(asked.samples, asked.families, first=asked.first):
            runs = [run(Path(folder), pair, seed, epochs) for seed in seeds]
            lost = [told for told in runs if "failed" in told]
            if lost:
                failed = True
                print(f"{pair.sample:16} {pair.family:20} failed: {lost[0]['failed']}", flush=True)
                continue
            result = summary(pair, seeds, runs)
            print(line(result), flush=True)
            if asked.json:
                keep(asked.json, result)
    return int(failed)


def pairs(samples: list[str], families: list[str], *, first: bool = False) -> list[Pair]:
    """Pair the bundled samples with the families made for them first of all, and add the further ones.

    `first` leaves out those that have neither a bar nor a control.
    """
    found = []
    for kind in datasets.names():
        for sample in datasets.get(kind).samples():
            for family in filter(lambda name: not builders.needs_file(name), builders.fitting(kind, sample.task)):
                own = sample.architecture == family
                if not sample.online and (own or kind == builders.get(family).DATA_TYPES[0]):
                    found.append(Pair(sample.name, family, bars=BARS.get(sample.name, {}) if own else {}))
    own = {(pair.sample, pair.family) for pair in MORE if not pair.model}
    found = [pair for pair in found if (pair.sample, pair.family) not in own] + list(MORE)
    found = [pair for pair in found if pair.bars or pair in MORE or not first]
    return [
        pair for pair in found if (not samples or pair.sample in samples) and (not families or pair.family in families)
    ]


def run(folder: Path, pair: Pair, seed: int, epochs: int | None) -> dict[str, Any]:
    """Train one recipe through the command line; returns the JSON object that it prints last, with its report."""
    recipe = folder / f"{pair.sample}-{pair.family}-{seed}.json"
    training = {"seed": seed} | ({"epochs": epochs} if epochs else {})
    model = {"architecture": pair.family} | pair.model
    told = {"data": {"sample": pair.sample} | pair.data, "model": model, "training": training}
    recipe.write_text(json.dumps(told))
    command = [sys.executable, "-m", "training", str(recipe), "--workspace", str(folder / "workspace")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": f"status {done.returncode}, seed {seed}: {done.stderr[-300:]}"}
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer | {"report": json.loads((Path(answer["folder"]) / "report.json").read_text(encoding="utf-8"))}


def summary(pair: Pair, seeds: list[int], runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and spread of the leading score and of the scores that have a bar, and the longest run."""
    head = runs[0]["report"]["headline"]
    metrics = list(dict.fromkeys([head["metric"], *pair.bars]))
    named = tasks.get(runs[0]["task"]).METRICS
    return {
        "sample": pair.sample,
        "architecture": pair.family,
        "task": runs[0]["task"],
        "data": pair.data,
        "model": pair.model,
        "seeds": seeds,
        "seconds": max(told["seconds"] for told in runs),
        "baseline": {
            "name": head["baseline"],
            "value": _mean(told["report"]["headline"]["baseline_value"] for told in runs),
        },
        "scores": [_score(metric, named, pair, runs) for metric in metrics],
    }


def _score(metric: str, named: dict[str, Any], pair: Pair, runs: list[dict[str, Any]]) -> dict[str, Any]:
    values = [_value(metric, told) for told in runs]
    title, _, better = named.get(metric) or (NAIVE[metric][1], "", "down")
    mean, bar = statistics.fmean(values), pair.bars.get(metric)
    reached = None if bar is None else mean >= bar if better == "up" else mean <= bar
    return {
        "metric": metric, "title": title, "better": better, "mean": mean, "lowest": min(values), "highest": max(values),
        "values": values, "bar": bar, "reached": reached,
    }  # fmt: skip


def _value(metric: str, told: dict[str, Any]) -> float:
    if metric not in NAIVE:
        return told["metrics"][metric]
    rival = next(each for each in told["report"]["baselines"] if each["name"] == NAIVE[metric][0])
    return told["metrics"]["rmse"] / rival["metrics"]["rmse"]


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def line(told: dict[str, Any]) -> str:
    """Say one result in a line."""
    scores = "; ".join(
        f"{score['metric']} {score['mean']:.3f} ({score['lowest']:.3f} to {score['highest']:.3f})"
        + ("" if score["bar"] is None else f", bar {score['bar']:g} {'reached' if score['reached'] else 'MISSED'}")
        for score in told["scores"]
    )
    return f"{told['sample']:16} {told['architecture']:20} {scores}; longest run {told['seconds']:.0f} s"


def keep(file: Path, result: dict[str, Any]) -> None:
    """Put one result into the file in the place of an older one of the same sample, family, task and settings."""
    told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"results": []}
    same = ("sample", "architecture", "task", "model")
    others = [old for old in told["results"] if any(old[name] != result[name] for name in same)]
    results = sorted([*others, result], key=lambda each: [*(each[name] for name in same[:3]), str(each["model"])])
    file.write_text(json.dumps({"cores": os.cpu_count(), "results": results}, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="one seed and one epoch: only shows that all of it runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--samples", nargs="*", default=[])
    parser.add_argument("--families", nargs="*", default=[])
    parser.add_argument("--first", action="store_true", help="only pairs with a bar or a control")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
