"""A sentence against its translation: a row a written word, a column a word that was read, blue where it counted."""

import html
from typing import Any

import streamlit as st

from records import Run
from ui import look

NAMED = 6
"""Written words of which it is said what they lean on."""
LITTLE = 0.05
"""A loss of likelihood up to which a word counts for nothing much."""


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"rows", "columns", "weights": (rows, columns), "down", "across"}."""
    weights = told["weights"]
    most = max((abs(weight) for row in weights for weight in row), default=0.0) or 1.0
    size = "0.72rem" if small else "0.95rem"
    head = "".join(f'<th style="{_cell(small)};font-weight:400">{html.escape(word)}</th>' for word in told["columns"])
    lines = "".join(
        f'<tr><th style="{_cell(small)};text-align:right;font-weight:600">{html.escape(word)}</th>'
        + "".join(_weight(weight / most, small=small) for weight in row)
        + "</tr>"
        for word, row in zip(told["rows"], weights, strict=True)
    )
    corner = "" if small else f"{html.escape(told['down'])} ↓ · {html.escape(told['across'])} →"
    st.html(
        f'<div style="overflow-x:auto;max-height:460px"><table style="border-collapse:collapse;font-size:{size};'
        f'color:{look.colour("ink")}"><tr><td style="font-size:0.7rem;color:{look.colour("quiet")}">{corner}</td>{head}'
        f"</tr>{lines}</table></div>"
    )
    if not small:
        _named(told)


def _cell(small: bool) -> str:  # noqa: FBT001 - a size
    return f"padding:{'1px 3px' if small else '3px 7px'};border:0"


def _weight(share: float, *, small: bool) -> str:
    colour = look.colour("training" if share >= 0 else "validation")
    alpha = f"{round(230 * min(1.0, abs(share)) ** 0.8):02x}"
    side = "1.1rem" if small else "1.9rem"
    return f'<td title="{share:+.2f}" style="background:{colour}{alpha};height:{side};min-width:{side};border:0"></td>'


def _named(told: dict[str, Any]) -> None:
    """Say in words what the colours say, for those who cannot see them."""
    pairs = []
    for word, row in list(zip(told["rows"], told["weights"], strict=True))[:NAMED]:
        place = max(range(len(row)), key=row.__getitem__)
        much = row[place] > LITTLE
        pairs.append(f"{word} ← {told['columns'][place] if much else 'nothing much'}")
    rest = " …" if len(told["rows"]) > NAMED else ""
    look.quiet(look.plain(f"Leans most on: {', '.join(pairs)}{rest}"))
