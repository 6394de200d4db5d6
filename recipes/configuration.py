"""How this installation is set up: each value from the environment (`LAYERWISE_SLOTS`), else from `layerwise.toml`.

The file lies beside `app.py`, or where LAYERWISE_CONFIG says; it holds the same names in small letters without the
prefix. `docs/configuration.md` lists them all, made from the fields below.
"""

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from recipes.words import Refusal

PREFIX = "LAYERWISE_"
FILE = Path(__file__).resolve().parents[1] / "layerwise.toml"
ONE_MACHINE = (
    "LAYERWISE_LAUNCHER is 'ray', but the catalogue is a file of SQLite, which may not lie on a folder that several "
    "machines share. Set LAYERWISE_DATABASE to the address of a PostgreSQL (docs/cluster.md)."
)


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
    slots: int = _set(0, "How many runs go at once; by default one a GPU, else one a core and 1.5 GB of memory.",
                      "a whole number of runs, such as 4", ge=0)  # fmt: skip
    gpus_per_run: int = _set(1, "How many GPUs share the batches of one run.",
                             "a whole number of GPUs, such as 2", ge=1)  # fmt: skip
    runs_per_owner: int = _set(0, "How many runs of one person go at once; 0 for as many as there is room.",
                               "a whole number of runs, such as 1; 0 for no limit", ge=0)  # fmt: skip
    launcher: Literal["local", "ray"] = _set("local", "Where runs are computed: on this machine, or as jobs of a Ray "
                                             "cluster (docs/cluster.md).", "`local` or `ray`")  # fmt: skip
    ray_address: str = _set("http://127.0.0.1:8265", "Address of the Ray cluster's job service.",
                            "an address such as http://10.0.0.5:8265", pattern=r"^https?://")  # fmt: skip
    ray_token: str = _set("", "The token that the Ray cluster asks for (RAY_AUTH_MODE=token).", "a text")
    ray_cpus: float = _set(1.0, "Cores that a run reserves on the Ray cluster.", "a number of cores, such as 2",
                           gt=0)  # fmt: skip
    ray_gpus: int = _set(0, "GPUs that a run reserves on the Ray cluster.", "a whole number of GPUs, such as 1", ge=0)
    ray_python: str = _set("", "Python of Layerwise on the nodes of the Ray cluster; by default the path of the one "
                               "here.", "a path")  # fmt: skip
    ray_code: str = _set("", "Folder of Layerwise on the nodes of the Ray cluster; by default the path of the one "
                             "here.", "a folder")  # fmt: skip
    upload_mb: int = _set(200, "How large one upload may be: a file, a folder, a zip, a model.",
                          "a whole number of megabytes, such as 200", ge=1)  # fmt: skip
    quota_disk_mb: int = _set(0, "How much of the disk the uploads and runs of one person may take; 0 for no limit.",
                              "a whole number of megabytes, such as 1000; 0 for no limit", ge=0)  # fmt: skip
    quota_queued: int = _set(0, "How many runs of one person may wait and go; 0 for no limit.",
                             "a whole number of runs, such as 4; 0 for no limit", ge=0)  # fmt: skip
    quota_minutes: int = _set(0, "How many minutes a run may take over all its attempts; 0 for no limit.",
                              "a whole number of minutes, such as 240; 0 for no limit", ge=0)  # fmt: skip
    quota_datasets: int = _set(0, "How many uploads one person may keep; 0 for no limit.",
                               "a whole number of uploads, such as 20; 0 for no limit", ge=0)  # fmt: skip
    user_header: str = _set("", "Header by which a reverse proxy names who has signed in, such as `X-Forwarded-User`; "
                                "only for a server that nobody reaches but through that proxy.",
                            "the name of a header, such as X-Forwarded-User", pattern=r"^[A-Za-z0-9-]*$")  # fmt: skip
    reading_mb: int = _set(4000, "How much memory the process may take that reads an upload.",
                           "a whole number of megabytes, such as 4000", ge=1000)  # fmt: skip
    reading_seconds: int = _set(600, "How long reading an upload may take.", "a whole number of seconds, such as 600",
                                ge=5)  # fmt: skip
    archive: str = _set("", "Where copies of finished runs are kept (`python -m records.object_store save`), such as "
                            "`s3://bucket/layerwise`.", "an address of fsspec")  # fmt: skip
    idle_seconds: float = _set(10.0, "How long the supervisor stays after the last web server and the last run.",
                               "a number of seconds, such as 10", ge=0)  # fmt: skip
    stop_seconds: float = _set(5.0, "How long a worker may take to stop before it is ended by force.",
                               "a number of seconds, such as 5", ge=0)  # fmt: skip
    pulse_seconds: float = _set(2.0, "How often a worker says that it lives.", "a number of seconds, such as 2",
                                gt=0)  # fmt: skip
    silent_seconds: float = _set(15.0, "How long a worker may say nothing and do nothing before it is taken for dead.",
                                 "a number of seconds, such as 15", gt=0)  # fmt: skip
    hung_seconds: float = _set(60.0, "How long training may get no further before it is started anew from its "
                                     "checkpoint.", "a number of seconds, such as 60", gt=0)  # fmt: skip
    room_seconds: float = _set(30.0, "How often a run looks for room where the disk is full.",
                               "a number of seconds, such as 30", gt=0)  # fmt: skip
    reap_seconds: float = _set(10.0, "How often the supervisor looks for processes that no run claims any more.",
                               "a number of seconds, such as 10", gt=0)  # fmt: skip
    ballast_mb: float = _set(256.0, "Room kept aside for the moment in which the disk is full.",
                             "a number of megabytes, such as 256; 0 for none", ge=0)  # fmt: skip
    memory_mb_per_run: int = _set(0, "How much memory one run may take; 0 for as much as there is, as long as there is "
                                     "enough for all.", "a whole number of megabytes, such as 4000; 0 for no limit",
                                  ge=0)  # fmt: skip
    watts_per_core: float = _set(12.0, "Power of a busy core, from which energy is estimated.",
                                 "a number of watts, such as 12", gt=0, le=1000)  # fmt: skip
    country: str = _set("", "Three letters of the country whose electricity is used, such as `DEU`; by default the "
                            "world's mean.", "three letters, such as DEU")  # fmt: skip
    grams_per_kwh: float | None = _set(None, "CO2 of one's own electricity, in grams per kilowatt-hour.",
                                       "a number of grams, such as 480", ge=0, lt=10_000)  # fmt: skip

    allowed_hosts: str = _set("", "Names by which visitors reach the server, separated by commas, such as "
                                  "`learn.example.org, *.lab.example.org`; by default any name, or only this "
                                  "machine's own where nobody else can reach it.",
                              "names such as learn.example.org, separated by commas",
                              pattern=r"^[\w.*:\[\], -]*$")  # fmt: skip
    metrics_token: str = _set("", "With this token in the header `Authorization: Bearer ...` other machines may read "
                                  "`/api/metrics` too, and `/api/health` tells them all it knows.",
                              "a text")  # fmt: skip
    log_details: bool = _set(False, "Whether logs also hold the messages of errors. They help to find a mistake, but "
                                    "may contain values of somebody's data.", "`true` or `false`")  # fmt: skip

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


