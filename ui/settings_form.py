"""Forms drawn from settings models: title, help, range, step and "more settings" come from the declaration.

A form keeps only what was said, that is what differs from the defaults, so that a recipe stays short. Where several
values may be tried, a number's field takes a list: `0.01, 0.003, 0.001`.
"""

import dataclasses
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo
from streamlit.delta_generator import DeltaGenerator

from recipes import Refusal, Settings, validate
from ui import look

LIST = "_list"
"""What the key of a field that takes a list ends with."""
LOCKED = "Your teacher has fixed this for the class."


@dataclass(frozen=True)
class Group:
    """One settings model in a form: what was said so far, and the key that its fields' keys start with.

    `defaults` replace the model's own; fields in `hidden` do not matter at the moment and keep what they had.
    """

    model: type[Settings]
    said: Mapping[str, Any]
    key: str
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    hidden: Collection[str] = ()
    whole: bool = True
    """Also check the settings together, where this panel is the one that tells it."""
    several: Mapping[str, Sequence[float]] | None = None
    """The lists so far, where number fields take several values; None where each takes one."""
    locked: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Fields that somebody else has fixed, at these values."""


@dataclass(frozen=True)
class Form:
    """What of a group differs from the defaults (other panels too), and what is wrong with this panel."""

    said: dict[str, Any]
    errors: tuple[str, ...] = ()
    several: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    """Fields with more than one value; `said` has the first of them."""


def show(groups: Sequence[Group], key: str, *, panel: str, order: Sequence[str] = ()) -> list[Form]:
    """Draw one panel's fields of all groups as one form; a mistake is told below its field.

    Fields named in `order` come first; those marked `advanced` stand behind "More settings".
    """
    drawn = [_Drawn.of(group, panel) for group in groups]
    fields = [(one, name) for one in drawn for name in one.fields if name not in one.group.hidden]
    fields.sort(key=lambda field: order.index(field[1]) if field[1] in order else len(order))
    rest = [(one, name) for one, name in fields if noted(one.fields[name])["advanced"]]
    if first := [field for field in fields if field not in rest]:
        _draw(first)
    if rest:
        changed = sum(one.values[name] != one.start[name] for one, name in rest)
        title = f"More settings · {look.counted(changed, 'change')}" if changed else "More settings"
        with st.expander(title, icon=look.symbol("tune"), type="compact", key=f"{key}_more"):
            _draw(rest)
    return [one.form() for one in drawn]


@dataclass(eq=False)
class _Drawn:
    """A group while it is drawn: the fields of this panel, their values now, and where each stands."""

    group: Group
    fields: dict[str, FieldInfo]
    start: dict[str, Any]
    values: dict[str, Any]
    places: dict[str, DeltaGenerator] = dataclasses.field(default_factory=dict)
    lists: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    unread: dict[str, str] = dataclasses.field(default_factory=dict)
    """What is wrong with a list that cannot be read."""

    @classmethod
    def of(cls, group: Group, panel: str) -> "_Drawn":
        fields = {name: one for name, one in group.model.model_fields.items() if noted(one)["panel"] == panel}
        start = {name: one.default for name, one in group.model.model_fields.items()} | dict(group.defaults)
        return cls(group, fields, start, start | dict(group.said) | dict(group.locked))

    def form(self) -> Form:
        said = {name: self.values[name] for name in self.start if self.values[name] != self.start[name]}
        several = {name: values for name, values in self.lists.items() if len(values) > 1}
        return Form(said, self._tell_mistakes(), several)

    def draw(self, name: str) -> None:
        """Draw one field and take what it holds."""
        field, key = self.fields[name], f"{self.group.key}_{name}"
        if name in self.group.locked:
            _locked(name, field, self.values[name], key)
            return
        if self.group.several is None or field.annotation not in (int, float):
            self.values[name] = _widget(name, field, self.values[name], key)
            return
        former = tuple(self.group.several.get(name, ()))
        try:
            self.lists[name] = _several(name, field, self.values[name], former, key)
            self.values[name] = self.lists[name][0]
        except ValueError as mistake:
            self.unread[name] = str(mistake)

    def _tell_mistakes(self) -> tuple[str, ...]:
        """Tell each field's mistake below it; a mistake of the fields together stands below them all."""
        errors = []
        for name, one in self.fields.items():
            if sentence := self._mistake_of(name, f"*{one.title or name}*"):
                self.places.get(name, st).error(sentence)
                errors.append(sentence.replace("*", ""))
        if not self.group.whole or any(self._mistake_of(name, name) for name in self.start):
            return tuple(errors)
        together = {name: self.values[name] for name in self.start}
        if mistake := _mistake(self.group.model, together):
            st.error(mistake, icon=look.symbol("error"))
            errors.append(mistake)
        return tuple(errors)

    def _mistake_of(self, name: str, title: str) -> str:
        if name in self.unread:
            return f"{title}: {self.unread[name]}"
        if self.values[name] is None and self.start[name] is not None:
            return f"{title} is empty. Type a number, such as {look.setting_value(self.start[name])}."
        mistakes = (_mistake(self.group.model, {name: each}) for each in self.lists.get(name, (self.values[name],)))
        mistake = next((each for each in mistakes if each), "")
        return mistake.replace(f"`{name}`", title).replace(f"`data.{name}`", title)


