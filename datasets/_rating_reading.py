"""From an uploaded table, or a zip with a table of ratings and one of items, to who rated what how high."""

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from datasets._archive import Bundle, note_unsafe, opened
from datasets._table_columns import as_numbers, as_texts, find_column, one_array, pc
from datasets._table_config import Config as TableConfig
from datasets._table_reading import Table, read_table
from recipes import Refusal, known

ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".xlsx", ".parquet", ".json", ".jsonl")
USER = ("user", "viewer", "customer", "reader", "person", "member", "reviewer", "client", "listener", "visitor", "uid")
ITEM = (
    "item", "film", "movie", "product", "book", "song", "track", "artist", "game", "recipe", "isbn", "article",
    "title", "anime", "restaurant", "place", "iid",
)  # fmt: skip
RATING = ("rating", "rate", "score", "stars", "star", "vote", "grade", "mark", "points", "value")
TITLES = ("title", "name")


@dataclass
class Ratings:
    """Who rated what: three arrays of one length; `items` are columns about each item, in the order of `names`."""

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    columns: tuple[str, str, str]
    """The names of the three columns."""
    about: dict[str, pa.Array] = field(default_factory=dict)
    """Columns about items, one cell an item."""
    names: tuple[str, ...] = ()
    """The items to which these cells belong."""
    notes: list[str] = field(default_factory=list)


def roles_of(columns: Iterable[str]) -> tuple[str, str, str] | None:
    """Find the columns of user, item and rating by their names; None where one has no telling name."""
    left = list(columns)
    found = []
    for words in (RATING, USER, ITEM):
        name = next((name for word in words for name in left if word in _words(name)), None)
        if name is None:
            return None
        left.remove(name)
        found.append(name)
    return found[1], found[2], found[0]


def read_ratings(file: Path, wanted: tuple[str, str, str]) -> Ratings:
    """Read an upload; `wanted` names user, item and rating column where that is not left empty."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        with opened(file) as bundle:
            tables = _tables(bundle)
            notes = note_unsafe(bundle)
    else:
        tables, notes = {file.name: read_table(file, TableConfig())}, []
    name, columns = _main(tables, wanted)
    table = tables.pop(name)
    told = _cells(table, columns)
    told.notes = [*notes, *table.notes, *told.notes]
    _add_own(told, table)
    for other in tables:
        _add_items(told, other, tables[other])
    return told


def _words(name: str) -> list[str]:
    """Cut a name into small words: "movieId" is movie and id."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())


def _tables(bundle: Bundle) -> dict[str, Table]:
    names = [name for name in bundle.names if PurePosixPath(name).suffix.lower() in ENDINGS]
    if not names:
        raise Refusal(
            "There is no table in this zip. Put a table with user, item and rating into it, e.g. ratings.csv."
        )
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(names[:10]):
            copy = Path(folder) / f"{number}{PurePosixPath(name).suffix}"
            try:
                copy.write_bytes(bundle.read(name))
            except OSError:
                raise Refusal(f"The table '{PurePosixPath(name).name}' is damaged. Zip the folder again.") from None
            try:
                found[PurePosixPath(name).name] = read_table(copy, TableConfig())
            except Refusal:
                if len(names) == 1:
                    raise
    return found


def _main(tables: dict[str, Table], wanted: tuple[str, str, str]) -> tuple[str, tuple[str, str, str]]:
    """Choose the table that holds the ratings: the one with all three columns, and of several the longest."""
    able = {}
    for name, table in tables.items():
        asked = [column for column in wanted if column]
        if missing := [column for column in asked if column not in table.columns]:
            if len(tables) == 1:
                raise known("column", missing[0], table.columns)
            continue
        guessed = roles_of([column for column in table.columns if column not in asked]) if len(asked) < 3 else None
        if len(asked) == 3 or guessed or roles_of(table.columns):
            own = roles_of(table.columns) or guessed or ("", "", "")
            chosen = tuple(want or guess for want, guess in zip(wanted, own, strict=True))
            if len(set(chosen)) == 3 and all(chosen):
                able[name] = (chosen[0], chosen[1], chosen[2])
    if not tables:
        raise Refusal("No table found inside. Expected a table of users, items and ratings, e.g. ratings.csv.")
    if not able:
        columns = ", ".join(list(max(tables.values(), key=lambda table: len(table.columns)).columns)[:12])
        raise Refusal(
            f"Which columns hold the user, the item and the rating? None of {columns} say so. Name them user, item and "
            "rating, or choose them under 'more settings'."
        )
    best = max(able, key=lambda name: len(next(iter(tables[name].columns.values()))))
    return best, able[best]


