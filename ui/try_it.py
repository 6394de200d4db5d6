"""Try: ask a finished model with an own row, picture or drawing; the answer comes at once, with its odds."""

import base64
import datetime as dt
import importlib
import math
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

import datasets
from datasets import Prepared
from evaluation import words
from recipes import RawInput, Refusal, Signature
from records import Run
from ui import (
    charts,
    drawing,
    look,
    looks,
    project_view,
    samples,
    tries,
    try_batch,
    try_fields,
    try_stress,
    warm,
)

SHOWN = 18
"""Fields in sight; the rest of a wide table stands behind "more columns"."""
BARS = 10
EPOCH = dt.date(1970, 1, 1)
FILES = ("picture", "sound", "clip")
LARGEST_PICTURE = 20
"""Megabytes."""
DRAW, TEST, OWN, CAMERA = "Draw", "Unseen picture", "Own picture", "Camera"


def show(run: Run) -> None:
    """Show the form and, beside it, the answer; works as soon as the run has a model."""
    signature = samples.signature(run)
    if signature is None:
        project_view.restore(run, "try")
        return
    own = _own(signature.task, "show")
    if own is not None:
        own(run, signature)
    elif len(signature.raw) == 1 and signature.raw[0].kind == "picture":
        _picture(run, signature)
    elif len(signature.raw) == 1 and signature.raw[0].kind in try_fields.names():
        _thing(run, signature)
    else:
        _row(run, signature)
    try_batch.show(run, signature)


def show_live(run: Run) -> None:
    """Offer Try while the run still trains, or rests: the model of its newest checkpoint answers."""
    if not (run.folder / "checkpoints" / "LATEST").exists():
        return
    with st.expander("Try it now", key="try_live", icon=look.symbol("touch_app")):
        show(run)


def _own(task: str, what: str) -> Any:
    """Return what the task brings of its own, if it does: the whole form (`show`) or the answer alone (`say`)."""
    named = any(module.name == task for module in pkgutil.iter_modules(tries.__path__))
    return getattr(importlib.import_module(f"ui.tries.{task}"), what, None) if named else None


