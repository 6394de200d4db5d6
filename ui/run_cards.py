"""Runs as cards: sparkline, score, family, data, state, age, star, note; filters, delete with undo, what to compare."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from recipes import Refusal
from records import State
from records.catalogue import RunRow
from records.run import ACTIVE
from training.executor import SECONDS_TO_RESTORE
from training.forecast import Turn
from ui import look, notes, run_view, studio
from ui.compare import groups
from ui.compare.groups import Members
from ui.run_reader import RunReader, reader

MOST_COMPARED = 8
MOST_CARDS = 24
"""Cards that stand on the page before somebody asks for more: each draws a curve of its own."""
ALL, GOING, DONE, STARRED = "All", "Active", "Finished", "Starred"


def is_active(row: RunRow) -> bool:
    """Is this run waiting, starting or running?"""
    return row.state in ACTIVE


def known(row: RunRow) -> RunReader:
    """Return the reader of a run in this workspace."""
    return reader(studio.workspace().run_folder(row.id))


def headline(told: RunReader) -> str:
    """Return a run's score in short: "Accuracy 0.971", or its validation loss while there is no report."""
    report = told.file("report.json")
    if report is not None:
        return f"{report['headline']['title']} {look.score(report['headline']['value'])}"
    epochs = told.epochs()
    loss = epochs[-1].get("val_loss") if epochs else None
    return f"Validation loss {loss:.3g}" if isinstance(loss, (int, float)) and math.isfinite(loss) else ""


