"""What a teacher of a class sees and sets: the wall, the start with its locks, limits, leaderboard, students."""

import time
from typing import Any

import streamlit as st
from pydantic import ValidationError

import builders
import datasets
from recipes import Recipe, Refusal, Training
from recipes.schema import Schema
from records import Run
from records.classes import Classroom, Limits
from training import deletion, plan, quota, shelf
from ui import draft as drafts
from ui import identity, look, run_view, studio
from ui.classroom import door, results, wall
from ui.classroom.here import classes
from ui.compare import facts
from ui.compare.facts import Facts

VIEWS = {
    "Wall": "grid_view",
    "Start": "flag",
    "Limits": "speed",
    "Leaderboard": "leaderboard",
    "Students": "group",
}
FROM_BUILD = ""
"""The start is what stands on the teacher's own Build screen."""


def show(classroom: Classroom) -> None:
    """Draw the teacher's side of a class."""
    if st.query_params.get("show") == "code":
        door.projector(classroom)
        return
    look.header(look.plain(classroom.name), _state_words(classroom))
    if classroom.is_open:
        door.code_card(classroom)
    view = st.segmented_control(
        "View", list(VIEWS), default="Wall", required=True, key="class_view", label_visibility="collapsed",
        format_func=lambda name: f"{look.symbol(VIEWS[name])} {name}", persist_state="session",
    )  # fmt: skip
    _told()
    {"Wall": wall.show, "Start": _start, "Limits": _limits, "Leaderboard": _leaderboard, "Students": _students}[
        str(view)
    ](classroom)


def _state_words(classroom: Classroom) -> str:
    count = look.counted(len(classes().members(classroom.id, classroom.teacher)), "student")
    return f"You teach this class · {count}" + ("" if classroom.is_open else " · closed")


def _told() -> None:
    """Say once what was done a moment ago."""
    if sentence := st.session_state.pop("class_told", ""):
        st.markdown(f":green[{look.symbol('check_circle')}] {look.plain(sentence)}")
    if sentence := st.session_state.pop("class_refused", ""):
        look.failed(sentence)


def _change(classroom: Classroom, told: str, **values: Any) -> None:
    """Change a class's settings. For callbacks."""
    try:
        classes().set(classroom.id, studio.owner(), **values)
    except Refusal as refusal:
        st.session_state["class_refused"] = str(refusal)
    else:
        st.session_state["class_told"] = told


# The start


def _start(classroom: Classroom) -> None:
    send, sent = st.columns(2, gap="medium")
    with send, look.card("class_send"):
        look.section("Send a start to all", "Students see it on Build and load it with one click.")
        rows = {row.id: row.title for row in studio.executor().runs(studio.owner())}
        chosen = st.selectbox(
            "What to send", [FROM_BUILD, *rows], key="class_start_from",
            format_func=lambda run: "What stands on my Build screen now" if run == FROM_BUILD else rows.get(run, "–"),
        )  # fmt: skip
        st.button(
            "Send it to the class", key="class_send_now", type="primary", icon=look.symbol("send"),
            on_click=_send, args=(classroom, chosen), disabled=not classroom.is_open,
        )  # fmt: skip
        if st.button("Set one up on Build", key="class_build", type="tertiary", icon=look.symbol("construction")):
            st.switch_page("pages/build.py")
    with sent, look.card("class_sent"):
        look.section("The start of this class")
        if not classroom.settings.start:
            look.quiet("Nothing was sent yet. With a start, you can also lock what students must not change.")
            return
        recipe = Recipe.parse(classroom.settings.start)
        st.markdown(f"**{look.plain(run_view.title(recipe))}**")
        members = classes().members(classroom.id, classroom.teacher)
        loaded = sum((member.loaded or 0) >= classroom.settings.sent for member in members)
        look.quiet(f"Sent {look.ago(classroom.settings.sent)} · loaded by {loaded} of {len(members)}")
        _locks(classroom, recipe)
        with st.expander("The recipe", icon=look.symbol("description"), type="compact", key="class_recipe"):
            st.code(recipe.portable().yaml(), language="yaml", wrap_lines=True)


