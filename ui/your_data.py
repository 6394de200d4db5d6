"""What a visitor has here and what becomes of it: room on the disk, recovery words, signing in, deleting everything."""

from collections.abc import Sequence

import streamlit as st

from recipes import Refusal
from recipes.configuration import configuration
from records import audit, usage
from records.catalogue import Catalogue, RunRow
from records.people import WORDS
from training import deletion, quota
from training.takeover import take_over
from ui import identity, look, studio, tokens
from ui.people_routes import OPEN

NEARLY_FULL = 0.8
_JS = """
export default async function ({ data, parentElement }) {
  const words = parentElement.querySelector("p")
  if (words.dataset.sent === data.token) return
  words.dataset.sent = data.token
  words.textContent = "Opening …"
  const answer = await fetch("/api/people/open", { method: "POST", body: data.token, credentials: "same-origin" })
  if (answer.ok) window.location.assign("/runs")
  else words.textContent = await answer.text()
}
"""
_OPENER = st.components.v2.component("layerwise_open_workspace", html="<p role='status'></p>", js=_JS)


def show(rows: Sequence[RunRow]) -> None:
    """Say how much room is taken, and lead to the rest."""
    used = quota.used(studio.workspace(), studio.owner(), rows)
    with look.row("your_data"):
        st.markdown(f":gray[{look.symbol('hard_drive')} {look.plain(f'You use {used.words}')}]", width="content")
        if st.button("Your data", key="your_data_open", type="tertiary", icon=look.symbol("manage_accounts")):
            st.session_state.pop("recovery_words", None)  # shown once, in the dialog that made them
            _dialog()
    if used.most is not None and used.bytes > NEARLY_FULL * used.most:
        st.warning(
            "Your room is nearly full. Delete runs that you need no more: each card has it under More.",
            icon=look.symbol("warning"),
        )
    _offer_takeover()


@st.dialog("Your data", width="medium")
def _dialog() -> None:
    if identity.WorkspaceCookie.is_installed and not configuration().user_header:
        if not identity.is_signed_in():  # an account opens anywhere by itself, and words would outlive signing out
            _words()
            _elsewhere()
        _sessions()
    _uploads()
    _delete_everything()


def _uploads() -> None:
    folder = studio.workspace().root / "uploads" / studio.owner()
    brought = sorted(folder.iterdir(), key=lambda one: -one.stat().st_mtime) if folder.exists() else []
    if not brought:
        return
    title = f"Your uploads · {len(brought)}"
    with st.expander(title, icon=look.symbol("folder"), type="compact", key="your_uploads"):
        for each in brought:
            with look.row(f"upload_{each.name}", align="distribute"):
                name = next((file.name for file in each.iterdir()), "empty")
                size = look.memory(usage.folder_bytes(each) / 1e6)
                st.markdown(f"{look.plain(name)} :gray[{size} · {look.ago(each.stat().st_mtime)}]", width="content")
                if st.button("Delete", key=f"delete_{each.name}", type="tertiary", icon=look.symbol("delete")):
                    _delete_upload(each.name)
        look.quiet("Runs that learned from an upload keep their results. They cannot be trained again without it.")


def _delete_upload(name: str) -> None:
    try:
        deletion.upload(studio.executor(), studio.owner(), name)
    except Refusal as refusal:
        look.failed(str(refusal))
    else:
        st.rerun(scope="fragment")


def _words() -> None:
    look.section("On another computer", "This browser opens your runs by itself. Words open them anywhere.")
    people, owner = identity.people(), studio.owner()
    if words := st.session_state.get("recovery_words"):
        st.code(words, language=None, wrap_lines=True)
        look.quiet(
            "Write them down or copy them now: they are not shown again. Whoever has them can open your workspace."
        )
        return
    has = people.has_words(owner)
    if st.button(
        "Make new words" if has else f"Show me {WORDS} words", key="words_make", icon=look.symbol("key"),
        help="The former words stop working." if has else None,
    ):  # fmt: skip
        st.session_state["recovery_words"] = people.make_words(owner)
        audit.note(studio.workspace(), owner, "recovery words made")
        st.rerun(scope="fragment")


def _elsewhere() -> None:
    with st.expander("I have words", icon=look.symbol("login"), type="compact", key="words_have"):
        look.quiet(
            "They open that workspace here. What this browser has now can be opened again only with its own words."
        )
        typed = st.text_input("Your words", key="words_typed", placeholder="six words with blanks between")
        if st.button("Open it", key="words_open", disabled=not typed.strip()):
            try:
                opens = identity.people().owner_of_words(typed, identity.address())
            except Refusal as refusal:
                audit.note(studio.workspace(), studio.owner(), "wrong words")
                look.failed(str(refusal))
            else:
                _OPENER(key="words_opener", data={"token": tokens.mint(OPEN, studio.owner(), opens=opens)})


def _sessions() -> None:
    with look.row("your_sessions"):
        st.button(
            "Sign out everywhere else", key="end_others", type="tertiary", icon=look.symbol("devices_off"),
            on_click=_end_others, help="Other browsers that opened this workspace cannot open it any more.",
        )  # fmt: skip
        if identity.is_signed_in():
            st.button("Sign out", key="sign_out", icon=look.symbol("logout"), on_click=identity.sign_out)
        elif identity.can_sign_in():
            st.button("Sign in", key="sign_in", type="primary", icon=look.symbol("login"), on_click=_sign_in)


def _sign_in() -> None:
    st.login()


def _take_over(former: str) -> None:
    take_over(studio.workspace(), former, studio.owner())


def _end_others() -> None:
    session = identity.session_of(st.context.cookies)
    if session is not None:
        owner = studio.owner()
        # Or this browser, which began the workspace, would be one of the others.
        identity.people().begin(session, owner, "signed in" if identity.is_signed_in() else "browser")
        identity.people().end_others(owner, session)
        identity.forget()
        audit.note(studio.workspace(), owner, "signed out elsewhere")


def _delete_everything() -> None:
    with st.expander("Delete everything of mine", icon=look.symbol("delete"), type="compact", key="everything"):
        st.markdown(
            "All your runs, uploads, words, your draft, your place in a class, and classes that you teach with what "
            "was made in them. **This cannot be undone.**"
        )
        sure = st.checkbox("Yes, delete it all for good", key="everything_sure")
        if st.button("Delete everything", key="everything_now", type="primary", disabled=not sure):
            _delete_now()


def _delete_now() -> None:
    try:
        with st.spinner("Deleting"):
            deletion.everything(studio.executor(), studio.owner())
    except Refusal as refusal:
        look.failed(str(refusal))
        return
    identity.forget()
    st.session_state.clear()
    st.rerun()


def _offer_takeover() -> None:
    """Offer whoever has signed in the runs that this browser had before."""
    if not identity.is_signed_in():
        return
    session = identity.session_of(st.context.cookies)
    if session is None or session == studio.owner():
        return
    before = Catalogue(studio.workspace()).of(session)
    if not before:
        return
    with look.row("takeover"):
        st.markdown(f"This browser has {look.counted(len(before), 'run')} from before you signed in.", width="content")
        st.button(
            "Take them over", key="takeover_now", icon=look.symbol("move_up"), on_click=_take_over,
            args=(session,),
        )  # fmt: skip
