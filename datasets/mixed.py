"""Mixed: a table with pictures, texts or series in its cells beside numbers and words, all used together.

Canonical form: `table.parquet` (plain columns; a series is a text of numbers, a picture a mark that tells equal ones),
an album (`pictures.bin`, `index.npz`) with one picture a row where a column names pictures, and `dataset.json`. Plain
columns are understood, checked and encoded as in tables.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from datasets import DataSet, PartName, Prepared, Progress, Sample, _made_sightings, tabular
from datasets import _table_encoding as encoding_of
from datasets._archive import opened
from datasets._mixed_reading import TABLES, Parts, is_series, mark_pictures, numbers_of, read_parts
from datasets._pictures import (
    ENDINGS,
    Album,
    Entry,
    Picture,
    array_of,
    canonical,
    image_of,
    open_picture,
    resized,
    resizing,
)
from datasets._table_checks import findings
from datasets._table_columns import as_texts, decimal_mark, find_column, one_array, propose_target, propose_task
from datasets._table_config import Config as TableConfig
from datasets._table_config import Reading
from datasets._table_head import head_of
from datasets._table_plan import Plan, make_plan, problems, sorted_classes
from recipes import (
    Column,
    Data,
    Finding,
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

TITLE = "Mixed"
SUMMARY = "Rows with a picture, a text or a series beside their numbers: use all of it together."
NOUN = "row"
ICON = "hub"
EXTENSIONS = (".zip", *TABLES)
INSIDE = (*TABLES, *ENDINGS)
TASKS = ("classification", "regression")
FIRST_CHOICE = {"classification": "hybrid", "regression": "hybrid"}
READING = tabular.READING

SMALLEST, LARGEST = 16, 128
"""Sides of the pictures that are chosen by themselves."""
MOST_WORDS = 4_000
LONGEST_TEXT = 120
MOST_STEPS = 2_000
MOST_BYTES = 2_000_000_000
SPECIAL = ("picture", "series")

_SAMPLES = (
    Sample(
        name="sightings",
        title="Wildlife sightings (simulated)",
        sentence="3,000 sightings with a poor photo, measurements and a note: which animal? Only all together tell.",
        data_type="mixed", target="species", task="classification",
        licence="rows: Apache 2.0 (made by Layerwise); sprites: Noto Emoji Apache 2.0, Twemoji CC BY 4.0",
        source="simulated, datasets/_made_sightings.py; Noto Emoji, copyright Google; Twemoji, copyright Twitter, Inc",
        architecture="hybrid", expected="accuracy 0.97", rows=3_000,
    ),
)  # fmt: skip


class Config(Reading):
    """How the table is read, and how large pictures enter."""

    size: int = setting(
        0, "Picture size", "Side in pixels that the model sees; 0 chooses by the data.", ge=0, le=224, step=16,
        unit="px", zero="automatic", panel="data",
    )  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------


def samples() -> tuple[Sample, ...]:
    """List the bundled samples."""
    return _SAMPLES


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    if name != "sightings":
        raise known("sample", name, [sample.name for sample in _SAMPLES])
    made = _made_sightings.make()
    pictures, columns = made
    entries = (Entry.of(Picture(canonical(image_of(array[..., None])), *array.shape)) for array in pictures)
    album = Album.write(folder, entries, [0] * len(pictures))
    parts = Parts(
        {"photo": pa.nulls(len(pictures)), **{key: pa.array(cells.tolist()) for key, cells in columns.items()}}
    )
    parts.picture = "photo"
    mark_pictures(parts, album)
    parts.details = _made_sightings.record(made)
    parts.notes = ["The sightings are simulated: each part is made poor on purpose."]
    return _store(parts, _SAMPLES[0].title, Config(), folder)


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
    """Read a table, or a zip or folder of a table and pictures; raises `Refusal` in words."""
    settings = Config.model_validate(config.model_dump())
    progress(0.05, "Reading the table and its pictures")
    parts = read_parts(file, _of_table(settings), folder)
    if not parts.picture and not parts.series and "text" not in _kinds(parts, settings).values():
        raise Refusal(
            "This table has neither pictures nor texts nor series in its cells. Upload it as a table, or zip it "
            "together with the pictures that one of its columns names."
        )
    progress(0.8, "Looking at the columns")
    dataset = _store(parts, file.name, settings, folder)
    progress(1.0, "Done")
    return dataset


def looks_like(file: Path) -> float:
    """Sure of a zip or folder with one table and pictures that it names; of a plain table with series or texts less."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        return _looks_inside(file)
    head = head_of(file) if file.suffix.lower() in TABLES else None
    if head is None:
        return 0.0
    kinds = [find_column(name, cells, ".").column.kind for name, cells in head.columns.items()]
    has_series = any(is_series(cells) for cells in head.columns.values())
    plain = sum(kind in {"number", "category", "boolean", "date"} for kind in kinds)
    return 0.6 if has_series and plain > 1 else 0.2


