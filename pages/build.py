"""Build: data, model and training side by side; the result is a recipe, and Train sends it off."""

import streamlit as st

from datasets import DataSet
from recipes import Data, Recipe, Refusal
from training import plan
from ui import data_panel, look, model_panel, recipe_panel, studio, training_panel
from ui.draft import Draft, current, keep


def main() -> None:
    """Draw the three panels from left to right; each goes on from what the one before it gave."""
    questions = studio.Questions()
    draft = current(studio.workspace(), studio.owner())
    look.header("Build", "Choose data, choose a model, train.")
    grid = st.grid(3, min_column_width=320, gap=("small", "small"))
    with grid.cell(), look.card("build_data_card"):
        look.section("Data", icon="looks_one")
        found = _data(draft, questions)
    with grid.cell(), look.card("build_model_card"):
        look.section("Model", icon="looks_two")
        recipe, obstacle = _model(draft, found, questions)
    with grid.cell(), look.card("build_training_card"):
        look.section("Training", icon="looks_3")
        _training(draft, found, recipe, obstacle, questions)
    keep(draft, studio.workspace(), studio.owner())
    questions.poll()


main()
