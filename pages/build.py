"""Build: data, model and training side by side; together they are a recipe, and Train sends it off."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import datasets
from datasets import DataSet
from recipes import Data, Refusal
from ui import data_panel, imported_panel, look, many_panel, model_panel, recipe_panel, studio, training_panel
from ui.classroom import here
from ui.draft import Draft, current, keep

WAITING = "Which kind of network learns, and how large it is: this opens with the data."


@dataclass(frozen=True)
class Chosen:
    """Data that are there, with target and task."""

    dataset: DataSet
    data: Data


def main() -> None:
    """Draw the three panels from left to right; each goes on from what the one before it gave."""
    questions = studio.Questions()
    draft = current(studio.workspace(), studio.owner())
    obstacles: list[str] = []
    look.header("Build", "Choose data, choose a model, train.")
    here.banner()
    grid = st.grid(3, min_column_width=320)
    with grid.cell(), look.card("build_data_card"):
        look.section("1 · Data")
        chosen = _data(draft, questions, obstacles)
    with grid.cell(), look.card("build_model_card"):
        look.section("2 · Model")
        able = chosen is not None and _model(draft, chosen, questions, obstacles)
        if chosen is None:
            look.quiet(imported_panel.waiting(draft) or WAITING)
        layers = st.container()
    with grid.cell(), look.card("build_training_card"):
        look.section("3 · Training")
        if able:
            _training(draft, obstacles, questions, layers)
        else:
            look.quiet("How fast and how long to learn: this opens with the data.")
        recipe_panel.show(draft)
    keep(draft, studio.workspace(), studio.owner())
    questions.poll()


def _data(draft: Draft, questions: studio.Questions, obstacles: list[str]) -> Chosen | None:
    if here.has_fixed_data():
        look.quiet(f"{look.symbol('lock')} Your teacher has fixed the data.")
    else:
        data_panel.choose(draft)
    if not draft.has_data:
        return None
    try:
        data = data_panel.resolved(draft)
    except Refusal as refusal:
        _mend(draft, refusal)
        return None
    opened = questions.dataset(data)
    if not opened.is_ready:
        _not_ready(opened, "Opening the data …", 240)
        return None
    dataset: DataSet = opened.value
    data_panel.show(draft, dataset)
    data = data_panel.goal(draft, dataset)
    if data_panel.has_goal(data):
        _look_at(dataset, data, questions, obstacles)
    else:
        look.quiet("Choose the column to be learned.")
    if "columns" in datasets.get(dataset.schema.data_type).Config.model_fields:
        data_panel.columns(draft, dataset.schema)
    obstacles.extend(data_panel.more(draft, dataset.schema.data_type))
    return Chosen(dataset, data) if data_panel.has_goal(data) else None


def _mend(draft: Draft, refusal: Refusal) -> None:
    """Tell a mistake in the data's own settings beside its field, and go on as soon as it is mended."""
    before = dict(draft.data)
    told = data_panel.more(draft, data_panel.type_of(draft))
    if draft.data != before:
        keep(draft, studio.workspace(), studio.owner())
        st.rerun()
    if not told:
        look.failed(str(refusal))


def _look_at(dataset: DataSet, data: Data, questions: studio.Questions, obstacles: list[str]) -> None:
    """Show what the chosen target holds, and what was found in the data."""
    classes = questions.classes(dataset, data)
    if classes.is_ready:
        data_panel.balance(dataset.schema, data, classes.value)
    found = questions.findings(dataset, data)
    if not found.is_ready:
        _not_ready(found, "Looking for trouble in the data …", 32)
    elif data_panel.findings(found.value):
        obstacles.append("Mend the problem in the data first.")


def _model(draft: Draft, chosen: Chosen, questions: studio.Questions, obstacles: list[str]) -> bool:
    if not model_panel.choose(draft, chosen.data, chosen.dataset):
        return False
    obstacles.extend(model_panel.settings(draft, questions))
    return True


def _training(draft: Draft, obstacles: list[str], questions: studio.Questions, layers: DeltaGenerator) -> None:
    obstacles.extend(training_panel.settings(draft))
    training_panel.rate_plot(draft)
    recipe = None if obstacles else model_panel.checked(draft)
    with layers:
        if impossible := model_panel.layers(draft, recipe, questions):
            obstacles.append(impossible)
    training_panel.what_it_sees(recipe, questions)
    if too_large := training_panel.badge(recipe, questions):
        obstacles.append(too_large)
    if not_allowed := here.obstacle(recipe):
        obstacles.append(not_allowed)
    label = many_panel.choose(draft, recipe, questions, obstacles)
    reason = obstacles[0] if obstacles else ""
    if st.button(
        label,
        type="primary",
        icon=look.symbol("play_arrow"),
        width="stretch",
        key="build_train",
        disabled=bool(reason),
        help=look.plain(reason) if reason else None,
    ):
        _train(draft)
    if reason:
        look.quiet(f"{look.symbol('lock')} {look.plain(reason)}")


def _train(draft: Draft) -> None:
    try:
        page, address = many_panel.submit(draft)
    except Refusal as refusal:
        look.failed(str(refusal))
    else:
        st.switch_page(page, query_params=address)


def _not_ready(answer: studio.Answer, words: str, height: int) -> None:
    if answer.is_waiting:
        look.loading(words, height)
    else:
        look.failed(answer.sentence)


main()
