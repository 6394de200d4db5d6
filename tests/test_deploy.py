"""What the container is made of is what the studio needs, and its doors are closed as the documents say."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("recipes", "records", "datasets", "builders", "evaluation", "exporters", "training", "ui", "pages")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_every_room_is_in_the_image_and_nothing_secret():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert {*ROOMS, "app.py", "asgi.py", "static", ".streamlit", "requirements.txt", "constraints.txt"} <= let_in
    assert not {"workspace", ".git", "tests", "layerwise.toml", ".venv"} & let_in
    assert [name for name in let_in if not (ROOT / name).exists()] == []


def test_the_image_uses_the_versions_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    versions = [re.findall(r"UV_VERSION ?:?=\s*([\d.]+)", text) for text in (makefile, DOCKERFILE)]
    assert versions[0] == versions[1] != []
    assert "sed 's/^tensorflow==/tensorflow[and-cuda]==/'" in DOCKERFILE
    assert "sed 's/^tensorflow==/tensorflow[and-cuda]==/'" in makefile


def test_the_studio_runs_without_rights(services):
    assert "\nUSER 10001:10001\n" in DOCKERFILE
    studio = services["layerwise"]
    assert studio["read_only"] is True
    assert studio["cap_drop"] == ["ALL"]
    assert "ports" not in studio  # nobody reaches it but through the proxy
    assert [volume.split(":")[1] for volume in studio["volumes"]] == ["/workspace"]


def test_the_proxy_is_the_one_that_is_believed(services):
    studio, proxy = services["layerwise"], services["proxy"]
    assert studio["environment"]["FORWARDED_ALLOW_IPS"] == proxy["networks"]["inside"]["ipv4_address"]
    door = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert "reverse_proxy layerwise:8501" in door
    assert "@inside path /api/metrics /_stcore/metrics\n" in door


def test_no_secret_has_a_value_in_the_files(services):
    given = {name: value for service in services.values() for name, value in service.get("environment", {}).items()}
    secret = {name: value for name, value in given.items() if re.search("PASSWORD|TOKEN|SECRET|DATABASE", name)}
    assert secret
    assert [name for name, value in secret.items() if not re.fullmatch(r"\$\{\w+:-\}", value)] in ([], ["POSTGRES_DB"])


@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "DATABASE", "METRICS_TOKEN", "SLOTS"])
def test_the_compose_file_sets_what_exists(services, name):
    from recipes.configuration import PREFIX, Configuration

    assert f"{PREFIX}{name}" in services["layerwise"]["environment"]
    assert name.lower() in Configuration.model_fields
