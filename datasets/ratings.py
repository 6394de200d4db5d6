"""Ratings: who liked what how much. One row a rating: a user, an item, a number; columns about the items may follow.

Canonical form: `ratings.parquet` (user, item, value), `items.parquet` (item and what is known of it), `dataset.json`.
The split is by user: of each user's ratings some are kept back, so that every test pair is one the model never saw,
by a user it knows.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from datasets import DataSet, PartName, Prepared, Progress, Sample, _made_ratings, _rating_items
from datasets._archive import opened
from datasets._rating_reading import ENDINGS, Ratings, read_ratings, roles_of
from datasets._table_columns import as_texts, find_column, one_array
from datasets._table_head import head_of
from recipes import (
    Column,
    Data,
    Finding,
    Fold,
    Part,
    RawInput,
    Refusal,
    Schema,
    Settings,
    Signature,
    Target,
    TensorSpec,
    keras,
    known,
    setting,
    validate,
)

TITLE = "Ratings"
SUMMARY = "Who liked what how much: find what somebody will like next."
NOUN = "rating"
ICON = "star"
EXTENSIONS = (".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".json", ".jsonl", ".zip")
TASKS = ("recommendation",)
FIRST_CHOICE = {"recommendation": "two_towers"}
READING = ("user_column", "item_column", "rating_column")

FEWEST_ROWS = 30
FEWEST = 3
"""A user with fewer ratings serves training alone."""
MOST_CHOICES = 2_000
"""Names that the form of Try offers, the most rated first."""

_SAMPLES = (
    Sample(
        name="films",
        title="Films (simulated viewers)",
        sentence="600 simulated viewers rate 500 real films from 1 to 5: which film will each of them like next?",
        data_type="ratings", target="rating", task="recommendation",
        licence="ratings: Apache 2.0 (made by Layerwise); films: CC0 1.0",
        source="simulated, datasets/_made_ratings.py; films from Wikidata by bokeh_sampledata",
        architecture="two_towers",
        expected="RMSE 0.72 (the mean alone 1.05)", rows=29_791,
    ),
)  # fmt: skip


class Config(Settings):
    """Which columns hold what; empty ones are found by their names."""

    user_column: str = setting(
        "", "User column", "Who rated; empty: found by its name.", advanced=True, panel="data", max_length=200
    )
    item_column: str = setting(
        "", "Item column", "What was rated; empty: found by its name.", advanced=True, panel="data", max_length=200
    )
    rating_column: str = setting(
        "", "Rating column", "How high it was rated; empty: found by its name.", advanced=True, panel="data",
        max_length=200,
    )  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------


def samples() -> tuple[Sample, ...]:
    """List the bundled ratings."""
    return _SAMPLES


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    if name != "films":
        raise known("sample", name, [sample.name for sample in _SAMPLES])
    made, films = _made_ratings.make(), _made_ratings.films()
    order = np.argsort(films["film"])
    told = Ratings(
        made["viewer"].astype(object), made["film"].astype(object), made["rating"].astype(float),
        ("viewer", "film", "rating"),
        {column: pa.array(films[column][order].tolist()) for column in ("genres", "year", "critics")},
        tuple(films["film"][order].tolist()), ["The viewers are simulated; the films are real."],
    )  # fmt: skip
    return _store(told, _SAMPLES[0].title, _made_ratings.record(made), folder)


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
    """Read a table, or a zip with a table of ratings and one about the items; raises `Refusal` in words."""
    settings = Config.model_validate(config.model_dump())
    progress(0.05, "Reading the file")
    told = read_ratings(file, (settings.user_column, settings.item_column, settings.rating_column))
    progress(0.6, "Writing the ratings")
    dataset = _store(told, file.name, {}, folder)
    progress(1.0, "Done")
    return dataset


def looks_like(file: Path) -> float:
    """Sure where a table has columns named after a user, an item and a rating, or a zip holds such tables."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        return _looks_inside(file)
    if file.suffix.lower() not in EXTENSIONS:
        return 0.0
    head = head_of(file)
    return 0.8 if head is not None and roles_of(head.columns) and len(head.columns) <= 12 else 0.1


