"""The look at texts before training: every check answers, also when all is well."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from datasets._table_encoding import words_of
from datasets._text_plan import Plan, count, problems
from recipes import Finding

LOOKED_AT = 20_000
"""The slower checks look at this many texts, evenly spread."""
LEAST_OFTEN = 10
"""A word must be met in so many texts before it can be said to give a class away."""


def findings(plan: Plan, unit: str) -> list[Finding]:
    """Run every check; the gravest findings first."""
    found = problems(plan)
    if len(plan.rows):
        checks = (_size, _empty, _target_missing, _classes, _copies, _conflicts, _lengths, _signs, _scripts, _leakage)
        known = {finding.code for finding in found}
        found += [finding for check in checks for finding in check(plan) if finding.code not in known]
        found += _spaces(plan, unit)
    order = {"problem": 0, "warning": 1, "notice": 2, "pass": 3}
    return sorted(found, key=lambda finding: order[finding.severity])


def _finding(severity: str, code: str, sentence: str, cure: str = "", column: str = "", rows: object = ()) -> Finding:
    told = {"code": code, "severity": severity, "sentence": sentence, "cure": cure, "column": column}
    return Finding.model_validate(told | {"rows": tuple(int(row) for row in np.asarray(rows)[:5])})


def _size(plan: Plan) -> Iterator[Finding]:
    told = f"{count(len(plan.rows))} can be used, read from column '{plan.column}'."
    if len(plan.rows) < 200:
        yield _finding("warning", "rows", told, "A model learns a language from its examples: some hundred more help.")
    else:
        yield _finding("pass", "rows", told)


def _empty(plan: Plan) -> Iterator[Finding]:
    if plan.without_text:
        told = f"{count(plan.without_text, 'row')} {_verb(plan.without_text, 'has', 'have')} no text."
        cure = "Nothing to do: these rows are left out."
        yield _finding("notice", "empty_texts", told, cure, plan.column)
    else:
        yield _finding("pass", "empty_texts", "Every row has a text.")


def _target_missing(plan: Plan) -> Iterator[Finding]:
    if plan.without_target:
        told = f"The label '{plan.target}' is missing for {count(plan.without_target)}."
        yield _finding("notice", "target_missing", told, "Nothing to do: these rows are left out.", plan.target)
    else:
        yield _finding("pass", "target_missing", "Every sentence has a label.")


def _classes(plan: Plan) -> Iterator[Finding]:
    if plan.task != "classification" or len(plan.counts) < 2:
        return
    for name, rows in plan.left_out.items():
        told = f"Class '{name}' has only {count(rows)} and is left out."
        yield _finding("warning", "rare_classes", told, "Add sentences to it to have it learned.", plan.target)
    counts = plan.counts
    few = [name for name, rows in counts.items() if rows < 20]
    if few:
        told = ", ".join(f"'{name}' ({counts[name]})" for name in few[:5]) + (", …" if len(few) > 5 else "")
        cure = "Their scores will be rough: add sentences to them if you can."
        yield _finding("warning", "rare_classes", f"Classes with fewer than 20 sentences: {told}.", cure, plan.target)
    elif not plan.left_out:
        yield _finding("pass", "rare_classes", f"Each of the {len(counts)} classes has at least 20 sentences.")
    most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
    ratio, all_rows = counts[most] / counts[least], len(plan.rows)
    told = f"Class '{most}' holds {counts[most] / all_rows:.0%} of the sentences, '{least}' "
    told += f"{counts[least] / all_rows:.1%}."
    if ratio >= 10:
        cure = "Judge by F1, not by accuracy, and try class weights 'balanced'."
        yield _finding("warning", "imbalance", told, cure, plan.target)
    else:
        yield _finding("notice" if ratio >= 3 else "pass", "imbalance", told)


def _copies(plan: Plan) -> Iterator[Finding]:
    if not plan.copied_rows:
        yield _finding("pass", "duplicates", "No sentence is there twice.")
        return
    _, first = np.unique(plan.copies, return_index=True)
    extra = plan.rows[np.setdiff1d(np.arange(len(plan.rows)), first)]
    share = plan.copied_rows / len(plan.rows)
    told = (
        f"{count(plan.copied_rows)} of {len(plan.rows):,} ({share:.1%}) {_verb(plan.copied_rows, 'repeats', 'repeat')}"
    )
    cure = "Nothing to do: copies are kept together, so that the test stays honest."
    if share > 0.3:
        cure = "Copies are kept together, so that the test stays honest; but do they belong there?"
    severity = "warning" if share > 0.3 else "notice"
    yield _finding(severity, "duplicates", f"{told} another one.", cure, plan.column, extra)


def _conflicts(plan: Plan) -> Iterator[Finding]:
    labels = np.unique(plan.labels.astype(str), return_inverse=True)[1]
    pairs = np.unique(np.stack([plan.copies, labels]), axis=1)[0]
    torn = np.unique(pairs[1:][pairs[1:] == pairs[:-1]])
    where = np.flatnonzero(np.isin(plan.copies, torn))
    if not len(torn):
        yield _finding("pass", "conflicting_labels", "No sentence has two different labels.")
        return
    here = where[plan.copies[where] == torn[0]]
    names = ", ".join(f"'{name}'" for name in sorted({str(plan.labels[place]) for place in here})[:3])
    told = f"{count(len(torn))} {_verb(len(torn), 'has', 'have')} several labels, such as {names} for one text."
    cure = "Decide which label is right and remove the other copies."
    yield _finding("warning", "conflicting_labels", told, cure, plan.target, plan.rows[where])


def _lengths(plan: Plan) -> Iterator[Finding]:
    sizes = np.array([len(text.split()) for text in plan.texts])
    middle, long = float(np.median(sizes)), float(np.quantile(sizes, 0.95))
    told = f"A sentence has {middle:.0f} words in the middle, and 95 of 100 have at most {long:.0f}."
    short = np.flatnonzero(sizes <= 1) if middle >= 4 else np.empty(0, int)
    if len(short) > 0.02 * len(sizes):
        words = f"{count(len(short))} {_verb(len(short), 'is', 'are')} only one word long. {told}"
        cure = "Is the text column the right one? One word says little."
        yield _finding("notice", "lengths", words, cure, plan.column, plan.rows[short])
    elif long > 400:
        cure = "Only the first 400 words of each are read; a smaller length is faster."
        yield _finding("notice", "lengths", told, cure, plan.column, plan.rows[np.argsort(-sizes)])
    else:
        yield _finding("pass", "lengths", told)


def _signs(plan: Plan) -> Iterator[Finding]:
    spoilt = re.compile("\ufffd|Ã[\x80-\xbf©¨¤¶¼Ÿ±]|â€[™œ\x9d“”˜]|<br ?/?>|&(amp|lt|gt|quot|nbsp);|</?[a-z]+>")
    where = [place for place in _spread(plan) if spoilt.search(plan.texts[place])]
    if not where:
        yield _finding("pass", "odd_signs", "No sentence holds broken letters or marks of web pages.")
        return
    example = spoilt.search(plan.texts[where[0]])
    told = f"{count(len(where))} {_verb(len(where), 'holds', 'hold')} broken letters or marks of web pages, such as "
    told += f"'{example[0] if example else ''}'."
    cure = (
        "They do little harm if all classes have them; else clean the texts, or read the file with its true encoding."
    )
    yield _finding("notice", "odd_signs", told, cure, plan.column, plan.rows[where])


def _scripts(plan: Plan) -> Iterator[Finding]:
    kinds = Counter()
    of_kind: dict[str, list[int]] = defaultdict(list)
    for place in _spread(plan):
        if kind := _script(plan.texts[place]):
            kinds[kind] += 1
            of_kind[kind].append(place)
    if len(kinds) < 2 or kinds.most_common(2)[1][1] < 0.01 * kinds.total():
        yield _finding("pass", "scripts", "All sentences are written in one script.")
        return
    told = ", ".join(f"{name.title()} ({rows:,})" for name, rows in kinds.most_common(3))
    rare = kinds.most_common(2)[1][0]
    cure = "If the languages are spread unevenly over the classes, the model learns the language instead."
    words = f"The sentences are written in several scripts: {told}."
    yield _finding("notice", "scripts", words, cure, plan.column, plan.rows[of_kind[rare]])


def _script(text: str) -> str:
    """Name the script of most letters of a text's beginning; Chinese and Japanese signs count as one."""
    letters = Counter(
        unicodedata.name(sign, "").split(" ")[0] for sign in text[:60] if sign.isalpha() or ord(sign) > 0x3000
    )
    letters.pop("", None)
    kind = letters.most_common(1)[0][0] if letters else ""
    return "CJK" if kind in {"HIRAGANA", "KATAKANA"} else kind


