"""One place for what an installation sets: the environment before the file, and every wrong value in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recipes import Refusal
from recipes.configuration import PREFIX, Configuration, configuration

ROOT = Path(__file__).resolve().parents[2]

NAMES = "names such as learn.example.org, separated by commas"


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """A file of this test's own; nothing of this machine's settings counts."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LAYERWISE_CONFIG", str(tmp_path / "layerwise.toml"))
    return tmp_path / "layerwise.toml"


def refused():
    with pytest.raises(Refusal) as refusal:
        configuration()
    return str(refusal.value)


def test_nothing_needs_to_be_set():
    assert configuration() == Configuration.model_construct(_fields_set=set())
    assert (configuration().slots, configuration().workspace, configuration().database) == (0, None, "")


def test_reads_the_file(file):
    file.write_text('slots = 3\nworkspace = "/data/layerwise"\nlog_details = true\n')
    assert (configuration().slots, configuration().workspace) == (3, Path("/data/layerwise"))
    assert configuration().log_details is True


def test_the_environment_wins_over_the_file(file, monkeypatch):
    file.write_text("slots = 3\nidle_seconds = 7\n")
    monkeypatch.setenv("LAYERWISE_SLOTS", "5")
    assert (configuration().slots, configuration().idle_seconds) == (5, 7.0)


def test_an_empty_value_counts_as_not_set(file, monkeypatch):
    """As a compose file hands over a variable that nobody has filled in."""
    file.write_text("slots = 3\n")
    monkeypatch.setenv("LAYERWISE_SLOTS", "")
    assert configuration().slots == 3


def test_a_change_is_seen_at_the_next_question(file, monkeypatch):
    file.write_text("slots = 3\n")
    assert configuration().slots == 3
    file.write_text("slots = 40\n")
    os.utime(file, ns=(1, 1))
    assert configuration().slots == 40
    monkeypatch.setenv("LAYERWISE_SLOTS", "6")
    assert configuration().slots == 6


def test_nobody_changes_it_by_accident():
    with pytest.raises(ValueError, match="frozen"):
        configuration().slots = 9  # ty: ignore[invalid-assignment]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SLOTS", "many", "LAYERWISE_SLOTS is 'many', but must be a whole number of runs, such as 4."),
        ("SLOTS", "-1", "LAYERWISE_SLOTS is '-1', but must be a whole number of runs, such as 4."),
        ("SLOTS", "2.5", "LAYERWISE_SLOTS is '2.5', but must be a whole number of runs, such as 4."),
        ("GPUS_PER_RUN", "0", "LAYERWISE_GPUS_PER_RUN is '0', but must be a whole number of GPUs, such as 2."),
        ("IDLE_SECONDS", "soon", "LAYERWISE_IDLE_SECONDS is 'soon', but must be a number of seconds, such as 10."),
        ("STOP_SECONDS", "-3", "LAYERWISE_STOP_SECONDS is '-3', but must be a number of seconds, such as 5."),
        ("WATTS_PER_CORE", "0", "LAYERWISE_WATTS_PER_CORE is '0', but must be a number of watts, such as 12."),
        ("GRAMS_PER_KWH", "much", "LAYERWISE_GRAMS_PER_KWH is 'much', but must be a number of grams, such as 480."),
        ("LOG_DETAILS", "perhaps", "LAYERWISE_LOG_DETAILS is 'perhaps', but must be `true` or `false`."),
        ("ALLOWED_HOSTS", "http://lab/", f"LAYERWISE_ALLOWED_HOSTS is 'http://lab/', but must be {NAMES}."),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(name, value, sentence, monkeypatch):
    monkeypatch.setenv(PREFIX + name, value)
    assert refused() == sentence


def test_a_wrong_value_in_the_file_is_named_alike(file):
    file.write_text('slots = "many"\n')
    assert refused() == "LAYERWISE_SLOTS is 'many', but must be a whole number of runs, such as 4."


def test_a_name_that_does_not_exist_is_refused(file):
    file.write_text("slot = 3\n")
    assert refused() == (
        "There is no setting `slot` in layerwise.toml. The settings are listed in docs/configuration.md."
    )


def test_a_file_that_is_no_toml_is_refused(file):
    file.write_text("slots: 3\n")
    assert refused().startswith("The file layerwise.toml cannot be read: ")
    assert refused().endswith(" Mend it, or take it away.")


@pytest.mark.parametrize("name", Configuration.model_fields)
def test_every_setting_says_what_it_is_for_and_what_it_must_be(name):
    field = Configuration.model_fields[name]
    extra = field.json_schema_extra
    assert field.description
    assert field.description.endswith(".")
    assert isinstance(extra, dict)
    assert extra["must"]


@pytest.mark.parametrize(
    "program", [["ui.serve"], ["training.supervisor"], ["training", "recipe.yaml"], ["records.backup", "save", "x.zip"]]
)
def test_a_program_does_not_start_with_a_wrong_value(program, tmp_path):
    """One sentence and exit status 2, before anything is written."""
    environment = os.environ | {"LAYERWISE_SLOTS": "many", "LAYERWISE_WORKSPACE": str(tmp_path / "workspace")}
    done = subprocess.run(
        [sys.executable, "-m", *program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "LAYERWISE_SLOTS is 'many', but must be a whole number of runs, such as 4.\n"
    assert done.stdout == ""
    assert not (tmp_path / "workspace").exists()
