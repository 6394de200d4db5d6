"""Make the finished example of the Start page with the real command line: `python -m ui.example.build`."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ui.example import FOLDER

RECIPE = Path(__file__).with_name("recipe.yaml")
KEPT = (
    "recipe.yaml", "state.json", "metrics.jsonl", "events.jsonl", "layers.json", "evidence.json", "report.json",
    "predictions.npz", "validation.npz", "strange.npz", "energy.json", "deliverables.json", "done.json",
)  # fmt: skip


def main() -> None:
    """Train the recipe in a workspace of its own and keep what the Start page shows."""
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as workspace:
        command = [sys.executable, "-m", "training", str(RECIPE), "--workspace", workspace]
        done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
        run = Path(json.loads(done.stdout.splitlines()[-1])["folder"])
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        for name in KEPT:
            shutil.copy(run / name, FOLDER / name)
        shutil.copytree(run / "deliverables", FOLDER / "deliverables")
        prepared = Path(json.loads((run / "prepared.json").read_text(encoding="utf-8"))["folder"])
        (FOLDER / "prepared").mkdir()
        shutil.copy(prepared / "prepared.json", FOLDER / "prepared" / "prepared.json")


if __name__ == "__main__":
    main()