def _looks_inside(file: Path) -> float:
    try:
        with opened(file) as bundle:
            tables = [PurePosixPath(name) for name in bundle.names if PurePosixPath(name).suffix.lower() in ENDINGS]
            share = len(tables) / max(1, len(bundle.names))
    except Refusal:
        return 0.0
    return 0.9 * share if any("rating" in path.stem.lower() for path in tables) else 0.0


def _store(told: Ratings, name: str, details: dict[str, Any], folder: Path) -> DataSet:
    """Write the two tables, then `dataset.json`."""
    user, item, rating = told.columns
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table({
        "user": pa.array(told.users, pa.string()), "item": pa.array(told.items, pa.string()), "value": told.values,
    })  # fmt: skip
    items = pa.table(
        {"item": pa.array(told.names, pa.string())} | {f"about {key}": told.about[key] for key in told.about}
    )
    parquet.write_table(table, folder / "ratings.parquet")
    parquet.write_table(items, folder / "items.parquet")
    digest = hashlib.sha256()
    for array in (told.users, told.items, told.values, *(as_texts(cells) for cells in told.about.values())):
        digest.update("\x00".join(map(str, array)).encode())
    columns = [
        _names_column(user, told.users, "who rated"),
        _names_column(item, told.items, "what was rated"),
        Column(
            name=rating, kind="number", reason="the rating", unique=len(np.unique(told.values)),
            minimum=float(told.values.min()), maximum=float(told.values.max()), mean=float(told.values.mean()),
        ),
    ]  # fmt: skip
    for column, cells in told.about.items():
        found = find_column(column, cells, ".").column
        columns.append(found.model_copy(update={"reason": f"about each {item}"}))
    schema = Schema(
        name=name,
        data_type="ratings",
        rows=len(told.values),
        columns=tuple(columns),
        target=rating,
        task="recommendation",
        fingerprint=digest.hexdigest(),
        notes=tuple(told.notes),
        details={"user": user, "item": item, "about": list(told.about), **details},
    )
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(indent=1), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


def _names_column(name: str, cells: np.ndarray, reason: str) -> Column:
    found, counts = np.unique(cells.astype(str), return_counts=True)
    examples = tuple(str(each) for each in found[np.argsort(-counts, kind="stable")][:5])
    return Column(name=name, kind="category", reason=reason, unique=len(found), examples=examples)


