"""Fix a label, drop a row: noted while a person looks at a run's rows, and taken to Build as a new version of the data.

What is noted is kept for the visitor and the data set, so rows of several runs of the same data come together. Nothing
changes in the data set itself: corrections are a part of the next run's recipe.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from datasets import DataSet
from recipes import Corrections
from records import Run
from ui import draft, look, samples, studio

Report = dict[str, Any]
TASKS = ("classification", "regression")
DROP = "Leave it out"
FINGERPRINT = 16
"""Signs of a data set's fingerprint that say which data set is meant."""


def offer(run: Run, report: Report, rows: Sequence[int], key: str) -> None:
    """Offer to correct one of these rows; nothing where no class or number is learned for each row."""
    if report["task"] not in TASKS or not rows or _fingerprint(run) == "":
        return
    noted = _noted(run)
    with st.popover("Correct a row", icon=look.symbol("edit"), type="tertiary", key=f"{key}_correct"):
        row = st.selectbox("Row", list(rows), format_func=lambda each: f"Row {each:,}", key=f"{key}_row")
        label: Any = None
        if report["classes"]:
            label = st.selectbox(
                "Right class", [DROP, *report["classes"]], key=f"{key}_label",
                help="Choose the right class, or leave the row out of training and test.",
            )  # fmt: skip
        else:
            label = st.number_input(
                f"Right value of {look.plain(report['target'])}", value=None, key=f"{key}_label",
                placeholder="Empty: leave the row out",
            )  # fmt: skip
        st.button("Note it", key=f"{key}_note", on_click=_note, args=(run, int(row), label))
        if int(row) in noted.rows:
            look.quiet(f"Noted: {look.plain(_words(noted, int(row)))}.")


def banner(run: Run, report: Report) -> None:
    """Say what is noted, and offer to train again with it; nothing where nothing is noted."""
    if report["task"] not in TASKS:
        return
    fresh = _fresh(run)
    if not fresh.rows:
        return
    with look.card("corrections"):
        amount = look.counted(len(fresh.rows), "correction")
        st.markdown(f"{look.symbol('edit')} **{amount} noted**: {look.plain(fresh.sentence())}.")
        lines = "  \n".join(f"Row {row:,}: {look.plain(_words(fresh, row))}" for row in fresh.rows[:12])
        st.markdown(lines if len(fresh.rows) <= 12 else f"{lines}  \nand {len(fresh.rows) - 12} more")
        with look.row("corrections_buttons"):
            if st.button(f"Train again with {amount}", key="corrections_train", icon=look.symbol("replay")):
                train_again(run)
            st.button("Undo all", key="corrections_undo", type="tertiary", on_click=_forget, args=(run,))
        look.quiet(
            "The data set itself stays as it is. The same rows stay in training and test, so both can be compared."
        )


def train_again(run: Run) -> None:
    """Take the run's settings with everything noted to Build."""
    taken = draft.Draft()
    taken.use_recipe(run.recipe)
    taken.data["corrections"] = _together(_applied(run), _fresh(run), _fingerprint(run)).plain()
    draft.replace(taken, studio.workspace(), studio.owner())
    st.switch_page("pages/build.py")


def _note(run: Run, row: int, label: Any) -> None:
    """Note one correction, as a button's callback; a later one of the same row takes its place."""
    fresh = _fresh(run)
    drop = [each for each in fresh.drop if each != row]
    labels = {each: value for each, value in fresh.labels.items() if each != row}
    if label is None or label == DROP:
        drop.append(row)
    else:
        labels[row] = label
    _keep(run, Corrections(drop=tuple(drop), labels=labels))
    st.toast("Noted. Train again with it at the top of this page.", icon=look.symbol("edit"))


def _forget(run: Run) -> None:
    _keep(run, Corrections())


def _keep(run: Run, corrections: Corrections) -> None:
    st.session_state.setdefault("corrections", {})[_fingerprint(run)] = corrections.plain()


def _fresh(run: Run) -> Corrections:
    """Return what this visitor noted for the run's data set."""
    return Corrections.model_validate(st.session_state.get("corrections", {}).get(_fingerprint(run), {}))


def _applied(run: Run) -> Corrections:
    """Return what the run itself was already trained with."""
    return run.recipe.data.corrections or Corrections()


def _noted(run: Run) -> Corrections:
    return _together(_applied(run), _fresh(run), "")


def _together(before: Corrections, fresh: Corrections, of: str) -> Corrections:
    """Put both together; what is noted now counts more."""
    drop = {*fresh.drop, *(row for row in before.drop if row not in fresh.labels)}
    labels = {**{row: label for row, label in before.labels.items() if row not in drop}, **fresh.labels}
    return Corrections(drop=tuple(sorted(drop)), labels=labels, of=of)


def _words(corrections: Corrections, row: int) -> str:
    return "left out" if row in corrections.drop else f"is {corrections.labels[row]}"


def _fingerprint(run: Run) -> str:
    """Name the run's data set; empty where it is gone, because then nothing can be trained again."""
    where = run.read("prepared.json")
    if where is None or samples.signature(run) is None or not (Path(where["dataset"]) / "dataset.json").exists():
        return ""
    return _of_folder(where["dataset"])


@st.cache_resource(max_entries=64, ttl="2h", show_spinner=False)
def _of_folder(folder: str) -> str:
    return DataSet.open(Path(folder)).schema.fingerprint[:FINGERPRINT]
