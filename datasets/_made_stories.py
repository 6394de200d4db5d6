"""Fifteen hundred very short stories with questions about them, made by rules: every answer is right.

Three to eight people go to places, take, find, give and leave things. Each deed can be told in several ways (active and
passive, place first or last, `she` for a name) and asked for in several ways (who, what, where), and in each story at
least two deeds are alike, so that neither a keyword nor a fixed place in the text gives the answer. No two stories
have the same people: whoever is in a story of the test part never met these others while training.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

STORIES = 1500
ASKED = 4
"""Questions about each story."""
SEED = 8

_WOMEN = (
    "Anna", "Rosa", "Emma", "Lena", "Mia", "Nora", "Ida", "Clara", "Zoe", "Aunt May", "Ruth", "Greta", "Lucy", "Sara",
    "Mrs Hill", "Alice", "Vera", "Olga", "Jane", "Miss Fox",
)  # fmt: skip
_MEN = (
    "Tom", "Ben", "Max", "Paul", "Otto", "Emil", "Leo", "Noah", "Jack", "Uncle Joe", "Felix", "Hugo", "Adam", "Karl",
    "Mr Wood", "Peter", "Oscar", "Ivan", "Sam", "Doctor Bell",
)  # fmt: skip
_THINGS = (
    "kite", "key", "lantern", "rope", "basket", "book", "map", "drum", "letter", "coat", "hammer", "clock", "ball",
    "lamp", "box", "cup", "ring", "boat", "flute", "mirror", "hat", "ladder", "spoon", "bell",
)  # fmt: skip
_LOOKS = ("red", "old", "small", "blue", "broken", "golden", "heavy", "green", "wooden", "shiny")
_PLACES = (
    "harbour", "garden gate", "old mill", "market", "barn", "well", "train station", "lake", "school", "library",
    "castle", "bridge", "lighthouse", "bakery", "town hall", "stable", "river bank", "zoo", "museum", "fire station",
)  # fmt: skip
_TIMES = ("in the morning", "after lunch", "in the evening", "at noon", "before dinner", "late at night")


@dataclass(frozen=True)
class _Deed:
    """What happened: sentences, and for each question about it what the answer is."""

    told: str
    asked: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Cast:
    """What stories are made of; each name, thing and place serves once in a story."""

    random: np.random.Generator
    people: Iterator[str]
    things: Iterator[str]
    places: Iterator[str]

    def one(self, *choices: str) -> str:
        """Choose one of several ways to say it."""
        return choices[self.random.integers(len(choices))]


def make_stories() -> tuple[list[str], list[str], list[str], list[int]]:
    """Return texts, questions, answers, and where in the text each answer starts (characters), story by story."""
    random = np.random.default_rng(SEED)
    met: set[frozenset[str]] = set()
    rows: list[tuple[str, str, str, int]] = []
    while len(met) < STORIES:
        people, text, asked = _story(random)
        if people in met:
            continue
        met.add(people)
        rows += [(text, *asked[place]) for place in random.permutation(len(asked))[:ASKED]]
    texts, questions, answers, starts = zip(*rows, strict=True)
    return list(texts), list(questions), list(answers), list(starts)


def _story(random: np.random.Generator) -> tuple[frozenset[str], str, list[tuple[str, str, int]]]:
    """Return who is in it, the text, and (question, answer, start) of everything that can be asked."""
    everybody = (*_WOMEN, *_MEN)
    met: list[str] = []

    def people() -> Iterator[str]:
        for place in random.permutation(len(everybody)):
            met.append(everybody[place])
            yield everybody[place]

    things = (
        f"{_LOOKS[random.integers(len(_LOOKS))]} {_THINGS[place]}" if random.random() < 0.5 else _THINGS[place]
        for place in random.permutation(len(_THINGS))
    )
    places = (_PLACES[place] for place in random.permutation(len(_PLACES)))
    cast = _Cast(random, people(), things, places)
    twice, others = random.integers(len(_DEEDS)), random.integers(len(_DEEDS), size=1 + random.integers(2))
    kinds = random.permutation([twice, twice, *others])
    deeds = [_DEEDS[kind](cast) for kind in kinds]
    text, asked = "", []
    for deed in deeds:
        start = len(text) + bool(text)
        text = f"{text} {deed.told}".strip()
        asked += [(question, answer, start + _within(deed.told, answer)) for question, answer in deed.asked]
    return frozenset(met), text, asked


def _within(told: str, answer: str) -> int:
    """Return where the answer stands in its sentences, as whole words; a sentence may begin with it."""
    place = told.find(f" {answer}")
    return 0 if told.startswith(answer) else place + 1


def _goes(cast: _Cast) -> _Deed:
    who, where = next(cast.people), next(cast.places)
    went = cast.one("went", "walked", "ran", "hurried")
    when = cast.one(*_TIMES)
    told = cast.one(
        f"{who} {went} to the {where}.", f"{who} {went} to the {where} {when}.",
        f"{_large(when)} {who} {went} to the {where}.", f"{who} was seen at the {where} {when}.",
    )  # fmt: skip
    return _Deed(told, (
        (cast.one(f"Where did {who} go?", f"Where was {who}?", f"To which place did {who} go?"), where),
        (cast.one(f"Who went to the {where}?", f"Who was at the {where}?"), who),
    ))  # fmt: skip


def _goes_on(cast: _Cast) -> _Deed:
    who, first, last = next(cast.people), next(cast.places), next(cast.places)
    then = cast.one("Then", "Later", "After that")
    told = cast.one(
        f"{who} went to the {first}. {then} {_pronoun(who)} went on to the {last}.",
        f"{who} left the {first} and walked to the {last}.",
        f"{who} came from the {first} and went to the {last}.",
    )
    return _Deed(told, (
        (cast.one(f"Where was {who} first?", f"Where did {who} come from?"), first),
        (cast.one(f"Where was {who} in the end?", f"Where is {who} now?"), last),
        (cast.one(f"Who came to the {last}?", f"Who is at the {last} now?"), who),
    ))  # fmt: skip


def _takes(cast: _Cast) -> _Deed:
    who, what = next(cast.people), next(cast.things)
    when = cast.one(*_TIMES)
    told = cast.one(
        f"{who} took the {what}.", f"{who} picked up the {what} {when}.", f"The {what} was taken by {who}.",
        f"{_large(when)} the {what} was picked up by {who}.",
    )  # fmt: skip
    return _Deed(told, (
        (cast.one(f"What did {who} take?", f"What was taken by {who}?", f"What does {who} have?"), what),
        (cast.one(f"Who took the {what}?", f"Who has the {what}?"), who),
    ))  # fmt: skip


def _gives(cast: _Cast) -> _Deed:
    giver, getter, what = next(cast.people), next(cast.people), next(cast.things)
    told = cast.one(
        f"{giver} gave the {what} to {getter}.", f"{giver} handed {getter} the {what}.",
        f"{getter} got the {what} from {giver}.", f"The {what} was a present from {giver} to {getter}.",
    )  # fmt: skip
    return _Deed(told, (
        (cast.one(f"Who gave the {what} away?", f"Who gave {getter} the {what}?"), giver),
        (cast.one(f"Who got the {what}?", f"To whom did {giver} give the {what}?"), getter),
        (cast.one(f"What did {giver} give to {getter}?", f"What did {getter} get from {giver}?"), what),
    ))  # fmt: skip


def _leaves(cast: _Cast) -> _Deed:
    who, what, where = next(cast.people), next(cast.things), next(cast.places)
    told = cast.one(
        f"{who} left the {what} at the {where}.", f"At the {where} {who} put down the {what}.",
        f"The {what} was left at the {where} by {who}.", f"{who} hid the {what} near the {where}.",
    )  # fmt: skip
    return _Deed(told, (
        (cast.one(f"Where did {who} leave the {what}?", f"Where is the {what}?"), where),
        (cast.one(f"What did {who} leave at the {where}?", f"What was left at the {where}?"), what),
        (cast.one(f"Who left the {what} at the {where}?", f"Who left something at the {where}?"), who),
    ))  # fmt: skip


def _finds(cast: _Cast) -> _Deed:
    who, what, where = next(cast.people), next(cast.things), next(cast.places)
    told = cast.one(
        f"{who} went to the {where}. There {_pronoun(who)} found the {what}.",
        f"{who} found the {what} at the {where}.",
        f"The {what} lay at the {where} until {who} found it.",
        f"{who} looked for the {what}. At the {where} {_pronoun(who)} found it.",
    )
    return _Deed(told, (
        (cast.one(f"Who found the {what}?", f"Who found something at the {where}?"), who),
        (cast.one(f"What did {who} find?", f"What was found at the {where}?"), what),
        (cast.one(f"Where did {who} find the {what}?", f"Where was the {what} found?"), where),
    ))  # fmt: skip


_DEEDS: tuple[Callable[[_Cast], _Deed], ...] = (_goes, _goes_on, _takes, _gives, _leaves, _finds)


def _pronoun(name: str) -> str:
    return "she" if name in _WOMEN else "he"


def _large(words: str) -> str:
    return words[0].upper() + words[1:]
