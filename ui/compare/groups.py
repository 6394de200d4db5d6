"""Runs that were started together: one card among the runs, and a page with their scores beside what was varied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from records import Run
from records.catalogue import RunRow
from records.run import ACTIVE
from training import many
from ui import charts, energy, look, report_view, run_view, studio
from ui.compare import better, curves, facts, folds, more_data, tables
from ui.compare.facts import Facts
from ui.run_reader import reader

SECONDS = 2.5
MOST_COMPARED = 8
FAR_APART = 20.0
"""Values of a setting with a larger ratio than this stand on a logarithmic axis."""
MOST_TOLD = 3


@dataclass(frozen=True)
class Members:
    """A group with those of its runs that are still there, in the order in which they were started."""

    group: many.Group
    rows: tuple[RunRow, ...]

    @property
    def is_active(self) -> bool:
        """Does any of them wait or go?"""
        return any(row.state in ACTIVE for row in self.rows)

    def facts(self) -> list[Facts]:
        """Return what is known of each."""
        return [facts.of(_run(row)) for row in self.rows]

    def title(self) -> str:
        """Return what people call it: the first run's data and model, and what is done with them."""
        recipe = _run(self.rows[0]).recipe
        about = self.group.name or f"{run_view.family_name(recipe)} · {run_view.data_name(recipe)}"
        return f"{about} · {kind_words(self.group)}"


def of(row: RunRow) -> many.Group | None:
    """Return the group of a run, None for a run of its own."""
    return many.group_of(Run(studio.workspace().run_folder(row.id)))


def collected(rows: Iterable[RunRow]) -> dict[str, Members]:
    """Sort runs into their groups, by the groups' ids."""
    found: dict[str, list[tuple[many.Group, RunRow]]] = {}
    for row in rows:
        if group := of(row):
            found.setdefault(group.id, []).append((group, row))
    return {
        name: Members(members[0][0], tuple(row for _, row in sorted(members, key=lambda each: each[0].number)))
        for name, members in found.items()
    }


def find(name: str, rows: Iterable[RunRow]) -> Members | None:
    """Return the visitor's group of this id."""
    return collected(rows).get(name) if name else None


def kind_words(group: many.Group) -> str:
    """Say what the runs of a group have otherwise."""
    return f"{group.size} folds" if group.kind == "folds" else f"several values of {group.title}"


def progress_words(members: Members) -> str:
    """Say how far a group is, and what was best so far."""
    done = sum(row.state == "finished" for row in members.rows)
    told = f"{done} of {look.counted(len(members.rows), 'run')} finished"
    failed = sum(row.state in ("failed", "stopped", "cancelled") for row in members.rows)
    return f"{told}, {failed} ended early" if failed else told


def best_words(members: Members) -> str:
    """Name the best run so far with what it has otherwise; empty while none is finished."""
    order = facts.ranked(members.facts())
    if not order or order[0].headline is None or order[0].group is None:
        return ""
    head = order[0].headline
    if members.group.kind == "folds":
        told = folds.summary(members.facts())
        return f"{told.title} {look.score(told.mean)} ± {told.spread:.3f}" if told else ""
    equal = sum(each.score == order[0].score for each in order) - 1
    others = f"; {look.counted(equal, 'other reaches', 'others reach')} the same" if equal else ""
    return f"{head['title']} {look.score(head['value'])} with {value_words(order[0].group)}{others}"


def value_words(group: many.Group) -> str:
    """Write what a run has otherwise: "learning rate 0.003, blocks 2"."""
    return ", ".join(f"{each['title'].lower()} {look.setting_value(each['value'])}" for each in group.varied)


def link(run: Run) -> None:
    """Lead from a run to those it was started with; nothing for a run of its own."""
    if group := many.group_of(run):
        words = f"fold {group.number} of {group.size}" if group.kind == "folds" else value_words(group)
        st.page_link(
            "pages/compare.py", label=f"{look.plain(words.capitalize())}: see all {group.size} runs together",
            icon=look.symbol("stacks"), query_params={"group": group.id},
        )  # fmt: skip


def page(members: Members) -> None:
    """Show a whole group: how far it is, the scores beside what was varied, then a comparison of its runs."""
    is_folds = members.group.kind == "folds"
    what = "one for each fold: a part that is judged" if is_folds else "one for each combination of values"
    look.header(members.title(), f"Runs that were started together, {what}.", "stacks")
    active = members.is_active
    st.fragment(partial(_overview, members.group.id, active=active), run_every=SECONDS if active else None)()
    told = [each for each in members.facts() if reader(each.run.folder).epochs()]
    if len(told) < 2:
        return
    shown = (facts.ranked(told) or told)[:MOST_COMPARED]
    if is_folds:
        shown = sorted(shown, key=lambda each: each.group.number if each.group else 0)
    names = [
        f"Fold {each.group.number}" if is_folds else f"{each.group.number} · {value_words(each.group)}"
        for each in shown
        if each.group
    ]
    runs = [each.run for each in shown]
    look.section("Curves", f"The best {len(shown)} of {len(told)}." if len(shown) < len(told) else "")
    curves.show(runs, names)
    if is_folds:
        folds.rivals(members.facts(), _rivals(members))
    else:
        better.show(shown, names)
    look.section("What they cost")
    tables.costs(shown, names)
    if all_used := energy.total(each.run for each in told):
        look.quiet(f"Together: {all_used}")


