"""What a student sees of a class: what holds there, the start, the leaderboard, and the way out."""

import streamlit as st

import builders
import datasets
from recipes import Recipe, Refusal
from records.classes import Classroom, Limits, Member
from ui import look, run_view, studio
from ui.classroom import here, results, teacher
from ui.classroom.here import classes


def show(classroom: Classroom, member: Member) -> None:
    """Draw the student's side of a class."""
    look.header(look.plain(classroom.name), f"You are here as {look.plain(member.nickname)}.")
    if not classroom.is_open:
        look.quiet("This class is closed: its limits hold no more. What you made is on your Runs page.")
    if refused := st.session_state.pop("class_refused", ""):
        look.failed(refused)
    left, right = st.columns(2, gap="medium")
    with left:
        with look.card("student_start"):
            _start(classroom, member)
        with look.card("student_limits"):
            look.section("What holds in this class")
            for line in words(classroom.settings.limits):
                st.markdown(f"- {look.plain(line)}")
            if fixed := here.fixed_words(classroom):
                st.markdown(f"- {look.symbol('lock')} {look.plain(fixed)}")
            look.quiet("Your teacher sees your nickname and the runs that you make while you are in the class.")
    with right, look.card("student_board"):
        _leaderboard(classroom)
    if st.button("Leave the class", key="class_leave", icon=look.symbol("logout"), type="tertiary"):
        _leave(classroom)


def words(limits: Limits) -> list[str]:
    """Say a class's limits in plain words."""
    told = []
    if limits.minutes:
        told.append(f"A run takes at most {look.counted(limits.minutes, 'minute')}; then its best epoch is kept.")
    if limits.epochs:
        told.append(f"A run has at most {look.counted(limits.epochs, 'epoch')}.")
    if limits.rows:
        told.append(f"Data have at most {look.counted(limits.rows, 'row')}.")
    if limits.runs:
        told.append(f"You have at most {look.counted(limits.runs, 'run')} waiting or going.")
    if limits.families:
        known = [builders.get(name).TITLE for name in limits.families if name in builders.names()]
        told.append(f"Models: {', '.join(known)}.")
    if limits.samples:
        told.append(f"Samples: {', '.join(datasets.find_sample(name).title for name in limits.samples)}.")
    if not limits.uploads:
        told.append("No own files: samples only.")
    return told or ["No limits."]


def _start(classroom: Classroom, member: Member) -> None:
    look.section("Your teacher's start")
    if not classroom.settings.start:
        look.quiet("Nothing was sent yet. You can begin with anything on Build.")
        if st.button("Go to Build", key="student_build", icon=look.symbol("construction"), type="primary"):
            st.switch_page("pages/build.py")
        return
    recipe = Recipe.parse(classroom.settings.start)
    st.markdown(f"**{look.plain(run_view.title(recipe))}** :gray[sent {look.ago(classroom.settings.sent)}]")
    is_new = (member.loaded or 0.0) < classroom.settings.sent
    if st.button(
        "Load it and go to Build" if is_new else "Load it again", key="student_load", icon=look.symbol("download"),
        type="primary" if is_new else "secondary", disabled=not classroom.is_open,
    ):  # fmt: skip
        here.load()
        st.switch_page("pages/build.py")


def _leaderboard(classroom: Classroom) -> None:
    look.section("Leaderboard")
    contest = classroom.settings.contest
    if not contest:
        look.quiet("There is none yet. Your teacher can begin one.")
        return
    st.markdown(f"**{look.plain(contest['title'])}**")
    entries = classes().entries(studio.owner())
    if entries is not None:
        teacher.board(classroom, entries)
        return
    mine = classes().own_runs(studio.owner())
    entered = next((run for run in mine if run.entered is not None), None)
    if entered is not None:
        st.markdown(f":green[{look.symbol('check_circle')}] You have entered {look.plain(entered.title)}.")
        look.quiet("The places are sealed until your teacher shows them.")
        return
    able = {run.run: run for run in mine if results.fits(classroom, results.told(run, studio.workspace()))}
    if not able:
        look.quiet("Train a model on these data, with the same test part. A finished run can be entered here.")
        return
    chosen = st.selectbox("Your entry", list(able), format_func=lambda run: able[run].title, key="student_entry")
    st.button(
        "Enter this run", key="student_enter", type="primary", icon=look.symbol("emoji_events"), on_click=_enter,
        args=(chosen,), help="Everybody has one entry, and it cannot be changed.",
    )  # fmt: skip


def _enter(run: str) -> None:
    try:
        classes().enter(studio.owner(), run)
    except Refusal as refusal:
        st.session_state["class_refused"] = str(refusal)


@st.dialog("Leave this class?")
def _leave(classroom: Classroom) -> None:
    st.markdown(f"Your teacher sees nothing of you in **{look.plain(classroom.name)}** any more.")
    look.quiet("Your runs stay with you. An entry for the leaderboard is taken back.")
    with look.row():
        if st.button("Leave", key="class_leave_now", type="primary"):
            classes().leave(studio.owner())
            st.query_params.clear()
            st.rerun()
        if st.button("Stay", key="class_leave_not"):
            st.rerun()