def _draw(fields: Sequence[tuple[_Drawn, str]]) -> None:
    grid = st.grid("auto", min_column_width=150, gap=("small", "small"))
    for one, name in fields:
        with grid.cell(column_span="all") if _is_wide(one.fields[name]) else grid.cell():
            one.places[name] = st.container(gap="xxsmall")
            with one.places[name]:
                one.draw(name)


def noted(field: FieldInfo) -> dict[str, Any]:
    """Return what `setting` noted beside a field: advanced, log, step, unit, zero, panel."""
    return field.json_schema_extra  # ty: ignore[invalid-explicit-return]


def in_words(sentence: str, *models: type[Settings]) -> str:
    """Call the settings in a sentence from below as the screen calls them: `depth` becomes "Blocks"."""
    for model in models:
        for name, field in model.model_fields.items():
            sentence = sentence.replace(f"`{name}`", f'"{field.title or name}"')
    return sentence


def forget(prefix: str) -> None:
    """Let go of the fields whose key starts like this; they take their values from the draft again."""
    for key in [key for key in st.session_state if str(key).startswith(prefix)]:
        del st.session_state[key]


def _is_wide(field: FieldInfo) -> bool:
    return len("".join(map(str, _choices(field)))) > 12


def _widget(name: str, field: FieldInfo, value: Any, key: str) -> Any:
    label = field.title or name.replace("_", " ").capitalize()
    unit = noted(field)["unit"]
    told: dict[str, Any] = {
        "label": f"{label} ({unit})" if unit else label,
        "help": _help(name, field),
        "key": key,
        "persist_state": "session",
    }
    # Without `persist_state` a value set here is lost when a fragment asks for a full rerun.
    st.session_state.setdefault(key, _shown(field, value))
    kind = field.annotation
    if kind is bool:
        return st.toggle(**told)
    if kind in (int, float):
        return _number(field, kind, told)
    if choices := _choices(field):
        if get_origin(kind) is tuple:
            return tuple(st.pills(options=choices, selection_mode="multi", format_func=look.setting_value, **told))
        if len(choices) <= 4 and len("".join(map(str, choices))) <= 24:
            return st.segmented_control(options=choices, required=True, format_func=look.setting_value, **told)
        return st.selectbox(options=choices, format_func=look.setting_value, **told)
    if kind is str:
        return st.text_input(**told)
    raise TypeError(f"There is no form field for `{name}: {kind}`.")


def _locked(name: str, field: FieldInfo, value: Any, key: str) -> None:
    """Show a field that a class's teacher has fixed."""
    st.text_input(
        f"{look.symbol('lock')} {field.title or name.replace('_', ' ').capitalize()}", look.setting_value(value),
        key=f"{key}_locked_{value}", disabled=True, help=f"{LOCKED} {_help(name, field)}",
    )  # fmt: skip


