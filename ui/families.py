"""The family pages of `docs/families/`, read for the Learn page: words, picture of the data flow, what to watch."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

import builders
import datasets
from evaluation import tasks
from ui import draft, look, studio

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "families"
SCORES = FOLDER.parent / "scores.json"
_PAGE = re.compile(
    r"# (?P<title>.+?)\n\n(?P<words>.+?)\n\n```mermaid\n(?P<picture>.+?)```\n\n"
    r"## What to watch\n\n(?P<watch>.+?)(?:\n## .*)?\Z",
    re.DOTALL,
)

GROUPS = {
    "Tables": ("tabular", "ratings", "mixed"),
    "Pictures": ("image", "boxes", "video", "style"),
    "Language": ("text", "prose", "pairs", "qa"),
    "Sound and series": ("audio", "series"),
}
"""Data types that people look for together."""
UNLABELLED = ("generation", "reconstruction")
"""Tasks for which every sample of a fitting data type will do."""


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


def groups() -> dict[str, list[str]]:
    """Sort the families by the kind of data that they are first of all for."""
    found = {
        title: [name for name in builders.names() if builders.get(name).DATA_TYPES[0] in kinds]
        for title, kinds in GROUPS.items()
    }
    return {title: names for title, names in found.items() if names}


def choose() -> str:
    """Choose a group, then a family; the choice stands in the address."""
    every = groups()
    asked = st.query_params.get("family", "")
    if "learn_group" not in st.session_state:
        st.session_state["learn_group"] = next((title for title, names in every.items() if asked in names), "Pictures")
    group = st.segmented_control(
        "Kind of data", list(every), required=True, key="learn_group", label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    able = every[str(group)]
    key = f"learn_family_{group}"
    if key not in st.session_state:
        st.session_state[key] = asked if asked in able else able[0]
    chosen = st.pills(
        "Family", able, format_func=_label, required=True, key=key, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    st.query_params["family"] = str(chosen)
    return str(chosen)


def start(name: str) -> tuple[str, str]:
    """Return a sample with which a family is tried at once, and the task, empty where it is the sample's own.

    A sample made for this family comes first, then one on which it is the first choice, then any that it can learn.
    """
    family, found = builders.get(name), []
    for kind in (datasets.get(kind) for kind in family.DATA_TYPES if kind in datasets.names()):
        for sample in (sample for sample in kind.samples() if not sample.online):
            if sample.task in family.TASKS:
                found.append((sample.architecture != name, len(found), sample.name, ""))
            for task in (task for task in UNLABELLED if task in kind.TASKS and task in family.TASKS):
                if task != sample.task:
                    found.append((kind.FIRST_CHOICE.get(task) != name, len(found), sample.name, task))
    _, _, sample, task = min(found)
    return sample, task


def open_button(name: str) -> None:
    """Offer the way to Build, with this family set up on a sample; a family that needs a model file begins with it."""
    if builders.needs_file(name):
        if st.button("Open a .keras file", key="learn_bring", icon=look.symbol("deployed_code")):
            st.switch_page("pages/open_model.py")
        return
    if st.button("Open in Build", key="learn_open", icon=look.symbol("construction")):
        sample, task = start(name)
        fresh = draft.Draft()
        fresh.use_sample(sample)
        fresh.data |= {"task": task} if task else {}
        fresh.architecture = name
        draft.replace(fresh, studio.workspace(), studio.owner())
        st.switch_page("pages/build.py")


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
    if measured := scores(name):
        st.markdown(":gray[Measured, with default settings]  \n" + "  \n".join(look.plain(line) for line in measured))


@st.cache_data(show_spinner=False)
def scores(name: str) -> list[str]:
    """Say what a family reached on the samples' sealed test parts: "Titanic: accuracy 0.816"."""
    told = json.loads(SCORES.read_text(encoding="utf-8"))["results"]
    rows = [(row["sample"], row["scores"][0]) for row in told if row["architecture"] == name]
    return [f"{datasets.find_sample(sample).title}: {score['title']} {score['mean']:.3f}" for sample, score in rows]


def _label(name: str) -> str:
    return f"{look.family_icon(name)} {builders.get(name).TITLE}"
