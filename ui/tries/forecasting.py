"""Try a forecast: a stretch of the test part or own values, and what the model says comes next, with its band."""

from typing import Any

import numpy as np
import streamlit as st

from datasets import series
from evaluation import words
from recipes import Signature
from records import Run
from ui import look, try_it
from ui.panels import forecast
from ui.try_fields import series as field

MOST_SEEN = 120


def show(run: Run, signature: Signature) -> None:
    """Show what was seen on the left and the forecast on the right."""
    _form(run, signature)


@st.fragment
def _form(run: Run, signature: Signature) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        look.section("What it sees", f"The last {signature.details['window']} values count.")
        given = field.bring(run, signature)
    with right, look.card("try_answer"):
        if given is None:
            look.quiet("The forecast appears here as soon as there are values.")
            return
        told = try_it.ask_model(run, {"series": given.values.tolist()})
        if told is not None:
            _answer(run, signature, given, told)


def _answer(run: Run, signature: Signature, given: field.Given, told: dict[str, Any]) -> None:
    future = None
    if given.row is not None and given.dataset is not None:
        future = series.windows(given.dataset, signature, np.asarray([given.row]))[1][0].tolist()
    chart, moments = _chart(given, told, future)
    st.markdown(f":gray[{look.plain(signature.target.name)}, the next {signature.details['horizon']}]")
    st.header(look.plain(", ".join(words.number(value) for value in told["answer"][:6])), anchor=False)
    panel = {
        "target": signature.target.name, "naive": told["naive_name"], "moments": moments, "charts": [chart],
    }  # fmt: skip
    forecast.show(run, panel, "try_forecast")
    if "low" in told:
        first = f"{words.number(told['low'][0])} and {words.number(told['high'][0])}"
        st.markdown(look.plain(f"In 8 of 10 cases the first value should lie between {first}."))
    if future is not None:
        came = ", ".join(words.number(value) for value in future[:6])
        st.markdown(f":gray[{look.plain(f'What really came: {came}.')}]")


def _chart(given: field.Given, told: dict[str, Any], future: list[float] | None) -> tuple[dict[str, Any], bool]:
    """Return the chart of the panel `forecast`, and whether its times are moments; own values are merely counted."""
    seen = told["seen"][-MOST_SEEN:]
    chart = {"name": "", "seen": seen, "forecast": told["answer"], "naive": told["naive"]}
    chart |= {side: told[side] for side in ("low", "high") if side in told}
    steps = np.arange(-len(seen), len(told["answer"]))
    if given.row is None or given.dataset is None:
        return chart | {"times": (steps + 1).tolist()}, False
    chart |= {"times": series.times_of(given.dataset, given.row + steps), "truth": future}
    return chart, series.has_moments(given.dataset)