def choice(rows: Sequence[RunRow]) -> list[RunRow]:
    """Let the visitor narrow the list; what waits or runs comes first, then the newest."""
    shown = st.segmented_control(
        "Show", [ALL, GOING, DONE, STARRED], default=ALL, required=True, key="runs_filter",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    order = sorted(rows, key=lambda row: (not is_active(row), -row.created))
    if shown == GOING:
        return [row for row in order if is_active(row)]
    if shown == DONE:
        return [row for row in order if row.state == "finished"]
    return [row for row in order if row.starred or shown != STARRED]


def compare_bar(rows: Sequence[RunRow]) -> None:
    """Show what is picked and the way to compare it."""
    picked = [row.id for row in rows if st.session_state.get(f"pick_{row.id}")]
    with look.row("compare_bar"):
        if len(picked) < 2:
            st.markdown(":gray[Pick two or more runs to compare them.]", width="content")
        elif len(picked) > MOST_COMPARED:
            st.markdown(f":orange[Pick at most {MOST_COMPARED} runs.]", width="content")
        elif st.button(f"Compare {len(picked)} runs", key="compare", type="primary", icon=":material/compare_arrows:"):
            st.switch_page("pages/compare.py", query_params={"runs": ",".join(picked)})


def show(rows: Sequence[RunRow], together: Mapping[str, Members] | None = None) -> None:
    """Draw the cards, three beside each other, one on a phone; runs that were started `together` share one."""
    if not rows:
        look.quiet("No run fits this filter.")
        return
    every = _stacked(sorted(rows, key=_rank), together or {})
    cards = every[: st.session_state.get("cards_shown", MOST_CARDS)]
    turns = studio.executor().turns() if any(row.state == "queued" for row in rows) else {}
    several = sum(row.state == "queued" for row in rows) > 1
    if turns and (trouble := studio.executor().trouble()):
        look.quiet(f"{look.symbol('cloud_off')} {look.plain(trouble)}")
    grid = st.grid(min_column_width=350, gap="small", key="run_cards")
    for each in cards:
        name = each.group.id if isinstance(each, Members) else each.id
        with grid.container(), look.card(f"card_{name}", height="stretch"):
            if isinstance(each, Members):
                _group_card(each)
            else:
                _card(each, turns.get(each.id), may_move=several)
    if len(cards) < len(every):
        st.button(
            f"Show {min(MOST_CARDS, len(every) - len(cards))} more of {len(every)}", key="more_cards",
            icon=look.symbol("expand_more"), on_click=_show_more, args=(len(cards),),
        )  # fmt: skip


def _rank(row: RunRow) -> tuple[bool, float]:
    """What runs comes first, then what waits, in the order in which it will start; the rest stays as it was."""
    return not is_active(row), row.place if row.state == "queued" else 0.0


def _show_more(shown: int) -> None:
    st.session_state["cards_shown"] = shown + MOST_CARDS


def _stacked(rows: Sequence[RunRow], together: Mapping[str, Members]) -> list[RunRow | Members]:
    """Put the group in the place of its first run; the others of it need no card of their own."""
    group_of = {row.id: name for name, members in together.items() for row in members.rows}
    stacked: dict[str, RunRow | Members] = {}
    for row in rows:
        name = group_of.get(row.id)
        if name is None:
            stacked[row.id] = row
        else:
            stacked.setdefault(name, together[name])
    return list(stacked.values())


def undo() -> None:
    """Offer to bring back what was deleted a moment ago."""
    told = st.session_state.get("deleted_run")
    if told is None:
        return
    deleted, title, moment = told
    if time.time() - moment > SECONDS_TO_RESTORE:
        del st.session_state["deleted_run"]
        return
    with look.row("undo"):
        st.markdown(look.plain(f"'{title}' was deleted."), width="content")
        st.button("Undo", key="undo_delete", icon=":material/undo:", on_click=_restore, args=(deleted,))


def _card(row: RunRow, turn: Turn | None, *, may_move: bool) -> None:
    told = known(row)
    state = told.state
    recipe = told.run.recipe
    with look.row(align="distribute"):
        look.state_badge(state)
        st.markdown(f":gray[{look.ago(row.created)}]", width="content")
    with st.container(gap=None):
        st.page_link(
            "pages/run.py", label=f"**{look.plain(row.title)}**", query_params={"run": row.id},
            icon=look.family_icon(recipe.model.architecture),
        )  # fmt: skip
        family = run_view.family_name(recipe)
        about = [run_view.data_name(recipe)] if family in row.title else [family, run_view.data_name(recipe)]
        st.markdown(f":gray[{look.plain(' · '.join(about))}]")
    _middle(row, told, state, turn)
    if row.state == "queued":
        _queue_acts(row, may_move=may_move)
    if note := notes.of(told.run):
        look.quiet(f"{look.symbol('sticky_note_2')} {look.plain(_short(note))}")
    with look.row(align="distribute"):
        st.checkbox("Compare", key=f"pick_{row.id}")
        with look.row(f"acts_{row.id}", align="right"):
            _star(row)
            _menu(row)


def _group_card(members: Members) -> None:
    """Show runs that were started together as one: how far they are, and the best of them."""
    with look.row(align="distribute"):
        busy = members.is_active
        st.badge("Training" if busy else "Done", icon=look.symbol("stacks"), color="blue" if busy else "green")
        st.markdown(f":gray[{look.ago(members.rows[0].created)}]", width="content")
    with st.container(gap=None):
        st.page_link(
            "pages/compare.py", label=f"**{look.plain(members.title())}**", icon=look.symbol("stacks"),
            query_params={"group": members.group.id},
        )  # fmt: skip
        st.markdown(f":gray[{groups.progress_words(members)}]")
    if best := groups.best_words(members):
        st.markdown(f"**{look.plain(best)}**")
    with look.row(f"acts_{members.group.id}", align="right"):
        chosen = st.menu_button(
            "More", ["Delete all"], key=f"more_{members.group.id}", type="tertiary", icon=":material/more_horiz:"
        )
    if chosen == "Delete all":
        _delete([*members.rows], members.title())


def _middle(row: RunRow, told: RunReader, state: State, turn: Turn | None) -> None:
    if row.state == "queued":
        look.quiet(run_view.queue_words(turn))
        return
    values = [line["val_loss"] for line in told.epochs() if _is_number(line.get("val_loss"))]
    if len(values) > 1:
        look.sparkline(_few(values), f"spark_{row.id}")
    if score := headline(told):
        st.markdown(f"**{look.plain(score)}**")
    if state.is_active and state.epochs:
        left = f" · {look.duration(state.eta_seconds)} left" if state.eta_seconds is not None else ""
        look.quiet(f"Epoch {min(state.epoch + 1, state.epochs)} of {state.epochs}{left}")
    elif state.state == "failed":
        look.quiet(look.plain(state.message))


def _queue_acts(row: RunRow, *, may_move: bool) -> None:
    """Let the visitor put this run before or behind the own ones that wait, or take it out of the queue."""
    with look.row(f"queue_{row.id}"):
        if may_move:
            for word, icon, to_front in (
                ("First", "vertical_align_top", True),
                ("Last", "vertical_align_bottom", False),
            ):
                st.button(
                    word, key=f"move_{word}_{row.id}", type="tertiary", icon=look.symbol(icon), on_click=_move,
                    args=(row.id, to_front), help=f"Start it {word.lower()} of your runs",
                )  # fmt: skip
        st.button(
            "Cancel", key=f"cancel_{row.id}", type="tertiary", icon=look.symbol("close"), on_click=run_view.act,
            args=("cancel", row.id),
        )  # fmt: skip


def _move(run: str, to_front: bool) -> None:  # noqa: FBT001 - Streamlit hands over what the button said
    try:
        studio.executor().move(run, studio.owner(), to_front=to_front)
    except Refusal as refusal:
        st.session_state["refused"] = str(refusal)


def _star(row: RunRow) -> None:
    st.button(
        "Starred" if row.starred else "Star", key=f"star_{row.id}", type="tertiary", help="Keep it in sight",
        icon=":material/star:" if row.starred else ":material/star_outline:", on_click=_turn_star, args=(row,),
    )  # fmt: skip


def _menu(row: RunRow) -> None:
    chosen = st.menu_button(
        "More",
        ["Rename", "Note", "Use its settings again", "Delete"],
        key=f"more_{row.id}",
        type="tertiary",
        icon=":material/more_horiz:",
    )
    if chosen == "Rename":
        _rename(row)
    elif chosen == "Note":
        _note(row)
    elif chosen == "Use its settings again":
        run_view.use_again(known(row).run)
    elif chosen == "Delete":
        _delete([row], row.title)


@st.dialog("Note")
def _note(row: RunRow) -> None:
    run = known(row).run
    text = st.text_area("Your own words about this run", notes.of(run), max_chars=notes.LONGEST, key="note_text")
    look.quiet("It stays on this computer: a download of the run does not hold it.")
    if st.button("Keep the note", key="note_now", type="primary"):
        if studio.executor().status(row.id, studio.owner()) is not None:
            notes.write(run, text)
        st.rerun()


@st.dialog("Rename this run")
def _rename(row: RunRow) -> None:
    title = st.text_input("Title", row.title, max_chars=120, key="new_title")
    if st.button("Rename", key="rename_now", type="primary"):
        try:
            studio.executor().rename(row.id, studio.owner(), title)
        except Refusal as refusal:
            look.failed(str(refusal))
        else:
            st.rerun()


@st.dialog("Delete this?")
def _delete(rows: Sequence[RunRow], title: str) -> None:
    many = f": {look.counted(len(rows), 'run')}" if len(rows) > 1 else ""
    st.markdown(f"**{look.plain(title)}**{many} with curves, report and model.")
    look.quiet(f"You can undo it for {look.duration(SECONDS_TO_RESTORE)}; then it is gone for good.")
    if any(is_active(row) and row.state != "queued" for row in rows):
        look.failed("It is still going. Stop it first, on its own page.")
        return
    with look.row():
        if st.button("Delete", key="delete_now", type="primary", icon=":material/delete:"):
            for row in rows:
                run_view.act("delete", row.id)
            if "refused" not in st.session_state:
                st.session_state["deleted_run"] = ([row.id for row in rows], title, time.time())
            st.rerun()
        if st.button("Keep it", key="keep_it"):
            st.rerun()


def _restore(runs: Sequence[str]) -> None:
    for run in runs:
        run_view.act("restore", run)
    del st.session_state["deleted_run"]


def _turn_star(row: RunRow) -> None:
    studio.executor().star(row.id, studio.owner(), starred=not row.starred)


def _short(text: str, most: int = 120) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()} …"


def _few(values: list[float], most: int = 60) -> list[float]:
    step = max(1, math.ceil(len(values) / most))
    return [*values[:-1:step], values[-1]]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
