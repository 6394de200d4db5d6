"""The sample pack: every file is declared with its origin and unchanged since."""

import hashlib
import re

import numpy as np
import pytest

from datasets import _pack
from datasets._pack import build
from recipes import Refusal

FILES = sorted(path.name for path in _pack.FOLDER.iterdir() if path.suffix in {".csv", ".npz"})


def notices():
    text = _pack.path("NOTICE.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


def test_every_packed_file_has_its_notice():
    assert sorted(notices()) == FILES == sorted(item.file for item in build.ITEMS)


@pytest.mark.parametrize("file", FILES)
def test_packed_file_is_as_declared(file):
    """Origin, licence, credit and both hashes are written, and ours is the hash of the file."""
    section = notices()[file]
    digest = hashlib.sha256(_pack.path(file).read_bytes()).hexdigest()
    assert f"SHA-256 `{digest}`" in section.partition("- Packed:")[2]
    for word in ("- Source: ", "- Licence: ", "- Credit: ", "- Change: "):
        assert word in section


def test_notice_is_what_the_script_writes():
    assert build.notice() == _pack.path("NOTICE.md").read_text(encoding="utf-8")


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


def test_tables_have_their_rows():
    rows = {name: len(_pack.path(name).read_text(encoding="utf-8").splitlines()) - 1 for name in FILES if "csv" in name}
    assert rows == {"penguins.csv": 344, "titanic.csv": 1313, "auto-mpg.csv": 392}


def test_sprites_are_ten_animals_in_two_styles():
    with np.load(_pack.path("sprites.npz"), allow_pickle=False) as told:
        assert told["pictures"].shape == (20, 64, 64, 4)
        assert sorted(set(told["names"].tolist())) == sorted(build.SPRITES)
