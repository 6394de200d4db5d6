"""Support tickets of our own making: short messages to a shop, each meant for one of six queues.

Nothing was copied from real customers. A ticket names its topic once, in words that queues partly share, and often
adds greetings and asides that speak of *other* queues; half of the tickets have two letters swapped, and a few are
filed wrongly, as in any real shop: so no list of keywords solves it, and nothing can score 1.
"""

from dataclasses import dataclass

import numpy as np

ROWS = 3000
WRONGLY_FILED = 0.04
MISTYPED = 0.5
SEED = 20


@dataclass(frozen=True)
class _Queue:
    """What people write about: things and what they say of them."""

    things: tuple[str, ...]
    says: tuple[str, ...]


_QUEUES = {
    "billing": _Queue(
        ("invoice", "credit card", "payment", "direct debit", "order", "monthly fee"),
        (
            "was charged twice", "shows a wrong amount", "has not been booked", "costs more than agreed",
            "includes tax that I should not pay",
        ),
    ),
    "delivery": _Queue(
        ("parcel", "courier", "shipment", "order", "tracking number", "letter"),
        (
            "has not arrived", "went to my neighbour", "is late by a week", "was left in the rain",
            "has been at the depot for days",
        ),
    ),
    "login": _Queue(
        ("password", "account", "reset mail", "user name", "security code", "sign-in page"),
        (
            "is not accepted", "has not arrived", "has been locked", "was changed without me",
            "keeps sending me back to the start",
        ),
    ),
    "technical": _Queue(
        ("app", "update", "screen", "printer", "sign-in page", "headset"),
        ("crashes all the time", "stays black", "makes a loud noise", "does not connect", "is very slow since Monday"),
    ),
    "returns": _Queue(
        ("jacket", "pair of shoes", "parcel", "refund", "printer", "exchange"),
        (
            "does not fit", "should go back to you", "has a tear", "is not what I ordered",
            "has not been refunded",
        ),
    ),
    "praise": _Queue(
        ("support team", "courier", "app", "new shop", "headset", "refund"),
        (
            "was wonderful", "made my day", "works better than ever", "deserves a big thank you",
            "came sooner than promised",
        ),
    ),
}  # fmt: skip
_OPENERS = ("My {thing} {says}.", "The {thing} {says}.", "I must tell you that the {thing} {says}.",
            "It seems that my {thing} {says}.", "Once more the {thing} {says}.")  # fmt: skip
_ASIDES = (
    "By the way, the {thing} is fine.", "I have no question about the {thing}.", "The {thing} is another matter.",
    "A friend asked me about the {thing}.", "Last year it was the {thing}, that is settled now.",
    "I do not write because of the {thing}.", "Your page about the {thing} did not help me.",
)  # fmt: skip
_GREETINGS = ("Hello,", "Hi there,", "Good morning,", "Dear team,", "To whom it may concern,")
_CLOSINGS = ("Thank you.", "Please reply soon.", "Kind regards.", "What should I do?", "I look forward to your answer.")
QUEUES = tuple(sorted(_QUEUES))


def make_tickets(rows: int = ROWS, seed: int = SEED) -> tuple[list[str], list[str]]:
    """Return texts and the queues in which they were filed; the same seed makes the same tickets."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(rows):
        queue = _one(random, QUEUES)
        texts.append(_ticket(random, queue))
        labels.append(_one(random, QUEUES) if random.random() < WRONGLY_FILED else queue)
    return texts, labels


def _ticket(random: np.random.Generator, queue: str) -> str:
    told = _QUEUES[queue]
    sentences = [_one(random, _OPENERS).format(thing=_one(random, told.things), says=_one(random, told.says))]
    for _ in range(random.integers(0, 3)):
        other = _one(random, [name for name in QUEUES if name != queue])
        sentences.append(_one(random, _ASIDES).format(thing=_one(random, _QUEUES[other].things)))
    order = random.permutation(len(sentences))
    parts = [sentences[place] for place in order]
    if random.random() < 0.5:
        parts.insert(0, _one(random, _GREETINGS))
    if random.random() < 0.5:
        parts.append(_one(random, _CLOSINGS))
    text = " ".join(parts)
    return _mistyped(random, text) if random.random() < MISTYPED else text


def _mistyped(random: np.random.Generator, text: str) -> str:
    """Swap two neighbouring letters inside one word."""
    places = [at for at in range(1, len(text) - 2) if text[at].isalpha() and text[at + 1].isalpha()]
    at = places[random.integers(len(places))]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _one(random: np.random.Generator, choices: tuple[str, ...] | list[str]) -> str:
    return choices[random.integers(len(choices))]
