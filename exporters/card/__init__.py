"""The model card of a finished run: what the model is, what it was judged on, what it is not made for. No Keras.

The headings are those of Mitchell et al., "Model Cards for Model Reporting", 2019, p. 222.
"""

import time
from pathlib import Path
from typing import Any

import builders
import datasets
from datasets import Sample
from evaluation import tasks
from evaluation import words as said
from recipes import Recipe
from records import Run, looks

NAME = "MODEL_CARD.md"


def text(run: Run) -> str:
    """Write the card in Markdown, from what the run's folder holds."""
    report, recipe = run.read("report.json"), run.recipe
    family = builders.get(recipe.model.architecture)
    sample = datasets.find_sample(recipe.data.sample) if recipe.data.sample else None
    parts = [
        f"# {recipe.name or f'{family.TITLE} on {_data_name(recipe, sample)}'}",
        _details(run, recipe, family),
        _use(report),
        _factors(report),
        _metrics(report),
        _evaluation_data(run, report, sample, recipe),
        _training_data(run, recipe, sample),
        _analyses(report),
        _considerations(run),
        _caveats(report, recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _details(run: Run, recipe: Recipe, family: Any) -> str:
    state = run.state
    versions = next((line["text"] for line in run.lines("events")[0] if line["kind"] == "versions"), "")
    files = run.read("deliverables.json") or {}
    lines = [
        f"- Family: {family.TITLE}. {family.SUMMARY}",
        f"- Paper: {family.PAPER}" if getattr(family, "PAPER", "") else "",
        f"- Parameters: {state.parameters:,}" if state.parameters else "",
        f"- Trained: {time.strftime('%Y-%m-%d', time.gmtime(state.ended or state.updated))}, {versions}",
        f"- Seed: {recipe.training.get('seed', 1)}",
        f"- Run: {run.id}",
        *(f"- File: {Path(told['file']).name}, {told['bytes']:,} bytes, SHA-256 {told['sha256']}"
          for told in files.values() if told.get("checked")),
    ]  # fmt: skip
    return "## Model details\n\n" + "\n".join(line for line in lines if line)


def _use(report: dict[str, Any]) -> str:
    sentence = tasks.get(report["task"]).SENTENCE
    classes = report.get("classes") or []
    answers = f" Its answers: {_listed(classes)}." if classes else ""
    return (
        f"## Intended use\n\n{sentence}{answers} It is made for examples like those it was trained on. It was not "
        "judged for decisions about people's health, safety, money or rights; whoever uses it there must judge it for "
        "that."
    )


def _factors(report: dict[str, Any]) -> str:
    columns = (report.get("groups") or {}).get("columns") or []
    if not columns:
        return ""
    return f"## Factors\n\nJudged group by group for: {_listed([column['name'] for column in columns])}."


def _metrics(report: dict[str, Any]) -> str:
    named = tasks.get(report["task"]).METRICS
    baselines = report["baselines"]
    head = ["Score", "This model", "95 % between", *(each["name"] for each in baselines)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, value in report["metrics"].items():
        if value is None or name not in named:
            continue
        low, high = report["intervals"].get(name) or (None, None)
        between = "" if low is None or high is None else f"{said.number(low)} to {said.number(high)}"
        others = [each["metrics"].get(name) for each in baselines]
        cells = [named[name][0], said.number(value), between, *("" if v is None else said.number(v) for v in others)]
        lines.append(f"| {' | '.join(cells)} |")
    return "## Metrics\n\nOn the sealed test part, beside answers that need no such model.\n\n" + "\n".join(lines)


def _evaluation_data(run: Run, report: dict[str, Any], sample: Sample | None, recipe: Recipe) -> str:
    return (
        f"## Evaluation data\n\n{report['rows']:,} examples of {_data_name(recipe, sample)} that were kept apart "
        f"before training and looked at once, for this report. {looks.told(run).sentence}"
    )


def _training_data(run: Run, recipe: Recipe, sample: Sample | None) -> str:
    lines = []
    if sample:
        lines += [
            f"{sample.title}: {sample.sentence}",
            "",
            f"- Source: {sample.source}",
            f"- Licence: {sample.licence}",
        ]
    else:
        lines += [
            f"`{_data_name(recipe, sample)}`, brought by the person who trained the model; its licence is theirs."
        ]
    notes = [line["text"] for line in run.lines("events")[0] if line["kind"] == "note"]
    lines += [f"- {note}" for note in notes]
    if recipe.data.corrections:
        lines.append("- Some rows were left out or had their labels mended by hand; `recipe.yaml` names them.")
    return "## Training data\n\n" + "\n".join(lines)


def _analyses(report: dict[str, Any]) -> str:
    lines = [f"- {sentence}" for sentence in report["sentences"]]
    weak = (report.get("slices") or report.get("groups") or {}).get("sentence")
    lines += [f"- {weak}"] if weak else []
    return "## Quantitative analyses\n\n" + "\n".join(lines)


def _considerations(run: Run) -> str:
    told = run.read("energy.json")
    if not told:
        return ""
    return (
        f"## Ethical considerations\n\nTraining used about {told['wh']:.2g} Wh of electricity, about "
        f"{told['grams']:.2g} g of CO2 ({told['method']})."
    )


def _caveats(report: dict[str, Any], recipe: Recipe) -> str:
    folded = "It is one fold of a cross-validation. " if recipe.data.folded else ""
    return (
        f"## Caveats and recommendations\n\n{folded}{report['next']} Scores on other data, other places or later "
        "times may be lower: judge it again there before relying on it."
    )


def _data_name(recipe: Recipe, sample: Sample | None) -> str:
    return sample.title if sample else Path(recipe.data.file).name


def _listed(names: list[Any], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
