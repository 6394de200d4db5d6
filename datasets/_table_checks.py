"""The look at a table before training: every check answers, also when all is well."""

import math
from collections.abc import Iterator

import numpy as np

from datasets._table_columns import as_numbers, as_texts, pc
from datasets._table_encoding import MOST_VALUES, raw_cells
from datasets._table_plan import Plan, problems
from recipes import Finding

LOOKED_AT = 20_000
"""The slower checks look at this many rows, evenly spread."""
MOST_PAIRED = 300
"""Columns that are compared with each other."""


def findings(plan: Plan) -> list[Finding]:
    """Run every check; the gravest findings first."""
    found = problems(plan)
    if len(plan.rows) and plan.used:
        checks = (
            _size, _target_missing, _classes, _missing, _left_out, _near_constant, _similar, _copies, _leakage,
            _extremes, _many_values, _mixed,
        )  # fmt: skip
        known = {finding.code for finding in found}
        found += [finding for check in checks for finding in check(plan) if finding.code not in known]
    order = {"problem": 0, "warning": 1, "notice": 2, "pass": 3}
    return sorted(found, key=lambda finding: order[finding.severity])


def _finding(severity: str, code: str, sentence: str, cure: str = "", column: str = "", rows: object = ()) -> Finding:
    return Finding.model_validate(
        {"code": code, "severity": severity, "sentence": sentence, "cure": cure, "column": column,
         "rows": tuple(int(row) for row in np.asarray(rows)[:5])}
    )  # fmt: skip


def _size(plan: Plan) -> Iterator[Finding]:
    rows, columns = len(plan.rows), len(plan.used)
    told = f"{rows:,} rows and {columns:,} column{'s' if columns != 1 else ''} can be used."
    if rows < 100:
        yield _finding("warning", "rows", told, "With so few rows the score is rough: more rows make it trustworthy.")
    else:
        yield _finding("pass", "rows", told)


def _target_missing(plan: Plan) -> Iterator[Finding]:
    if not plan.target:
        yield _finding("pass", "target_missing", "Nothing is to be predicted, so every row can be used.")
    elif plan.without_target:
        yield _finding(
            "notice", "target_missing",
            f"The target '{plan.target}' is empty in {_of(plan.without_target, plan.all_rows)}.",
            "Nothing to do: these rows are left out.", plan.target,
        )  # fmt: skip
    else:
        yield _finding("pass", "target_missing", f"The target '{plan.target}' is filled in every row.")


def _classes(plan: Plan) -> Iterator[Finding]:
    if plan.task != "classification" or len(plan.counts) < 2:
        return
    for name, count in plan.left_out.items():
        yield _finding("warning", "rare_classes", f"Class '{name}' has only {_count(count)} and is left out.",
                       "Add rows to it to have it learned.", plan.target)  # fmt: skip
    counts = plan.counts
    few = [name for name, count in counts.items() if count < 20]
    if few:
        told = ", ".join(f"'{name}' ({counts[name]})" for name in few[:5]) + (", …" if len(few) > 5 else "")
        yield _finding("warning", "rare_classes", f"Classes with fewer than 20 rows: {told}.",
                       "Their scores will be rough: add rows to them if you can.", plan.target)  # fmt: skip
    elif not plan.left_out:
        yield _finding("pass", "rare_classes", f"Each of the {len(counts)} classes has at least 20 rows.")
    most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
    ratio = counts[most] / counts[least]
    share = counts[most] / len(plan.rows)
    told = f"Class '{most}' holds {share:.0%} of the rows, '{least}' {counts[least] / len(plan.rows):.1%}."
    if ratio >= 10:
        yield _finding(
            "warning", "imbalance", told,
            "The report judges by average precision, not by accuracy. Class weights 'balanced' find more rows of rare "
            "classes, at the price of more false alarms.", plan.target,
        )  # fmt: skip
    else:
        yield _finding("notice" if ratio >= 3 else "pass", "imbalance", told)


def _missing(plan: Plan) -> Iterator[Finding]:
    found = False
    for name in plan.used:
        cells = plan.cells[name]
        empty = cells.null_count
        if not empty:
            continue
        found = True
        share = empty / len(cells)
        where = np.flatnonzero(pc.is_null(cells).to_numpy(zero_copy_only=False))
        cure = "Nothing to do: empty cells become the average and are marked."
        if plan.kinds[name] in {"category", "text"}:
            cure = "Nothing to do: an empty cell is a value of its own."
        if share > 0.5:
            cure = "Most cells are empty: consider the kind 'ignore' for this column."
        yield _finding(
            "warning" if share > 0.5 else "notice", "missing_values",
            f"Column '{name}' is empty in {_of(empty, len(cells))}.", cure, name, where,
        )  # fmt: skip
    if not found:
        yield _finding("pass", "missing_values", "No cell is empty.")


