"""The report: what a finished model is worth on the sealed test part, with yardsticks and in plain words.

`make` is called once, by the worker, at the end of a run; the shape of `report.json` is in docs/architecture.md.
"""

from typing import Any

from evaluation import scores, tasks
from evaluation.asked import Asked
from records import write_json


def make(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part as its task does; writes `report.json` and returns the report.

    `history` holds the lines of finished epochs as in `metrics.jsonl`.
    """
    report = scores.clean(tasks.get(asked.signature.task).report(asked, history))
    write_json(asked.run.folder / "report.json", report)
    return report
