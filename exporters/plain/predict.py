"""Ask the model beside this file: `python predict.py INPUT`, needs the packages of requirements.txt and nothing else.

INPUT is what the model was trained on, as its page in README.txt says: a table, a picture, a text, a sound, a series;
or a JSON file with one example or a list of examples. Every answer is one line of JSON.

    from predict import Model
    Model().answer({"name of an input": value, ...})
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


class Model:
    """The model of this folder, loaded."""

    def __init__(self, folder: Path = HERE, threads: int = 0) -> None:
        self.told: dict[str, Any] = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
        self.runtime = importlib.import_module("runtime").Runtime(folder / self.told["file"], self.told, threads)
        kind = self.told["data_type"]
        self._prepare = importlib.import_module(f"prepare.{kind}") if kind else None

    def answer(self, row: dict[str, Any]) -> dict[str, np.ndarray]:
        """Answer one raw example by name; every array has a first axis of 1."""
        if self._prepare is None:
            return self.core({name: np.asarray(value) for name, value in row.items()})
        answers = self.core(self._prepare.ready(row, self.told))
        finish = getattr(self._prepare, "finish", None)
        return finish(answers, row, self.told) if finish else answers

    def core(self, ready: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Ask the numeric model itself: ready arrays in, its own answers out."""
        return self.runtime.ask(ready)

    def rows(self, given: str) -> list[dict[str, Any]]:
        """Read raw examples from a file, or from the words themselves where the model reads texts."""
        if given.endswith(".json"):
            found = json.loads(Path(given).read_text(encoding="utf-8"))
            return found if isinstance(found, list) else [found]
        if self._prepare is None:
            raise SystemExit("Give the inputs as a JSON file, as in example.json.")
        return self._prepare.read(given, self.told)

    def words(self, answers: dict[str, np.ndarray]) -> dict[str, Any]:
        """Turn one example's answers into plain values: the class and how sure it is, the number, or arrays."""
        target, classes = self.told["target"], self.told["classes"]
        if self.told["task"] == "classification" and target in answers:
            odds = answers[target][0]
            likeliest = int(odds.argmax())
            each = {name: round(float(odd), 6) for name, odd in zip(classes, odds, strict=True)}
            return {target: classes[likeliest], "probability": each[classes[likeliest]], "probabilities": each}
        tell = getattr(self._prepare, "words", None)
        if tell:
            return tell(answers, self.told)
        return {name: answer[0].tolist() for name, answer in answers.items()}


def main(given: list[str]) -> None:
    """Answer every example that was given."""
    if not given:
        raise SystemExit(f"Usage: python {Path(__file__).name} INPUT [INPUT ...]")
    model = Model()
    for each in given:
        for row in model.rows(each):
            sys.stdout.write(json.dumps(model.words(model.answer(row)), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