@st.fragment
def _thing(run: Run, signature: Signature) -> None:
    """Ask about one sound, series or clip, chosen with a field of its own."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = try_fields.get(signature.raw[0].kind).choose(run, signature)
    with right:
        if chosen is None:
            with look.card("try_answer"):
                look.quiet("The answer appears here as soon as there is something to judge.")
            return
        answer(run, signature, chosen.values, chosen.truth)
    try_stress.show(run, signature, chosen.values)


@st.fragment
def _row(run: Run, signature: Signature) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        noun, one = datasets.get(signature.data_type).NOUN, len(signature.raw) == 1
        advice = "The answer follows." if one else "The answer follows. Leave a field empty if you do not know it."
        look.section(f"Your {noun}", f"Change anything. {advice}")
        if any(raw.kind in FILES for raw in signature.raw) and f"filled_{run.id}" not in st.session_state:
            _fill(run, signature)
        st.button(
            f"Fill with an unseen {noun}", key="fill", icon=look.symbol("casino"), on_click=_fill, args=(run, signature)
        )
        values = _form(run, signature)
        _strange(signature, values)
    with right:
        answer(run, signature, values, _known_truth(run, signature))
    try_stress.show(run, signature, values)


def _form(run: Run, signature: Signature) -> dict[str, Any]:
    values: dict[str, Any] = {}
    _fields(run, signature.raw[:SHOWN], 0, values)
    if len(signature.raw) > SHOWN:
        with st.expander(f"{len(signature.raw) - SHOWN} more columns", key="more_columns"):
            _fields(run, signature.raw[SHOWN:], SHOWN, values)
    return values


def _fields(run: Run, fields: Sequence[RawInput], start: int, values: dict[str, Any]) -> None:
    grid = st.grid(min_column_width=180, key=f"try_fields_{start}")
    for number, raw in enumerate(fields, start):
        # Sentences take the whole width.
        with st.container() if raw.kind == "text" else grid.container():
            values[raw.name] = _field(raw, _key(run, number))


def _field(raw: RawInput, key: str) -> Any:
    """Draw one field and return its cell; None is a missing cell."""
    if key not in st.session_state:
        st.session_state[key] = _as_shown(raw, raw.typical)
    label, about = look.plain(raw.name), look.plain(raw.description) or None
    if raw.kind == "number":
        seen = f"In the training data: {_seen(raw)}." if _seen(raw) else ""
        return st.number_input(
            label, value=None, step=_step(raw), format=f"%.{_decimals(raw)}f", key=key,
            placeholder="missing", help=" ".join(part for part in (about, look.plain(seen)) if part) or None,
        )  # fmt: skip
    if raw.kind in FILES:
        return _file(raw, key)
    if raw.kind == "category":
        return st.selectbox(label, list(raw.choices), index=None, key=key, placeholder="missing", help=about,
                            format_func=look.plain)  # fmt: skip
    if raw.kind == "boolean":
        said = st.selectbox(label, ["yes", "no"], index=None, key=key, placeholder="missing", help=about)
        return None if said is None else said == "yes"
    if raw.kind == "date":
        day = st.date_input(
            label, value=None, min_value=dt.date(1, 1, 1), max_value=dt.date(9999, 12, 31), key=key,
            format="YYYY-MM-DD", help=about,
        )  # fmt: skip
        return day.isoformat() if isinstance(day, dt.date) else None
    return st.text_area(label, key=key, height=110, help=about) or None


def _file(raw: RawInput, key: str) -> str | None:
    """Take a file, or keep the picture of the row that filled the form."""
    given = st.file_uploader(look.plain(raw.name), key=f"{key}_file", max_upload_size=LARGEST_PICTURE)
    if given is not None:
        st.session_state[key] = base64.b64encode(given.getvalue()).decode()
    held = st.session_state.get(key)
    if held and raw.kind == "picture":
        st.image(base64.b64decode(held), width=140, alt=f"The chosen {raw.name}")
    elif raw.kind == "picture":
        look.quiet("No picture: the model sees plain grey.")
    return held


def _as_shown(raw: RawInput, value: Any) -> Any:
    """Turn a cell into what its field holds."""
    if isinstance(value, Image.Image):
        return base64.b64encode(samples.png(value)).decode()
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return "" if raw.kind == "text" else None
    if raw.kind == "number":
        return float(value)
    if raw.kind == "boolean":
        return "yes" if float(value) >= 0.5 else "no"
    if raw.kind == "date":
        return _day(value)
    if raw.kind == "category":
        return str(value) if str(value) in raw.choices else None
    return str(value)


def _day(value: Any) -> dt.date | None:
    if isinstance(value, (int, float)):
        return EPOCH + dt.timedelta(days=int(value))
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    return dt.date.fromisoformat(str(value)[:10])


def _fill(run: Run, signature: Signature) -> None:
    """Take the next held-out row into the form."""
    rows = rows_to_try(run)
    place = st.session_state.get(f"filled_{run.id}", -1) + 1
    row = rows[place % len(rows)]
    cells = samples.preview(run, (row,))[0]
    for number, raw in enumerate(signature.raw):
        st.session_state[_key(run, number)] = _as_shown(raw, cells.get(raw.name))
    st.session_state[f"filled_{run.id}"] = place


def _known_truth(run: Run, signature: Signature) -> str:
    """Say what a held-out row really was, as long as the form still holds it."""
    place = st.session_state.get(f"filled_{run.id}")
    if place is None:
        return ""
    rows = rows_to_try(run)
    row = rows[place % len(rows)]
    cells = samples.preview(run, (row,))[0]
    for number, raw in enumerate(signature.raw):
        if _as_shown(raw, cells.get(raw.name)) != st.session_state.get(_key(run, number)):
            return ""
    return f"Row {row} of the {held_out(run)}: it was {_spoken(cells.get(signature.target.name))}."


def _strange(signature: Signature, values: dict[str, Any]) -> None:
    """Warn where a number lies outside what the model has seen: its answer is a guess there."""
    for raw in signature.raw:
        value = values.get(raw.name)
        if raw.kind != "number" or value is None or raw.minimum is None or raw.maximum is None:
            continue
        if not raw.minimum <= value <= raw.maximum:
            range_ = f"({_seen(raw)})"
            text = f"{raw.name} = {words.number(value)} lies outside what the model has seen {range_}: here it guesses."
            st.markdown(f":orange[{look.symbol('warning')}] {look.plain(text)}")


@st.fragment
def _picture(run: Run, signature: Signature) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("Your picture")
        image, truth = _chosen_picture(run)
    with right:
        if image is None:
            with look.card("try_answer"):
                look.quiet("The answer appears here as soon as there is a picture.")
            return
        values = {signature.raw[0].name: base64.b64encode(samples.png(image)).decode()}
        answer(run, signature, values, truth)
    try_stress.show(run, signature, values)


def _chosen_picture(run: Run) -> tuple[Image.Image | None, str]:
    draws = bool(samples.encoding(run).get("drawing"))
    ways = [*([DRAW] if draws else []), TEST, OWN, CAMERA]
    way = st.segmented_control(
        "Where from", ways, default=ways[0], required=True, key="try_way", label_visibility="collapsed"
    )
    if way == DRAW:
        return _drawn()
    if way == TEST:
        return _test_picture(run)
    if way == CAMERA:
        photo = st.camera_input("Camera", key="try_camera", label_visibility="collapsed")
        look.quiet("The camera works on this computer or over https. Elsewhere, take a photo and choose it as a file.")
    else:
        photo = st.file_uploader(
            "Own picture", ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"], key="try_file",
            max_upload_size=LARGEST_PICTURE,
        )  # fmt: skip
    if photo is None:
        return None, ""
    image = _opened(photo)
    if image is not None and way == OWN:  # the camera shows its photo itself
        st.image(samples.enlarged(image, 280), alt="Your picture")
    return image, ""


def _drawn() -> tuple[Image.Image | None, str]:
    try:
        image = drawing.pad("try_pad")
    except Refusal as refusal:
        look.failed(str(refusal))
        return None, ""
    look.quiet("Draw one large sign. The drawing is moved and scaled to fill its frame, as the training pictures do.")
    return image, ""


def _opened(photo: Any) -> Image.Image | None:
    try:
        image = Image.open(photo)
        image.thumbnail((1024, 1024))
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        look.failed("This picture cannot be read. Try another one, as PNG or JPEG.")
        return None


def _test_picture(run: Run) -> tuple[Image.Image | None, str]:
    rows = rows_to_try(run)
    st.button("Another one", key="another", icon=look.symbol("casino"), on_click=_next_picture, args=(run,))
    row = rows[st.session_state.get(f"shown_{run.id}", 0) % len(rows)]
    seen = samples.preview(run, (row,))
    image = samples.picture(seen[0]) if seen else None
    if image is None:
        look.quiet("The data of this run are no longer on this computer. Bring a picture of your own.")
        return None, ""
    st.image(samples.enlarged(image, 280), alt=f"Picture {row} of the {held_out(run)}")
    label = next((value for value in seen[0].values() if isinstance(value, str)), "")
    return image, f"Picture {row} of the {held_out(run)}: it was {label}."


def _next_picture(run: Run) -> None:
    st.session_state[f"shown_{run.id}"] = st.session_state.get(f"shown_{run.id}", 0) + 1


def answer(run: Run, signature: Signature, values: dict[str, Any], truth: str) -> None:
    """Ask the model and show what it says, in words and as bars."""
    with look.card("try_answer"):
        told = ask_model(run, values)
        if told is None:
            return
        say = _own(signature.task, "say")
        if say is not None:
            say(run, signature, told)
        elif signature.target.classes:
            _say_class(signature, told["classes"], told["answer"])
        else:
            _say_number(run, signature, told["answer"])
        if told.get("strange"):
            _say_strange(told["strange"])
        if truth:
            st.markdown(f":gray[{look.plain(truth)}]")


def ask_model(run: Run, values: dict[str, Any]) -> dict[str, Any] | None:
    """Let the run's download answer; None where it cannot yet or will not, which is then said in words."""
    told = warm.asked("predict", "try", run=str(run.folder), values=values)
    if told is not None and "epoch" in told:
        look.quiet(f"As it is after epoch {told['epoch']}, before its training has ended.")
    return told