def _looks_inside(file: Path) -> float:
    """Say how sure: a table with columns beside the name of a picture and its class is more than a list of labels."""
    try:
        with opened(file) as bundle:
            names = [PurePosixPath(name) for name in bundle.names]
            tables = [name for name in bundle.names if PurePosixPath(name).suffix.lower() in TABLES]
            pictures = sum(name.suffix.lower() in ENDINGS for name in names)
            if len(tables) != 1 or not pictures:
                return 0.0
            head = bundle.read(tables[0])[:100_000].decode("utf-8", errors="replace").split("\n", 1)[0]
    except (Refusal, OSError):
        return 0.0
    columns = 1 + max(head.count(sign) for sign in ",;\t|")
    return 0.95 if columns > 3 or PurePosixPath(tables[0]).suffix.lower() in {".xlsx", ".parquet"} else 0.3


def _of_table(settings: Settings) -> TableConfig:
    return TableConfig(**{name: getattr(settings, name) for name in Reading.model_fields})


def _found(parts: Parts, config: Config) -> dict[str, Any]:
    """Return each plain column as it was understood."""
    plain = {name: cells for name, cells in parts.columns.items() if name not in (parts.picture, *parts.series)}
    decimal = config.decimal or decimal_mark(plain.values(), str(parts.details.get("delimiter", "")))
    for column in config.columns:
        if column not in parts.columns:
            raise known("column", column, parts.columns)
    return {
        name: find_column(name, cells, decimal, config.columns.get(name, ""), guess_decimal=not config.decimal)
        for name, cells in plain.items()
    }


def _kinds(parts: Parts, config: Config) -> dict[str, str]:
    return {name: told.column.kind for name, told in _found(parts, config).items()}


def _store(parts: Parts, name: str, config: Config, folder: Path) -> DataSet:
    """Find the kinds, write `table.parquet`, then `dataset.json`."""
    found = _found(parts, config)
    columns: dict[str, Column] = {}
    cells: dict[str, pa.Array] = {}
    for column, array in parts.columns.items():
        if column in found:
            columns[column], cells[column] = found[column].column, found[column].cells
            continue
        kind = "picture" if column == parts.picture else "series"
        reason = "its cells name pictures" if kind == "picture" else "its cells are lists of numbers"
        present = array.drop_null()
        told = {
            "name": column,
            "kind": kind,
            "reason": reason,
            "missing": array.null_count,
            "unique": len(present.unique()),
        }
        columns[column], cells[column] = Column.model_validate(told), array
    plain = {key: column for key, column in columns.items() if column.kind not in SPECIAL}
    target = propose_target(plain)
    task = propose_task(columns[target], cells[target]) if target else ""
    folder.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(cells), folder / "table.parquet")
    counts = _class_counts(cells[target]) if task == "classification" else {}
    digest = hashlib.sha256(config.model_dump_json().encode())
    for array in cells.values():
        digest.update("\x00".join(as_texts(array)).encode())
    schema = Schema(
        name=name, data_type="mixed", rows=len(next(iter(cells.values()))), columns=tuple(columns.values()),
        target=target, task=task, classes=counts, fingerprint=digest.hexdigest(), notes=tuple(parts.notes),
        details=parts.details | {"picture": parts.picture, "series": parts.series},
    )  # fmt: skip
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(indent=1), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


