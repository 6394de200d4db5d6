"""Sentences judged anew after each epoch: the visitor's own, which is written here, and a few held-out ones."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run, write_json
from ui import charts, look
from ui.run_reader import reader

MOST_SIGNS = 400
MOST_CLASSES = 5


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"classes", "target", "sentences": [{"text", "own", "truth", "answer", "trace"}]}."""
    if reader(run.folder).state.is_active:
        _ask(run, key)
    for number, each in enumerate(told["sentences"]):
        with st.container(gap=None, key=f"{key}_sentence_{number}"):
            st.markdown(_line(each))
            if told["classes"]:
                _classes(told["classes"], each, f"{key}_bars_{number}")
                if len(each["trace"]) > 1:
                    _trace(told["classes"], each["trace"], f"{key}_trace_{number}")
            else:
                st.markdown(f"**{look.plain(told['target'])}: {words.number(each['answer'][0])}**")


def _ask(run: Run, key: str) -> None:
    """Take the visitor's own sentence; the worker finds it in the run's folder."""

    def keep() -> None:
        text = str(st.session_state.get(f"{key}_own", "")).strip()
        write_json(run.folder / "own.json", {"values": {"text": text}})

    st.text_input(
        "Your own sentence", max_chars=MOST_SIGNS, key=f"{key}_own", on_change=keep,
        placeholder="Type a sentence and press Enter", help="It is judged again after each epoch.",
    )  # fmt: skip


def _line(each: dict[str, Any]) -> str:
    truth = f" :gray[(it is {look.plain(each['truth'])})]" if each["truth"] is not None else ""
    return f"{'**Yours:** ' if each['own'] else ''}*{look.plain(each['text'])}*{truth}"


def _classes(classes: list[str], each: dict[str, Any], key: str) -> None:
    order = sorted(range(len(classes)), key=lambda place: -each["answer"][place])[:MOST_CLASSES]
    rows = [
        {
            "name": classes[place], "value": each["answer"][place], "told": words.percent(each["answer"][place]),
            "chosen": place == order[0],
        }
        for place in order
    ]  # fmt: skip
    said = f"The model says {rows[0]['name']}, {rows[0]['told']} sure"
    st.vega_lite_chart(rows, charts.bars(), height=charts.height_of_rows(len(rows), least=40), key=key, alt=said)


def _trace(classes: list[str], trace: list[list[float]], key: str) -> None:
    """Draw how the answer to the visitor's sentence changed from epoch to epoch."""
    first = sorted(range(len(classes)), key=lambda place: -trace[-1][place])[:MOST_CLASSES]
    rows = [
        {"step": step, "class": classes[place], "sure": answer[place]}
        for step, answer in enumerate(trace, 1)
        for place in first
    ]
    names = [classes[place] for place in first]
    spec = {
        "mark": {"type": "line", "strokeWidth": 2, "interpolate": "monotone"},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "Times judged",
                  "axis": {"tickMinStep": 1, "format": "d"}},
            "y": {"field": "sure", "type": "quantitative", "title": None, "axis": {"format": "%", "tickCount": 3},
                  "scale": {"domain": [0, 1]}},
            "color": {"field": "class", "type": "nominal", "title": None, "sort": names,
                      "scale": {"domain": names, "range": list(look.categories()[: len(names)])},
                      "legend": {"orient": "top"}},
        },
        "config": {"view": {"stroke": None}, "axis": {"grid": False}},
    }  # fmt: skip
    st.vega_lite_chart(rows, spec, height=220, key=key, alt="How sure it was of each class, each time it was asked")
