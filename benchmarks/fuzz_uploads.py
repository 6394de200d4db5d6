"""Thousands of damaged and hostile uploads of every data type: a data set or a sentence, and nothing else?

    python -m benchmarks.fuzz_uploads --files 2000 --seed 1 --json docs/fuzz_uploads.json

Small honest files of every kind are mutated - bytes, cuts, splices, words and cells, members of archives - and read as
one of the data types that take them. Each is read by a fork of this process, which has imported the readers and read
nothing: thousands are possible that way, and the code (`shelf.read_job`) and the walls (`training/_jail.py`) are those
of every upload.

A file fails the benchmark if its reader ends without a result or with an error that nobody foresaw, if it takes more
than 10 s, if it needs more memory than reading may take, if what it made is no data set, or if anything is written
outside its own folder.
"""

import argparse
import gzip
import hashlib
import io
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from datasets import DataSet
from recipes import Data, Recipe
from recipes.configuration import configuration
from records import write_json
from training import _jail, plan, shelf

LONGEST = 10.0
"""Seconds for one file."""
LARGEST_FILE = 200_000_000
FOUND_OUT = "found out by the reader"
Bases = dict[str, bytes]
UNFORESEEN = "This file could not be read. Save it again in its program, or as CSV."


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; the exit code is 1 where a file failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz_uploads", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file: go on where a run ended")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after so many, with fewer files")
    parser.add_argument("--tell", action="store_true", help="say of each file what became of it")
    parser.add_argument("--json", type=Path, help="where the result is written")
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fuzz-uploads-") as made:
        numbers = range(told.first, told.first + told.files)
        result = fuzzed(Path(made).resolve(), numbers, told.seed, told.seconds, tell=told.tell)
    text = json.dumps(result, indent=1)
    if told.json:
        told.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 1 if result["failed"] else 0


def fuzzed(folder: Path, numbers: range, seed: int, seconds: float = math.inf, *, tell: bool = False) -> dict[str, Any]:
    """Mutate and read the files of these numbers, which with the seed say what they are; returns what came of them."""
    for name in datasets.names():
        datasets.get(name)
    honest, started = bases(), time.monotonic()
    outside = folder / "outside"
    outside.mkdir()
    (outside / "bait").write_text("secret", encoding="utf-8")
    before = _state(outside)
    by_type: dict[str, Counter[str]] = {name: Counter() for name in (*datasets.names(), FOUND_OUT)}
    failed: list[dict[str, Any]] = []
    times, done = [], 0
    for number in numbers:
        if time.monotonic() - started > seconds:
            break
        dice = random.Random(f"{seed} {number}")  # noqa: S311 - chance, not secrets
        room = folder / f"{number}"
        name, content, way = _mutated(honest, dice)
        (room / "job").mkdir(parents=True)
        file = room / name
        file.write_bytes(content)
        able = [each for each in datasets.names() if file.suffix.lower() in datasets.get(each).EXTENSIONS]
        kind = dice.choice([*able, *[""] * len(able)])  # every other file as whatever its reader takes it for
        took, end, why = _read(file, kind, room / "job")
        if _state(outside) != before or sorted(path.name for path in room.iterdir()) != sorted({name, "job"}):
            end, why = "broken", "something was written outside"
        times.append(took)
        by_type[kind or FOUND_OUT][end] += 1
        done += 1
        if end == "broken" or took > LONGEST:
            failed.append(
                {"number": number, "type": kind, "file": name, "way": way, "told": why[-600:], "seconds": took}
            )
        if tell:
            print(number, kind, name, way, end, why, file=sys.stderr)
        shutil.rmtree(room)
    return {
        "files": done,
        "seed": seed,
        "ends": dict(sum(by_type.values(), Counter())),
        "by_type": {name: dict(counts) for name, counts in by_type.items() if counts},
        "seconds": {"median": round(float(np.median(times)), 3), "longest": round(max(times), 2)},
        "failed": failed,
        "upper_bound_95": round(_wilson_upper(len(failed), done), 5),
    }