def _cells(table: Table, columns: tuple[str, str, str]) -> Ratings:
    """Return the usable rows: a user, an item and a number; of a pair that comes twice the last one counts."""
    user, item, rating = (one_array(table.columns[name]) for name in columns)
    found = find_column(columns[2], rating, ".", "number")
    values = as_numbers(found.cells, "number")
    users, items = as_texts(user), as_texts(item)
    usable = np.isfinite(values) & (users != "") & (items != "")
    notes = []
    if not usable.any():
        raise Refusal(f"No row has a user, an item and a number as its rating ('{columns[2]}'). Check the columns.")
    if not usable.all():
        lost = int((~usable).sum())
        notes.append(f"{lost:,} row{'s' if lost > 1 else ''} without a user, an item or a number as rating left out.")
    pairs = np.array([f"{user}\x00{item}" for user, item in zip(users, items, strict=True)], dtype=object)
    places = np.flatnonzero(usable)[::-1]
    last = np.sort(places[np.unique(pairs[places].astype(str), return_index=True)[1]])
    if repeated := int(usable.sum()) - len(last):
        again = "a rating was" if repeated == 1 else f"{repeated:,} ratings were"
        notes.append(f"{again[0].upper()}{again[1:]} given again for the same item; the last one counts.")
    told = Ratings(users[last], items[last], values[last], columns, notes=notes)
    told.names = tuple(sorted(set(told.items.tolist())))
    return told


def _add_own(told: Ratings, table: Table) -> None:
    """Take columns of the ratings table that are the same in every row of an item, such as its genre."""
    item = pa.array(as_texts(one_array(table.columns[told.columns[1]])), pa.string())
    for name, cells in table.columns.items():
        if name in told.columns:
            continue
        texts = pa.array(as_texts(one_array(cells)), pa.string())
        grouped = pa.table({"item": item, "cell": texts}).group_by("item").aggregate([("cell", "count_distinct")])
        if (pc.max(grouped["cell_count_distinct"]).as_py() or 0) == 1 and len(pc.unique(texts)) > 1:
            places = pc.index_in(pa.array(told.names), value_set=item)
            told.about[name] = one_array(cells).take(places)


def _add_items(told: Ratings, file: str, table: Table) -> None:
    """Join a table about items by the column that holds their ids; its titles become the items' names."""
    key = next((name for name in table.columns if name == told.columns[1]), None)
    key = key or next((name for word in ITEM for name in table.columns if word in _words(name)), None)
    if key is None or len(pc.unique(one_array(table.columns[key]))) < len(one_array(table.columns[key])):
        return
    ids = pa.array(as_texts(one_array(table.columns[key])), pa.string())
    places = pc.index_in(pa.array(told.names), value_set=ids)
    if places.null_count > len(places) / 2:
        return
    told.notes.append(f"What is known of each {told.columns[1]} was taken from '{file}'.")
    about = {name: one_array(cells).take(places) for name, cells in table.columns.items() if name != key}
    title = next((name for word in TITLES for name in about if word in _words(name)), None)
    if title is not None and _are_names(about[title]):
        called = dict(zip(told.names, as_texts(about.pop(title)).tolist(), strict=True))
        told.names = tuple(called[name] or name for name in told.names)
        told.items = np.array([called[name] or name for name in told.items], dtype=object)
    told.about |= about


def _are_names(cells: pa.Array) -> bool:
    present = cells.drop_null()
    return len(pc.unique(present)) == len(present) > 0