def _class_counts(cells: pa.Array) -> dict[str, int]:
    texts = as_texts(cells)
    found, counts = np.unique(texts[texts != ""].astype(str), return_counts=True)
    told = dict(zip(found.tolist(), counts.tolist(), strict=True))
    return {name: told[name] for name in sorted_classes(told)}


# --- checking -----------------------------------------------------------------------------------------------------


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the rows as this recipe would use them; every check answers, also with `pass`."""
    plan = _plan(dataset, data)
    plain = dataclasses.replace(plan, kinds={name: kind for name, kind in plan.kinds.items() if kind not in SPECIAL})
    told = findings(plain) if plain.used else problems(plan)
    return [*told, _check_parts(plan), *_check_pictures(dataset, plan), *_check_series(plan)]


def _check_parts(plan: Plan) -> Finding:
    kinds = set(plan.used.values())
    names = [name for name, has in _has(kinds).items() if has]
    told = f"Each row has {len(names)} part{'s' if len(names) > 1 else ''}: {', '.join(names)}."
    if len(names) < 2:
        cure = "With one part alone, its own data type serves better: tables, texts, series or pictures."
        return Finding(code="parts", severity="notice", sentence=told, cure=cure)
    return Finding(code="parts", severity="pass", sentence=told)


def _check_pictures(dataset: DataSet, plan: Plan) -> list[Finding]:
    name = next((name for name, kind in plan.used.items() if kind == "picture"), "")
    if not name:
        return []
    album, gone = Album.open(dataset.folder), plan.cells[name].null_count
    sizes = np.unique(album.sizes, axis=0)
    found = [
        Finding(code="picture_sizes", severity="pass", sentence=f"{len(album):,} pictures of {len(sizes):,} sizes.")
    ]
    if gone:
        cure = "They show plain grey to the model. Add the files, or remove the rows."
        told = f"{gone:,} of {len(album):,} rows have no picture."
        found.append(Finding(code="missing_pictures", severity="warning", sentence=told, cure=cure, column=name))
    else:
        found.append(Finding(code="missing_pictures", severity="pass", sentence="Every row has its picture."))
    return found


def _check_series(plan: Plan) -> list[Finding]:
    names = [name for name, kind in plan.used.items() if kind == "series"]
    if not names:
        return []
    lengths = np.array([len(numbers_of(text)) for text in as_texts(plan.cells[names[0]])])
    usual = int(np.median(lengths[lengths > 0])) if (lengths > 0).any() else 0
    odd = int((lengths != usual).sum())
    if odd:
        cure = "Shorter ones are filled up with their average, longer ones are cut."
        told = f"{odd:,} series have another length than {usual:,}."
        return [Finding(code="series_length", severity="notice", sentence=told, cure=cure, column=names[0])]
    return [Finding(code="series_length", severity="pass", sentence=f"Every series has {usual:,} steps.")]


def classes(dataset: DataSet, data: Data) -> dict[str, int]:
    """Count the rows of each class of the chosen target; empty where a number is learned."""
    return _plan(dataset, data).counts


def tasks(dataset: DataSet) -> tuple[str, ...]:
    """Name what can be learned: what the target suggests, and a number where there is a column of numbers."""
    schema = dataset.schema
    able = ["classification"] if schema.target else []
    if any(column.kind == "number" for column in schema.columns):
        able.append("regression")
    return tuple(sorted(able, key=lambda task: task != schema.task))


# --- preparing ----------------------------------------------------------------------------------------------------


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split, learn the encoding of each part from the training rows, and write one array a part."""
    config = validate(Config, data.settings, "data")
    plan = _plan(dataset, data)
    for problem in problems(plan):
        raise Refusal(f"{problem.sentence} {problem.cure}")
    parts = plan.parts(seed)
    progress(0.1, "Learning the encoding")
    encoding = _fit(dataset, plan, parts["train"], config)
    arrays = {"features": _features, "tokens": _tokens, "series": _series}
    ready: dict[PartName, Part] = {}
    target, answers = _answers(plan, parts["train"])
    for number, (name, places) in enumerate(parts.items()):
        x = {}
        for part in _present(encoding):
            progress(0.2 + 0.25 * number, f"Preparing the {name} part")
            x[part] = (
                _pictures(dataset, encoding, plan.rows[places])
                if part == "picture"
                else arrays[part](plan, encoding, places)
            )
        y = answers[places] if target.classes else answers[places][:, None]
        ready[name] = Part(x, y, plan.rows[places].astype(np.int64))
    train = parts["train"]
    signature = Signature(
        data_type="mixed",
        task=plan.task,
        inputs=_specs(encoding),
        raw=tuple(_raw_inputs(plan, encoding, train)),
        target=target,
        rows={name: len(places) for name, places in parts.items()},
        class_counts=tuple(np.bincount(answers[train]).tolist()) if target.classes else (),
        details={
            "parts": {part: _columns_of(encoding, part) for part in _present(encoding)},
            "vocabulary": len(encoding["texts"]["words"]) + 2 if encoding["texts"] else 0,
        },
    )  # fmt: skip
    prepared = Prepared(folder, signature, encoding).save(ready)
    progress(1.0, "Prepared")
    return prepared