# --- checking -----------------------------------------------------------------------------------------------------


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the ratings; every check answers, also with `pass`."""
    _settings(dataset, data)
    users, items, values = _rows(dataset)
    return [
        _check_size(users, items, values),
        _check_spread(values),
        _check_short(users, "short_users", dataset.schema.details["user"]),
        _check_short(items, "rare_items", dataset.schema.details["item"]),
        _check_crowding(users, dataset.schema.details["user"]),
        _check_about(dataset),
    ]


def _check_size(users: np.ndarray, items: np.ndarray, values: np.ndarray) -> Finding:
    people, things = users.max() + 1, items.max() + 1
    share = len(values) / (people * things)
    told = f"{len(values):,} ratings by {people:,} users of {things:,} items: {share:.1%} of all pairs are known."
    if len(values) < FEWEST_ROWS or people < 2 or things < 2:
        cure = f"At least {FEWEST_ROWS} ratings by 2 users of 2 items are needed. Add ratings."
        return Finding(code="ratings", severity="problem", sentence=told, cure=cure)
    if len(values) < 1_000:
        return Finding(code="ratings", severity="warning", sentence=told, cure="With so few, any score is rough.")
    return Finding(code="ratings", severity="pass", sentence=told)


def _check_spread(values: np.ndarray) -> Finding:
    found, counts = np.unique(values, return_counts=True)
    if len(found) == 1:
        cure = "There is nothing to learn: choose another rating column, or add ratings that differ."
        told = f"Every rating is {found[0]:g}."
        return Finding(code="rating_spread", severity="problem", sentence=told, cure=cure)
    most = counts.max() / counts.sum()
    told = f"Ratings go from {found[0]:g} to {found[-1]:g}; {found[counts.argmax()]:g} is given most ({most:.0%})."
    if most > 0.7:
        cure = "Where nearly all ratings are the same, little can be learned from them."
        return Finding(code="rating_spread", severity="warning", sentence=told, cure=cure)
    return Finding(code="rating_spread", severity="pass", sentence=told)


def _check_short(codes: np.ndarray, code: str, name: str) -> Finding:
    counts = np.bincount(codes)
    few = int((counts < FEWEST).sum())
    told = f"{few:,} of {len(counts):,} in '{name}' have fewer than {FEWEST} ratings."
    if few > len(counts) / 2:
        cure = "Little can be learned about them; more ratings of each help most."
        return Finding(code=code, severity="warning", sentence=told, cure=cure, column=name)
    if few:
        return Finding(
            code=code, severity="notice", sentence=told, cure="The model will know little of them.", column=name
        )
    told = f"Each in '{name}' has at least {counts.min():,} ratings, {counts.mean():.0f} on average."
    return Finding(code=code, severity="pass", sentence=told, column=name)


def _check_crowding(users: np.ndarray, name: str) -> Finding:
    counts = np.bincount(users)
    most = counts.max() / counts.sum()
    if most > 0.2 and len(counts) > 5:
        told = f"One in '{name}' gave {most:.0%} of all ratings."
        return Finding(
            code="crowding", severity="warning", sentence=told, cure="Is this a person or a collection?", column=name
        )
    return Finding(code="crowding", severity="pass", sentence="No single user gave a large part of the ratings.")


def _check_about(dataset: DataSet) -> Finding:
    about, item = dataset.schema.details["about"], dataset.schema.details["item"]
    if about:
        return Finding(code="about_items", severity="pass", sentence=f"Known of each {item}: {', '.join(about)}.")
    told = f"Nothing is known of each {item} but its ratings."
    cure = "Columns about it, such as a genre, help where ratings are few."
    return Finding(code="about_items", severity="notice", sentence=told, cure=cure)


def classes(dataset: DataSet, data: Data) -> dict[str, int]:
    """Return nothing: a number is learned."""
    _settings(dataset, data)
    return {}


# --- preparing ----------------------------------------------------------------------------------------------------


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split by user; write numbers of users and items (0: never seen in training) and the standardised rating."""
    _settings(dataset, data)
    for finding in check(dataset, data):
        if finding.severity == "problem":
            raise Refusal(f"{finding.sentence} {finding.cure}")
    table = parquet.read_table(dataset.folder / "ratings.parquet")
    users, items = (as_texts(one_array(table.column(name))) for name in ("user", "item"))
    values = table.column("value").to_numpy()
    progress(0.1, "Splitting each user's ratings")
    parts = _split(users, data.validation, data.test, seed)
    if data.folded:
        parts = _fold(users, parts, data.validation / (1 - data.test), seed, data.folded)
    train = parts["train"]
    encoding = _encoding(dataset, users[train], items[train])
    progress(0.4, "Writing the arrays")
    number_of = {name: {key: place for place, key in enumerate(encoding[name], 1)} for name in ("users", "items")}
    user_numbers = np.array([number_of["users"].get(user, 0) for user in users], dtype=np.int32)
    item_numbers = np.array([number_of["items"].get(item, 0) for item in items], dtype=np.int32)
    features = np.array(encoding["features"]["table"], dtype=np.float32)
    mean, scale = float(values[train].mean()), float(values[train].std()) or 1.0
    ready: dict[PartName, Part] = {}
    for name, here in parts.items():
        x = {"user": user_numbers[here], "item": item_numbers[here]}
        if features.shape[1]:
            x["features"] = features[item_numbers[here]]
        y = ((values[here] - mean) / scale).astype(np.float32)[:, None]
        ready[name] = Part(x, y, here.astype(np.int64))
    specs = {"user": TensorSpec(shape=(), dtype="int32"), "item": TensorSpec(shape=(), dtype="int32")}
    if features.shape[1]:
        specs["features"] = TensorSpec(shape=(features.shape[1],))
    signature = Signature(
        data_type="ratings",
        task="recommendation",
        inputs=specs,
        raw=(_raw_input("user", dataset, users[train]), _raw_input("item", dataset, items[train])),
        target=Target(name=dataset.schema.target, mean=mean, scale=scale),
        rows={name: len(here) for name, here in parts.items()},
        details={
            "users": len(encoding["users"]), "items": len(encoding["items"]),
            "low": float(values[train].min()), "high": float(values[train].max()),
            "step": _step(values[train]), "user_word": dataset.schema.details["user"],
            "item_word": dataset.schema.details["item"], "features": encoding["features"]["names"],
        },
    )  # fmt: skip
    return Prepared(folder, signature, encoding).save(ready)