def _send(classroom: Classroom, run: str) -> None:
    try:
        resolved = plan.resolve(_draft_recipe() if run == FROM_BUILD else _recipe_of(run))
        schema: Schema = shelf.open_dataset(resolved.data, studio.workspace()).schema
        resolved = plan.complete(resolved, schema)
    except Refusal as refusal:
        st.session_state["class_refused"] = str(refusal)
        return
    able = quota.flat(resolved)
    locked = tuple(path for path in classroom.settings.locked if path in able)
    text = resolved.model_copy(update={"name": ""}).yaml()
    _change(classroom, "The start was sent to the class.", start=text, sent=time.time(), locked=locked)


def _draft_recipe() -> Recipe:
    draft = drafts.current(studio.workspace(), studio.owner())
    if not draft.has_data:
        raise Refusal("Nothing stands on your Build screen yet. Choose data and a model there first.")
    return draft.recipe()


def _recipe_of(run: str) -> Recipe:
    folder = _own(run)
    if folder is None:
        raise Refusal("This run is not here any more. Choose another one.")
    return folder.recipe


def _locks(classroom: Classroom, recipe: Recipe) -> None:
    able = quota.flat(recipe)
    family = recipe.model.architecture
    first = ["data", "model.architecture", *(f"training.{name}" for name in Training.model_fields)]
    order = [path for path in [*first, *sorted(able)] if path in able]
    options = list(dict.fromkeys(order))
    key = f"class_locks_{classroom.settings.sent}"
    st.session_state.setdefault(key, [path for path in classroom.settings.locked if path in able])
    st.multiselect(
        "Students cannot change", options, key=key, placeholder="Everything can be changed",
        format_func=lambda path: quota.title_of(path, family),
        on_change=lambda: _change(classroom, "The locks were changed.", locked=tuple(st.session_state[key])),
        help="These fields show the start's value and cannot be changed. A run with another value is refused.",
    )  # fmt: skip


# Limits


def _limits(classroom: Classroom) -> None:
    now = classroom.settings.limits
    samples = {sample.name: sample.title for name in datasets.names() for sample in datasets.get(name).samples()}
    with st.form("class_limits", border=True):
        look.section("What students may do", "An empty field is no limit. Limits hold for runs that start from now on.")
        columns = st.columns(4)
        with columns[0]:
            minutes = _amount("Minutes per run", now.minutes, "The best epoch so far is kept when time is up.")
        with columns[1]:
            epochs = _amount("Epochs per run", now.epochs, "A run with more is refused.")
        with columns[2]:
            rows = _amount("Rows of data", now.rows, "Larger data sets are refused.")
        with columns[3]:
            runs = _amount("Runs at once", now.runs, "Waiting and going, of one student.")
        families = st.multiselect(
            "Model families", builders.names(), [name for name in now.families if name in builders.names()],
            format_func=lambda name: builders.get(name).TITLE, placeholder="All families", key="limit_families",
        )  # fmt: skip
        chosen = st.multiselect(
            "Samples", list(samples), [name for name in now.samples if name in samples],
            format_func=samples.__getitem__, placeholder="All samples", key="limit_samples",
        )  # fmt: skip
        uploads = st.checkbox("Students may bring own files", now.uploads, key="limit_uploads")
        if st.form_submit_button("Keep these limits", type="primary", key="limits_keep"):
            _keep_limits(
                classroom, minutes=minutes, epochs=epochs, rows=rows, runs=runs, families=tuple(families),
                samples=tuple(chosen), uploads=uploads,
            )  # fmt: skip


def _amount(label: str, value: int | None, about: str) -> int | None:
    key = f"limit_{label.split(maxsplit=1)[0].lower()}"
    return st.number_input(label, value=value, step=1, format="%d", placeholder="no limit", help=about, key=key)


