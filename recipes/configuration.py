"""How this installation is set up: each value from the environment (`LAYERWISE_SLOTS`), else from `layerwise.toml`.

The file lies beside `app.py`, or where LAYERWISE_CONFIG says; it holds the same names in small letters without the
prefix. `docs/configuration.md` lists them all, made from the fields below.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from recipes.words import Refusal

PREFIX = "LAYERWISE_"
FILE = Path(__file__).resolve().parents[1] / "layerwise.toml"


def _set(default: Any, about: str, must: str, **limits: Any) -> Any:
    """Declare one value: what it is for, and what the sentence about a wrong one asks for."""
    return Field(default, description=about, json_schema_extra={"must": must}, **limits)


class Configuration(BaseSettings):
    """Every value of an installation. An empty one counts as not set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    workspace: Path | None = _set(None, "Folder of everything that Layerwise writes; by default `workspace` beside the "
                                        "code.", "a folder")  # fmt: skip
    database: str = _set("", "Address of the catalogue, such as `postgresql+psycopg://user@host/layerwise`; by default "
                             "the file `catalogue.db` in the workspace.", "an address of SQLAlchemy")  # fmt: skip
    slots: int = _set(0, "How many runs go at once; by default one a GPU, else one a core.",
                      "a whole number of runs, such as 4", ge=0)  # fmt: skip
    gpus_per_run: int = _set(1, "How many GPUs share the batches of one run.",
                             "a whole number of GPUs, such as 2", ge=1)  # fmt: skip
    idle_seconds: float = _set(10.0, "How long the supervisor stays after the last web server and the last run.",
                               "a number of seconds, such as 10", ge=0)  # fmt: skip
    stop_seconds: float = _set(5.0, "How long a worker may take to stop before it is ended by force.",
                               "a number of seconds, such as 5", ge=0)  # fmt: skip
    watts_per_core: float = _set(12.0, "Power of a busy core, from which energy is estimated.",
                                 "a number of watts, such as 12", gt=0, le=1000)  # fmt: skip
    country: str = _set("", "Three letters of the country whose electricity is used, such as `DEU`; by default the "
                            "world's mean.", "three letters, such as DEU")  # fmt: skip
    grams_per_kwh: float | None = _set(None, "CO2 of one's own electricity, in grams per kilowatt-hour.",
                                       "a number of grams, such as 480", ge=0, lt=10_000)  # fmt: skip

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Ask the environment first, then the file."""
        return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_file())


def configuration() -> Configuration:
    """Return the values as they are now; raises `Refusal` for a wrong one."""
    file = _file()
    told = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(PREFIX)))
    return _read(told, file, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=8)
def _read(_environment: tuple[tuple[str, str], ...], file: Path, _changed: int) -> Configuration:
    try:
        return Configuration()
    except ValidationError as invalid:
        error = invalid.errors()[0]
        raise Refusal(_sentence(str(error["loc"][0]), error["type"], error["input"], file)) from None
    except ValueError as broken:  # what the TOML parser raises
        raise Refusal(f"The file {file.name} cannot be read: {broken}. Mend it, or take it away.") from None


def _sentence(name: str, kind: str, value: Any, file: Path) -> str:
    field = Configuration.model_fields.get(name.lower())
    if kind == "extra_forbidden" or field is None:
        return f"There is no setting `{name}` in {file.name}. The settings are listed in docs/configuration.md."
    extra: Any = field.json_schema_extra
    return f"{PREFIX}{name.upper()} is '{value}', but must be {extra['must']}."


def _file() -> Path:
    return Path(os.environ.get(f"{PREFIX}CONFIG") or FILE)