def _plan(dataset: DataSet, data: Data) -> Plan:
    """Work out what the recipe asks of the plain columns, with the settings that tables know."""
    if data.task and data.task not in TASKS:
        raise known("task", data.task, TASKS)
    settings = validate(Config, data.settings, "data")
    own = _of_table(settings).model_dump(mode="json")
    plain = Data.model_validate(data.model_dump(exclude=set(data.settings)) | own)
    return make_plan(dataset, parquet.read_table(dataset.folder / "table.parquet"), plain)


def _answers(plan: Plan, train: np.ndarray) -> tuple[Target, np.ndarray]:
    if plan.task == "classification":
        place_of = {name: place for place, name in enumerate(plan.classes)}
        return Target(name=plan.target, classes=plan.classes), np.asarray(
            [place_of[name] for name in plan.labels], np.int32
        )
    values = plan.labels[train]
    mean, scale = float(values.mean()), float(values.std()) or 1.0
    return Target(name=plan.target, mean=mean, scale=scale), ((plan.labels - mean) / scale).astype(np.float32)


def _has(kinds: set[str]) -> dict[str, bool]:
    """Name the parts for people, and whether they are there."""
    return {
        "a picture": "picture" in kinds, "numbers and words": bool(kinds - {"picture", "text", "series"}),
        "a text": "text" in kinds, "a series": "series" in kinds,
    }  # fmt: skip


def _fit(dataset: DataSet, plan: Plan, train: np.ndarray, config: Config) -> dict[str, Any]:
    """Learn each part's encoding from the training rows: plain values, ready for JSON."""
    kinds = plan.used
    plain = {name: kind for name, kind in kinds.items() if kind not in {"picture", "text", "series"}}
    raw = {name: plan.raw(name)[train] for name in plain}
    table = encoding_of.fit(raw, plain) if plain else None
    texts = [name for name, kind in kinds.items() if kind == "text"]
    series = [name for name, kind in kinds.items() if kind == "series"]
    encoding: dict[str, Any] = {
        "version": 1,
        "table": table if table and table["features"] else None,
        "texts": _fit_texts(plan, texts, train) if texts else None,
        "series": _fit_series(plan, series, train) if series else None,
        "picture": None,
    }
    if name := next((name for name, kind in kinds.items() if kind == "picture"), ""):
        encoding["picture"] = _fit_picture(dataset, name, config, len(plan.rows))
    if not _present(encoding):
        raise Refusal("No column holds anything to learn from in the training part. Choose other columns or more rows.")
    return encoding


