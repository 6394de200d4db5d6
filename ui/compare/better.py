"""Is B really better than A? Two runs on the same test rows, answered in a sentence."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from evaluation import paired
from recipes import Refusal
from records import Run, looks
from ui import look
from ui.compare.facts import Facts, ranked


def show(facts: Sequence[Facts], names: Sequence[str]) -> None:
    """Let a person choose two of the runs, and say whether one is really better; nothing where none can be compared."""
    named = dict(zip((each.run.id for each in facts), names, strict=True))
    pairs = [each for each in facts if each.test and any(_are_alike(each, other) for other in facts)]
    if len(pairs) < 2:
        return
    order = ranked(pairs) or pairs
    look.section("Is one really better?", "Both are asked about the same test rows; chance is taken out.")
    ids = [each.run.id for each in order]
    left, right = st.columns(2)
    second = left.selectbox("Is this run", ids, key="better_b", format_func=named.__getitem__)
    others = [each for each in ids if each != second]
    if st.session_state.get("better_a") not in others:
        st.session_state.pop("better_a", None)
    first = right.selectbox("better than this one?", others, key="better_a", format_func=named.__getitem__)
    by_id = {each.run.id: each for each in order}
    told = answer(by_id[first].run, by_id[second].run, (named[first], named[second]))
    if "refused" in told:
        look.quiet(look.plain(told["refused"]))
        return
    icon, tone = {"first": ("check_circle", "green"), "second": ("check_circle", "green")}.get(
        told["verdict"], ("help", "gray")
    )
    st.markdown(f":{tone}[{look.symbol(icon)}] {look.plain(told['sentence'])}")
    if told.get("left_out"):
        look.quiet(f"{look.counted(told['left_out'], 'test row')} that only one of the two has were left out.")
    _count_look(by_id[first].run, by_id[second].run)


def answer(first: Run, second: Run, names: tuple[str, str]) -> dict[str, Any]:
    """Compare two runs; {"refused": sentence} where that cannot be done."""
    files = [run.folder / "predictions.npz" for run in (first, second)]
    stamps = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
    return _answered(str(first.folder), str(second.folder), names, stamps)


@st.cache_data(max_entries=256, ttl="2h", show_spinner="Asking both about the same rows …")
def _answered(first: str, second: str, names: tuple[str, str], stamps: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG001 - new answers, new question
    try:
        return paired.runs(Run(Path(first)), Run(Path(second)), names=names)
    except Refusal as refusal:
        return {"refused": str(refusal)}


def _are_alike(one: Facts, other: Facts) -> bool:
    return one is not other and one.board[:3] == other.board[:3] and bool(other.test)


def _count_look(*runs: Run) -> None:
    """Comparing on the test part is a look at it, counted once a visit."""
    visit = st.session_state.setdefault("visit", secrets.token_hex(4))
    for run in runs:
        looks.count(run, "compare", visit)
