"""Six thousand English sentences with their French translations, made by rules: every one is right and stands once.

Subject, verb, noun, colour or none, the or a, with or without not. What a model has to find out: gender of article
and colour, the colour's place behind the noun, `je` and `ne` losing their vowel, `ne ... pas`, `de` after a negation,
do and does, a and an.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

SEED = 4


@dataclass(frozen=True)
class _Verb:
    """English forms (I, he), French forms (je, tu, il, nous, ils)."""

    english: tuple[str, str]
    french: tuple[str, str, str, str, str]


_SUBJECTS = (("I", "je"), ("You", "tu"), ("He", "il"), ("We", "nous"), ("They", "ils"))
_VERBS = (
    _Verb(("buy", "buys"), ("achète", "achètes", "achète", "achetons", "achètent")),
    _Verb(("love", "loves"), ("aime", "aimes", "aime", "aimons", "aiment")),
    _Verb(("see", "sees"), ("vois", "vois", "voit", "voyons", "voient")),
    _Verb(("sell", "sells"), ("vends", "vends", "vend", "vendons", "vendent")),
    _Verb(("look for", "looks for"), ("cherche", "cherches", "cherche", "cherchons", "cherchent")),
)
_NOUNS = (
    ("house", "maison", "f"), ("car", "voiture", "f"), ("apple", "pomme", "f"), ("flower", "fleur", "f"),
    ("shirt", "chemise", "f"), ("book", "livre", "m"), ("cat", "chat", "m"), ("umbrella", "parapluie", "m"),
    ("hat", "chapeau", "m"), ("boat", "bateau", "m"),
)  # fmt: skip
_COLOURS = (
    None, ("red", "rouge", "rouge"), ("green", "vert", "verte"), ("white", "blanc", "blanche"),
    ("black", "noir", "noire"), ("orange", "orange", "orange"),
)  # fmt: skip
_VOWELS = "aeéiou"


def make_french() -> tuple[list[str], list[str]]:
    """Return the English sentences and the French ones, in one shuffled order."""
    whole = product(range(len(_SUBJECTS)), _VERBS, _NOUNS, _COLOURS, (True, False), (True, False))
    pairs = [
        (_english(who, verb, noun, colour, the=the, no=no), _french(who, verb, noun, colour, the=the, no=no))
        for who, verb, noun, colour, the, no in whole
    ]
    order = np.random.default_rng(SEED).permutation(len(pairs))
    return [pairs[place][0] for place in order], [pairs[place][1] for place in order]


def _english(
    person: int, verb: _Verb, noun: tuple[str, ...], colour: tuple[str, ...] | None, *, the: bool, no: bool
) -> str:
    third = person == 2
    doing = f"{'does' if third else 'do'} not {verb.english[0]}" if no else verb.english[third]
    thing = " ".join(filter(None, [colour[0] if colour else "", noun[0]]))
    article = "the" if the else "an" if thing[0] in _VOWELS else "a"
    return f"{_SUBJECTS[person][0]} {doing} {article} {thing}."


def _french(
    person: int, verb: _Verb, noun: tuple[str, ...], colour: tuple[str, ...] | None, *, the: bool, no: bool
) -> str:
    feminine = noun[2] == "f"
    doing = verb.french[person]
    if no:
        doing = f"{_before('ne', doing)}{doing} pas"
    subject = _before(_SUBJECTS[person][1], doing)
    article = ("la" if feminine else "le") if the else "de" if no else "une" if feminine else "un"
    thing = " ".join(filter(None, [noun[1], colour[1 + feminine] if colour else ""]))
    sentence = f"{subject}{doing} {article} {thing}."
    return sentence[0].upper() + sentence[1:]


def _before(word: str, following: str) -> str:
    """Put a short word before another: `je` and `ne` lose their vowel before a vowel."""
    return f"{word[0]}'" if word in ("je", "ne") and following[0] in _VOWELS else f"{word} "
