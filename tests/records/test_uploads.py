"""Uploads come piece by piece, go on where they broke, and take no more than they may."""

import os
import shutil

import pytest

from recipes import Refusal
from records import Workspace, uploads, usage
from records.uploads import Limits, Planned

BATCH = "0123456789abcdef"
PLENTY = Limits(10_000_000)
NO_ROOM_LEFT = (
    "This file has 8 MB, but your storage has room for 3 MB only. Delete runs or data that you do not need any more."
)


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path)


def begin(space, *files, limits=PLENTY, batch=BATCH, field=""):
    return uploads.begin(space, "ann", batch, [Planned(*file) for file in files], limits, field)


def send(space, number, offset, content, batch=BATCH):
    with uploads.writing(space, "ann", batch, number, offset) as part:
        part.append(content)
        return part.size


def test_a_file_arrives_in_pieces_and_goes_on_where_it_broke(space):
    assert begin(space, ("rows.csv", 10)) == [0]
    assert send(space, 0, 0, b"01234") == 5
    assert uploads.finish(space, "ann", BATCH) is None, "it is not whole yet"
    assert begin(space, ("rows.csv", 10)) == [5], "the same file chosen again"
    assert send(space, 0, 5, b"56789") == 10
    file = uploads.finish(space, "ann", BATCH)
    assert file is not None
    assert (file.name, file.read_bytes()) == ("rows.csv", b"0123456789")
    assert file.is_relative_to(space.root / "uploads" / "ann")
    assert uploads.finish(space, "ann", BATCH) is None, "each upload is taken once"
    assert list((space.root / "incoming" / "ann").iterdir()) == []


def test_another_file_of_that_batch_starts_afresh(space):
    begin(space, ("rows.csv", 10))
    send(space, 0, 0, b"01234")
    assert begin(space, ("rows.csv", 7)) == [0]


def test_a_folder_keeps_its_subfolders_and_no_way_leads_out(space):
    names = ["zoo/cat/1.png", "../../etc/2.png", "zoo/cat/1.png", "zoo/.DS_Store", "zoo/empty.png"]
    begin(space, *[(name, 0 if "empty" in name else 1) for name in names])
    for number in range(4):
        send(space, number, 0, b"x")
    folder = uploads.finish(space, "ann", BATCH)
    assert folder is not None
    assert folder.name == "4 files"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == ["etc/2.png", "zoo/cat/1 2.png", "zoo/cat/1.png", "zoo/empty.png"]


def test_a_piece_for_another_place_is_not_written(space):
    begin(space, ("rows.csv", 10))
    send(space, 0, 0, b"01234")
    for offset in (0, 4, 6):
        with pytest.raises(uploads.BusyError):
            send(space, 0, offset, b"5")
    assert uploads.offsets(space, "ann", BATCH) == [5]


def test_two_connections_never_write_one_file(space):
    begin(space, ("rows.csv", 10))
    with uploads.writing(space, "ann", BATCH, 0, 0) as part:
        with pytest.raises(uploads.BusyError):
            send(space, 0, 0, b"x")
        part.append(b"01")
    assert uploads.offsets(space, "ann", BATCH) == [2]


def test_no_file_grows_past_the_size_that_was_told(space):
    begin(space, ("rows.csv", 3))
    with pytest.raises(uploads.TooLargeError):
        send(space, 0, 0, b"0123")
    assert uploads.offsets(space, "ann", BATCH) == [0]


@pytest.mark.parametrize(
    ("files", "limits", "sentence"),
    [
        ([("a.csv", 0)], PLENTY, "The file is empty. Was it still downloading?"),
        ([], PLENTY, "Choose at least one file."),
        ([("a" * 1001, 5)], PLENTY, "A file's name is too long. Give it a shorter one and choose it again."),
        (
            [("a.csv", 12_000_000)], PLENTY,
            "This file has 12 MB; the limit is 10 MB. Use a part of the data, or smaller files.",
        ),
        (
            [("a.png", 6_000_000), ("b.png", 6_000_000)], PLENTY,
            "These 2 files have 12 MB; the limit is 10 MB. Use a part of the data, or smaller files.",
        ),
        (
            [("a.csv", 8_000_000)], Limits(10_000_000, 3_000_000),
            NO_ROOM_LEFT,
        ),
        (
            [("a.png", 1)] * 20_001, PLENTY,
            "These are 20,001 files; at most 20,000 can be brought at once. Make a zip of them.",
        ),
    ],
)  # fmt: skip
def test_what_is_too_much_is_said_before_a_byte_is_sent(space, files, limits, sentence):
    with pytest.raises(Refusal) as refused:
        begin(space, *files, limits=limits)
    assert str(refused.value) == sentence
    assert not (space.root / "incoming" / "ann" / BATCH).exists()


