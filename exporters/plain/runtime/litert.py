"""Ask a LiteRT file (.tflite) with the LiteRT interpreter; it answers one row at a time."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


class Runtime:
    """A loaded model: arrays by name in, arrays by name out."""

    def __init__(self, file: Path, told: dict[str, Any], threads: int = 0) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.name = f"LiteRT {version('ai-edge-litert')}"
        self._interpreter = Interpreter(str(file), num_threads=threads or None)
        self._runner = self._interpreter.get_signature_runner()
        self._inputs, self._answers = told["inputs"], told["answers"]

    def ask(self, ready: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answer any number of rows, one after the other."""
        rows = len(next(iter(ready.values())))
        found = [
            self._runner(**{
                each["tensor"]: np.asarray(ready[each["name"]][row : row + 1], each["dtype"]) for each in self._inputs
            })
            for row in range(rows)
        ]  # fmt: skip
        return {
            each["name"]: np.concatenate([answer[each["tensor"]] for answer in found]) for each in self._answers
        }  # fmt: skip