def _several(name: str, field: FieldInfo, value: Any, former: tuple[float, ...], key: str) -> tuple[float, ...]:
    """Draw a number's field as a list; returns its values, each once. Raises `ValueError` in words."""
    own = f"{key}{LIST}"
    label, unit = field.title or name.replace("_", " ").capitalize(), noted(field)["unit"]
    shown = former if former and former[0] == value else () if _shown(field, value) is None else (value,)
    st.session_state.setdefault(own, ", ".join(map(_exactly, shown)))
    typed = st.text_input(
        f"{label} ({unit})" if unit else label, key=own, placeholder=noted(field)["zero"] or None,
        help=f"{_help(name, field)} Several values with commas between make a run each.", persist_state="session",
    )  # fmt: skip
    values = read_list(str(typed or ""), whole=field.annotation is int)
    if not values and noted(field)["zero"]:
        values = (0,)
    if not values:
        raise ValueError("it is empty. Type a number, or several with commas between.")
    st.session_state[key] = _shown(field, values[0])  # so that the field of one number goes on from here
    return values


def read_list(text: str, *, whole: bool = False) -> tuple[float, ...]:
    """Read numbers with commas, semicolons or blanks between, each once; raises `ValueError` in words."""
    values: list[float] = []
    for word in filter(None, re.split(r"[,;\s]+", text)):
        if re.fullmatch(r"0\d+", word):
            raise ValueError(f"'{word}' is no number. Write decimals with a point, such as 0.01.")
        try:
            value = int(word) if whole else float(word)
        except ValueError:
            kind = "whole number" if whole else "number"
            such = "16, 32, 64" if whole else "0.01, 0.003, 0.001"
            raise ValueError(f"'{word}' is no {kind}. Type {kind}s with commas between, such as {such}.") from None
        if value not in values:
            values.append(value)
    return tuple(values)


def _exactly(value: float) -> str:
    """Write a number as short as it can be without becoming another one."""
    return short if float(short := f"{value:g}") == value else repr(value)


def _shown(field: FieldInfo, value: Any) -> Any:
    """Return a value as its field holds it: a list for pills, nothing for a 0 that is no amount."""
    if isinstance(value, tuple):
        return list(value)
    return None if noted(field)["zero"] and value == 0 else value


def _number(field: FieldInfo, kind: Any, told: dict[str, Any]) -> Any:
    st.session_state.pop(f"{told['key']}{LIST}", None)  # a list begins anew from the number
    value = st.session_state[told["key"]]
    whole = kind is int
    step = noted(field)["step"]
    if noted(field)["log"]:
        step = _log_step(value, whole=whole)
    elif step is None:
        step = 1 if whole else 0.05 if (limit(field, "le", "lt") or 1) <= 1 else 0.1
    zero = noted(field)["zero"]
    # Without `value` an emptied field would silently become the smallest number; without limits in the browser every
    # mistake is told below the field, where the browser would keep it to itself and go on with the last good value.
    typed = st.number_input(
        value=None,
        step=kind(step),
        format="%d" if whole else "%g",
        placeholder=zero or None,
        **told,
    )
    return kind(0) if zero and typed is None else typed


def _log_step(value: float | None, *, whole: bool) -> float:
    """Move by factors: half of the value, so that minus halves it."""
    if not value:
        return 1 if whole else 0.0001
    if whole:
        return max(1, int(value) // 2)
    places = 1 - math.floor(math.log10(abs(value)))
    return round(value / 2, places)


def limit(field: FieldInfo, *names: str) -> float | None:
    """Return a field's limit of one of these names (`ge`, `gt`, `le`, `lt`)."""
    found = [getattr(mark, name) for mark in field.metadata for name in names if getattr(mark, name, None) is not None]
    return found[0] if found else None


def _choices(field: FieldInfo) -> tuple[Any, ...]:
    kind = field.annotation
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    return get_args(kind) if get_origin(kind) is Literal else ()


def _help(name: str, field: FieldInfo) -> str:
    """Say what it is, its name in recipes, and what is allowed."""
    allowed = {side: limit(field, *names) for side, names in (("from", ("ge", "gt")), ("to", ("le", "lt")))}
    spans = [f"{side} {value:,g}" for side, value in allowed.items() if value is not None]
    span = f" Allowed: {' '.join(spans)}." if spans else ""
    return f"{field.description or ''}{span} In recipes: `{name}`."


def _mistake(model: type[Settings], values: dict[str, Any]) -> str:
    try:
        validate(model, values)
    except Refusal as refusal:
        return str(refusal)
    return ""
