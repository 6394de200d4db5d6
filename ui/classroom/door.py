"""The way into a class: code, link and QR on the teacher's side, the form on the student's."""

from urllib.parse import urlsplit

import segno
import streamlit as st

from recipes import Refusal
from records.classes import LONGEST_NAME, LONGEST_NICKNAME, Classroom
from ui import identity, look, studio
from ui.classroom.here import classes

ONLY_HERE = (
    "This address leads only to this computer. To let others in, start Layerwise with "
    "`make run ADDRESS=0.0.0.0` and open it by this computer's name or number in the network."
)


def form(code: str = "") -> None:
    """Let a student in with code and nickname; the link brings the code along."""
    with st.form("join_class", border=False):
        typed = st.text_input("Code of the class", spaced(code), max_chars=12, placeholder="K7M PQ2", key="join_code")
        nickname = st.text_input(
            "Your nickname", max_chars=LONGEST_NICKNAME, placeholder="as your teacher knows you", key="join_nickname"
        )
        look.quiet("Your teacher and the wall of the class show this name, and the runs that you make in the class.")
        if st.form_submit_button("Join the class", type="primary", icon=look.symbol("login"), key="join_now"):
            _join(typed, nickname)


def open_form() -> None:
    """Let somebody become the teacher of a new class."""
    with st.form("open_class", border=False):
        name = st.text_input(
            "Name of the class", max_chars=LONGEST_NAME, placeholder="Physics 9b, Tuesday", key="open_name"
        )
        if st.form_submit_button("Open the class", icon=look.symbol("add"), key="open_now"):
            try:
                made = classes().open(studio.owner(), name)
            except Refusal as refusal:
                look.failed(str(refusal))
            else:
                st.switch_page("pages/classroom.py", query_params={"class": made.id})


def code_card(classroom: Classroom) -> None:
    """Show a teacher how students come in."""
    with look.row("class_door"):
        st.markdown(f"Code **{spaced(classroom.code)}**", width="content")
        st.markdown(f":gray[{look.plain(link(classroom))}]", width="content")
        if st.button("Show on the projector", key="class_projector", icon=look.symbol("qr_code_2"), type="tertiary"):
            st.query_params["show"] = "code"
            st.rerun()


def projector(classroom: Classroom) -> None:
    """Fill the screen with the code, the link and the QR code."""
    if st.button("Back to the class", key="class_back", icon=look.symbol("arrow_back"), type="tertiary"):
        del st.query_params["show"]
        st.rerun()
    picture, words = st.columns(2, gap="large", vertical_alignment="center")
    with picture:
        st.image(qr(link(classroom)), width="stretch", alt="QR code that leads into the class")
    with words:
        look.header(look.plain(classroom.name), "Scan the picture, or open this address and type the code.")
        st.markdown(f"## {look.plain(short_link())}", anchors=False)
        st.markdown(f"# {spaced(classroom.code)}", anchors=False)

        def tick() -> None:
            count = len(classes().members(classroom.id, classroom.teacher))
            st.markdown(f"### :gray[{look.counted(count, 'student')} here]", anchors=False)

        st.fragment(tick, run_every=2.0)()
    if not _is_reachable():
        st.info(ONLY_HERE, icon=look.symbol("info"))


def qr(text: str) -> str:
    """Return a QR code as SVG: dark on white in both themes, or phones could not read it."""
    return segno.make(text, error="m", micro=False).svg_inline(scale=10, border=3, dark="#16181D", light="#FFFFFF")


def link(classroom: Classroom) -> str:
    """Return the address that leads into a class."""
    return f"{_origin()}/join?code={classroom.code}"


def short_link() -> str:
    """Return the address that is typed by hand."""
    return f"{_origin()}/join".removeprefix("http://").removeprefix("https://")


def spaced(code: str) -> str:
    """Write a code in two halves, as it is read out."""
    return f"{code[:3]} {code[3:]}" if len(code) == 6 else code


def _origin() -> str:
    told = urlsplit(st.context.url or "http://127.0.0.1:8501")
    return f"{told.scheme}://{told.netloc}"


def _is_reachable() -> bool:
    return (urlsplit(_origin()).hostname or "") not in identity.LOOPBACK


def _join(code: str, nickname: str) -> None:
    try:
        classroom = classes().join(code, studio.owner(), nickname, identity.address())
    except Refusal as refusal:
        look.failed(str(refusal))
    else:
        st.switch_page("pages/classroom.py", query_params={"class": classroom.id})
