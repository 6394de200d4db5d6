"""The steps of `.ci/run` that are programs of their own."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WEAK = {"name": "keras", "version": "3.0", "vulns": [{"id": "CVE-1", "fix_versions": ["3.1"]}]}
FINE = {"name": "h5py", "version": "3.14", "vulns": []}
THERE = "Run this step where it can be reached.\n"
UNKNOWN = {"name": "wrapt", "skip_reason": "not found"}


@pytest.fixture
def audit(monkeypatch):
    monkeypatch.delenv("LAYERWISE_AUDIT", raising=False)
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([[FINE], [FINE, FINE]], 0, "No known weakness in 2 packages.\n"),
        ([[FINE], [FINE, WEAK]], 1, "keras 3.0: CVE-1, mended in 3.1\n"),
        ([[WEAK], [WEAK, UNKNOWN]], 1, "keras 3.0: CVE-1, mended in 3.1\n"),
        ([[UNKNOWN]], 0, f"NOT AUDITED: the advisory service does not answer. {THERE}"),
        ([[FINE], [FINE, UNKNOWN]], 0, f"NOT AUDITED: the advisory service knows nothing of 1 of 2 packages. {THERE}"),
    ],
)  # fmt: skip
def test_nothing_unknown_passes_for_fine(audit, monkeypatch, capsys, answers, code, said):
    monkeypatch.setattr(audit, "asked", lambda _: answers.pop(0))
    assert (audit.main(), capsys.readouterr().out) == (code, said)


def test_where_the_audit_is_required_silence_is_an_error(audit, monkeypatch):
    monkeypatch.setenv("LAYERWISE_AUDIT", "required")
    monkeypatch.setattr(audit, "asked", lambda _: [UNKNOWN])
    assert audit.main() == 1
