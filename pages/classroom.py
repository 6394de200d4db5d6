"""Classroom: a teacher's class with its wall, a student's class, or the way into one."""

import streamlit as st

from records.classes import Classroom
from ui import look, studio
from ui.classroom import door, student, teacher
from ui.classroom.here import classes


def page() -> None:
    """Show the class that the address names, if it is one of the visitor's; else what the visitor may enter."""
    owner, asked = studio.owner(), st.query_params.get("class", "")
    taught, joined = classes().taught(owner), classes().joined(owner)
    if asked:
        mine = next((each for each in taught if each.id == asked), None)
        if mine is not None:
            teacher.show(mine)
        elif joined is not None and joined[0].id == asked:
            student.show(*joined)
        else:
            look.header("Classroom")
            look.empty(
                "no_class", "There is no such class here.", icon="search_off", button="See your classes",
                page="pages/classroom.py",
            )  # fmt: skip
        return
    if joined is not None and not taught:
        student.show(*joined)
        return
    look.header("Classroom", "Learn together: a teacher opens a class, everybody else joins with its code.")
    if told := st.session_state.pop("class_told", ""):
        st.markdown(f":green[{look.symbol('check_circle')}] {look.plain(told)}")
    left, right = st.columns(2, gap="medium")
    with left, look.card("classroom_join"):
        if joined is not None:
            look.section("Your class", "You are a student here.")
            _link(joined[0])
        else:
            look.section("Join a class", "Your teacher shows a code of six signs. No account is needed.")
            door.form()
    with right, look.card("classroom_open"):
        look.section("Teach a class", "You see the runs of all, send a start, and set limits.")
        for each in taught:
            _link(each)
        door.open_form()


def _link(classroom: Classroom) -> None:
    closed = "" if classroom.is_open else " :gray[closed]"
    if st.button(
        f"**{look.plain(classroom.name)}**{closed}", key=f"to_{classroom.id}", type="tertiary",
        icon=look.symbol("school"),
    ):  # fmt: skip
        st.switch_page("pages/classroom.py", query_params={"class": classroom.id})


page()