def _split(users: np.ndarray, validation: float, test: float, seed: int) -> dict[PartName, np.ndarray]:
    """Keep back a share of each user's ratings; users with fewer than three serve training alone."""
    random = np.random.default_rng([seed, 7])
    codes = np.unique(users.astype(str), return_inverse=True)[1]
    order = random.permutation(len(users))
    order = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    place = np.arange(len(users)) - starts[codes[order]]
    amount = counts[codes[order]]
    # A user's share may be less than one rating: chance then decides, so that the whole share comes out right.
    chance = random.random(len(counts))[codes[order]]
    in_test = np.where(amount >= FEWEST, np.floor(amount * test + chance), 0)
    chance = random.random(len(counts))[codes[order]]
    in_validation = np.where(amount >= FEWEST, np.floor(amount * validation + chance), 0)
    spare = np.maximum(0, in_test + in_validation - (amount - 1))  # at least one rating of each user is learned from
    in_validation = np.maximum(0, in_validation - spare)
    in_test = np.minimum(in_test, amount - 1)
    part = np.where(place < in_test, 2, np.where(place < in_test + in_validation, 1, 0))
    found: dict[PartName, np.ndarray] = {
        "train": np.sort(order[part == 0]), "validation": np.sort(order[part == 1]), "test": np.sort(order[part == 2]),
    }  # fmt: skip
    if not len(found["validation"]) or not len(found["test"]):
        raise Refusal(f"Hardly any user has {FEWEST} ratings or more, so none can be kept back. Add ratings per user.")
    return found


def _fold(
    users: np.ndarray, parts: dict[PartName, np.ndarray], share: float, seed: int, fold: Fold
) -> dict[PartName, np.ndarray]:
    """Deal each user's ratings outside the test part out into folds; one is judged, a share of the rest is watched."""
    rest = np.sort(np.r_[parts["train"], parts["validation"]])
    random = np.random.default_rng([seed, 7, fold.of])
    codes = np.unique(users[rest].astype(str), return_inverse=True)[1]
    order = random.permutation(len(rest))
    order = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes)
    place = np.arange(len(rest)) - (np.cumsum(counts) - counts)[codes[order]]
    enough = counts[codes[order]] >= FEWEST
    first = random.integers(0, fold.of, len(counts))[codes[order]]
    judged = enough & ((place + first) % fold.of == fold.number - 1)
    watched = enough & ~judged & (random.random(len(rest)) < share)
    learned = np.bincount(codes[order][~judged & ~watched], minlength=len(counts))
    watched &= learned[codes[order]] > 0  # at least one rating of each user is learned from
    rows = rest[order]
    found: dict[PartName, np.ndarray] = {
        "train": np.sort(rows[~judged & ~watched]), "validation": np.sort(rows[watched]), "test": np.sort(rows[judged]),
    }  # fmt: skip
    if not len(found["validation"]) or not len(found["test"]):
        raise Refusal(f"Hardly any user has {FEWEST} ratings outside the test part. Add ratings per user.")
    return found


def _encoding(dataset: DataSet, users: np.ndarray, items: np.ndarray) -> dict[str, Any]:
    """Number users and items of the training part, the most frequent first; add what is known of the items."""
    table = parquet.read_table(dataset.folder / "items.parquet")
    names = table.column("item").to_pylist()
    ranked = _by_frequency(items)
    place_of = {name: place for place, name in enumerate(names)}
    order = pa.array([place_of[name] for name in ranked], pa.int64())
    about = {key: one_array(table.column(f"about {key}")).take(order) for key in dataset.schema.details["about"]}
    features = _rating_items.fit(about, np.ones(len(ranked), dtype=bool))
    return {"version": 1, "users": _by_frequency(users), "items": ranked, "features": features}


