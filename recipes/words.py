"""Refusals in words: what is wrong, the value, what is allowed, the next step."""

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class Refusal(ValueError):  # noqa: N818 - it is an answer in words, not an accident
    """Something the user can mend. Its text is one or two plain sentences and is shown as it stands."""


def known(kind: str, name: str, names: Iterable[str]) -> Refusal:
    """Refuse an unknown name: "There is no architecture 'mpl'. Did you mean 'mlp'? Available: cnn, mlp."."""
    names = sorted(names)
    hint = _did_you_mean(name, names, quote="'")
    return Refusal(f"There is no {kind} '{name}'.{hint} Available: {', '.join(names)}.")


def validate(model: type[Model], values: Any, where: str = "") -> Model:
    """Check values against a settings model; the first mistake is refused in one readable sentence."""
    if not isinstance(values, dict):
        raise Refusal(f"`{where or 'recipe'}` must be a group of settings such as `name: value`, but got {values!r}.")
    try:
        return model.model_validate(values)
    except ValidationError as invalid:
        raise Refusal(_sentence(model, invalid.errors()[0], where)) from None


def _sentence(model: type[BaseModel], error: Any, where: str) -> str:
    place = [str(part) for part in error["loc"]]
    name = ".".join(([where] if where else []) + place)
    group = _model_at(model, place[:-1])
    if error["type"] == "extra_forbidden":
        hint = _did_you_mean(place[-1], group.model_fields, quote="`")
        return f"There is no setting `{name}`.{hint} Known here: {', '.join(group.model_fields)}."
    if error["type"] == "missing":
        return f"`{name}` is missing. Add it to the recipe."
    if error["type"] == "literal_error":
        return f"`{name}` must be one of {error['ctx']['expected']}, but got {error['input']!r}."
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return text
    allowed = _allowed(group.model_fields.get(place[-1])) if place else ""
    if allowed:
        return f"`{name}` must be {allowed}, but got {error['input']!r}."
    return f"`{name}`: {text[0].lower()}{text[1:]}, but got {error['input']!r}."


def _did_you_mean(name: str, names: Iterable[str], quote: str) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {quote}{near[0]}{quote}?" if near else ""


def _model_at(model: type[BaseModel], place: Iterable[str]) -> type[BaseModel]:
    """Follow a place such as `data.split` down to the group of settings that holds its last part."""
    for part in place:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model


def _allowed(field: Any) -> str:
    """Say a number's range: "between 1 and 100", "more than 0 and at most 10", or nothing where there is none."""
    marks = field.metadata if field else ()
    limits = {name: getattr(mark, name) for mark in marks for name in _WORDS if hasattr(mark, name)}
    if set(limits) == {"ge", "le"}:
        return f"between {limits['ge']} and {limits['le']}"
    return " and ".join(f"{_WORDS[name]} {limits[name]}" for name in _WORDS if name in limits)


_WORDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