def _leakage(plan: Plan) -> Iterator[Finding]:
    """Look for a single word that gives a class away, such as the class's own name in the text."""
    if plan.task != "classification":
        return
    places = _spread(plan)
    having: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        for word in set(words_of(plan.texts[place])):
            having[word][str(plan.labels[place])] += 1
    rows = Counter(str(plan.labels[place]) for place in places)
    found = []
    for word, told in having.items():
        name, hits = told.most_common(1)[0]
        if hits >= max(LEAST_OFTEN, 0.9 * rows[name]) and hits > 0.98 * told.total() and rows[name] < 0.8 * len(places):
            found.append((hits / rows[name], word, name))
    if found:
        share, word, name = max(found)
        told = f"The word '{word}' stands in {share:.0%} of class '{name}' and nearly no other sentence."
        cure = "If that word would not be there in practice, take it out: the model would learn nothing else."
        yield _finding("warning", "leakage", told, cure, plan.column)
        return
    yield _finding("pass", "leakage", "No single word gives a class away.")


def _spaces(plan: Plan, unit: str) -> Iterator[Finding]:
    """Languages without spaces between words need characters."""
    texts = [plan.texts[place] for place in _spread(plan)[:500]]
    packed = sum(_script(text) in {"CJK", "THAI", "LAO", "KHMER"} for text in texts)
    if unit == "words" and packed > 0.5 * len(texts):
        told = "The sentences have no spaces between their words."
        yield _finding("warning", "no_spaces", told, "Read them by characters: set 'Read by' to 'characters'.")


def _spread(plan: Plan) -> list[int]:
    return np.linspace(0, len(plan.rows) - 1, min(LOOKED_AT, len(plan.rows))).astype(int).tolist()


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