def _say_strange(told: dict[str, float]) -> None:
    """Warn where nothing in the training data was like this example."""
    if told["distance"] > told["limit"]:
        times = told["distance"] / max(told["limit"], 1e-9)
        far = f"{times:.0f} times as far off as" if times >= 2 else "further off than"
        st.markdown(
            f":orange[{look.symbol('warning')} Not like anything it was trained on] ({far} 99 of 100 unseen examples): "
            "do not rely on this answer."
        )
    else:
        look.quiet("It is like what the model was trained on.")


def _say_class(signature: Signature, classes: list[str], shares: list[float]) -> None:
    best = max(range(len(classes)), key=shares.__getitem__)
    st.markdown(f":gray[{look.plain(signature.target.name)}]")
    st.header(look.plain(classes[best]), anchor=False)
    second = sorted(shares)[-2] if len(shares) > 1 else 0.0
    st.markdown(look.plain(sure_words(shares[best], second)))
    order = sorted(range(len(classes)), key=lambda place: -shares[place])[:BARS]
    rows = [
        {"name": classes[place], "value": shares[place], "told": words.percent(shares[place]), "chosen": place == best}
        for place in order
    ]
    st.vega_lite_chart(
        rows,
        charts.bars(),
        height=charts.height_of_rows(len(rows)),
        key="try_bars",
        alt=f"{classes[best]} with {shares[best]:.0%}, then the other classes",
    )
    if len(classes) > BARS:
        look.quiet(f"The {BARS} likeliest of {len(classes)} classes.")


