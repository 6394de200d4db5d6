"""A question and a text whose words wear their weight; the words of the answer are underlined."""

import html
from typing import Any

import streamlit as st

from records import Run
from ui import look

NAMED = 3


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"parts": [{"title", "words", "weights", "marked": first and last word, or nothing}]}."""
    most = max((abs(weight) for part in told["parts"] for weight in part["weights"]), default=0.0) or 1.0
    for part in told["parts"]:
        look.quiet(part["title"])
        first, last = part["marked"] or (-1, -2)
        spans = [
            _span(word, weight / most, is_answer=first <= place <= last, small=small)
            for place, (word, weight) in enumerate(zip(part["words"], part["weights"], strict=True))
        ]
        size = "0.8rem" if small else "1.05rem"
        st.html(f'<p style="line-height:2;font-size:{size};margin:0">{" ".join(spans)}</p>')
    if not small:
        for part in told["parts"]:
            _named(part)


def _span(word: str, share: float, *, is_answer: bool, small: bool) -> str:
    colour = look.colour("training" if share >= 0 else "validation")
    alpha = f"{round(200 * min(1.0, abs(share)) ** 0.8):02x}"
    pad = "0.05em 0.2em" if small else "0.1em 0.25em"
    line = f"border-bottom:2px solid {look.colour('ink')};" if is_answer else ""
    return (
        f'<span title="{share:+.2f}" style="background:{colour}{alpha};color:{look.colour("ink")};{line}'
        f'border-radius:4px;padding:{pad}">{html.escape(word)}</span>'
    )


def _named(part: dict[str, Any]) -> None:
    """Say in words what the colours say, for those who cannot see them; the answer's own words are left out."""
    first, last = part["marked"] or (-1, -2)
    order = sorted(range(len(part["words"])), key=lambda place: -part["weights"][place])
    told = [part["words"][at] for at in order if part["weights"][at] > 0 and not first <= at <= last][:NAMED]
    words = f"{part['title']}: most counted {', '.join(told)}." if told else f"{part['title']}: no word counted."
    look.quiet(look.plain(words))