def _by_frequency(cells: np.ndarray) -> list[str]:
    found, counts = np.unique(cells.astype(str), return_counts=True)
    return [str(name) for name in found[np.argsort(-counts, kind="stable")] if name not in {"", "[UNK]"}]


def _raw_input(role: str, dataset: DataSet, seen: np.ndarray) -> RawInput:
    names = _by_frequency(seen)
    word = dataset.schema.details[role]
    text = f"One of {len(names):,} in '{word}'; any other is treated as new."
    return RawInput(
        name=role,
        kind="category",
        dtype="string",
        choices=tuple(names[:MOST_CHOICES]),
        typical=names[0],
        description=text,
    )


def _step(values: np.ndarray) -> float:
    """Return the smallest step between two ratings, such as 1 or 0.5; 0 where they take any value."""
    found = np.unique(values)
    steps = np.diff(found)
    return float(steps.min()) if len(steps) and len(found) <= 21 else 0.0


def _rows(dataset: DataSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return users and items as numbers from 0, and the ratings."""
    table = parquet.read_table(dataset.folder / "ratings.parquet")
    codes = [
        np.unique(as_texts(one_array(table.column(name))).astype(str), return_inverse=True)[1]
        for name in ("user", "item")
    ]
    return codes[0], codes[1], table.column("value").to_numpy()


def _settings(dataset: DataSet, data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"Ratings serve recommendation, so `data.task` cannot be {data.task}. Leave it out.")
    target = dataset.schema.target
    if data.target and data.target != target:
        raise Refusal(
            f"What is learned here is the rating, `{target}`, but got '{data.target}'. Leave `data.target` out."
        )
    return validate(Config, data.settings, "data")


# --- rows for people and for the finished model -------------------------------------------------------------------


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these ratings with what is known of their items."""
    details = dataset.schema.details
    table = parquet.read_table(dataset.folder / "ratings.parquet").take(pa.array(list(rows), pa.int64()))
    items = parquet.read_table(dataset.folder / "items.parquet").to_pylist()
    about = {row["item"]: row for row in items}
    return [
        {details["user"]: row["user"], details["item"]: row["item"], dataset.schema.target: _plain(row["value"])}
        | {name: about[row["item"]][f"about {name}"] for name in details["about"]}
        for row in table.to_pylist()
    ]


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:  # noqa: ARG001
    """Return these pairs as the finished model takes them: the names of user and item."""
    table = parquet.read_table(dataset.folder / "ratings.parquet").take(pa.array(list(rows), pa.int64()))
    return [{name: np.array([[row[name]]], dtype=object) for name in ("user", "item")} for row in table.to_pylist()]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn {"user": name, "item": name} into one raw row; somebody new may be left empty."""
    item = str(values.get("item") or "").strip()
    if not item:
        raise Refusal(f"Choose a {signature.details['item_word']} to be rated.")
    user = str(values.get("user") or "").strip()
    return {"user": np.array([[user]], dtype=object), "item": np.array([[item]], dtype=object)}


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two names (batch, 1) and, as ready tensors, their numbers (batch,) and the item's features."""
    inputs = {name: keras.Input((1,), dtype="string", name=name) for name in ("user", "item")}
    ready = {}
    for name, group in (("user", "users"), ("item", "items")):
        numbers = keras.layers.StringLookup(vocabulary=encoding[group], name=f"{name}_number")(inputs[name])
        ready[name] = keras.ops.cast(keras.ops.squeeze(numbers, axis=-1), "int32")
    if "features" in signature.inputs:
        table = np.array(encoding["features"]["table"], dtype=np.float32)
        about = keras.layers.Embedding(
            *table.shape, trainable=False, weights=[table], name="about_items", dtype="float32"
        )
        ready["features"] = about(ready["item"])
    return inputs, ready