def _keep_limits(classroom: Classroom, **values: Any) -> None:
    try:
        limits = Limits.model_validate(values)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        about = error.get("ctx", {})
        side = f"at least {about['ge']}" if "ge" in about else f"at most {about.get('le')}"
        look.failed(f"{str(error['loc'][0]).capitalize()} must be {side}, or empty for no limit.")
        return
    _change(classroom, "The limits were changed.", limits=limits)
    st.rerun()


# Leaderboard


def _leaderboard(classroom: Classroom) -> None:
    contest = classroom.settings.contest
    with look.card("class_contest"):
        look.section(
            "A sealed leaderboard", "Every student enters one run, once; nobody sees the places before you do."
        )
        if contest:
            st.markdown(f"**{look.plain(contest['title'])}**")
        else:
            look.quiet("Choose one of your own finished runs: its data, task and test rows are what counts.")
        _choose_contest(classroom)
    if contest:
        _entries(classroom)


def _choose_contest(classroom: Classroom) -> None:
    rows = [row for row in studio.executor().runs(studio.owner()) if row.state == "finished"]
    known = {row.id: told for row in rows if (told := _facts(row.id)) is not None}
    titles = {row.id: row.title for row in rows}
    if not known:
        look.quiet("You have no finished run yet. Train one on the data of the contest, then come back.")
        return
    chosen = st.selectbox(
        "The run that sets it", list(known), index=None, placeholder="Choose one of your runs",
        format_func=titles.__getitem__, key="class_contest_run",
    )  # fmt: skip
    label = "Begin another leaderboard" if classroom.settings.contest else "Begin the leaderboard"
    st.button(
        label, key="class_contest_begin", disabled=chosen is None, icon=look.symbol("emoji_events"),
        on_click=_begin, args=(classroom, chosen),
        help="Entries for the former one are forgotten." if classroom.settings.contest else None,
    )  # fmt: skip


def _own(run: str) -> Run | None:
    return studio.executor().folder(run, studio.owner())


def _facts(run: str) -> Facts | None:
    """Return what is known of one of the teacher's own runs, if a leaderboard can go by it."""
    folder = _own(run)
    told = facts.of(folder) if folder is not None else None
    return told if told is not None and told.headline and not told.is_fold else None


def _begin(classroom: Classroom, run: str) -> None:
    folder = _own(run)
    if folder is None:
        return
    told = facts.of(folder)
    head: dict[str, Any] = told.headline or {}
    title = f"{run_view.data_name(folder.recipe)} · {told.target or told.task} · {head.get('title', '')}"
    classes().forget_entries(classroom.id, studio.owner())
    contest = results.board_of(told) | {"title": title}
    _change(classroom, "The leaderboard has begun. Students enter a run on their class page.", contest=contest,
            shown=False)  # fmt: skip


def _entries(classroom: Classroom) -> None:
    runs = [run for run in classes().runs(classroom.id, classroom.teacher) if run.entered is not None]
    members = classes().members(classroom.id, classroom.teacher)
    look.quiet(f"{len(runs)} of {look.counted(len(members), 'student')} have entered a run.")
    shown = classroom.settings.shown
    st.button(
        "Hide it from the class" if shown else "Show it to the class", key="class_board_show",
        type="secondary" if shown else "primary", icon=look.symbol("visibility_off" if shown else "visibility"),
        on_click=_change, args=(classroom, "The leaderboard is hidden." if shown else "The class sees the places now."),
        kwargs={"shown": not shown}, help="Once it is shown, no further run can be entered.", disabled=not runs,
    )  # fmt: skip
    if shown:
        board(classroom, runs)


