"""The draft as a recipe: shown, taken away, brought back."""

import streamlit as st

from recipes import Refusal
from ui import draft as drafts
from ui import look, studio


def show(draft: drafts.Draft) -> None:
    """Show the recipe as YAML, offer it as a file, take one over."""
    with st.expander("The recipe", icon=look.symbol("description"), type="compact", key="build_recipe"):
        st.caption("Everything that this run needs, in one small file. The same recipe gives the same run.")
        if text := _text(draft):
            st.code(text, language="yaml", wrap_lines=True)
            st.download_button(
                "Download the recipe",
                text,
                "recipe.yaml",
                "application/yaml",
                icon=look.symbol("download"),
                on_click="ignore",
                key="build_recipe_download",
            )
        _bring()


def _text(draft: drafts.Draft) -> str:
    """Return the draft as YAML; nothing while a setting is wrong, which is told beside the setting."""
    try:
        return draft.recipe().portable().yaml()
    except Refusal:
        return ""


def _bring() -> None:
    number = st.session_state.setdefault("recipe_number", 0)
    key = f"recipe_file_{number}"

    def take() -> None:
        file = st.session_state[key]
        if file is None:
            return
        st.session_state["recipe_number"] += 1
        try:
            text = file.getvalue().decode("utf-8")
            st.session_state["recipe_told"] = drafts.load(text, studio.workspace(), studio.owner())
        except UnicodeDecodeError:
            st.session_state["recipe_told"] = "This file is no text. Bring a recipe as YAML or JSON."
        except Refusal as refusal:
            st.session_state["recipe_told"] = str(refusal)

    st.file_uploader("Bring a recipe", type=["yaml", "yml", "json"], max_upload_size=1, key=key, on_change=take)
    if told := st.session_state.get("recipe_told"):
        st.warning(look.plain(told), icon=look.symbol("info"))
