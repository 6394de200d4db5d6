"""Writing with a model of text: drawing token after token, the loss on unseen text, simple rivals, copied passages.

Losses are in nats per token (a character or a word), over every place of windows {"tokens": (rows, length)}; the first
places of a window have little before them to go by, for the model and for its rivals alike.
"""

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from datasets import _prose_tokens as tokens_in
from datasets.prose import text_of
from evaluation import _rows
from evaluation.asked import Asked
from recipes import Part, Signature, keras

MOST_WINDOWS = 4_000
"""Windows of a part that are judged; of longer texts some spread evenly over the part."""
MOST_TOKENS = 3_000_000
"""Training tokens that the rivals count."""
CHUNK = 256
MOST_SEARCHED = 5_000_000
"""Characters of the training part in which copies are looked for."""


# --- writing ------------------------------------------------------------------------------------------------------


class Pen(Protocol):
    """A model that is asked for the odds of the next token, row by row of a batch."""

    def begin(self, texts: list[np.ndarray]) -> np.ndarray:
        """Read the given tokens of each row; returns the odds of what follows (rows, vocabulary)."""
        ...

    def go_on(self, chosen: np.ndarray) -> np.ndarray:
        """Read one more token of each row (rows,); returns the odds of what follows."""
        ...


class WindowPen:
    """Ask about the last window again for each token: works for every model."""

    def __init__(self, ask: Callable[[np.ndarray], np.ndarray], length: int) -> None:
        self._ask, self._length = ask, length
        self._texts: list[list[int]] = []

    def begin(self, texts: list[np.ndarray]) -> np.ndarray:
        """Read the given tokens of each row."""
        self._texts = [text.tolist() for text in texts]
        return self._odds()

    def go_on(self, chosen: np.ndarray) -> np.ndarray:
        """Read one more token of each row."""
        for text, token in zip(self._texts, chosen.tolist(), strict=True):
            text.append(token)
        return self._odds()

    def _odds(self) -> np.ndarray:
        window = np.zeros((len(self._texts), self._length), dtype=np.int32)
        for row, text in enumerate(self._texts):
            last = text[-self._length :]
            window[row, : len(last)] = last
        return self._ask(window)


class StepPen:
    """Hand the memory of a recurrent model on: each token costs the same, however long the text is."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._sizes = {name: int(each.shape[-1]) for name, each in model.input.items() if name != "token"}
        self._memory: dict[str, np.ndarray] = {}

    def begin(self, texts: list[np.ndarray]) -> np.ndarray:
        """Read the given tokens of each row, the shorter ones resting at their end."""
        rows = len(texts)
        self._memory = {name: np.zeros((rows, size), np.float32) for name, size in self._sizes.items()}
        sizes = np.array([len(text) for text in texts])
        odds = np.zeros((rows, 0))
        for place in range(int(sizes.max())):
            before, former = self._memory, odds
            odds = self.go_on(np.array([text[min(place, len(text) - 1)] for text in texts]))
            resting = (place >= sizes)[:, None]
            if resting.any():
                self._memory = {name: np.where(resting, before[name], new) for name, new in self._memory.items()}
                odds = np.where(resting, former, odds)
        return odds

    def go_on(self, chosen: np.ndarray) -> np.ndarray:
        """Read one more token of each row."""
        token = chosen.astype(np.int32)[:, None]
        told = self._model.predict_on_batch({"token": token} | self._memory)
        self._memory = {name: np.asarray(told[f"new_{name}"]) for name in self._memory}
        return np.asarray(told["next"])


def write(
    pen: Pen, texts: list[np.ndarray], temperatures: np.ndarray, amount: int, random: np.random.Generator
) -> np.ndarray:
    """Go on from each text with `amount` tokens, drawn at each row's temperature: (rows, amount) int32."""
    found = np.empty((len(texts), amount), dtype=np.int32)
    odds = pen.begin(texts)
    for place in range(amount):
        found[:, place] = drawn(odds, temperatures, random)
        if place < amount - 1:
            odds = pen.go_on(found[:, place])
    return found


