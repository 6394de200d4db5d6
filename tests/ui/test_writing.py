"""Screens of texts and translations: foreign signs stay as they are, buttons do what they say."""

from streamlit.testing.v1 import AppTest

PANEL = """
from pathlib import Path
from records import Run
from ui.panels import {kind}
{kind}.show(Run(Path("nowhere")), {told!r}, "panel")
"""
TRY = """
from pathlib import Path
import streamlit as st
from recipes import RawInput, Signature, Target
from records import Run
from ui.tries import {task} as form

def told(run, values):
    st.session_state["asked"] = [*st.session_state.get("asked", []), values]
    return {answer!r} | {{"start": values["text"]}}

form.ask_model = told
raw = RawInput(name="text", kind="text", dtype="string", typical="Once upon")
form.show(Run(Path("nowhere")), Signature(
    data_type={kind!r}, task={task!r}, inputs={{}}, raw=(raw,), target=Target(name="next", size=9), rows={{}},
    details={{"unit": "characters"}},
))
"""


def panel(kind, told):
    at = AppTest.from_string(PANEL.format(kind=kind, told=told), default_timeout=20).run()
    assert not at.exception
    return at


def form(task, kind, answer):
    at = AppTest.from_string(TRY.format(task=task, kind=kind, answer=answer), default_timeout=20).run()
    assert not at.exception
    return at


def test_texts_show_what_was_given_and_what_was_written():
    """No blank is put into a word that goes on, and no sign is taken for a format."""
    texts = [
        {"start": "A rich man", "text": "ger *ate* $5", "note": "Temperature 0.3"},
        {"start": "One", "text": " day\nhe"},
    ]
    earlier = [{"epoch": 2, "start": "A rich man", "text": " xx"}]
    at = panel("texts", {"texts": texts, "earlier": earlier})
    assert [each.value for each in at.markdown] == [
        r":gray[A rich man]ger \*ate\* \$5", ":gray[One] day  \nhe", "**Epoch 2** :gray[A rich man] xx"
    ]  # fmt: skip


def test_pairs_say_right_and_wrong_in_words():
    """Colour alone tells nobody who cannot see it."""
    pairs = [
        {"source": "I see", "answer": "Je vois", "truth": "Je vois", "right": True},
        {"source": "You see", "answer": "Tu vois", "truth": "Il voit", "right": False},
    ]
    at = panel("pairs", {"pairs": pairs})
    lines = [each.value for each in at.markdown]
    assert at.caption[0].value == "1 of 2 exactly right"
    assert lines[1] == ":green[:material/check_circle: Right] Je vois"
    assert lines[3:] == [":red[:material/cancel: Wrong] Tu vois", ":gray[It should be:] Il voit"]


def test_writing_starts_at_once_and_goes_on_from_where_it_stopped():
    """Go on keeps what is there; Write begins anew with another draw."""
    answer = {"text": " a time", "odds": [{"token": " ", "share": 0.5}, {"token": "a", "share": 0.2}], "unknown": []}
    at = form("generation", "prose", answer)
    assert [each["text"] for each in at.session_state["asked"]] == ["Once upon"]
    at.button(key="try_nowhere_more").click().run()
    asked = at.session_state["asked"]
    assert [each["text"] for each in asked] == ["Once upon", "Once upon a time"]
    assert asked[0]["seed"] != asked[1]["seed"]
    assert any(each.value == ":gray[Once upon] a time a time" for each in at.markdown)
    at.button(key="try_nowhere_write").click().run()
    assert at.session_state["asked"][-1]["text"] == "Once upon"


def test_translation_names_words_that_it_never_met():
    """A strange answer is less strange then."""
    at = form("translation", "pairs", {"text": "Je vois.", "words": [], "unknown": ["zebras"], "left_out": 0})
    assert at.subheader[1].value == r"Je vois\."
    assert at.markdown[-1].value == "It has never met **zebras**: expect mistakes there."
