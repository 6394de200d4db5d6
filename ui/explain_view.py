"""Why: what counted for one answer, and what counts on the whole; every explanation beside its check.

Quick explanations come from the warm process at once; slow ones are jobs with a button.
"""

import base64
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

import datasets
from datasets import Prepared, audio
from evaluation import words
from recipes import RawInput, Refusal, Signature
from records import Run
from ui import explain, jobs, look, media, samples, warm

INSTEAD = {
    "generation": "This model makes something new instead of answering, so there is no answer to explain. Watch how it "
    "learned under “Look closer”, and make more under “Try”.",
    "reconstruction": "This model draws again what it is given, so its errors explain it: see under “Look closer” "
    "where it redraws badly.",
    "styling": "Its pictures explain it: compare them under “Look closer”.",
}  # fmt: skip
GONE = "The data of this run are no longer on this computer, so there is nothing to explain it with."
LONG = 90
"""Seconds from which a time is only said to be long."""
SLIDERS = 12
ALONE = ("qa", "prose")
"""Data types whose explanation shows the example itself, so that nothing stands beside it."""
NOUNS = {"prose": "passage"}
"""What an example is called here, where it is not one of what the data are counted in."""
OWN_KINDS = {
    "picture": ("picture", ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff")),
    "sound": ("sound", tuple(ending.lstrip(".") for ending in audio.ENDINGS)),
}
"""Kinds of raw input of which one's own can be explained: what it is called, and which files it takes."""
LARGEST = 20
"""Megabytes of one's own file."""
CELLS = ("mixed", "pairs", "ratings")
"""Data types whose examples are shown as cells beside the explanation."""
OWN = "What it says"
NARROW = ("heat", "parts", "importance", "words", "grid", "passages", "earlier")
"""Kinds that leave room for their check beside them."""


def show(run: Run) -> None:
    """Draw the tab, once the run's model is there to be asked."""
    signature = samples.signature(run)
    if signature is None or not (Path(run.read("prepared.json")["dataset"]) / "dataset.json").exists():
        st.info(GONE)
        return
    told = _ask(run, {})
    if told is None:
        return
    methods = told["methods"]
    single = [each for each in methods if each["scope"] == "example"]
    whole = [each for each in methods if each["scope"] == "model"]
    if single:
        st.fragment(_one_answer)(run, signature, single, told.get("wrong"))
    else:
        st.info(INSTEAD.get(signature.task, "For this kind of model there is no explanation of single answers yet."))
    if whole:
        st.fragment(_whole_model)(run, signature, whole)


# --- one answer ---------------------------------------------------------------------------------------------------


def _one_answer(run: Run, signature: Signature, methods: list[dict[str, Any]], wrong: list[int] | None) -> None:
    """Choose an example and explain the answer to it."""
    noun = NOUNS.get(signature.data_type) or datasets.get(signature.data_type).NOUN
    look.section(
        f"Why this answer to this {noun}?", "Examples of the validation part, which the model did not learn from."
    )
    rows = _rows(run)
    row = _chosen(run, rows, wrong, noun)
    if signature.data_type == "tabular":
        _table(run, signature, methods, row)
        return
    method = _method(run, methods, "one")
    is_alone = signature.data_type in ALONE
    left, right = (st.container(), st.container()) if is_alone else st.columns([1, 2], gap="large")
    with left:
        values = _own_thing(run, signature)
        if values is None:
            _example(run, signature, row)
        elif not values:
            look.quiet("The explanation appears as soon as there is something to look at.")
            return
        said = st.container()
        answer = _which_answer(run, signature)
        more = {} if answer is None else {"answer": answer}
        if signature.task == "detection":
            more["thing"] = _which_thing(run)
    with right:
        settings = {"method": method["method"]} | ({"row": row} if values is None else {"values": values}) | more
        told = _explained(run, method, settings, "why_one")
    if told is not None:
        with said:
            _said(signature, told["case"])


def _rows(run: Run) -> list[int]:
    return _validation_rows(Path(run.read("prepared.json")["folder"]))


@st.cache_resource(max_entries=32, show_spinner=False)
def _validation_rows(folder: Path) -> list[int]:
    return [int(row) for row in np.asarray(Prepared.open(folder).part("validation").rows)]


def _chosen(run: Run, rows: list[int], wrong: list[int] | None, noun: str) -> int:
    """Walk through the examples: before, next, any, only the mistakes; returns a row number."""
    key = f"why_place_{run.id}"
    if wrong and st.session_state.get(f"why_wrong_{run.id}"):
        rows = wrong
    place = st.session_state.setdefault(key, 0) % len(rows)
    with look.row("why_walk"):
        step = {"Previous": (-1, "arrow_back"), "Next": (1, "arrow_forward"), "Any other": (0, "casino")}
        for label, (by, icon) in step.items():
            st.button(label, key=f"why_{label}", icon=look.symbol(icon), on_click=_move, args=(key, len(rows), by))
        if wrong:
            st.toggle(f"Only its {look.counted(len(wrong), 'mistake')}", key=f"why_wrong_{run.id}")
        look.quiet(f"{noun.capitalize()} {place + 1} of {len(rows)}")
    return rows[place]


def _move(key: str, count: int, by: int) -> None:
    now = st.session_state[key] % count
    others = [place for place in range(count) if place != now] or [now]
    st.session_state[key] = (now + by) % count if by else random.choice(others)  # noqa: S311 - only a walk


def _example(run: Run, signature: Signature, row: int) -> None:
    """Show the example as a person knows it, unless the explanation shows it anyway."""
    seen = samples.preview(run, (row,))
    if not seen:
        look.quiet(GONE)
        return
    image = samples.picture(seen[0])
    if signature.data_type == "audio":
        for file in media.playable(run, (row,)):
            st.audio(file, format="audio/wav")
        return
    if image is not None and signature.data_type != "series":
        st.image(samples.enlarged(image.convert("RGB"), 260), alt=f"{signature.data_type.capitalize()} {row}")
    cells = samples.cells(seen[0], signature.target.name)
    text = signature.details.get("text_column")
    if signature.data_type == "text" and text in cells:
        with look.card("why_text"):
            st.markdown(look.plain(cells[text]))
    elif signature.data_type in CELLS:
        lines = [f":gray[{look.plain(name)}] {look.plain(_spoken(value))}" for name, value in cells.items()]
        st.markdown("  \n".join(lines))


def _own_thing(run: Run, signature: Signature) -> dict[str, Any] | None:
    """Take a picture or a sound of one's own in the place of the data's: cells, {} while none came, None without."""
    kind = signature.raw[0].kind if len(signature.raw) == 1 else ""
    if kind not in OWN_KINDS:
        return None
    noun, endings = OWN_KINDS[kind]
    if not st.toggle(f"A {noun} of my own", key=f"why_own_{run.id}"):
        return None
    given = st.file_uploader(f"Own {noun}", list(endings), key=f"why_file_{run.id}", max_upload_size=LARGEST)
    if given is None:
        return {}
    data = _seen(given) if kind == "picture" else _heard(given, signature)
    return {signature.raw[0].name: base64.b64encode(data).decode()} if data else {}


def _seen(given: Any) -> bytes:
    """Return an upload as a PNG of at most 1024 pixels a side; nothing, and a sentence, where it cannot be read."""
    try:
        image = Image.open(given)
        image.thumbnail((1024, 1024))
        image = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        look.failed("This picture cannot be read. Try another one, as PNG or JPEG.")
        return b""
    return samples.png(image)


def _heard(given: Any, signature: Signature) -> bytes:
    """Return what of a sound is judged, as WAV, and let it be heard."""
    try:
        heard = audio.heard(signature, given.getvalue())
    except Refusal as refusal:
        look.failed(str(refusal))
        return b""
    st.audio(heard.wav, format="audio/wav")
    return heard.wav


def _which_answer(run: Run, signature: Signature) -> int | None:
    """Let a person ask about another class; None is the one that the model gives."""
    classes = signature.target.classes
    if len(classes) < 2:
        return None
    chosen = st.selectbox(
        "Explain the answer", [OWN, *classes], key=f"why_answer_{run.id}",
        format_func=look.plain, help="Ask also why it is not another class.",
    )  # fmt: skip
    return None if chosen == OWN else classes.index(chosen)


def _which_thing(run: Run) -> int:
    """Let a person choose among the things that were found; returns its number, from 0."""
    number = st.number_input("Which find, the surest first", 1, 20, 1, key=f"why_thing_{run.id}")
    return int(number) - 1


def _method(run: Run, methods: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Choose a method by what it shows; the field's own name stands beside."""
    titles = [each["title"] for each in methods]
    chosen = st.pills("How to look", titles, default=titles[0], required=True, key=f"why_method_{key}_{run.id}",
                      label_visibility="collapsed", wrap=True)  # fmt: skip
    return methods[titles.index(str(chosen)) if chosen in titles else 0]


def _said(signature: Signature, case: dict[str, Any]) -> None:
    """Say what the model answers here and what is true; words that it wrote stand in the explanation itself."""
    if not case["said"]:
        return
    said, classes = case["said"], case["classes"]
    if classes:
        best = max(range(len(said)), key=said.__getitem__)
        line = f"It says **{look.plain(classes[best])}** · {look.plain(words.percent(said[best]))} sure"
        if case["truth"] is not None:
            right = case["truth"] == best
            tone, icon = ("green", "check_circle") if right else ("red", "cancel")
            truth = "which is right" if right else f"but it is **{look.plain(classes[case['truth']])}**"
            line += f" :{tone}[{look.symbol(icon)}] {truth}"
    elif signature.target.size > 1 or len(said) > 1:
        line = "It says " + look.plain(", ".join(words.number(value) for value in said[:6]))
    else:
        line = f"It says **{look.plain(words.number(said[0]))}**"
        if case["truth"] is not None:
            line += f", and it is **{look.plain(words.number(case['truth']))}**"
    st.markdown(line)
    if classes and case["answer"] is not None and len(classes) > 1:
        look.quiet(look.plain(f"Explained: {classes[case['answer']]} ({words.percent(said[case['answer']])})."))


# --- a row of a table ---------------------------------------------------------------------------------------------


def _table(run: Run, signature: Signature, methods: list[dict[str, Any]], row: int) -> None:
    """Show a row with a slider for each column: the answer and its explanation follow at once."""
    method = _method(run, methods, "one")
    left, right = st.columns([1, 2], gap="large")
    with left:
        values, changed = _sliders(run, signature, row)
        answer = _which_answer(run, signature)
    with right:
        said = st.container()
        settings: dict[str, Any] = {"method": method["method"]} | ({} if answer is None else {"answer": answer})
        settings |= {"values": values} if changed else {"row": row}
        if method["method"] == "counterfactual":
            settings |= _allowed(run, signature)
        told = _explained(run, method, settings, "why_one")
    if told is not None:
        with said:
            _said(signature, told["case"])


def _sliders(run: Run, signature: Signature, row: int) -> tuple[dict[str, Any], bool]:
    """Draw a field a column, filled from the row; returns the cells and whether one was changed."""
    seen = samples.preview(run, (row,))
    cells = seen[0] if seen else {}
    key = f"why_{run.id}_{row}"
    values: dict[str, Any] = {}
    st.markdown("**What if?** :gray[Move a column; the answer follows.]")
    st.button("Back to the row as it is", key="why_reset", icon=look.symbol("undo"), on_click=_reset, args=(key,))
    first, rest = signature.raw[:SLIDERS], signature.raw[SLIDERS:]
    for number, raw in enumerate(first):
        values[raw.name] = _slider(raw, cells.get(raw.name), f"{key}_{number}")
    if rest:
        with st.expander(f"{len(rest)} more columns", key="why_more"):
            for number, raw in enumerate(rest, SLIDERS):
                values[raw.name] = _slider(raw, cells.get(raw.name), f"{key}_{number}")
    changed = any(_differs(values[raw.name], cells.get(raw.name), raw) for raw in signature.raw)
    return values, changed


def _reset(key: str) -> None:
    for name in [name for name in st.session_state if str(name).startswith(f"{key}_")]:
        del st.session_state[name]


def _slider(raw: RawInput, cell: Any, key: str) -> Any:
    """Draw one column's field: a slider over what was seen for numbers, a choice for the rest; texts stay."""
    label = look.plain(raw.name)
    if raw.kind == "number" and raw.minimum is not None and raw.maximum is not None and raw.minimum < raw.maximum:
        if _is_missing(cell):
            return st.number_input(label, value=None, key=key, placeholder="missing")
        low, high = min(raw.minimum, float(cell)), max(raw.maximum, float(cell))
        whole = all(float(value).is_integer() for value in (low, high, float(cell)))
        step = 1.0 if whole and high - low >= 2 else _step(high - low)
        return st.slider(label, low, high, float(cell), step=step, key=key,
                         format="%.0f" if step >= 1 else f"%.{max(0, -math.floor(math.log10(step)))}f")  # fmt: skip
    if raw.kind == "category":
        options = list(raw.choices)
        if not _is_missing(cell) and str(cell) not in options:
            options.append(str(cell))
        place = None if _is_missing(cell) else options.index(str(cell))
        return st.selectbox(label, options, index=place, key=key, placeholder="missing", format_func=look.plain)
    if raw.kind == "boolean":
        said = None if _is_missing(cell) else "yes" if float(cell) >= 0.5 else "no"
        chosen = st.selectbox(label, ["yes", "no"], index=None if said is None else ["yes", "no"].index(said), key=key,
                              placeholder="missing")  # fmt: skip
        return None if chosen is None else chosen == "yes"
    look.quiet(f"{label}: {look.plain(_spoken(cell))}")
    return None if _is_missing(cell) else _plain(cell)


def _step(width: float) -> float:
    """Return a round step of which about a hundred make the width."""
    return 10.0 ** math.floor(math.log10(width / 50))


def _differs(value: Any, cell: Any, raw: RawInput) -> bool:
    if _is_missing(cell) or value is None:
        return not (_is_missing(cell) and value is None)
    if raw.kind == "number":
        width = (raw.maximum or 0) - (raw.minimum or 0)
        return not math.isclose(float(value), float(cell), rel_tol=1e-6, abs_tol=_step(width) / 2 if width > 0 else 0)
    if raw.kind == "boolean":
        return bool(value) != (float(cell) >= 0.5)
    return raw.kind == "category" and str(value) != str(cell)


def _allowed(run: Run, signature: Signature) -> dict[str, Any]:
    """Ask what may change, and which answer is wanted."""
    names = [raw.name for raw in signature.raw if raw.kind != "text"]
    chosen = st.multiselect("Columns that may change", names, key=f"why_allowed_{run.id}", placeholder="all of them",
                            format_func=look.plain)  # fmt: skip
    told: dict[str, Any] = {"columns": chosen} if chosen else {}
    if signature.target.classes:
        wanted = st.selectbox("Wanted answer", ["The next likeliest", *signature.target.classes],
                              key=f"why_wanted_{run.id}", format_func=look.plain)  # fmt: skip
        return told | ({} if wanted == "The next likeliest" else {"wanted": signature.target.classes.index(wanted)})
    way = st.segmented_control("Wanted answer", ["Higher", "Lower"], default="Higher", required=True,
                               key=f"why_way_{run.id}")  # fmt: skip
    return told | {"wanted": "up" if way == "Higher" else "down"}


# --- the whole model ----------------------------------------------------------------------------------------------


def _whole_model(run: Run, signature: Signature, methods: list[dict[str, Any]]) -> None:
    """Explain what the model as a whole goes by."""
    st.space("small")
    look.section("And on the whole?", "What the model goes by in all rows, measured on the validation part.")
    method = _method(run, methods, "whole")
    settings: dict[str, Any] = {"method": method["method"]}
    classes = signature.target.classes
    if method["method"] == "partial_dependence" and classes:
        common = 1 if len(classes) == 2 else 0
        chosen = st.selectbox("Odds of", list(classes), index=common, key=f"why_class_{run.id}",
                              format_func=look.plain)  # fmt: skip
        settings["answer"] = list(classes).index(chosen)
    if method["method"] == "feature_map":
        by = st.segmented_control("Flattened by", ["Largest spread (PCA)", "Neighbours (t-SNE)"],
                                  default="Largest spread (PCA)", required=True, key=f"why_by_{run.id}")  # fmt: skip
        settings["by"] = "tsne" if "SNE" in str(by) else "pca"
    _explained(run, method, settings, "why_whole")


# --- asking and drawing -------------------------------------------------------------------------------------------


def _explained(run: Run, method: dict[str, Any], settings: dict[str, Any], key: str) -> dict[str, Any] | None:
    """Get an explanation, at once or by a job, and draw it beside its check."""
    st.markdown(f":gray[{look.plain(method['sentence'])}]")
    told = _ask(run, settings)
    if told is not None and "slow" in told:
        about = f"It takes about {look.duration(told['slow'])}." if told["slow"] < LONG else "It takes some minutes."
        told = jobs.show(run, "explain", settings, key=f"{key}_job", label="Explain", about=about, icon="psychology")
    if told is None:
        return None
    check = told["check"]
    if check is None:
        explain.draw(run, told["panel"], f"{key}_panel")
    else:
        _beside_check(run, told["panel"], check, key)
    look.quiet(look.plain(f"{method['name']}. {method['paper']}."))
    return told


def _beside_check(run: Run, panel: dict[str, Any], check: dict[str, Any], key: str) -> None:
    if not check["holds"]:
        st.warning(look.plain(check["sentence"]), icon=look.symbol("warning"))
    is_narrow = panel["kind"] in NARROW and panel.get("seen") != "clip"
    own, other = st.columns([3, 2], gap="medium") if is_narrow else (st.container(), st.container())
    with own:
        explain.draw(run, panel, f"{key}_panel")
    with other, look.card(f"{key}_check"):
        if check["holds"]:
            st.markdown(f":green[{look.symbol('verified')}] {look.plain(check['sentence'])}")
        look.quiet("The same by a network that has learned nothing, with new weights:")
        explain.draw(run, check["panel"], f"{key}_check_panel", small=True)


def _ask(run: Run, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Ask the warm process; None where it cannot answer yet or will not, which is then said in words."""
    return warm.asked("explain", "why", run=str(run.folder), settings=settings, timeout=60.0)


def _is_missing(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _plain(cell: Any) -> Any:
    return cell if isinstance(cell, (int, float, str, bool)) else str(cell)


def _spoken(cell: Any) -> str:
    if _is_missing(cell):
        return "missing"
    return words.number(cell) if isinstance(cell, (int, float)) and not isinstance(cell, bool) else str(cell)