def _read(file: Path, kind: str, job: Path) -> tuple[float, str, str]:
    """Read one file as a data type, or as any, in a fork; returns seconds, how it ended, and with which words."""
    recipe = Recipe.of({"data": {"file": str(file)} | ({"type": kind} if kind else {})})
    data = plan.resolve(recipe).data if kind else recipe.data
    started = time.monotonic()
    code, memory = _forked(job, data)
    took = round(time.monotonic() - started, 3)
    log = (job / "log.txt").read_text(encoding="utf-8", errors="replace")
    try:
        result = json.loads((job / shelf.RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return took, "broken", f"ended with {code}: {log}"
    if memory > configuration().reading_mb:
        return took, "broken", f"took {memory:.0f} MB"
    if refused := result.get("refused"):
        return took, "broken" if refused == UNFORESEEN else "refused", log if refused == UNFORESEEN else refused
    try:
        dataset = DataSet.open(job / shelf.MADE)
    except (OSError, ValueError) as error:
        return took, "broken", repr(error)
    return took, "read", f"{dataset.schema.rows} rows"


def _forked(job: Path, data: Data) -> tuple[int, float]:
    """Read in a fork behind the walls of every upload; returns how it ended and the most memory it took, in MB."""
    limits = {"memory": configuration().reading_mb * 1_000_000, "seconds": 60, "largest_file": LARGEST_FILE}
    write_json(job / "job.json", {"data": data.model_dump(mode="json"), **limits})
    child = os.fork()
    if not child:
        code = 1
        try:
            log = os.open(job / "log.txt", os.O_WRONLY | os.O_CREAT)
            for number in (1, 2):
                os.dup2(log, number)
            tempfile.tempdir = str(job)
            code = shelf.read_job(job, _jail.enter(job, readable=(data.file,), **limits))
            sys.stderr.flush()
        finally:
            os._exit(code)
    deadline = time.monotonic() + 2 * LONGEST
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return os.waitstatus_to_exitcode(status), max(0, usage.ru_maxrss - base) / 1000
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.003)


# Honest files


def bases() -> Bases:
    """Make a small honest file of every kind, by name."""
    made = np.random.default_rng(1)
    numbers = made.normal(size=(40, 3)).round(3)
    rows = [[*map(str, row), "xy"[place % 2]] for place, row in enumerate(numbers)]
    days = [f"2024-01-{1 + place % 28:02},{10 * math.sin(place / 3):.2f},{place}" for place in range(60)]
    people = [f"{place % 9},{place % 7},{1 + place % 5}" for place in range(80)]
    said = [f"the little {'cat' if place % 2 else 'dog'} number {place} runs home" for place in range(40)]
    asked = {"data": [{"title": "t", "paragraphs": [{"context": f"Ada was born in {1800 + place} in London.", "qas": [
        {"id": str(place), "question": "Where was Ada born?", "answers": [{"text": "London", "answer_start": 26}]}
    ]} for place in range(12)]}]}  # fmt: skip
    pictures = {f"{('cat', 'dog')[place % 2]}/{place}.{kind.lower()}": _picture(made, kind) for place, kind in
                enumerate(("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP") * 2)}  # fmt: skip
    sounds = {f"{('hum', 'beep')[place % 2]}/{place}.{kind}": _sound(place, kind) for place, kind in
              enumerate(("wav", "flac", "ogg", "aiff", "wav", "mp3") * 2)}  # fmt: skip
    clips = {f"{('left', 'right')[place % 2]}/{place}.gif": _clip(made) for place in range(8)}
    boxes = {"images": [{"id": place, "file_name": f"{place}.png", "width": 16, "height": 16} for place in range(8)],
             "annotations": [{"id": place, "image_id": place, "category_id": 1 + place % 2, "bbox": [1, 2, 6, 7]}
                             for place in range(8)],
             "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}  # fmt: skip
    marked = (
        "<annotation><filename>{0}.png</filename><size><width>16</width><height>16</height></size><object>"
        "<name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>"
    )
    plain = [f"{place}.png" for place in range(8)]
    drawn = {name: _picture(made, "PNG") for name in plain}
    listed = "photo,size,kind\n" + "\n".join(f"{name},{place},{'xy'[place % 2]}" for place, name in enumerate(plain))
    table = "a,b,c,kind\n" + "\n".join(map(",".join, rows)) + "\n"
    return {
        "rows.csv": table.encode(),
        "rows.tsv": table.replace(",", "\t").encode("utf-16"),
        "points.txt": table.replace(",", ";").replace(".", ",").encode("cp1252"),
        "rows.xlsx": _sheet(rows),
        "rows.parquet": _parquet(rows),
        "rows.json": json.dumps([dict(zip("abck", row, strict=True)) for row in rows]).encode(),
        "rows.jsonl": "\n".join(json.dumps({"text": line, "label": line[11:14]}) for line in said).encode(),
        "days.csv": ("date,value,other\n" + "\n".join(days)).encode(),
        "days.ts": ("@problemName x\n@univariate true\n@classLabel true 1 2\n@data\n"
                    + "\n".join(f"{','.join(f'{value:.2f}' for value in made.normal(size=9))}:{1 + place % 2}"
                                for place in range(12))).encode(),
        "ratings.csv": ("user,item,rating\n" + "\n".join(people)).encode(),
        "pairs.tsv": "\n".join(f"{line}\t{line[::-1]}" for line in said).encode(),
        "questions.json": json.dumps(asked).encode(),
        "story.txt": "\n\n".join(f"{line}. " * 8 for line in said).encode(),
        "story.gz": gzip.compress("\n\n".join(said * 5).encode(), mtime=0),
        "said.csv": ("text,label\n" + "\n".join(f'"{line}, they say",{line[11:14]}' for line in said)).encode(),
        "pictures.zip": packed(pictures),
        "sounds.zip": packed(sounds),
        "clips.zip": packed(clips),
        "boxes.zip": packed(drawn | {"annotations.json": json.dumps(boxes).encode()}),
        "marked.zip": packed(drawn | {f"{place}.xml": marked.format(place).encode() for place in range(8)}),
        "mixed.zip": packed(drawn | {"table.csv": listed.encode()}),
        "two.zip": packed({"content/1.png": drawn["1.png"], "style/2.png": drawn["2.png"]}),
        "texts.zip": packed({f"{line[11:14]}/{place}.txt": line.encode() for place, line in enumerate(said)}),
        "walks.zip": packed({f"{('run', 'walk')[place % 2]}/{place}.csv": "\n".join(["x,y", *(
            f"{math.sin(step / (2 + place)):.3f},{step}" for step in range(30))]).encode() for place in range(8)}),
        "one.png": drawn["0.png"],
        "one.xml": marked.format(1).encode(),
        "one.wav": _sound(1, "wav"),
        "one.mp3": _sound(2, "mp3"),
        "one.ogg": _sound(3, "ogg"),
        "one.gif": clips["left/0.gif"],
        "one.mp4": _film(made),
    }  # fmt: skip


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Zip some files; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def _picture(made: np.random.Generator, kind: str) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(made.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(out, kind)
    return out.getvalue()


def _clip(made: np.random.Generator) -> bytes:
    from PIL import Image

    frames = [Image.fromarray(made.integers(0, 255, (12, 12, 3), dtype=np.uint8)) for _ in range(5)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=90)
    return out.getvalue()


def _film(made: np.random.Generator) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as film:
        stream: Any = film.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        for _ in range(8):
            frame = av.VideoFrame.from_ndarray(made.integers(0, 255, (32, 32, 3), dtype=np.uint8), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return out.getvalue()


def _sound(number: int, kind: str) -> bytes:
    import soundfile

    out = io.BytesIO()
    wave = 0.4 * np.sin(np.arange(3000 + 200 * number) / (3 + number))
    soundfile.write(out, wave, 8000, format={"aiff": "AIFF", "ogg": "OGG"}.get(kind, kind.upper()))
    return out.getvalue()


def _sheet(rows: list[list[str]]) -> bytes:
    """Write the smallest workbook that is one."""
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/"
    related = f"{office}officeDocument/2006/relationships"
    told = [["a", "b", "c", "kind"], *rows]
    one = '<c t="inlineStr"><is><t>{}</t></is></c>'
    cells = "".join(f"<row>{''.join(map(one.format, row))}</row>" for row in told)
    links = '<Relationships xmlns="{0}package/2006/relationships"><Relationship Id="r1" Type="{1}/{2}" Target="{3}"/>'
    links += "</Relationships>"
    types = f"{office}package/2006/content-types"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheet = '<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets>'
    book = f'<workbook xmlns="{main}" xmlns:r="{related}">{sheet}</workbook>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{types}"><Override PartName="/xl/workbook.xml" '
        f'ContentType="{kind}.sheet.main+xml"/></Types>',
        "_rels/.rels": links.format(office, related, "officeDocument", "xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": links.format(office, related, "worksheet", "worksheets/sheet1.xml"),
        "xl/workbook.xml": book,
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    return packed({name: text.encode() for name, text in parts.items()})


def _parquet(rows: list[list[str]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pa.table({name: [row[place] for row in rows] for place, name in enumerate("abck")}), out)
    return out.getvalue()


# The ways of mutating


def _mutated(honest: Bases, dice: random.Random) -> tuple[str, bytes, str]:
    """Return a mutated file: its name, its bytes, and what was done to it."""
    name = dice.choice(list(honest))
    content, ways = honest[name], []
    for _ in range(dice.choice((1, 1, 2, 3))):
        choices = [_flip, _cut, _splice, _grow]
        if name.endswith(".zip"):
            choices += [_inside] * 6 + [_members] * 4
        elif name.rpartition(".")[2] in {"csv", "tsv", "txt", "json", "jsonl", "ts", "xml"}:
            choices += [_words] * 6
        way = dice.choice(choices)
        content = way(content, dice, honest)
        ways.append(way.__name__.lstrip("_"))
    if dice.random() < 0.08:
        name = f"{name.partition('.')[0]}.{dice.choice(list(honest)).rpartition('.')[2]}"
        ways.append("renamed")
    return name, content, " ".join(ways)


def _flip(content: bytes, dice: random.Random, _honest: Bases) -> bytes:
    """Flip some bits, most of them near the head."""
    whole = bytearray(content)
    for _ in range(dice.randint(1, 12) if whole else 0):
        end = min(len(whole), 200) if dice.random() < 0.5 else len(whole)
        whole[dice.randrange(end)] ^= 1 << dice.randrange(8)
    return bytes(whole)


def _cut(content: bytes, dice: random.Random, _honest: Bases) -> bytes:
    """Cut it off, or take a piece out."""
    start = dice.randrange(len(content) + 1)
    return content[:start] if dice.random() < 0.5 else content[:start] + content[start + dice.randint(1, 300) :]


def _splice(content: bytes, dice: random.Random, honest: Bases) -> bytes:
    """Put a piece of another file into it."""
    other = dice.choice(list(honest.values()))
    start, place = dice.randrange(len(other)), dice.randrange(len(content) + 1)
    return content[:place] + other[start : start + dice.randint(1, 2000)] + content[place:]


def _grow(content: bytes, dice: random.Random, _honest: Bases) -> bytes:
    """Repeat a piece of it many times."""
    start = dice.randrange(len(content) + 1)
    piece = content[start : start + dice.randint(1, 100)]
    return content[:start] + piece * dice.choice((2, 50, 2000)) + content[start:]


EVIL = (
    "", " ", "nan", "inf", "-inf", "1e999", "-0", "9" * 400, "1,5", "1.2.3", "true", "NULL", "=1+1", "@x", "\t", "\r",
    "\n\n", '"', '""', "'", ";", "|", "\x00", "\ufeff", "\ufffd", "\u202e", "e\u0301", "😀", "\ud83d", "0x1F",
    "2024-13-45", "0001-01-01", "9999-12-31", "<b>", "{", "[", "[[[[", "}", "null", "../../x", "/etc/passwd",
    "a" * 70_000, "１２", "٣", "%s", "1_000", "∞", "&e;", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "-1", "0", "1e-320", "18446744073709551616",
)  # fmt: skip


def _words(content: bytes, dice: random.Random, _honest: Bases) -> bytes:
    """Replace, add or leave out words and cells by what honest files do not hold."""
    text = content.decode("utf-8", "replace")
    marks = [place for place, sign in enumerate(text) if sign in ',;\t\n"{}[]:<> ']
    for _ in range(dice.randint(1, 6)):
        if len(marks) < 2:
            break
        place = dice.randrange(len(marks) - 1)
        start, end = marks[place], marks[place + 1]
        evil = dice.choice(EVIL)
        text = text[: start + 1] + evil + text[end if dice.random() < 0.7 else start + 1 :]
        marks = [mark for mark in marks[: place + 1] if mark < len(text)]
    return text.encode(dice.choice(("utf-8", "utf-8", "utf-8", "utf-16", "latin-1", "utf-8-sig")), "replace")


def _inside(content: bytes, dice: random.Random, honest: Bases) -> bytes:
    """Mutate a file inside an archive, with a right check sum."""
    members = _unpacked(content)
    if not members:
        return content
    name = dice.choice(list(members))
    ways: list[Callable[[bytes, random.Random, Bases], bytes]] = [_flip, _cut, _grow, _splice]
    if name.endswith((".csv", ".txt", ".json", ".xml")):
        ways += [_words] * 4
    members[name] = dice.choice(ways)(members[name], dice, honest)
    return packed(members)


ODD_NAMES = (
    "../../outside/x.png", "/x.png", "C:\\x.png", "a\x01b.png", "x" * 300 + ".png", "é/ö.png", "e\u0301/1.png",
    ".hidden.png", "labels.csv", "more.zip", "train/cat/1.png", "CAT/1.png", "cat.png/", "a/" * 99 + "1.png",
    "data.json", "classes.txt", "__MACOSX/1.png",
)  # fmt: skip


def _members(content: bytes, dice: random.Random, honest: Bases) -> bytes:
    """Rename, add, double or leave out files of an archive."""
    members = _unpacked(content)
    if not members:
        return content
    name = dice.choice(list(members))
    odd = dice.choice((*ODD_NAMES, name.upper()))
    choice = dice.randrange(4)
    if choice == 0:
        members[odd] = members.pop(name)
    elif choice == 1:
        members[odd] = dice.choice([*honest.values(), b"", dice.randbytes(99)])
    elif choice == 2:
        members = {name: members[name]}
    else:
        members = {f"{place}{name[-6:]}": each for place, each in enumerate(members.values())}
    return packed(members, dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)))


def _unpacked(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 - it was damaged before: then it stays as it is
        return {}


def _state(folder: Path) -> str:
    """Hash the names and contents of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


def _wilson_upper(failures: int, count: int) -> float:
    """Return the upper end of Wilson's 95 % interval of a share."""
    z, share = 1.959964, failures / count
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle + spread) / (1 + z * z / count)


if __name__ == "__main__":
    sys.exit(main())