def test_a_full_disk_is_told_beforehand(space, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 300_000_004))
    with pytest.raises(uploads.NoRoomError) as refused:
        begin(space, ("rows.csv", 5))
    assert str(refused.value) == (
        "The server's storage is full, so this was not kept. Nothing else was lost. Tell whoever runs the server."
    )
    assert begin(space, ("rows.csv", 4)) == [0]


def test_a_disk_that_fills_meanwhile_keeps_what_came(space, monkeypatch):
    begin(space, ("rows.csv", 10))
    send(space, 0, 0, b"01234")
    real = os.write

    def full(number, block):
        if bytes(block) == b"56789":
            raise OSError(28, "No space left on device")
        return real(number, block)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(uploads.NoRoomError):
        send(space, 0, 5, b"56789")
    assert uploads.offsets(space, "ann", BATCH) == [5]


@pytest.mark.parametrize("batch", ["", "..", "0123", "../0123456789abcdef", "0123456789ABCDEF", "0" * 65])
def test_odd_batches_are_none(space, batch):
    begin(space, ("rows.csv", 10))
    for ask in (uploads.offsets, uploads.finish, uploads.cancel):
        with pytest.raises(Refusal) as refused:
            ask(space, "ann", batch)
        assert str(refused.value) == uploads.GONE


def test_nobody_elses_upload_is_there(space):
    begin(space, ("rows.csv", 10))
    with pytest.raises(Refusal):
        uploads.offsets(space, "eve", BATCH)
    assert uploads.finish(space, "eve", BATCH) is None
    uploads.cancel(space, "eve", BATCH)
    assert uploads.offsets(space, "ann", BATCH) == [0]


def test_what_nobody_went_on_with_for_an_hour_is_deleted(space):
    begin(space, ("old.csv", 10))
    send(space, 0, 0, b"01234")
    begin(space, ("new.csv", 10), batch="f" * 16)
    now = (space.root / "incoming" / "ann" / BATCH / "0").stat().st_mtime
    assert uploads.sweep(space, now + 3_500) == 0
    os.utime(space.root / "incoming" / "ann" / ("f" * 16), (now + 600, now + 600))
    assert uploads.sweep(space, now + 3_605) == 1
    assert [folder.name for folder in (space.root / "incoming" / "ann").iterdir()] == ["f" * 16]


def test_a_page_that_lost_its_memory_finds_what_came(space):
    begin(space, ("rows.csv", 10), field="build_upload")
    send(space, 0, 0, b"01234")
    (found,) = uploads.waiting(space, "ann", "build_upload")
    assert (found.batch, found.name, found.came, found.size) == (BATCH, "rows.csv", 5, 10)
    assert uploads.waiting(space, "ann", "model_file") == []


def test_unfinished_uploads_count_with_what_is_still_to_come(space):
    begin(space, ("rows.csv", 1000))
    send(space, 0, 0, b"x" * 400)
    assert uploads.reserved(space, "ann") == 600
    run = space.new_run_folder()
    run.mkdir()
    (run / "log.txt").write_bytes(b"y" * 50)
    plan = (space.root / "incoming" / "ann" / BATCH / "plan.json").stat().st_size
    assert usage.bytes_of(space, "ann", [run.name]) == 400 + 50 + plan
    (run / "log.txt").write_bytes(b"y" * 90)
    assert usage.bytes_of(space, "ann", [run.name]) == 400 + 50 + plan, "good for a few seconds"
    usage.forget(space, "ann")
    assert usage.bytes_of(space, "ann", [run.name]) == 400 + 90 + plan