def board(classroom: Classroom, runs: list[Any]) -> None:
    """Draw the leaderboard."""
    lines = results.ranked(classroom, runs, studio.workspace())
    if not lines:
        look.quiet("No entry was judged on the test rows of this leaderboard.")
        return
    st.dataframe(
        lines, hide_index=True, key="class_board", alt="The leaderboard of the class",
        column_config={
            "Place": st.column_config.NumberColumn(width="small"),
            list(lines[0])[2]: st.column_config.NumberColumn(format="%.3f"),
        },
    )  # fmt: skip


# Students, and the end of a class


def _students(classroom: Classroom) -> None:
    members = classes().members(classroom.id, classroom.teacher)
    if not members:
        look.quiet("Nobody has joined yet.")
    grid = st.grid(min_column_width=260, gap="small", key="class_members")
    for member in members:
        with grid.container(), look.card(f"member_{member.id}"), look.row(align="distribute"):
            st.markdown(f"**{look.plain(member.nickname)}** :gray[{look.ago(member.joined)}]", width="content")
            st.button(
                "Remove", key=f"remove_{member.id}", type="tertiary", icon=look.symbol("person_remove"),
                on_click=_remove, args=(classroom, member.id, member.nickname),
                help="Takes the student out of the class. Runs stay with the student.",
            )  # fmt: skip
    look.section("The class")
    with look.row("class_acts"):
        _take_results(classroom)
        if classroom.is_open:
            st.button(
                "New code", key="class_new_code", icon=look.symbol("password"), on_click=_new_code, args=(classroom,),
                help="The old code and link stop working. Who is in stays in.",
            )  # fmt: skip
        st.button(
            "Close the class" if classroom.is_open else "Open it again", key="class_close",
            icon=look.symbol("lock" if classroom.is_open else "lock_open"), on_click=_close, args=(classroom,),
            help="Nobody joins a closed class, and its limits end. You can still read everything.",
        )  # fmt: skip
        if st.button("Delete the class", key="class_delete", icon=look.symbol("delete")):
            _delete(classroom)


def _take_results(classroom: Classroom) -> None:
    icon = look.symbol("download")
    if identity.WorkspaceCookie.is_installed:
        st.link_button("Results as CSV", f"/api/classes/{classroom.id}/results.csv", icon=icon, key="class_results")
        return
    st.download_button(
        "Results as CSV", data=lambda: results.table(classroom, studio.workspace()).encode("utf-8-sig"),
        file_name="results.csv", on_click="ignore", icon=icon, key="class_results",
    )  # fmt: skip


def _remove(classroom: Classroom, member: str, nickname: str) -> None:
    classes().remove(classroom.id, studio.owner(), member)
    st.session_state["class_told"] = f"{nickname} is not in the class any more."


def _new_code(classroom: Classroom) -> None:
    classes().new_code(classroom.id, studio.owner())


def _close(classroom: Classroom) -> None:
    classes().close(classroom.id, studio.owner(), closed=classroom.is_open)


@st.dialog("Delete this class?")
def _delete(classroom: Classroom) -> None:
    runs = classes().runs(classroom.id, classroom.teacher)
    st.markdown(
        f"**{look.plain(classroom.name)}** with {look.counted(len(runs), 'run')} that its students made in it, and the "
        "files that only those runs read."
    )
    look.quiet("What students made outside the class stays theirs. This cannot be undone. Save the results first.")
    typed = st.text_input("Type the name of the class to delete it", key="class_delete_name")
    with look.row():
        if st.button(
            "Delete for good", key="class_delete_now", type="primary", icon=look.symbol("delete"),
            disabled=typed.strip() != classroom.name,
        ):  # fmt: skip
            try:
                with st.spinner("Deleting"):
                    deletion.whole_class(studio.executor(), classroom.id, studio.owner())
            except Refusal as refusal:
                look.failed(str(refusal))
            else:
                st.session_state["class_told"] = f"{classroom.name} was deleted."
                st.query_params.clear()
                st.rerun()
        if st.button("Keep it", key="class_delete_keep"):
            st.rerun()