def check_or_exit() -> None:
    """Where a program starts: say in one sentence what is wrong with the values, and end with exit status 2."""
    try:
        configuration()
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(2)


@lru_cache(maxsize=8)
def _read(_environment: tuple[tuple[str, str], ...], file: Path, _changed: int) -> Configuration:
    try:
        made = Configuration()
    except ValidationError as invalid:
        error = invalid.errors()[0]
        raise Refusal(_sentence(str(error["loc"][0]), error["type"], error["input"], file)) from None
    except ValueError as broken:  # what the TOML parser raises
        raise Refusal(f"The file {file.name} cannot be read: {broken}. Mend it, or take it away.") from None
    if made.launcher == "ray" and not made.database.startswith("postgresql"):
        raise Refusal(ONE_MACHINE)
    return made


def _sentence(name: str, kind: str, value: Any, file: Path) -> str:
    field = Configuration.model_fields.get(name.lower())
    if kind == "extra_forbidden" or field is None:
        return f"There is no setting `{name}` in {file.name}. The settings are listed in docs/configuration.md."
    extra: Any = field.json_schema_extra
    return f"{PREFIX}{name.upper()} is '{value}', but must be {extra['must']}."


def _file() -> Path:
    return Path(os.environ.get(f"{PREFIX}CONFIG") or FILE)