def _say_number(run: Run, signature: Signature, answer: list[float]) -> None:
    st.markdown(f":gray[{look.plain(signature.target.name)}]")
    st.header(look.plain(words.number(answer[0])), anchor=False)
    report = run.read("report.json")
    if report is not None and report["metrics"].get("mae") is not None:
        error = words.number(report["metrics"]["mae"])
        st.markdown(look.plain(f"On rows it had never seen it was off by {error} on average."))
    band = (report or {}).get("band")
    if band and "half" in band:
        low, high = (words.number(answer[0] + sign * band["half"]) for sign in (-1, 1))
        look.quiet(look.plain(f"Nine times in ten the true value should lie between {low} and {high}."))


def sure_words(best: float, second: float) -> str:
    """Say how sure an answer is: "Very sure: 97 %."."""
    share = words.percent(best)
    if best >= 0.9:
        return f"Very sure: {share}."
    if best - second < 0.1:
        return f"Undecided: {share}, with another class close behind."
    if best >= 0.6:
        return f"Fairly sure: {share}."
    return f"Not sure: {share}, though no other class has more."


@st.cache_resource(max_entries=64, ttl="2h", show_spinner=False)
def _rows_of(file: str) -> tuple[int, ...]:
    with np.load(file, allow_pickle=False) as told:
        rows = np.random.default_rng(0).permutation(told["rows"])
    return tuple(int(row) for row in rows)


@st.cache_resource(max_entries=64, ttl="2h", show_spinner=False)
def _validation_rows(folder: str) -> tuple[int, ...]:
    rows = np.random.default_rng(0).permutation(np.asarray(Prepared.open(Path(folder)).part("validation").rows))
    return tuple(int(row) for row in rows)


def rows_to_try(run: Run) -> tuple[int, ...]:
    """Return the rows to try in an order that is shuffled once: of the test part, which is sealed until the report.

    Trying a test row is counted as a look at it.
    """
    file = run.folder / "predictions.npz"
    if file.exists():
        looks.count(run, "try")
    return _rows_of(str(file)) if file.exists() else _validation_rows(run.read("prepared.json")["folder"])


def held_out(run: Run) -> str:
    """Name the part that `rows_to_try` are of."""
    return "test part" if (run.folder / "predictions.npz").exists() else "validation part"


def _key(run: Run, number: int) -> str:
    return f"try_{run.id}_{number}"


def _seen(raw: RawInput) -> str:
    """Return the range of the training data in words; empty where there is none."""
    if raw.minimum is None or raw.maximum is None:
        return ""
    return f"{words.number(raw.minimum)} to {words.number(raw.maximum)}"


def _decimals(raw: RawInput) -> int:
    """Return how many decimals the column's known values have."""
    known = [value for value in (raw.minimum, raw.maximum, raw.typical) if isinstance(value, (int, float))]
    return max((len(f"{value:.4f}".rstrip("0").partition(".")[2]) for value in known), default=2)


def _step(raw: RawInput) -> float:
    """Return a step that suits the range, about a twentieth of it or less, and is never finer than the values are."""
    finest = 10.0 ** -_decimals(raw)
    if raw.minimum is None or raw.maximum is None or raw.maximum <= raw.minimum:
        return finest
    return max(finest, 10.0 ** math.floor(math.log10((raw.maximum - raw.minimum) / 20)))


def _spoken(value: Any) -> str:
    return words.number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
