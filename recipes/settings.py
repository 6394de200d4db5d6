"""How a setting is declared, once: default, range, title, help; the form, the check and the docs follow."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A group of settings. Unknown names are refused, values are not changed after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


def setting(
    default: Any,
    title: str,
    description: str,
    *,
    advanced: bool = False,
    log: bool = False,
    step: float | None = None,
    unit: str = "",
    zero: str = "",
    panel: str = "model",
    **limits: Any,
) -> Any:
    """Declare one setting; `limits` are pydantic's own (`ge`, `le`, `gt`, `lt`, ...).

    `advanced` hides it behind "more settings"; `log` says that it is best moved by factors; `panel` is the
    column of the Build screen in which it stands (`data`, `model` or `training`). `zero` is what 0 means where it is
    no amount, such as "automatic": the field is empty then and shows that word.
    """
    extra: dict[str, Any] = {
        "advanced": advanced, "log": log, "step": step, "unit": unit, "zero": zero, "panel": panel,
    }  # fmt: skip
    return Field(default, title=title, description=description, json_schema_extra=extra, **limits)