def _left_out(plan: Plan) -> Iterator[Finding]:
    ignored = [name for name, kind in plan.kinds.items() if kind == "ignore"]
    for name in ignored:
        reason = plan.reasons[name]
        code = "constant_columns" if "every cell" in reason else "id_columns"
        yield _finding("notice", code, f"Column '{name}' is not used: {reason}.",
                       "Choose another kind for it if it should be used.", name)  # fmt: skip
    if not any("every cell" in plan.reasons[name] for name in ignored):
        yield _finding("pass", "constant_columns", "No column is the same in every row.")
    if all("every cell" in plan.reasons[name] for name in ignored):
        yield _finding("pass", "id_columns", "No column looks like an id or a name.")


def _near_constant(plan: Plan) -> Iterator[Finding]:
    found = False
    for name in plan.used:
        counts = pc.value_counts(plan.cells[name].drop_null()).field("counts")
        most = pc.max(counts).as_py() or 0
        total = pc.sum(counts).as_py() or 0
        if total >= 50 and len(counts) > 1 and most > 0.99 * total:
            found = True
            yield _finding("notice", "near_constant", f"Column '{name}' is the same in {most / total:.1%} of its rows.",
                           "It can hardly help; the kind 'ignore' leaves it out.", name)  # fmt: skip
    if not found:
        yield _finding("pass", "near_constant", "Every used column varies.")


def _similar(plan: Plan) -> Iterator[Finding]:
    rows = _spread(plan)
    numbers = [name for name, kind in plan.used.items() if kind in {"number", "boolean", "date"}][:MOST_PAIRED]
    pairs = _correlated(np.stack([_filled(plan, name, rows) for name in numbers])) if len(numbers) > 1 else []
    twins = [(numbers[one], numbers[two]) for one, two in pairs] + list(_same_words(plan, rows))
    for one, two in twins[:10]:
        yield _finding(
            "notice", "similar_columns", f"Columns '{one}' and '{two}' say nearly the same.",
            "One of them is enough: set the other's kind to 'ignore'.", two,
        )  # fmt: skip
    if not twins:
        yield _finding("pass", "similar_columns", "No two columns say the same.")


def _correlated(values: np.ndarray) -> list[tuple[int, int]]:
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    length[length == 0] = np.inf
    alike = np.abs((centred @ centred.T) / np.outer(length, length)) > 0.999
    return [(int(one), int(two)) for one, two in np.argwhere(np.triu(alike, 1))]


def _same_words(plan: Plan, rows: np.ndarray) -> Iterator[tuple[str, str]]:
    names = [name for name, kind in plan.used.items() if kind == "category"][:60]
    coded = {name: np.unique(as_texts(plan.cells[name])[rows].astype(str), return_inverse=True)[1] for name in names}
    for place, one in enumerate(names):
        for two in names[place + 1 :]:
            both = len(np.unique(coded[one] * (coded[two].max() + 1) + coded[two]))
            if both == coded[one].max() + 1 == coded[two].max() + 1:
                yield one, two


def _copies(plan: Plan) -> Iterator[Finding]:
    copied = plan.copied_rows
    if not copied:
        yield _finding("pass", "duplicate_rows", "No row is a copy of another.")
        return
    later = np.ones(len(plan.rows), dtype=bool)
    later[np.unique(plan.copies, return_index=True)[1]] = False
    told = f"{_count(copied)} of {len(plan.rows):,} {'is a copy' if copied == 1 else 'are copies'} of another row."
    if plan.keeps_copies_together:
        cure = "Nothing to do: copies are kept in the same part, so that none is trained on and tested on."
        yield _finding("notice", "duplicate_rows", told, cure, "", plan.rows[later])
    else:
        cure = "With so many, the same row is trained on and tested on: the score can look better than it is."
        yield _finding("warning", "duplicate_rows", told, cure, "", plan.rows[later])


def _leakage(plan: Plan) -> Iterator[Finding]:
    if plan.task == "reconstruction":
        return
    rows = _spread(plan)
    chosen = np.searchsorted(plan.rows, rows)
    labels = plan.labels[chosen]
    found = False
    if len(rows) >= 30:
        for name, kind in plan.used.items():
            if kind == "text" or not _gives_away(_ordered(plan, name, kind, rows), labels, plan.task):
                continue
            found = True
            yield _finding(
                "warning", "leakage", f"Column '{name}' alone nearly gives '{plan.target}' away.",
                "Would you know it before the answer? If not, set its kind to 'ignore'.", name,
            )  # fmt: skip
    if not found:
        yield _finding("pass", "leakage", f"No single column gives '{plan.target}' away.")


def _ordered(plan: Plan, name: str, kind: str, rows: np.ndarray) -> np.ndarray:
    if kind == "category":
        return np.unique(as_texts(plan.cells[name])[rows].astype(str), return_inverse=True)[1].astype(float)
    return np.nan_to_num(as_numbers(plan.cells[name], kind)[rows], nan=-1e300, posinf=1e300, neginf=-1e300)


