"""Where everything lies that Layerwise writes: one folder, `LAYERWISE_WORKSPACE` or `./workspace`."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import Refusal
from recipes.configuration import configuration


@dataclass(frozen=True)
class Workspace:
    """The folder of folders: `runs/`, `uploads/<owner>/`, `cache/`, `catalogue.db`, sockets and locks."""

    root: Path

    @classmethod
    def default(cls) -> "Workspace":
        """Return the workspace named by the environment, else `./workspace` beside the code."""
        return cls(configuration().workspace or Path(__file__).resolve().parents[1] / "workspace")

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self._made("runs")

    @property
    def models(self) -> Path:
        """Model files from elsewhere that came through the gate, by fingerprint; there once the first one is."""
        return self.root / "models"

    def run_folder(self, run: str) -> Path:
        """Return a run's folder; refuses anything that is not a plain id."""
        if not run.isalnum():
            raise Refusal("There is no such run. Open it again from the Runs page.")
        return self.runs / run

    def new_run_folder(self) -> Path:
        """Choose a fresh folder with an unguessable id (80 bits)."""
        return self.runs / secrets.token_hex(10)

    def new_upload_folder(self, owner: str) -> Path:
        """Make a fresh folder for one upload of this owner."""
        folder = self._made("uploads") / owner / secrets.token_hex(8)
        folder.mkdir(parents=True)
        return folder

    def cached(self, kind: str, key: dict[str, Any]) -> Path:
        """Return the folder in which work with this key is kept; the key is hashed."""
        text = json.dumps(key, sort_keys=True, default=str)
        return self._made("cache") / kind / hashlib.sha256(text.encode()).hexdigest()[:32]

    def _made(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
