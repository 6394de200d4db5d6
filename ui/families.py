"""The family pages of `docs/families/`, read for the Learn page: words, picture of the data flow, what to watch."""

import re
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

import builders
import datasets
from evaluation import tasks
from ui import look

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "families"
_PAGE = re.compile(
    r"# (?P<title>.+?)\n\n(?P<words>.+?)\n\n```mermaid\n(?P<picture>.+?)```\n\n"
    r"## What to watch\n\n(?P<watch>.+?)(?:\n## .*)?\Z",
    re.DOTALL,
)


@dataclass(frozen=True)
class Family:
    """One family's page, in its parts."""

    title: str
    words: str
    picture: str
    watch: str


@st.cache_data(show_spinner=False)
def read(name: str) -> Family:
    """Read a family's page; its parts stand in a fixed order."""
    found = _PAGE.match((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"docs/families/{name}.md needs a title, sentences, a mermaid picture and 'What to watch'.")
    return Family(**found.groupdict())


def choose() -> str:
    """Choose a family; the choice stands in the address."""
    able = builders.names()
    asked = st.query_params.get("family", "")
    key = "learn_family"
    if key not in st.session_state:
        st.session_state[key] = asked if asked in able else able[0]
    chosen = st.pills(
        "Family",
        able,
        format_func=_label,
        required=True,
        key=key,
        label_visibility="collapsed",
        persist_state="session",
    )
    st.query_params["family"] = str(chosen)
    return str(chosen)


def icon(name: str) -> str:
    """Return a family's icon as a bare name."""
    return builders.get(name).ICON


def facts(name: str) -> None:
    """Show what a family takes and answers, its paper, and the way to Build."""
    family = builders.get(name)
    takes = ", ".join(datasets.get(kind).TITLE.lower() for kind in family.DATA_TYPES if kind in datasets.names())
    answers = " or ".join(tasks.get(task).TITLE.lower() for task in family.TASKS)
    st.markdown(f":gray[Takes]  \n{takes.capitalize()}")
    st.markdown(f":gray[Answers]  \n{answers.capitalize()}")
    st.markdown(f":gray[Paper]  \n{look.plain(family.PAPER)}")


def _label(name: str) -> str:
    return f"{look.family_icon(name)} {builders.get(name).TITLE}"
