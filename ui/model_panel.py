"""The middle of the Build screen: which family, its settings, and its layers on these very data."""

from typing import Any

import streamlit as st

import builders
import datasets
from datasets import DataSet
from recipes import Data, Recipe, Refusal
from training import plan
from ui import imported_panel, layer_editor, layer_table, look, many_panel, settings_form, studio
from ui.classroom import here
from ui.draft import Draft

KINDS = {"number": "number", "category": "category", "boolean": "yes/no", "date": "date", "text": "text"}


def choose(draft: Draft, data: Data, dataset: DataSet) -> bool:
    """Choose the family; says whether one serves these data."""
    able = imported_panel.offered(draft, builders.fitting(str(data.type), data.task))
    if not able:
        st.info("No model here takes these data and this task yet. Choose another column to learn.")
        return False
    able = here.families(able)
    if not able:
        st.info(look.plain(here.no_family()))
        return False
    first = plan.default_architecture(data)
    first = first if first in able else able[0]
    if draft.architecture not in able:
        draft.architecture = first
    key = "build_architecture"
    if st.session_state.get(key) not in able:
        st.session_state[key] = draft.architecture
    name = st.pills(
        "Model family",
        able,
        format_func=_label,
        required=True,
        key=key,
        label_visibility="collapsed",
        persist_state="session",
    )
    if name != draft.architecture:
        draft.architecture = str(name)
        settings_form.forget("build_training_")
    if draft.models.get(imported_panel.FAMILY) and imported_panel.FAMILY not in able:
        look.quiet(imported_panel.UNFIT)
    reason = f" :green[{look.symbol('check')} Good first choice: {why(dataset)}.]" if name == first else ""
    st.markdown(f"{builders.get(draft.architecture).SUMMARY}{reason}")
    return True


def why(dataset: DataSet) -> str:
    """Say what about these data makes the first choice a good one: "344 rows, numbers and categories"."""
    schema = dataset.schema
    if schema.data_type != "tabular":
        return look.counted(schema.rows, datasets.get(schema.data_type).NOUN)
    found = {KINDS[column.kind] for column in schema.columns if column.kind in KINDS and column.name != schema.target}
    kinds = f"only {found.pop()} columns" if len(found) == 1 else "mixed columns"
    return f"{'few' if schema.rows < 5000 else 'many'} rows, {kinds}"


def settings(draft: Draft, questions: studio.Questions) -> tuple[str, ...]:
    """Draw the family's own settings; returns what is wrong with them."""
    name = draft.architecture
    if name == imported_panel.FAMILY:
        imported_panel.show(draft)
    impossible = layer_editor.show(draft, questions) if name == layer_editor.FAMILY else ()
    config = builders.get(name).Config
    group = settings_form.Group(
        config,
        draft.models.get(name, {}),
        f"build_model_{name}",
        several=many_panel.lists(draft, name),
        locked=here.locks("model", name),
    )
    (form,) = settings_form.show([group], f"build_model_{name}", panel="model")
    draft.models[name] = form.said
    many_panel.keep(draft, name, form, config, "model")
    return (*impossible, *form.errors)


def layers(draft: Draft, recipe: Recipe | None, questions: studio.Questions) -> str:
    """Show the layer table; returns why this model cannot be built, if so."""
    own = draft.architecture == layer_editor.FAMILY
    if recipe is None:
        if not own:
            st.caption("The layers show here once the settings above are right.")
        return ""
    answer = questions.warm("describe", recipe)
    if answer.is_waiting:
        look.loading(answer.sentence, 24 if own else 200)
        return ""
    if answer.state == "refused":
        sentence = settings_form.in_words(answer.sentence, builders.get(recipe.model.architecture).Config)
        look.failed(sentence)
        return sentence
    if answer.state == "failed":
        st.warning(look.plain(answer.sentence), icon=look.symbol("warning"))
        return ""
    with st.container(key="build_layers", gap="xsmall"):
        if own:
            _total(answer.value, "with the answer")
        else:
            _table(answer.value)
            _total(answer.value, f"in {look.counted(len(answer.value['layers']), 'layer')}")
    return ""


def _table(told: dict[str, Any]) -> None:
    rows = [
        {"Layer": layer["kind"], "Output": layer["shape"], "Parameters": layer["parameters"]}
        for layer in told["layers"]
    ]
    layer_table.show(rows)


def _total(told: dict[str, Any], where: str) -> None:
    total = f"**{look.number(told['parameters'])}** parameters {where}"
    st.markdown(total, help="Parameters are the numbers that the model learns.")
    for note in told["notes"]:
        look.quiet(look.plain(note))


def _label(name: str) -> str:
    return f"{look.family_icon(name)} {builders.get(name).TITLE}"


def checked(draft: Draft) -> Recipe | None:
    """Return the draft as a recipe, or None while a setting is wrong."""
    try:
        return plan.resolve(draft.recipe())
    except Refusal:
        return None