def _gives_away(values: np.ndarray, labels: np.ndarray, task: str) -> bool:
    """Would a look at the other rows of equal (or next) value in this column tell almost every answer?"""
    found, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    if task == "regression":
        answers = labels.astype(float)
        total = ((answers - answers.mean()) ** 2).sum()
        if len(found) <= len(values) / 5:
            sums = np.bincount(places, answers)
            others = np.maximum(counts[places] - 1, 1)
            guess = np.where(counts[places] > 1, (sums[places] - answers) / others, answers.mean())
        else:
            order = np.argsort(values, kind="stable")
            padded = np.r_[answers[order][1], answers[order], answers[order][-2]]
            guess = np.empty_like(answers)
            guess[order] = (padded[:-2] + padded[2:]) / 2
        return total > 0 and 1 - ((answers - guess) ** 2).sum() / total > 0.98
    codes = np.unique(labels.astype(str), return_inverse=True)[1]
    shares = np.bincount(codes) / len(codes)
    if len(found) <= len(values) / 5:
        table = np.zeros((len(found), len(shares)), dtype=np.int64)
        np.add.at(table, (places, codes), 1)
        wrong = len(codes) - table.max(axis=1).sum() + (counts == 1).sum()
        by_chance = (1 - shares.max()) * len(codes)
        return wrong <= 0.02 * by_chance
    changes = (np.diff(codes[np.argsort(values, kind="stable")]) != 0).sum()
    by_chance = (1 - (shares**2).sum()) * len(codes)
    return changes <= max(len(shares) - 1, 0.02 * by_chance)


def _extremes(plan: Plan) -> Iterator[Finding]:
    found = infinite = False
    for name, kind in plan.used.items():
        if kind != "number":
            continue
        values = as_numbers(plan.cells[name], kind)
        endless = np.flatnonzero(np.isinf(values))
        if len(endless):
            infinite = True
            yield _finding("warning", "infinite_values", f"Column '{name}' is infinite in {_count(len(endless))}.",
                           "These cells count as empty. Look at where they come from.", name, endless)  # fmt: skip
        far = _far_out(values)
        if len(far):
            found = True
            yield _finding(
                "notice", "outliers",
                f"Column '{name}' has {_count(len(far))} far from all others, such as {values[far[0]]:,.6g}.",
                "Check them for slips. Heavy tails are drawn in by a logarithm.", name, far,
            )  # fmt: skip
    if not infinite:
        yield _finding("pass", "infinite_values", "No number is infinite.")
    if not found:
        yield _finding("pass", "outliers", "No number lies far from all others.")


def _far_out(values: np.ndarray) -> np.ndarray:
    """Find values beyond ten times the middle half's width: slips rather than tails."""
    known = values[np.isfinite(values)]
    if len(known) < 20:
        return np.empty(0, dtype=np.int64)
    with np.errstate(over="ignore"):
        low, high = np.quantile(known, [0.25, 0.75])
        width = high - low
    if not width > 0:
        return np.empty(0, dtype=np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.flatnonzero(np.isfinite(values) & ((values < low - 10 * width) | (values > high + 10 * width)))


def _many_values(plan: Plan) -> Iterator[Finding]:
    found = False
    for name, kind in plan.used.items():
        unique = len(pc.unique(plan.cells[name].drop_null())) if kind == "category" else 0
        if unique > MOST_VALUES:
            found = True
            yield _finding(
                "notice", "many_categories", f"Column '{name}' has {unique:,} different values.",
                f"The {MOST_VALUES} most frequent are learned, the rest count as one.", name,
            )  # fmt: skip
    if not found:
        yield _finding("pass", "many_categories", f"No category has more than {MOST_VALUES} different values.")


def _mixed(plan: Plan) -> Iterator[Finding]:
    strays = {name: told for name, told in plan.strays.items() if name in plan.used}
    for name, told in strays.items():
        texts = ", ".join(f"'{text}'" for text in told["texts"])
        count = told["count"]
        yield _finding(
            "warning", "mixed_types",
            f"Column '{name}': {count:,} value{' is' if count == 1 else 's are'} not a number ({texts}).".replace(
                "values are not a number", "values are not numbers"
            ),
            "They count as empty. Mend them in the file, or choose the kind 'category'.", name, told["rows"],
        )  # fmt: skip
    if not strays:
        yield _finding("pass", "mixed_types", "No column mixes numbers and words.")


def _spread(plan: Plan) -> np.ndarray:
    """Choose rows evenly spread over the table for the slower checks."""
    step = math.ceil(len(plan.rows) / LOOKED_AT) or 1
    return plan.rows[::step]


def _filled(plan: Plan, name: str, rows: np.ndarray) -> np.ndarray:
    values = raw_cells(plan.cells[name], plan.kinds[name])[rows].astype(np.float64)
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0)


def _of(count: int, rows: int) -> str:
    return (
        f"{count:,} of {_count(rows)} ({count / rows:.0%})" if count / rows >= 0.005 else f"{count:,} of {_count(rows)}"
    )


def _count(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