def drawn(odds: np.ndarray, temperatures: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw one token a row (rows,); low temperatures prefer the likeliest, padding and unknown are never drawn."""
    logs = np.log(np.maximum(np.asarray(odds, dtype=np.float64), 1e-30)) / temperatures[:, None]
    logs[:, : tokens_in.RESERVED] = -np.inf
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    heights = powers.cumsum(axis=1)
    levels = random.random(len(odds)) * heights[:, -1]
    return (heights <= levels[:, None]).sum(axis=1).clip(max=odds.shape[1] - 1).astype(np.int32)


def at_the_end(tokens: Any, logits: Any) -> Any:
    """Turn logits (batch, length, vocabulary) into the odds of what follows the last token: (batch, vocabulary)."""
    ops = keras.ops
    there = ops.sum(ops.cast(ops.not_equal(tokens, 0), "int32"), axis=-1)  # (batch,)
    place = ops.expand_dims(ops.expand_dims(ops.maximum(there - 1, 0), -1), -1)  # (batch, 1, 1)
    last = ops.squeeze(ops.take_along_axis(logits, place, axis=1), axis=1)
    return keras.layers.Softmax(dtype="float32")(last)


def pen_of(asked: Asked) -> Pen:
    """Make the quickest pen that the run's models allow."""
    step = asked.blueprint.deliverables.get("step")
    if step is not None:
        return StepPen(_calm(keras.Model(step.model.input, step.model.output)))
    tokens = asked.core.input["tokens"]
    model = _calm(keras.Model(asked.core.input, at_the_end(tokens, asked.core.output)))
    length = int(asked.signature.details["length"])
    return WindowPen(lambda window: np.asarray(model.predict_on_batch({"tokens": window})), length)


def _calm(model: Any) -> Any:
    model.jit_compile = False
    return model


# --- judging ------------------------------------------------------------------------------------------------------


def some_of(part: Part, most: int = MOST_WINDOWS) -> tuple[np.ndarray, np.ndarray]:
    """Return windows (rows, length) and what follows each place, spread evenly over a part."""
    kept = places_of(part, most)
    return np.asarray(part.x["tokens"][kept]), np.asarray(part.y[kept])


def places_of(part: Part, most: int = MOST_WINDOWS) -> np.ndarray:
    """Return the places of `some_of`."""
    return np.unique(np.linspace(0, len(part) - 1, min(len(part), most)).astype(int))


def write_answers(asked: Asked, part: Part, following: np.ndarray, losses: np.ndarray, hits: np.ndarray) -> None:
    """Keep of each window its mean loss and its share of right tokens, (windows, 2); what was to follow, as a hash.

    Two runs can be compared where the hashes are equal: the same passage, cut and numbered in the same way.
    """
    hashes = np.array([zlib.crc32(np.asarray(row, dtype="int64").tobytes()) for row in following], dtype=np.int64)
    prints = np.stack([hashes >> 16, hashes & 0xFFFF], axis=1)  # small numbers, which are compared as exact ones
    told = np.stack([losses.mean(axis=1), hits.mean(axis=1)], axis=1)
    _rows.write_predictions(asked.run, np.asarray(part.rows)[places_of(part)], prints, told)


def judged(asked: Asked, tokens: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss at every place and whether the likeliest token was right: both (rows, length)."""
    losses, hits = np.empty(tokens.shape), np.empty(tokens.shape, dtype=bool)
    for start in range(0, len(tokens), CHUNK):
        here = slice(start, start + CHUNK)
        some = tokens[here]
        # The last chunk is filled up: another size would be traced anew.
        full = np.concatenate([some, np.zeros((CHUNK - len(some), tokens.shape[1]), some.dtype)]) if start else some
        logits = asked.ask_core({"tokens": full})[: len(some)].astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        right = np.take_along_axis(logits, following[here][..., None], axis=-1)[..., 0]
        losses[here] = np.log(np.exp(logits).sum(axis=-1)) - right
        hits[here] = logits.argmax(axis=-1) == following[here]
    return losses, hits


class Rivals:
    """Odds from counting alone: tokens, pairs and triples of the training part, each smoothed by the shorter one.

    Smoothing is that of Witten and Bell ("The zero-frequency problem", 1991): the fewer different tokens followed a
    context, the more it is trusted.
    """

    def __init__(self, blocks: list[np.ndarray], vocabulary: int) -> None:
        self._size = vocabulary
        self._counts = [_counted(blocks, order, vocabulary) for order in (1, 2, 3)]

    def losses(self, tokens: np.ndarray, following: np.ndarray) -> list[np.ndarray]:
        """Return the loss at every place (rows, length) by tokens, by pairs, by triples."""
        last = tokens.astype(np.int64)
        before = np.concatenate([np.zeros_like(last[:, :1]), last[:, :-1]], axis=1)
        single = (_found(self._counts[0], following.astype(np.int64)) + 1) / (self._counts[0][1].sum() + self._size)
        pair = self._smoothed(1, last, following, single)
        triple = self._smoothed(2, before * self._size + last, following, pair)
        triple[:, 0] = pair[:, 0]  # the first place of a window has only one token before it
        return [-np.log(odds) for odds in (single, pair, triple)]

    def _smoothed(self, order: int, context: np.ndarray, following: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        codes, counts = self._counts[order]
        contexts, starts = np.unique(codes // self._size, return_index=True)
        sums, kinds = np.add.reduceat(counts, starts), np.diff(np.append(starts, len(codes)))
        met, different = _found((contexts, sums), context), _found((contexts, kinds), context)
        both = _found((codes, counts), context * self._size + following)
        return np.where(met > 0, (both + different * shorter) / np.maximum(met + different, 1), shorter)


def rivals_of(asked: Asked) -> Rivals:
    """Count in the training part."""
    text, blocks, left = text_of(asked.dataset), [], MOST_TOKENS
    for start, end in asked.encoding["parts"]["train"]:
        numbers = tokens_in.encode(asked.encoding, text[start:end])[0][: max(left, 0)]
        left -= len(numbers)
        blocks.append(numbers.astype(np.int64))
    return Rivals(blocks, asked.signature.target.size)


def _counted(blocks: list[np.ndarray], order: int, vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    codes = []
    for numbers in blocks:
        code = np.zeros(max(len(numbers) - order + 1, 0), dtype=np.int64)
        for place in range(order):
            code = code * vocabulary + numbers[place : place + len(code)]
        codes.append(code)
    return np.unique(np.concatenate(codes), return_counts=True)


def _found(table: tuple[np.ndarray, np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """Look up (keys, values); 0 where a key is missing."""
    keys, values = table
    if not len(keys):
        return np.zeros(wanted.shape)
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0).astype(np.float64)


def interval(rows: np.ndarray, seed: int) -> list[float] | None:
    """Return the 95 % interval of the mean of these rows: 1,000 draws of whole windows."""
    random = np.random.default_rng(seed)
    draws = [rows[random.integers(0, len(rows), len(rows))].mean() for _ in range(1_000)]
    low, high = np.percentile(draws, (2.5, 97.5))
    return None if low == high else [float(low), float(high)]


# --- learned by heart ---------------------------------------------------------------------------------------------


def train_text(asked: Asked) -> str:
    """Return the text of the training part, as the model knows it."""
    text = text_of(asked.dataset)
    whole = "\n".join(text[start:end] for start, end in asked.encoding["parts"]["train"])[:MOST_SEARCHED]
    return whole.lower() if asked.encoding["lower"] else whole


def test_passages(asked: Asked, amount: int, size: int) -> list[str]:
    """Return passages of the sealed test part, spread evenly over it."""
    text = text_of(asked.dataset)
    whole = "\n".join(text[start:end] for start, end in asked.encoding["parts"]["test"])
    whole = whole.lower() if asked.encoding["lower"] else whole
    starts = np.linspace(0, max(0, len(whole) - size), amount).astype(int)
    return [whole[start : start + size] for start in starts]


def longest_copy(passage: str, source: str) -> str:
    """Return the longest stretch of a passage that stands in the source word for word."""
    best = ""
    for start in range(len(passage)):
        while start + len(best) < len(passage) and passage[start : start + len(best) + 1] in source:
            best = passage[start : start + len(best) + 1]
    return best


def opening(text: str, most: int) -> str:
    """Return the first words of a text, at most so many characters."""
    return text[:most].rsplit(" ", 1)[0] if " " in text[:most] else text[:most]


def thing(signature: Signature) -> str:
    """Say what a token is: a character or a word."""
    return "word" if signature.details["unit"] == "words" else "character"


def openings(asked: Asked, amount: int, most: int = 24) -> list[str]:
    """Return how some unseen stretches of the validation part begin, in the form that the model knows."""
    text = text_of(asked.dataset)
    blocks = asked.encoding["parts"]["validation"]
    chosen = np.unique(np.linspace(0, len(blocks) - 1, min(amount, len(blocks))).astype(int))
    return [opening(text[blocks[place][0] : blocks[place][1]], most) for place in chosen]
