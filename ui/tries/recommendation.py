"""Try a recommender: rate a few things and get a list, or ask how somebody known would rate something."""

from typing import Any

import streamlit as st

from evaluation import words
from recipes import Signature
from records import Run
from ui import charts, look, try_it

OWN, KNOWN = "My own ratings", "Somebody in the data"
MOST_RATED = 12
FIRST_RATED = 3
"""Well-known items that stand in the form at first."""


def show(run: Run, signature: Signature) -> None:
    """Show both ways; each redraws alone."""
    way = st.segmented_control(
        "Who", [OWN, KNOWN], default=OWN, required=True, key="try_who", label_visibility="collapsed"
    )
    if way == OWN:
        _own(run, signature)
    else:
        _known(run, signature)


@st.fragment
def _own(run: Run, signature: Signature) -> None:
    word = signature.details["item_word"]
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section(f"Rate a few {word}s", "The list follows. The more you rate, the better it knows you.")
        ratings = _ratings(signature, word)
    with right, look.card("try_answer"):
        if not ratings:
            look.quiet(f"The list appears here as soon as you have rated a {word}.")
            return
        told = try_it.ask_model(run, {"ratings": ratings})
        if told is not None:
            _list(signature, told)


def _ratings(signature: Signature, word: str) -> dict[str, float]:
    names = list(signature.raw[1].choices)
    first = names[:FIRST_RATED]
    chosen = st.multiselect(
        f"Which {word}s do you know?", names, default=first, max_selections=MOST_RATED, key="try_known_items",
        format_func=look.plain,
    )  # fmt: skip
    details = signature.details
    low, high, step = float(details["low"]), float(details["high"]), float(details["step"]) or 0.1
    written = "%.0f" if step.is_integer() and low.is_integer() else "%.1f"
    start = {name: (high, low, high)[place] for place, name in enumerate(first)}
    return {
        name: st.slider(
            look.plain(name),
            low,
            high,
            start.get(name, (low + high) / 2),
            step,
            format=written,
            key=f"try_rating_{names.index(name)}",
        )
        for name in chosen
    }


def _list(signature: Signature, told: dict[str, Any]) -> None:
    st.markdown(f":gray[You would like, in this order ({look.plain(signature.target.name)} expected)]")
    low, high = signature.details["low"], signature.details["high"]
    rows = [
        {"name": each["name"], "value": (each["value"] - low) / (high - low), "told": f"{each['value']:.1f}",
         "chosen": place < 3}
        for place, each in enumerate(told["items"])
    ]  # fmt: skip
    alt = f"The {len(rows)} best for you, first {rows[0]['name']}" if rows else "An empty list"
    st.vega_lite_chart(rows, charts.bars(), height=charts.height_of_rows(len(rows)), key="try_list", alt=alt)
    with st.expander("How it finds you", key="try_how"):
        st.markdown(
            "You are not in the data, so the model looks for the tastes that explain your ratings best (a ridge "
            "regression on the vectors of what you rated), and stays close to the people it knows where your ratings "
            "say little. Nothing is trained anew and nothing of yours is kept."
        )


@st.fragment
def _known(run: Run, signature: Signature) -> None:
    user_word, item_word = signature.details["user_word"], signature.details["item_word"]
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("A pair", "How would somebody in the data rate something?")
        user, item = signature.raw
        who = st.selectbox(look.plain(user_word), list(user.choices), key="try_user", format_func=look.plain)
        what = st.selectbox(look.plain(item_word), list(item.choices), key="try_item", format_func=look.plain)
    with right, look.card("try_answer"):
        told = try_it.ask_model(run, {"user": who, "item": what})
        if told is None:
            return
        st.markdown(f":gray[{look.plain(signature.target.name)}]")
        st.header(look.plain(words.number(told["answer"][0])), anchor=False)
        report = run.read("report.json")
        if report is not None:
            error = words.number(report["metrics"]["mae"])
            st.markdown(look.plain(f"On ratings it had never seen it was off by {error} on average."))
