"""What Train starts: one run, or several that belong together; beside it how many they are and how long they take."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

import builders
import datasets
from recipes import Recipe, Settings, Shares, Training
from recipes.recipe import LEAST_FOLDS, MOST_FOLDS
from training import many, plan
from ui import look, settings_form, studio
from ui.draft import Draft
from ui.settings_form import Form

KEY = "build_runs"
DATA, SHARES, TRAINING = "data", "shares", "training"
"""What lists belong to, beside the families: the data type's own settings, the shares kept back, the training."""
WORDS: dict[Literal["one", "several", "folds"], str] = {
    "one": "One run",
    "several": "Several values",
    "folds": "Cross-validation",
}


def mode(draft: Draft) -> str:
    """Say what Train starts, as the visitor has just chosen it, else as the draft has it."""
    return st.session_state.get(KEY) or draft.runs


def lists(draft: Draft, part: str) -> dict[str, list[float]] | None:
    """Return the lists of a part so far; None where each field takes one value."""
    return draft.several.get(part, {}) if mode(draft) == "several" else None


def keep(draft: Draft, part: str, form: Form, model: type[Settings], panel: str) -> None:
    """Keep the lists of one panel's fields; those of another panel stay."""
    if mode(draft) != "several":
        return
    elsewhere = {
        name: values
        for name, values in draft.several.get(part, {}).items()
        if name in model.model_fields and settings_form.noted(model.model_fields[name])["panel"] != panel
    }
    draft.several[part] = elsewhere | {name: list(values) for name, values in form.several.items()}


def choose(draft: Draft, recipe: Recipe | None, questions: studio.Questions, obstacles: list[str]) -> str:
    """Let the visitor choose between one run and several; returns what the button says."""
    with st.container(key="build_many", gap="xsmall"):
        st.session_state.setdefault(KEY, draft.runs)
        chosen = st.segmented_control(
            "What Train starts", list(WORDS), required=True, key=KEY, format_func=WORDS.__getitem__,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        draft.runs = next((name for name in WORDS if name == chosen), "one")
        if draft.runs == "several":
            return _sweep(draft, recipe, questions, obstacles)
        if draft.runs == "folds":
            return _folds(draft, recipe, questions, obstacles)
    return "Train"


def submit(draft: Draft) -> tuple[str, dict[str, str]]:
    """Queue what the draft says; returns the page that shows it, with its address. Raises `Refusal`."""
    executor, owner, seconds = studio.executor(), studio.owner(), _seconds(draft)
    if draft.runs == "several" and (varied := _varied(draft)):
        group = many.submit_sweep(executor, draft.recipe(), varied, owner, draft.name, seconds)
        return "pages/compare.py", {"group": group}
    if draft.runs == "folds":
        group = many.submit_folds(executor, draft.recipe(), draft.folds, owner, draft.name, seconds)
        return "pages/compare.py", {"group": group}
    return "pages/run.py", {"run": executor.submit(draft.recipe(), owner, draft.name, seconds)}


def _seconds(draft: Draft) -> float | None:
    """Return how long one of these runs should take, where it was measured while the visitor looked at it."""
    answer = studio.Questions().warm("estimate", plan.resolve(draft.recipe()))
    return answer.value["seconds"] if answer.is_ready else None


def _sweep(draft: Draft, recipe: Recipe | None, questions: studio.Questions, obstacles: list[str]) -> str:
    varied = _varied(draft)
    amount = many.count(varied)
    if amount == 1:
        look.quiet("Type a list into any number above, such as `0.01, 0.003, 0.001`: each value makes a run.")
        return "Train"
    parts = " × ".join(f"{len(each.values)} of {each.title.lower()}" for each in varied)
    look.quiet(f"{amount} runs: {look.plain(parts)}.{_time(recipe, questions, amount)}")
    if amount > many.MOST_RUNS:
        obstacles.insert(0, f"These lists make {amount} runs, but {many.MOST_RUNS} is the most. Shorten a list.")
    return f"Train {amount} runs"


def _folds(draft: Draft, recipe: Recipe | None, questions: studio.Questions, obstacles: list[str]) -> str:
    st.session_state.setdefault(f"{KEY}_folds", draft.folds)
    draft.folds = st.slider(
        "Folds", LEAST_FOLDS, MOST_FOLDS, key=f"{KEY}_folds", persist_state="session",
        help="The rows outside the sealed test part are dealt out into so many parts. Each is judged once by a model "
        "that learned from the others.",
    )  # fmt: skip
    if recipe is not None and (why := getattr(datasets.get(str(recipe.data.type)), "NO_FOLDS", "")):
        obstacles.insert(0, why)
    look.quiet(
        f"{draft.folds} runs, each judged on a part that it never saw: the mean says how good such a model is, the "
        f"spread how much of it is chance. The sealed test part stays closed.{_time(recipe, questions, draft.folds)}"
    )
    return f"Train {draft.folds} folds"


def _time(recipe: Recipe | None, questions: studio.Questions, amount: int) -> str:
    """Say how long all of them take one after the other, where one was measured."""
    if recipe is None:
        return ""
    answer = questions.warm("estimate", recipe)
    return f" About {look.duration(amount * answer.value['seconds'])} of training in all." if answer.is_ready else ""


def _varied(draft: Draft) -> Sequence[many.Varied]:
    """Return the lists of more than one value that count for the chosen family."""
    found = []
    models = (
        (DATA, "data", datasets.get(_type(draft)).Config),
        (SHARES, "data", Shares),
        (draft.architecture, "model", builders.get(draft.architecture).Config),
        (TRAINING, "training", Training),
    )
    for part, place, model in models:
        for name, values in draft.several.get(part, {}).items():
            if name in model.model_fields and len(values) > 1:
                title = model.model_fields[name].title or name.replace("_", " ").capitalize()
                found.append(many.Varied(f"{place}.{name}", title, tuple(values)))
    return found


def _type(draft: Draft) -> str:
    """Name the data type of the draft's data."""
    sample = draft.data.get("sample", "")
    return datasets.find_sample(sample).data_type if sample else str(draft.data["type"])
