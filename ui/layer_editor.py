"""The list of layers on Build: add, change, move, copy, take out, undo; shapes and parameters follow each step.

The draft holds the list as plain values; the session holds the steps back and forth, and which layer is open. Shapes
and reasons are worked out here, from what the warm process tells of the data (`builders/_stack.py`).
"""

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from builders import custom
from builders._stack import MOST_LAYERS, Step, entering, fits, follow, obstacle, read
from builders._stack_kinds import KINDS, Flow, Layer, sizes
from builders._stack_templates import Template, templates
from recipes import Recipe, Refusal, Signature
from ui import look, settings_form, studio
from ui.draft import Draft, current, keep

FAMILY = "custom"
STATE = "layer_editor"
FIELDS = "build_layer_"
STEPS_KEPT = 200
PIXEL_NUMBERS = {"image": "pictures, from -1 to 1", "video": "clips, from -1 to 1"}
"""What the first row says of data that are made ready before the first layer."""

Plain = list[dict[str, Any]]


def show(draft: Draft, questions: studio.Questions) -> tuple[str, ...]:
    """Draw the editor; returns why this stack cannot be trained, if so. Writes the layers into the draft."""
    told = _signature(draft, questions)
    if told.is_waiting:
        look.loading(told.sentence, 240)
        return ()
    if not told.is_ready:
        look.failed(told.sentence)
        return (told.sentence,)
    signature = Signature.model_validate(told.value["signature"])
    offered = templates(signature)
    if draft.models.get(FAMILY, {}).get("layers") is None:
        _write(draft, _plain(offered[0].layers))
    try:
        layers = list(read(draft.models[FAMILY]["layers"]))
    except Refusal as refusal:
        look.failed(str(refusal))
        _tools(offered, [], entering(signature), _state(draft))
        return (str(refusal),)
    _write(draft, _plain(layers))  # a run's recipe has every setting written out
    return _edit(draft, layers, signature, offered, _state(draft))


def _edit(
    draft: Draft, layers: list[Layer], signature: Signature, offered: Sequence[Template], state: dict[str, Any]
) -> tuple[str, ...]:
    start = entering(signature)
    tools = st.container(key="layer_tools", gap="xsmall")
    errors: tuple[str, ...] = ()
    with st.container(key="layer_rows", gap="xxsmall"):
        _row("Data", PIXEL_NUMBERS.get(signature.data_type, ""), start.size, None)
        places = []
        for number, layer in enumerate(layers):
            places.append(st.container(key=f"layer_{number}", gap="xxsmall"))
            if number == state["open"]:
                layers[number], errors = _form(number, layer, len(layers))
        plain = _plain(layers)
        if plain != state["now"]:
            _remember(state, plain)
            _write(draft, plain)
        steps = follow(layers, start)
        impossible = obstacle(steps, start)
        for step, place in zip(steps, places, strict=True):
            with place:
                _layer(step, is_open=step.number - 1 == state["open"])
        _answer(signature, steps, start, impossible)
        if signature.task == "forecasting":
            _straight_path(draft)
    with tools:
        _tools(offered, steps, start, state)
    return errors or ((impossible,) if impossible else ())


# What is drawn


def _tools(offered: Sequence[Template], steps: Sequence[Step], start: Flow, state: dict[str, Any]) -> None:
    """Draw what works on the whole list: templates, undo, redo, and adding."""
    with st.container(horizontal=True, gap="xsmall", key="layer_bar"):
        st.menu_button(
            "Start from", [template.title for template in offered], icon=look.symbol("dashboard_customize"),
            key="build_layer_template", on_click=_take, args=({each.title: _plain(each.layers) for each in offered},),
            help="Put one of these in place of the layers below. Undo brings them back.",
        )  # fmt: skip
        st.button(
            "Undo", icon=look.symbol("undo"), key="build_layer_undo", type="tertiary", disabled=not state["past"],
            on_click=_back_and_forth, args=("past", "future"), help="Take the last change back.",
        )  # fmt: skip
        st.button(
            "Redo", icon=look.symbol("redo"), key="build_layer_redo", type="tertiary", disabled=not state["future"],
            on_click=_back_and_forth, args=("future", "past"), help="Make the change again.",
        )  # fmt: skip
    place = len(steps) if state["open"] is None else state["open"] + 1
    flow = (steps[place - 1].after if place else start) if steps else start
    able = [kind for kind in KINDS if fits(KINDS[kind](), flow)]
    rest = [kind for kind in KINDS if kind not in able]
    st.selectbox(
        "Add a layer",
        able + rest,
        index=None,
        key="build_layer_add",
        placeholder=f"Add a layer after layer {place}" if 0 < place < len(steps) else "Add a layer at the end",
        format_func=lambda kind: _offer(kind, able),
        label_visibility="collapsed",
        icon=look.symbol("add"),
        disabled=len(steps) >= MOST_LAYERS,
        on_change=_add,
        args=(place,),
    )


