"""Refusals in words: what is wrong, the value, what is allowed, the next step."""

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class Refusal(ValueError):
    """Something the user can mend. Its text is one or two plain sentences and is shown as it stands."""


def known(kind: str, name: str, names: Iterable[str]) -> Refusal:
    """Refuse an unknown name: "There is no architecture 'mpl'. Did you mean 'mlp'? Available: cnn, mlp."."""
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    article = "an" if kind[0] in "aeiou" else "a"
    return Refusal(f"There is no {kind} '{name}'.{hint} Available: {', '.join(names)}.".replace("no an ", article))


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
    if error["type"] == "extra_forbidden":
        group = _model_at(model, error["loc"][:-1])
        near = difflib.get_close_matches(place[-1], group.model_fields, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        return f"There is no setting `{name}`.{hint} Known here: {', '.join(group.model_fields)}."
    if error["type"] == "missing":
        return f"`{name}` is missing. Add it to the recipe."
    if error["type"] == "literal_error":
        return f"`{name}` must be one of {error['ctx']['expected']}, but got {error['input']!r}."
    field = _model_at(model, error["loc"][:-1]).model_fields.get(place[-1]) if place else None
    low, high = _limits(field)
    if low is not None and high is not None:
        return f"`{name}` must be between {low} and {high}, but got {error['input']!r}."
    if low is not None or high is not None:
        side = f"at least {low}" if low is not None else f"at most {high}"
        return f"`{name}` must be {side}, but got {error['input']!r}."
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return text
    return f"`{name}`: {text[0].lower()}{text[1:]}, but got {error['input']!r}."


def _model_at(model: type[BaseModel], place: Iterable[Any]) -> type[BaseModel]:
    for part in place:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model


def _limits(field: Any) -> tuple[Any, Any]:
    found = {"ge": None, "gt": None, "le": None, "lt": None}
    for mark in field.metadata if field else ():
        for name in found:
            found[name] = getattr(mark, name, found[name])
    low = found["ge"] if found["ge"] is not None else (f"more than {found['gt']}" if found["gt"] is not None else None)
    return low, found["le"] if found["le"] is not None else found["lt"]
