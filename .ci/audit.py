"""Ask whether a pinned package has a known weakness; ends with 1 where one has, and says loudly what nobody could tell.

pip-audit counts a package that its service does not answer for as fine. This step does not: it names how many nobody
knows anything of. LAYERWISE_AUDIT=required makes that an error too, for places where the service must be there.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 180


def main() -> int:
    """Audit `constraints.txt`; returns the exit status."""
    pinned = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line]
    try:
        if any("skip_reason" in package for package in asked(pinned[:1])):  # one question before all the others
            return unknown("the advisory service does not answer")
        told = asked(pinned)
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return unknown("the advisory service does not answer")
    for package in told:
        for weakness in package.get("vulns", []):
            cure = ", ".join(weakness["fix_versions"]) or "no version yet"
            sys.stdout.write(f"{package['name']} {package['version']}: {weakness['id']}, mended in {cure}\n")
    if any(package.get("vulns") for package in told):
        return 1
    skipped = [package["name"] for package in told if "skip_reason" in package]
    if skipped:
        return unknown(f"the advisory service knows nothing of {len(skipped)} of {len(told)} packages")
    sys.stdout.write(f"No known weakness in {len(told)} packages.\n")
    return 0


def asked(pinned: list[str]) -> list[dict[str, Any]]:
    """Return what pip-audit says of these lines of requirements."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pinned))
        file.flush()
        command = [
            sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--requirement", file.name,
            "--format", "json", "--progress-spinner", "off", "--timeout", "5",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    return json.loads(done.stdout)["dependencies"]


def unknown(why: str) -> int:
    """Say that nobody could tell."""
    sys.stdout.write(f"NOT AUDITED: {why}. Run this step where it can be reached.\n")
    return 1 if os.environ.get("LAYERWISE_AUDIT") == "required" else 0


if __name__ == "__main__":
    sys.exit(main())