def _offer(kind: str, able: Sequence[str]) -> str:
    return f"{kind}: {KINDS[kind].SENTENCE}" if kind in able else f"{kind} (does not fit here)"


def _row(name: str, brief: str, shape: str, parameters: int | None) -> None:
    """Draw a row that cannot be changed: the data and the answer."""
    line = _line(name)
    line.markdown(f":small[{name}" + (f" :gray[{look.plain(brief)}]]" if brief else "]"), width="content")
    _numbers(line, shape, parameters)


def _line(key: str) -> DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False, key=f"layer_line_{key}")


def _numbers(line: DeltaGenerator, shape: str, parameters: int | None) -> None:
    """Write what leaves a layer, and how much it learns, at the end of its row."""
    # A shape and a count stay whole; where both do not fit into one line, the count goes into the next.
    learned = f" :gray[·\u00a0{look.number(parameters)}]" if parameters else ""
    told = look.plain(shape).replace(" ", "\u00a0")
    line.markdown(f":small[{told}{learned}]", text_alignment="right", width="stretch")


def _layer(step: Step, *, is_open: bool) -> None:
    """Draw the row of one layer; below it why it cannot stand there."""
    layer, index = step.layer, step.number - 1
    line = _line(str(index))
    brief = layer.brief()
    name = f":red[{look.symbol('error')} **{layer.kind}**]" if step.reason else f"**{layer.kind}**"
    line.button(
        f"{step.number} {name}" + (f" :small[:gray[{look.plain(brief)}]]" if brief else ""),
        key=f"build_layer_open_{index}", type="tertiary", width="content", on_click=_open, args=(index,),
        icon=look.symbol("keyboard_arrow_down" if is_open else "chevron_right"),
    )  # fmt: skip
    if step.after:
        _numbers(line, sizes(step.after.shape), step.parameters)
    elif not step.reason:
        _numbers(line, "–", None)
    if step.reason:
        st.error(look.plain(step.reason))


def _answer(signature: Signature, steps: Sequence[Step], start: Flow, impossible: str) -> None:
    """Draw the last row: the layer that answers, which always stands there."""
    end = steps[-1].after if steps else start
    classes = signature.target.classes
    ready = end is not None and not impossible
    brief = look.counted(len(classes), "class", "classes") if classes else look.counted(signature.outputs, "number")
    parameters = signature.outputs * (end.shape[0] + 1) if end is not None and ready else None
    _row("Answer", brief, str(signature.outputs) if ready else "–", parameters)
    if impossible and not any(step.reason for step in steps):
        st.error(look.plain(impossible))


def _straight_path(draft: Draft) -> None:
    """Offer the line beside the layers; forecasts only."""
    group = settings_form.Group(custom.Config, draft.models[FAMILY], "build_model_custom", whole=False)
    (form,) = settings_form.show([group], "build_model_custom", panel="forecast")
    draft.models[FAMILY] = form.said


def _form(index: int, layer: Layer, count: int) -> tuple[Layer, tuple[str, ...]]:
    """Draw the fields and buttons of the open layer; returns it as it is now, and what is wrong."""
    kind = KINDS[layer.kind]
    with st.container(border=True, key="layer_open", gap="xsmall"):
        look.quiet(f"{kind.SENTENCE[0].upper()}{kind.SENTENCE[1:]}.")
        said = {name: value for name, value in layer.model_dump().items() if name != "kind"}
        (form,) = settings_form.show([settings_form.Group(kind, said, f"{FIELDS}{index}")], f"{FIELDS}{index}",
                                     panel="model")  # fmt: skip
        with st.container(horizontal=True, gap="xsmall", key="layer_moves"):
            _move_button("Up", "arrow_upward", index, _move, (index, -1), disabled=index == 0)
            _move_button("Down", "arrow_downward", index, _move, (index, 1), disabled=index == count - 1)
            _move_button("Copy", "content_copy", index, _copy, (index,), disabled=count >= MOST_LAYERS)
            _move_button("Remove", "delete", index, _remove, (index,))
    if form.errors:
        return layer, tuple(f"Layer {index + 1} ({layer.kind}): {error}" for error in form.errors)
    return kind.model_validate(form.said), ()


