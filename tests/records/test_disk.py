"""A file is there whole or not at all; a stale attempt writes nothing; a full disk is waited for."""

import errno
import os
import subprocess
from contextlib import suppress

import pytest

from records import Run, disk
from records.disk import Superseded


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    return made


def fill(times):
    """Return a watcher for which the disk is full so many times."""
    left = [times]

    def watch(name, path, _about):
        if name in ("write", "append") and left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    return watch


def names(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_an_attempt_writes_under_names_of_its_own_first(folder):
    seen = []
    with disk.held(folder, 3), disk.watched(lambda name, path, _: seen.append((name, path.parent.name))):
        disk.write(folder / "report.json", b"{}")
        disk.append(folder / "metrics.jsonl", b"{}\n")
    assert seen == [
        ("create", "writing-3"), ("write", "writing-3"), ("fsync", "writing-3"), ("rename", "writing-3"),
        ("append", "run"),
    ]  # fmt: skip
    assert names(folder) == ["events.jsonl", "metrics.jsonl", "report.json"]


STALE = {
    "write": lambda folder: disk.write(folder / "state.json", b"stale"),
    "append": lambda folder: disk.append(folder / "metrics.jsonl", b"stale\n"),
    "rename": lambda folder: disk.put(folder / "model.tmp", folder / "model.keras"),
    "remove": lambda folder: disk.remove(folder / "done.json"),
    "cut": lambda folder: disk.cut(folder / "metrics.jsonl", 0),
}


@pytest.mark.parametrize("name", STALE)
def test_nothing_of_a_stale_attempt_is_accepted(folder, name):
    with disk.held(folder, 1):
        disk.append(folder / "metrics.jsonl", b"first\n")
        for file in ("state.json", "done.json", "model.tmp"):
            (folder / file).write_bytes(b"first")
        disk.take(folder, 2)
        before = {each: (folder / each).read_bytes() for each in names(folder)}
        with pytest.raises(Superseded):
            STALE[name](folder)
        assert {each: (folder / each).read_bytes() for each in names(folder)} == before


def test_not_even_between_its_last_look_and_its_write(folder):
    """The newer attempt may come in the very moment in which the older one is about to write."""

    def overtake(*_):
        if not (folder / "writing-2").exists():
            disk.take(folder, 2)

    with disk.held(folder, 1):
        disk.append(folder / "metrics.jsonl", b"first\n")
        with disk.watched(overtake):
            disk.append(folder / "metrics.jsonl", b"stale\n")
            with pytest.raises(Superseded):
                disk.write(folder / "state.json", b"stale")
    assert (folder / "metrics.jsonl").read_bytes() == b"first\n"
    assert not (folder / "state.json").exists()


def test_an_older_attempt_cannot_take_a_run_back(folder):
    disk.take(folder, 2)
    with pytest.raises(Superseded):
        disk.take(folder, 1)


def test_a_new_attempt_finds_nothing_half_written(folder):
    with disk.held(folder, 1):
        (folder / "writing-1" / "epoch-0001.tmp").mkdir()
    disk.take(folder, 2)
    assert [each.name for each in folder.iterdir() if each.is_dir()] == ["writing-2"]
    assert list((folder / "writing-2").iterdir()) == []


def test_a_torn_last_line_is_cut_off(folder):
    (folder / "metrics.jsonl").write_bytes(b'{"epoch": 1}\n{"epo')
    with disk.held(folder, 1):
        disk.cut(folder / "metrics.jsonl", 1000)
    assert (folder / "metrics.jsonl").read_bytes() == b'{"epoch": 1}\n'


def test_a_full_disk_is_waited_for(folder):
    waited = []
    with disk.held(folder, 1), disk.waiting(lambda: waited.append(1)), disk.watched(fill(3)):
        disk.write(folder / "state.json", b"{}")
        Run(folder).append("metrics", {"epoch": 1})
    assert waited
    assert (folder / "state.json").read_bytes() == b"{}"
    assert Run(folder).lines("metrics")[0] == [{"epoch": 1}]


def test_where_nobody_waits_a_full_disk_is_told_and_nothing_stays(folder):
    with disk.watched(fill(9)), pytest.raises(OSError, match="No space left"):
        disk.write(folder / "state.json", b"{}")
    assert names(folder) == []


def test_the_ballast_keeps_room_aside_and_gives_it_back(folder):
    assert disk.lay_ballast(folder, 0.5)
    assert (folder / "ballast").stat().st_size == 2**19
    assert disk.lay_ballast(folder, 0.5), "it is there already"
    disk.drop_ballast(folder)
    disk.drop_ballast(folder)
    assert names(folder) == []


def test_a_really_full_disk_is_waited_for(tmp_path):
    """On a disk of one megabyte: the ballast, then all the rest is taken, and the waiter gives it back."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        run = place / "run"
        run.mkdir()
        assert not disk.lay_ballast(place, 2)
        with disk.held(run, 1), disk.waiting((place / "rest").unlink):
            with suppress(OSError):
                (place / "rest").write_bytes(bytes(2**21))
            disk.write(run / "state.json", bytes(100_000))
        assert names(run) == ["events.jsonl", "metrics.jsonl", "state.json"]
    finally:
        subprocess.run(["umount", str(place)], check=True)
