"""Leaderboards: the runs of one data set, task and test part, the best first, and what a first place is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from records import Run
from records.catalogue import RunRow
from ui import look, notes, report_view, run_view, studio
from ui.compare import facts as known
from ui.compare.facts import Facts

MOST_COMPARED = 8


@dataclass(frozen=True)
class Board:
    """Runs that may stand in one table: the same data, task, target and test rows."""

    title: str
    members: tuple[tuple[RunRow, Facts], ...]


def boards(rows: Sequence[tuple[RunRow, Facts]]) -> list[Board]:
    """Sort finished runs into boards, the largest first; folds are judged elsewhere and left out."""
    sorted_in: dict[tuple[str, ...], list[tuple[RunRow, Facts]]] = {}
    for row, told in rows:
        if told.test and not told.is_fold and told.score is not None:
            sorted_in.setdefault(told.board, []).append((row, told))
    order = sorted(sorted_in.values(), key=lambda members: (-len(members), -members[0][0].created))
    titles: dict[str, int] = {}
    made = []
    for members in order:
        title = _title(members[0][1])
        titles[title] = titles.get(title, 0) + 1
        rest = f" · other test rows ({titles[title]})" if titles[title] > 1 else ""
        made.append(Board(title + rest, tuple(members)))
    return made


def lines(board: Board) -> list[dict[str, Any]]:
    """Return the table: one line a run, the best first; equal scores share a place."""
    by_run = {told.run: (row, told) for row, told in board.members}
    order = known.ranked([told for _, told in board.members])
    scores = [told.score for told in order]
    return [_line(scores.index(told.score) + 1, *by_run[told.run]) for told in order]


def warning(count: int) -> str:
    """Say what a first place among so many is worth."""
    if count == 1:
        return "One run so far. Train another one with other settings to have something to compare it with."
    return (
        f"The best of {look.number(count)}: expect a little less of it on new data, because it was chosen on these "
        "very test rows."
    )


def show(rows: Sequence[RunRow]) -> None:
    """Let a person choose a board, sort it, and open or compare what is picked."""
    every = boards([(row, known.of(run_of(row))) for row in rows if row.state == "finished"])
    if not every:
        look.quiet("No run is finished yet. The first one opens the leaderboard.")
        return
    labels = [f"{board.title} · {look.counted(len(board.members), 'run')}" for board in every]
    place = st.selectbox(
        "Data and task", range(len(every)), format_func=labels.__getitem__, key="board",
        help="Only runs that were judged on the very same test rows stand in one table.",
    )  # fmt: skip
    board = every[place or 0]
    table = lines(board)
    order = [told["run"] for told in table]
    picked = st.dataframe(
        [{name: value for name, value in told.items() if name != "run"} for told in table],
        hide_index=True, key=f"board_table_{place}", on_select="rerun", selection_mode="multi-row",
        column_config=_columns(table), alt=f"Leaderboard of {board.title}",
    )  # fmt: skip
    chosen = [order[number] for number in picked.selection.rows if number < len(order)]
    with look.row("board_acts"):
        if len(chosen) == 1 and st.button("Open this run", key="board_open", icon=look.symbol("open_in_new")):
            st.switch_page("pages/run.py", query_params={"run": chosen[0]})
        if 2 <= len(chosen) <= MOST_COMPARED and st.button(
            f"Compare {len(chosen)} runs", key="board_compare", type="primary", icon=look.symbol("compare_arrows")
        ):
            st.switch_page("pages/compare.py", query_params={"runs": ",".join(chosen)})
        if not chosen:
            st.markdown(":gray[Pick one row to open the run, or a few to compare them.]", width="content")
    look.quiet(warning(len(table)))
    head = board.members[0][1].headline
    if len(table) > 1 and head:
        look.quiet(_meaning(board.members[0][1].task, head["metric"]))


def run_of(row: RunRow) -> Run:
    """Return the folder of a run in the catalogue."""
    return Run(studio.workspace().run_folder(row.id))


def _line(place: int, row: RunRow, told: Facts) -> dict[str, Any]:
    head: dict[str, Any] = told.headline or {}
    between = report_view.score_words(
        {"metrics": {"it": head["value"]}, "intervals": {"it": _interval(head)}}, "it"
    ).partition(" ")[2]
    return {
        "run": row.id,
        "Place": place,
        "Run": row.title,
        "Open": f"run?run={row.id}",
        head["title"]: head["value"],
        "Range": between.strip("()") or "–",
        "Model": run_view.family_name(told.run.recipe),
        "Seconds": told.seconds,
        "Size (kB)": told.bytes / 1000 if told.bytes is not None else None,
        "Energy (Wh)": told.wh,
        "Starred": row.starred,
        "Note": notes.of(told.run),
    }


def _interval(head: dict[str, Any]) -> list[float] | None:
    return None if head.get("low") is None or head.get("high") is None else [head["low"], head["high"]]


def _columns(table: Sequence[dict[str, Any]]) -> dict[str, Any]:
    score = list(table[0])[4]
    return {
        "Place": st.column_config.NumberColumn(width="small"),
        "Open": st.column_config.LinkColumn(display_text=":material/open_in_new:", width="small", help="Open the run"),
        score: st.column_config.NumberColumn(format="%.3f"),
        "Range": st.column_config.TextColumn(help="Where the true score lies, 95 % sure."),
        "Seconds": st.column_config.NumberColumn(format="%.0f", help="From the start to the checked download."),
        "Size (kB)": st.column_config.NumberColumn(format="%.0f", help="Size of the download."),
        "Energy (Wh)": st.column_config.NumberColumn(format="%.2f", help="Electricity, measured or estimated."),
        "Starred": st.column_config.CheckboxColumn(width="small"),
    }


def _meaning(task: str, metric: str) -> str:
    from evaluation import tasks

    told = tasks.get(task).METRICS.get(metric)
    return f"{told[0]}: {told[1]}" if told else ""


def _title(told: Facts) -> str:
    from evaluation import tasks

    target = f" · {told.target}" if told.target else ""
    return f"{run_view.data_name(told.run.recipe)} · {tasks.get(told.task).TITLE}{target}"