def _move_button(word: str, icon: str, index: int, act: Any, args: tuple[int, ...], *, disabled: bool = False) -> None:
    st.button(
        word, icon=look.symbol(icon), key=f"build_layer_do_{word.lower()}", type="tertiary", on_click=act, args=args,
        disabled=disabled, help=f"{word}: layer {index + 1}",
    )  # fmt: skip


# What is known


def _signature(draft: Draft, questions: studio.Questions) -> studio.Answer:
    """Ask what the data offer; neither layers nor training settings change it, but for the seed of the split."""
    seed = {key: value for key, value in draft.training.items() if key == "seed"}
    values = {"data": draft.data, "model": {"architecture": FAMILY}} | ({"training": seed} if seed else {})
    try:
        recipe = Recipe.of(values)
    except Refusal as refusal:
        return studio.Answer("refused", sentence=str(refusal))
    return questions.warm("signature", recipe)


def _plain(layers: Sequence[Layer]) -> Plain:
    return [layer.plain() for layer in layers]


def _write(draft: Draft, layers: Plain) -> None:
    draft.models[FAMILY] = {**draft.models.get(FAMILY, {}), "layers": layers}


# The steps back and forth


def _state(draft: Draft) -> dict[str, Any]:
    """Return the session's history of this list; a list that came from elsewhere starts a new one."""
    layers = draft.models[FAMILY]["layers"]
    known = st.session_state.get(STATE)
    if known is None or known["now"] != layers:
        settings_form.forget(FIELDS)
        st.session_state[STATE] = {"now": layers, "past": [], "future": [], "open": None}
    return st.session_state[STATE]


def _remember(state: dict[str, Any], layers: Plain) -> None:
    state["past"] = [*state["past"], state["now"]][-STEPS_KEPT:]
    state["future"], state["now"] = [], layers


def _put(layers: Plain, opened: int | None) -> None:
    """Make a change from a callback: into the history and into the draft; the fields are drawn afresh."""
    state = st.session_state[STATE]
    if layers != state["now"]:
        _remember(state, layers)
    _show_now(state, opened)


def _show_now(state: dict[str, Any], opened: int | None) -> None:
    state["open"] = opened if opened is not None and 0 <= opened < len(state["now"]) else None
    settings_form.forget(FIELDS)
    draft = current(studio.workspace(), studio.owner())
    _write(draft, state["now"])
    keep(draft, studio.workspace(), studio.owner())


def _now() -> Plain:
    return json.loads(json.dumps(st.session_state[STATE]["now"]))


def _open(index: int) -> None:
    state = st.session_state[STATE]
    state["open"] = None if state["open"] == index else index
    settings_form.forget(FIELDS)


def _add(place: int) -> None:
    kind = st.session_state["build_layer_add"]
    if kind is None:
        return
    layers = _now()
    layers.insert(place, KINDS[kind]().plain())
    _put(layers, place)
    st.session_state["build_layer_add"] = None


def _move(index: int, by: int) -> None:
    layers = _now()
    layers[index], layers[index + by] = layers[index + by], layers[index]
    _put(layers, index + by)


def _copy(index: int) -> None:
    layers = _now()
    layers.insert(index + 1, dict(layers[index]))
    _put(layers, index + 1)


def _remove(index: int) -> None:
    layers = _now()
    del layers[index]
    _put(layers, None)


def _take(offered: dict[str, Plain]) -> None:
    """Put a template in place of the list."""
    chosen = st.session_state["build_layer_template"]
    if chosen is not None:
        _put(offered[chosen], None)


def _back_and_forth(from_: str, to: str) -> None:
    """Go one step back or forth; the open layer stays open where it still is one."""
    state = st.session_state[STATE]
    if state[from_]:
        *state[from_], layers = state[from_]
        state[to] = [*state[to], state["now"]]
        state["now"] = layers
    _show_now(state, state["open"])