def _fit_picture(dataset: DataSet, name: str, config: Config, rows: int) -> dict[str, Any]:
    album = Album.open(dataset.folder)
    usual = int(np.median(album.sizes.min(axis=1)))
    size = config.size or min(LARGEST, max(SMALLEST, usual - usual % 4))
    channels = 3 if album.colour.mean() > 0.05 else 1
    if rows * size * size * channels > MOST_BYTES:
        raise Refusal(f"{rows:,} pictures of size {size} need more than 2 GB. Set a smaller picture size.")
    return {"name": name, "size": size, "channels": channels}


def _fit_texts(plan: Plan, names: list[str], train: np.ndarray) -> dict[str, Any]:
    """Learn the words of all texts together, and how long each column's texts are."""
    counts: dict[str, int] = {}
    lengths = {}
    for name in names:
        cells = [encoding_of.words_of(text) for text in plan.raw(name)[train]]
        lengths[name] = max(1, min(LONGEST_TEXT, int(np.quantile([len(words) for words in cells], 0.98))))
        for words in cells:
            for word in words:
                counts[word] = counts.get(word, 0) + 1
    ranked = sorted((word for word, count in counts.items() if count > 1), key=lambda word: (-counts[word], word))
    return {"columns": lengths, "words": [word for word in ranked if word != "[UNK]"][:MOST_WORDS]}


def _fit_series(plan: Plan, names: list[str], train: np.ndarray) -> dict[str, Any]:
    found = {name: [numbers_of(text) for text in as_texts(plan.cells[name])[plan.rows[train]]] for name in names}
    lengths = [len(each) for cells in found.values() for each in cells if len(each)]
    steps = max(1, min(MOST_STEPS, int(np.median(lengths)))) if lengths else 1
    columns = {}
    for name, cells in found.items():
        values = np.concatenate([*cells, np.zeros(0, np.float32)]).astype(np.float64)
        mean = float(np.float32(values.mean())) if len(values) else 0.0
        columns[name] = {"mean": mean, "scale": float(np.float32(values.std() or 1.0)) if len(values) else 1.0}
    return {"steps": steps, "columns": columns}


def _present(encoding: dict[str, Any]) -> list[str]:
    """Name the parts that are there, by their input names."""
    by_input = {"picture": "picture", "features": "table", "tokens": "texts", "series": "series"}
    return [name for name, key in by_input.items() if encoding[key]]


def _columns_of(encoding: dict[str, Any], part: str) -> list[str]:
    if part == "picture":
        return [encoding["picture"]["name"]]
    if part == "features":
        return encoding_of.used(encoding["table"])
    return list(encoding["texts" if part == "tokens" else "series"]["columns"])


def _specs(encoding: dict[str, Any]) -> dict[str, TensorSpec]:
    specs = {}
    for part in _present(encoding):
        if part == "picture":
            size, channels = encoding["picture"]["size"], encoding["picture"]["channels"]
            specs[part] = TensorSpec(shape=(size, size, channels), dtype="uint8")
        elif part == "features":
            specs[part] = TensorSpec(shape=(len(encoding["table"]["features"]),))
        elif part == "tokens":
            specs[part] = TensorSpec(shape=(sum(encoding["texts"]["columns"].values()),), dtype="int32")
        else:
            specs[part] = TensorSpec(shape=(encoding["series"]["steps"], len(encoding["series"]["columns"])))
    return specs


