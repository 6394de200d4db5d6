"""Uploads lie on disk under harmless names."""

import io

import pytest

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
    file, kind = upload.take([Upload("penguins.csv")], Workspace(tmp_path), "ann")
    assert (file.name, kind) == ("penguins.csv", "tabular")
    assert file.read_bytes() == b"a,b\n1,2\n"
    assert file.is_relative_to(tmp_path / "uploads" / "ann")


def test_many_pictures_keep_their_folders(tmp_path):
    names = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/1.png"]
    folder, kind = upload.take([Upload(name) for name in names], Workspace(tmp_path), "ann")
    assert kind == "image"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    assert found == ["cat/1.png", "cat/2.png", "dog/1 2.png", "dog/1.png"]


def test_many_documents_are_refused(tmp_path):
    with pytest.raises(Refusal) as refused:
        upload.take([Upload("a.docx"), Upload("b.docx")], Workspace(tmp_path), "ann")
    assert str(refused.value) == (
        "Several files at once must be pictures, sounds, clips, texts or recordings, but 'a.docx' is none. "
        "Upload one table or one zip."
    )


def test_many_recordings_are_series(tmp_path):
    names = ["walk/1.csv", "walk/2.csv", "run/1.csv"]
    content = b"x,y\n" + b"".join(b"%d,%d\n" % (step, step % 7) for step in range(40))
    folder, kind = upload.take([Upload(name, content) for name in names], Workspace(tmp_path), "ann")
    assert (folder.is_dir(), kind) == (True, "series")


def test_an_unknown_ending_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(Refusal, match=r"^'notes\.docx' is of no known kind\. Known endings: "):
        upload.take([Upload("notes.docx")], Workspace(tmp_path), "ann")
    assert list((tmp_path / "uploads" / "ann").iterdir()) == []