def _overview(name: str, *, active: bool) -> None:
    members = find(name, studio.executor().runs(studio.owner()))
    if members is None or (active and not members.is_active):
        st.rerun()
    with look.row("group_state"):
        st.markdown(f"**{progress_words(members)}**", width="content")
        if active:
            st.button("Stop all", key="group_stop", icon=look.symbol("stop"), on_click=_stop_all, args=(members.rows,))
    told = members.facts()
    if members.group.kind == "folds":
        folds.show(told)
        return
    more_data.show(told)
    if best := best_words(members):
        st.markdown(f":green[{look.symbol('emoji_events')}] Best so far: **{look.plain(best)}**")
    boards = {each.board for each in told if each.test}
    if len(boards) > 1:
        st.warning(
            "These runs kept different test rows, because the seed or the data differ: read their scores as a spread, "
            "not as a ranking.", icon=look.symbol("warning"),
        )  # fmt: skip
    elif len(facts.ranked(told)) > 1:
        look.quiet(_chosen_words(len(facts.ranked(told))))
    _charts(told)
    _table(members, told)


def _rivals(members: Members) -> dict[str, tuple[str, Sequence[Facts]]]:
    """Return the visitor's other cross-validations."""
    every = collected(studio.executor().runs(studio.owner()))
    return {
        name: (f"{other.title()} · {look.ago(other.rows[0].created)}", other.facts())
        for name, other in every.items()
        if other.group.kind == "folds" and name != members.group.id
    }


def _chosen_words(count: int) -> str:
    return (
        f"The best of {count} was chosen on these very test rows: expect a little less of it on new data. The "
        "differences may be chance; look at the ranges, and at the question below."
    )


def _charts(told: Sequence[Facts]) -> None:
    """Draw the score against each setting that was varied by numbers."""
    scored = [each for each in told if each.score is not None and each.group]
    if len(scored) < 2 or scored[0].group is None or scored[0].headline is None:
        return
    title = scored[0].headline["title"]
    settings = scored[0].group.varied[:MOST_TOLD]
    for place, (number, setting) in zip(st.columns(len(settings)), enumerate(settings), strict=True):
        rows = [_point(each, number) for each in scored]
        others = [one for at, one in enumerate(settings) if at != number]
        with place:
            st.vega_lite_chart(
                rows, charts.score_by_setting(
                    setting["title"], title, [row["value"] for row in rows], log=_is_log(rows), grouped=bool(others)
                ),
                height=300, key=f"group_chart_{number}", alt=f"{title} against {setting['title']}",
            )  # fmt: skip


def _point(each: Facts, number: int) -> dict[str, Any]:
    group, head = each.group, each.headline
    if group is None or head is None:
        raise TypeError("Only a scored run of a group is a point of its chart.")
    rest = [one for at, one in enumerate(group.varied) if at != number]
    return {
        "value": group.varied[number]["value"],
        "score": head["value"],
        "low": head.get("low"),
        "high": head.get("high"),
        "rest": ", ".join(f"{one['title'].lower()} {look.setting_value(one['value'])}" for one in rest),
    }


def _is_log(rows: Sequence[dict[str, Any]]) -> bool:
    values = [row["value"] for row in rows]
    return min(values) > 0 and max(values) > FAR_APART * min(values)


def _table(members: Members, told: Sequence[Facts]) -> None:
    lines = []
    for row, each in zip(members.rows, told, strict=True):
        head = each.headline
        line: dict[str, Any] = {"Run": each.group.number if each.group else 0, "Open": f"run?run={row.id}"}
        line |= {one["title"]: one["value"] for one in each.group.varied} if each.group else {}
        line["State"] = look.STATES[row.state][0]
        if head:
            report = reader(each.run.folder).file("report.json")
            line[head["title"]] = report_view.score_words(report, head["metric"])
        lines.append(line)
    st.dataframe(
        lines, hide_index=True, key="group_table", alt="Every run of this group",
        column_config={
            "Open": st.column_config.LinkColumn(display_text=":material/open_in_new:", width="small"),
            "Run": st.column_config.NumberColumn(width="small"),
        },
    )  # fmt: skip


def _stop_all(rows: Sequence[RunRow]) -> None:
    for row in rows:
        if row.state in ACTIVE:
            run_view.act("stop", row.id)


def _run(row: RunRow) -> Run:
    return reader(studio.workspace().run_folder(row.id)).run