def _pictures(dataset: DataSet, encoding: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    told, album = encoding["picture"], Album.open(dataset.folder)
    pictures = np.empty((len(rows), told["size"], told["size"], told["channels"]), dtype=np.uint8)
    for positions, batch in resized(album, rows, told["size"], "crop", told["channels"]):
        pictures[positions] = batch
    return pictures


def _features(plan: Plan, encoding: dict[str, Any], places: np.ndarray) -> np.ndarray:
    names = encoding_of.used(encoding["table"])
    return encoding_of.encode(encoding["table"], {name: plan.raw(name)[places] for name in names})


def _tokens(plan: Plan, encoding: dict[str, Any], places: np.ndarray) -> np.ndarray:
    """Return numbers of words (rows, length): 0 where a text has ended, 1 for an unknown word."""
    number_of = {word: number for number, word in enumerate(encoding["texts"]["words"], 2)}
    blocks = []
    for name, length in encoding["texts"]["columns"].items():
        block = np.zeros((len(places), length), dtype=np.int32)
        for row, text in enumerate(plan.raw(name)[places]):
            words = encoding_of.words_of(text)[:length]
            block[row, : len(words)] = [number_of.get(word, 1) for word in words]
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def _series(plan: Plan, encoding: dict[str, Any], places: np.ndarray) -> np.ndarray:
    """Return standardised series (rows, steps, columns); what is missing is 0, the average."""
    told = encoding["series"]
    ready = np.zeros((len(places), told["steps"], len(told["columns"])), dtype=np.float32)
    for column, (name, fitted) in enumerate(told["columns"].items()):
        for row, text in enumerate(as_texts(plan.cells[name])[plan.rows[places]]):
            cells = _fixed(numbers_of(text), told["steps"])
            ready[row, :, column] = _standard(cells, fitted)
    return ready


def _fixed(values: np.ndarray, steps: int) -> np.ndarray:
    """Cut or fill up with NaN."""
    full = np.full(steps, np.nan, dtype=np.float32)
    full[: min(steps, len(values))] = values[:steps]
    return full


def _standard(values: np.ndarray, fitted: dict[str, float]) -> np.ndarray:
    known_ = np.isfinite(values)
    centred = np.where(known_, values, np.float32(0)) - np.float32(fitted["mean"])
    return np.where(known_, centred / np.float32(fitted["scale"]), np.float32(0))


def _raw_inputs(plan: Plan, encoding: dict[str, Any], train: np.ndarray) -> list[RawInput]:
    """Describe what the download takes, in the order of the table's columns."""
    told = []
    for name, kind in plan.used.items():
        if kind == "picture":
            channels = encoding["picture"]["channels"]
            text = "A picture of any size."
            told.append(RawInput(name=name, kind="picture", shape=(None, None, channels), description=text))
        elif kind == "series" and encoding["series"]:
            steps = encoding["series"]["steps"]
            cells = as_texts(plan.cells[name])[plan.rows[train]]
            text = f"{steps:,} numbers, with blanks or commas between them."
            told.append(
                RawInput(
                    name=name, kind="series", shape=(steps,), typical=next(filter(None, cells), ""), description=text
                )
            )
        elif kind == "text" or (encoding["table"] and name in encoding_of.used(encoding["table"])):
            told.append(encoding_of.raw_input(name, kind, plan.raw(name)[train], encoding["table"] or {}))
    return told


# --- rows for people and for the finished model -------------------------------------------------------------------


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these rows as plain cells, their picture as a picture."""
    told = tabular.preview(dataset, rows)
    name = dataset.schema.details["picture"]
    if not name:
        return told
    images = Album.open(dataset.folder).images(rows)
    return [
        {name: image} | {key: cell for key, cell in row.items() if key != name}
        for row, image in zip(told, images, strict=True)
    ]


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these rows as the finished model takes them, one dictionary a row."""
    plain = signature.model_copy(update={"raw": tuple(each for each in signature.raw if each.kind not in SPECIAL)})
    found = tabular.raw(dataset, plain, rows)
    table = parquet.read_table(dataset.folder / "table.parquet")
    for each in signature.raw:
        if each.kind == "picture":
            channels = int(each.shape[-1] or 1)
            for row, image in zip(found, Album.open(dataset.folder).images(rows), strict=True):
                row[each.name] = array_of(image, channels)[None]
        elif each.kind == "series":
            texts = as_texts(one_array(table.column(each.name)))
            for row, place in zip(found, rows, strict=True):
                row[each.name] = _fixed(numbers_of(texts[place]), int(each.shape[0] or 1))[None]
    return found


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn cells, the bytes of a picture and lists of numbers into one raw row; empty ones are missing."""
    plain = signature.model_copy(update={"raw": tuple(each for each in signature.raw if each.kind not in SPECIAL)})
    row = tabular.parse(plain, values)
    for each in signature.raw:
        value = values.get(each.name)
        if each.kind == "picture":
            channels = int(each.shape[-1] or 1)
            grey = np.full((1, 8, 8, channels), 128, dtype=np.uint8)
            row[each.name] = array_of(open_picture(value).image, channels)[None] if isinstance(value, bytes) else grey
        elif each.kind == "series":
            row[each.name] = _typed_series(each, value)[None]
    return row


def _typed_series(each: RawInput, value: Any) -> np.ndarray:
    steps = int(each.shape[0] or 1)
    if isinstance(value, str):
        values = numbers_of(value)
        if value.strip() and not len(values):
            raise Refusal(f"'{each.name}' needs numbers with blanks between them, such as 1 2.5 3.")
        return _fixed(values, steps)
    return _fixed(np.asarray([] if value is None else value, dtype=np.float32).reshape(-1), steps)


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return raw inputs by column name and one ready tensor a part, joined by stock layers. Worker only."""
    plain = tuple(each for each in signature.raw if each.kind not in {"picture", "text", "series"})
    inputs, ready = {}, {}
    if encoding["table"]:
        inputs, ready["features"] = encoding_of.layers(encoding["table"], plain)
    for number, each in enumerate(signature.raw, 1):
        if each.name not in inputs:
            name = encoding_of.layer_name(number, each.name)
            inputs[each.name] = keras.Input(each.shape, name=name, dtype=each.dtype)
    if encoding["picture"]:
        told = encoding["picture"]
        ready["picture"] = keras.ops.round(resizing(told["size"], "crop")(inputs[told["name"]], training=False))
    if encoding["texts"]:
        ready["tokens"] = _token_layers(encoding["texts"], inputs)
    if encoding["series"]:
        ready["series"] = _series_layers(encoding["series"], inputs)
    return inputs, {name: ready[name] for name in signature.inputs}


def _token_layers(told: dict[str, Any], inputs: dict[str, Any]) -> Any:
    """Map texts (batch, 1) to numbers of words (batch, length), column behind column."""
    blocks = []
    for name, length in told["columns"].items():
        numbered = keras.layers.TextVectorization(vocabulary=told["words"], output_sequence_length=length)
        blocks.append(numbered(keras.ops.squeeze(inputs[name], axis=-1)))
    joined = keras.layers.Concatenate()(blocks) if len(blocks) > 1 else blocks[0]
    return keras.ops.cast(joined, "int32")


def _series_layers(told: dict[str, Any], inputs: dict[str, Any]) -> Any:
    """Map series (batch, steps) to one standardised tensor (batch, steps, columns); NaN becomes 0, the average."""
    ops = keras.ops
    ready = []
    for name, fitted in told["columns"].items():
        seen = ops.isfinite(inputs[name])
        centred = ops.subtract(ops.where(seen, inputs[name], 0.0), fitted["mean"])
        ready.append(ops.where(seen, ops.divide(centred, fitted["scale"]), 0.0))
    return ops.stack(ready, axis=-1)
