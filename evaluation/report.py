"""The report: what a finished model is worth on the sealed test part, with yardsticks and in plain words.

`make` is called once, by the worker, at the end of a run; the shape of `report.json` is in docs/architecture.md.
"""

from typing import Any

from evaluation import scores, tasks
from evaluation.asked import Asked
from evaluation.words import count
from records import write_json


def make(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part as its task does; writes `report.json` and returns the report.

    `history` holds the lines of finished epochs as in `metrics.jsonl`.
    """
    report = scores.clean(tasks.get(asked.signature.task).report(asked, history))
    if fold := asked.recipe.data.folded:
        report["judged_on"] = (
            f"On {count(report['rows'], 'row')} of fold {fold.number} of {fold.of}. The sealed test part stayed closed."
        )
        rows = {f"{name}_rows": len(asked.prepared.part(name)) for name in ("train", "test")}
        report["fold"] = {"number": fold.number, "of": fold.of} | rows
    corrected = asked.signature.details.get("corrected", {}).get("test", 0)
    if corrected:
        report["sentences"].append(
            f"{count(corrected, 'row')} of the test part {'was' if corrected == 1 else 'were'} corrected by hand. Only "
            "rows that somebody looked at were checked, so the score is a little too good."
        )
    write_json(asked.run.folder / "report.json", report)
    return report
