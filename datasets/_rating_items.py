"""What is known of each item, as numbers: lists of words (genres), categories and plain numbers.

One row an item; row 0 is for an item that was never seen. A list of words counts for its words in equal shares, so that
a film of three genres is a third of each.
"""

import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from datasets._table_columns import as_numbers, as_texts, find_column

MOST_WORDS = 40
"""Most frequent words of a column that get a number of their own."""
MOST_NUMBERS = 4_000_000
"""Items times features: with more, only the first columns are used."""
_BETWEEN = re.compile(r"\s*[|;,/]\s*")


def fit(about: dict[str, pa.Array], used: np.ndarray) -> dict[str, Any]:
    """Learn the features of the items that are `used` in training: {"names", "table": (items + 1, features)}."""
    names: list[str] = []
    blocks: list[np.ndarray] = []
    items = len(used)
    for column, cells in about.items():
        found = find_column(column, cells, ".")
        if found.column.kind in {"number", "boolean", "date"}:
            values = _standardised(as_numbers(found.cells, found.column.kind), used)
            block, told = values[:, None], [column]
        else:
            block, told = _shares(as_texts(cells), used)
            told = [f"{column}: {word}" for word in told]
        if told and (len(names) + len(told)) * items <= MOST_NUMBERS:
            names += told
            blocks.append(block)
    table = np.concatenate(blocks, axis=1) if blocks else np.zeros((items, 0))
    return {"names": names, "table": np.concatenate([np.zeros((1, table.shape[1])), table]).round(5).tolist()}


def _standardised(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    seen = values[used & np.isfinite(values)]
    if not len(seen):
        return np.zeros(len(values))
    scale = float(seen.std()) or 1.0
    return np.where(np.isfinite(values), (values - seen.mean()) / scale, 0.0)


def _shares(texts: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return each item's share of each frequent word, and the words; those of single items teach nothing."""
    lists = [[word for word in _BETWEEN.split(text) if word] for text in texts]
    counts = Counter(word for each, is_used in zip(lists, used, strict=True) if is_used for word in set(each))
    words = [word for word, count in sorted(counts.items(), key=lambda told: (-told[1], told[0])) if count > 1]
    words = words[:MOST_WORDS]
    place = {word: number for number, word in enumerate(words)}
    block = np.zeros((len(texts), len(words)))
    for row, each in enumerate(lists):
        for word in each:
            if word in place:
                block[row, place[word]] = 1 / len(each)
    return block, words
