"""What a look at a text finds before a model learns to write like it."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from recipes import Finding

LEAST = 2_000
"""Characters without which nothing can be learned."""
LITTLE = 50_000
LOOKED_AT = 1_000_000
LONG_LINE = 40
"""Characters from which on an equal sentence is no coincidence."""
MANY_SIGNS = 200

_SENTENCE = re.compile(r"[^.!?\n]+")
_COMMON = {
    "English": {"the", "and", "of", "to", "was", "that", "with", "his", "they", "you"},
    "German": {"der", "die", "und", "das", "nicht", "ist", "sie", "ein", "mit", "war"},
    "French": {"le", "les", "des", "est", "une", "dans", "qui", "pas", "vous", "avec"},
    "Spanish": {"el", "los", "una", "por", "con", "que", "del", "las", "para", "como"},
    "Italian": {"il", "che", "di", "non", "una", "per", "sono", "della", "gli", "con"},
}


@dataclass(frozen=True)
class Look:
    """The text with its blocks and how many of these each part needs."""

    text: str
    blocks: list[tuple[int, int]]
    needed: int


def findings(look: Look) -> list[Finding]:
    """Answer every check, also with `pass`."""
    return [
        _length(look), _blocks(look), _repeats(look), _broken(look), _signs(look), _scripts(look), _languages(look),
    ]  # fmt: skip


def problems(look: Look) -> list[Finding]:
    """Name what keeps a text from being learned at all."""
    return [found for found in (_length(look), _blocks(look)) if found.severity == "problem"]


def _length(look: Look) -> Finding:
    size = len(look.text)
    if size < LEAST:
        sentence = f"There are only {size:,} characters; at least {LEAST:,} are needed."
        return Finding(code="little_text", severity="problem", sentence=sentence, cure="Add more text.")
    if size < LITTLE:
        sentence = f"There are only {size:,} characters; {LITTLE:,} or more teach spelling and some grammar."
        cure = "Add more text of the same kind if you can; or make the model smaller, so that it learns less by heart."
        return Finding(code="little_text", severity="warning", sentence=sentence, cure=cure)
    return Finding(code="little_text", severity="pass", sentence=f"There are {size:,} characters.")


def _blocks(look: Look) -> Finding:
    number = len(look.blocks)
    if number < look.needed:
        sentence = (
            f"The text falls into {number} passages; at least {look.needed} are needed, so that some stay unseen."
        )
        return Finding(code="few_passages", severity="problem", sentence=sentence, cure="Add more text.")
    sentence = f"{number} passages or whole texts are dealt out to training, validation and test."
    return Finding(code="few_passages", severity="pass", sentence=sentence)


def _repeats(look: Look) -> Finding:
    counted: Counter[str] = Counter()
    for found in _SENTENCE.finditer(look.text):
        sentence = " ".join(found[0].split())
        if len(sentence) >= LONG_LINE:
            counted[sentence] += 1
    repeated = {sentence: times for sentence, times in counted.items() if times > 1}
    extra = sum(len(sentence) * (times - 1) for sentence, times in repeated.items())
    share = extra / max(1, len(look.text))
    if share < 0.005:
        return Finding(code="repeated", severity="pass", sentence="Hardly a sentence stands there twice.")
    example = max(repeated, key=lambda sentence: repeated[sentence] * len(sentence))
    told = (
        f"{share:.0%} of the text repeats earlier sentences, for example '{example[:60]}…' ({repeated[example]} times)."
    )
    cure = "Remove copies, licence texts and page headers: what is repeated is learned by heart and flatters the score."
    return Finding(code="repeated", severity="warning" if share >= 0.05 else "notice", sentence=told, cure=cure)


def _broken(look: Look) -> Finding:
    broken = look.text.count("\ufffd")
    if not broken:
        return Finding(code="broken_signs", severity="pass", sentence="Every sign could be read.")
    sentence = f"{broken:,} signs could not be read and stand as '\ufffd'."
    cure = "Choose the encoding by hand, or save the file as UTF-8."
    return Finding(code="broken_signs", severity="warning", sentence=sentence, cure=cure)


def _signs(look: Look) -> Finding:
    counted = Counter(look.text)
    rare = sum(1 for times in counted.values() if times < 5)
    if len(counted) < MANY_SIGNS:
        sentence = f"It is written with {len(counted)} different signs, {rare} of them met less than five times."
        return Finding(code="signs", severity="pass", sentence=sentence)
    sentence = f"It is written with {len(counted):,} different signs, {rare:,} of them met less than five times."
    cure = "Nothing to do for languages with many signs; else remove tables, formulas and decoration."
    return Finding(code="signs", severity="notice", sentence=sentence, cure=cure)


def _scripts(look: Look) -> Finding:
    letters = Counter(sign for sign in look.text[:LOOKED_AT] if sign.isalpha())
    scripts: Counter[str] = Counter()
    for sign, times in letters.items():
        scripts[unicodedata.name(sign, "OTHER").split(" ")[0].split("-")[0].title()] += times
    total = max(1, scripts.total())
    (first, _), *others = scripts.most_common(2) or [("Latin", 0)]
    if not others or others[0][1] < 0.05 * total or {first, others[0][0]} <= {"Hiragana", "Katakana", "Cjk"}:
        return Finding(code="mixed_scripts", severity="pass", sentence="It is written in one script.")
    second, times = others[0]
    sentence = f"{times / total:.0%} of the letters are {second}, the others mostly {first}."
    cure = "A small model learns one language better than two: keep one of them."
    return Finding(code="mixed_scripts", severity="notice", sentence=sentence, cure=cure)


def _languages(look: Look) -> Finding:
    step = max(1, len(look.blocks) // 200)
    sure: Counter[str] = Counter()
    for start, end in look.blocks[::step]:
        words = set(re.findall(r"[a-zà-ÿ]+", look.text[start : min(end, start + 3_000)].lower()))
        best = max(_COMMON, key=lambda name: len(_COMMON[name] & words))
        if len(_COMMON[best] & words) >= 4:
            sure[best] += 1
    (first, _), *others = sure.most_common(2) or [("", 0)]
    if not others or others[0][1] < 0.05 * sure.total():
        sentence = f"It seems to be {first} throughout." if first else "It seems to be one language."
        return Finding(code="mixed_languages", severity="pass", sentence=sentence)
    second, passages = others[0]
    sentence = f"{passages} of {sure.total()} passages seem to be {second}, the others mostly {first}."
    cure = "A small model learns one language better than two: keep one of them."
    return Finding(code="mixed_languages", severity="notice", sentence=sentence, cure=cure)
