"""A sentence whose words wear their weight as a ground: blue for the answer, orange against it."""

import html
from typing import Any

import streamlit as st

from evaluation.words import percent
from records import Run
from ui import look

NAMED = 3


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"words", "weights", "signed"}; `next` and `likely` where they say what follows."""
    words, weights = told["words"], told["weights"]
    most = max((abs(weight) for weight in weights), default=0.0) or 1.0
    spans = [_span(word, weight / most, small=small) for word, weight in zip(words, weights, strict=True)]
    size = "0.85rem" if small else "1.15rem"
    st.html(f'<p style="line-height:2.1;font-size:{size};margin:0">{" ".join(spans)}</p>')
    if "next" in told and not small:
        st.markdown(f"Next comes **{look.plain(told['next'])}** · {look.plain(percent(told['likely']))} sure")
    if not small:
        _named(words, weights, signed=told["signed"])


def _span(word: str, share: float, *, small: bool) -> str:
    colour = look.colour("training" if share >= 0 else "validation")
    alpha = f"{round(200 * min(1.0, abs(share)) ** 0.8):02x}"
    pad = "0.05em 0.2em" if small else "0.12em 0.3em"
    return (
        f'<span title="{share:+.2f}" style="background:{colour}{alpha};color:{look.colour("ink")};'
        f'border-radius:4px;padding:{pad}">{html.escape(word)}</span>'
    )


def _named(words: list[str], weights: list[float], *, signed: bool) -> None:
    """Say in words what the colours say, for those who cannot see them."""
    order = sorted(range(len(words)), key=lambda place: -weights[place])
    towards = [words[place] for place in order if weights[place] > 0][:NAMED]
    against = [words[place] for place in reversed(order) if weights[place] < 0][:NAMED] if signed else []
    told = f"Most for it: {', '.join(towards)}." if towards else "No word spoke for it."
    look.quiet(look.plain(told + (f" Most against it: {', '.join(against)}." if against else "")))
