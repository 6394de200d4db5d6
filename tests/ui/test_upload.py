"""Uploads lie on disk under harmless names."""

import io

import pytest

import datasets
from recipes import Refusal
from records import Workspace
from ui import upload


class Upload(io.BytesIO):
    def __init__(self, name, content=b"a,b\n1,2\n"):
        super().__init__(content)
        self.name, self.size, self.file_id = name, len(content), name


@pytest.mark.parametrize(
    ("told", "parts"),
    [
        ("table.csv", ["table.csv"]),
        ("../../etc/passwd", ["etc", "passwd"]),
        ("C:\\data\\owl.png", ["C_", "data", "owl.png"]),
        ("cats/tom.png", ["cats", "tom.png"]),
        ("/abs/x.csv", ["abs", "x.csv"]),
        ("..", ["upload"]),
        ("Größe 1.csv", ["Größe 1.csv"]),
    ],
)
def test_names_lead_nowhere(told, parts):
    assert upload.safe(told) == parts


def test_one_file_keeps_its_name(tmp_path):
    file = upload.take([Upload("penguins.csv")], Workspace(tmp_path), "ann")
    assert (file.name, datasets.type_of(file)) == ("penguins.csv", "tabular")
    assert file.read_bytes() == b"a,b\n1,2\n"
    assert file.is_relative_to(tmp_path / "uploads" / "ann")


def test_many_pictures_keep_their_folders(tmp_path):
    names = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/1.png"]
    folder = upload.take([Upload(name) for name in names], Workspace(tmp_path), "ann")
    assert datasets.type_of(folder) == "image"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    assert found == ["cat/1.png", "cat/2.png", "dog/1 2.png", "dog/1.png"]


def test_hidden_files_of_a_folder_are_left_out(tmp_path):
    names = ["zoo/cat/1.png", "zoo/cat/.DS_Store", "zoo/dog/Thumbs.db", "zoo/dog/2.png"]
    folder = upload.take([Upload(name) for name in names], Workspace(tmp_path), "ann")
    assert folder.name == "2 files"
    assert sorted(path.name for path in folder.rglob("*.*")) == ["1.png", "2.png"]


def test_many_documents_are_refused_and_deleted(tmp_path):
    folder = upload.take([Upload("a.docx"), Upload("b.docx")], Workspace(tmp_path), "ann")
    with pytest.raises(Refusal) as refused:
        upload.check_together(folder)
    assert str(refused.value) == (
        "Several files at once must be pictures, sounds, clips, texts or recordings, but 'a.docx' is none. "
        "Upload one table or one zip."
    )
    assert list((tmp_path / "uploads" / "ann").iterdir()) == []


def test_a_folder_of_hidden_files_is_refused_and_deleted(tmp_path):
    folder = upload.take([Upload("a/.x"), Upload("a/.y")], Workspace(tmp_path), "ann")
    with pytest.raises(Refusal, match=r"^There is nothing in this folder that can be read\. Choose another one\.$"):
        upload.check_together(folder)
    assert list((tmp_path / "uploads" / "ann").iterdir()) == []


def test_many_recordings_are_series(tmp_path):
    names = ["walk/1.csv", "walk/2.csv", "run/1.csv"]
    content = b"x,y\n" + b"".join(b"%d,%d\n" % (step, step % 7) for step in range(40))
    folder = upload.take([Upload(name, content) for name in names], Workspace(tmp_path), "ann")
    assert (folder.is_dir(), datasets.type_of(folder)) == (True, "series")


def test_the_small_field_checks_the_size_again(tmp_path):
    """The browser alone kept it small; another client sends what it likes."""
    large = Upload("big.csv")
    large.size = 30_000_000
    with pytest.raises(Refusal) as refused:
        upload.take([large], Workspace(tmp_path), "ann")
    assert str(refused.value) == "'big.csv' has 30 MB; this field takes up to 20 MB."
    assert list((tmp_path / "uploads" / "ann").iterdir()) == []
