"""Clips: films, GIFs and folders of frames, refused in words, seen as the deliverable sees them."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from datasets import DataSet, _clips, type_of, video
from datasets._clips import KEPT, Reel, chosen, evenly, open_clip
from recipes import Data, Refusal, keras, validate

RANDOM = np.random.default_rng(9)


def nothing(share, words):
    pass


def frames(count=8, height=24, width=32, *, backwards=False):
    """A light square moves over a dark, noisy ground."""
    film = RANDOM.integers(0, 40, (count, height, width, 3), dtype=np.uint8)
    for number in range(count):
        at = (width - 8) * (count - 1 - number if backwards else number) // max(count - 1, 1)
        film[number, 8:16, at : at + 8] = 230
    return film


def as_gif(film, duration=100):
    buffer = io.BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in film]
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=duration)
    return buffer.getvalue()


def as_film(film, kind="mp4", codec="mpeg4", rate=10):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = film.shape[1], film.shape[2], "yuv420p"
        for frame in film:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def as_png(frame):
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(folder, files, name="films.zip"):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return folder / name


def films(number=6, **more):
    return {
        f"{label}/{n}.gif": as_gif(frames(backwards=label == "left")) for label in ("left", "right")
        for n in range(number)
    } | more  # fmt: skip


def read(file, tmp_path):
    return video.read(file, video.Config(), tmp_path / "set", nothing)


def refusal_of(files, tmp_path):
    with pytest.raises(Refusal) as refusal:
        read(zipped(tmp_path, files), tmp_path)
    return str(refusal.value)


def agree(dataset, prepared, rows=3):
    """What was prepared is what the deliverable sees of the raw clip."""
    model = keras.Model(*video.layers_of(prepared.signature, prepared.encoding))
    part = prepared.part("validation")
    for place, row in enumerate(video.raw(dataset, prepared.signature, part.rows[:rows])):
        np.testing.assert_array_equal(model(row)["clip"][0], part.x["clip"][place])


# What is read


def test_a_zip_of_gifs(tmp_path):
    file = zipped(tmp_path, films())
    assert type_of(file) == "video"
    dataset = read(file, tmp_path)
    assert dataset.schema.classes == {"left": 6, "right": 6}
    assert (dataset.schema.target, dataset.schema.task, dataset.schema.rows) == ("label", "classification", 12)
    assert (dataset.schema.details["frames"], dataset.schema.details["size"]) == (8, 24)
    assert DataSet.open(dataset.folder) == dataset
    prepared = video.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    assert prepared.signature.inputs["clip"].shape == (8, 24, 24, 3)
    assert prepared.part("train").x["clip"].dtype == np.uint8
    agree(dataset, prepared)


def test_films_of_any_kind_size_and_length_train_without_a_manual_fix(tmp_path):
    kinds = [("mp4", "mpeg4"), ("webm", "libvpx-vp9"), ("mp4", "libx264"), ("matroska", "libx264")]
    files = {}
    for number in range(16):
        kind, codec = kinds[number % 4]
        film = frames(6 + 2 * number, 48 + 16 * (number % 3), 64 + 16 * (number % 2), backwards=number % 2 == 0)
        ending = {"matroska": "mkv"}.get(kind, kind)
        files[f"{'left' if number % 2 == 0 else 'right'}/{number}.{ending}"] = as_film(film, kind, codec)
    file = zipped(tmp_path, files)
    assert type_of(file) == "video"
    dataset = read(file, tmp_path)
    assert dataset.schema.classes == {"left": 8, "right": 8}
    prepared = video.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    assert prepared.signature.inputs["clip"].shape == (12, 48, 48, 3)
    agree(dataset, prepared)


def test_a_film_keeps_its_movement():
    clip = open_clip(as_film(frames(20, 48, 64), "mp4", "libx264"))
    assert (clip.count, clip.height, clip.width, len(clip.frames)) == (20, 48, 64, 20)
    places = [frame[8:16].mean(axis=(0, 2)).argmax() for frame in clip.frames]
    assert places[0] < 8
    assert places[-1] > 48


def test_folders_of_frames(tmp_path):
    files = {
        f"{label}/{clip}/frame{number}.png": as_png(frame)
        for label in ("left", "right") for clip in range(4)
        for number, frame in enumerate(frames(12, backwards=label == "left"))
    }  # fmt: skip
    file = zipped(tmp_path, files)
    assert type_of(file) == "video"
    dataset = read(file, tmp_path)
    assert dataset.schema.classes == {"left": 4, "right": 4}
    clip = next(Reel.open(dataset.folder).clips([0]))
    places = [float(np.flatnonzero(frame[8:16].mean(axis=(0, 2)) > 128).mean()) for frame in clip]
    assert places == sorted(places, reverse=True)  # frame10 comes after frame9


def test_still_pictures_are_no_clips(tmp_path):
    pictures = {f"{label}/{n}.png": as_png(frames(1)[0]) for label in ("cat", "dog") for n in range(8)}
    assert type_of(zipped(tmp_path, pictures)) == "image"
    stills = {f"{label}/{n}.gif": as_gif(frames(1)) for label in ("cat", "dog") for n in range(8)}
    assert type_of(zipped(tmp_path, stills)) == "image"


def test_a_long_clip_is_thinned_evenly():
    thinned = _clips.Thinned()
    for number in range(1000):
        if thinned.wants():
            thinned.add(np.full((2, 2, 3), number % 251, np.uint8))
    assert thinned.count == 1000
    assert len(thinned.frames()) == KEPT
    assert evenly(5, 3) == [0, 2, 4]
    assert chosen(np.arange(3)[:, None], 6).ravel().tolist() == [0, 0, 1, 1, 2, 2]


# What is refused


def test_what_cannot_be_read_is_refused_in_words(tmp_path):
    single = tmp_path / "jump.mp4"
    single.write_bytes(as_film(frames(8, 32, 32)))
    with pytest.raises(Refusal) as refusal:
        read(single, tmp_path)
    assert str(refusal.value) == "'jump.mp4' is a single clip. Put the clips of each class into a folder and zip them."
    assert refusal_of({"a.txt": b"x"}, tmp_path) == (
        "No clips found. Expected folders named after classes, e.g. jump/1.mp4."
    )
    files = {name: b"nothing" if name.startswith("left") else data for name, data in films(3).items()}
    assert refusal_of({name.replace("gif", "mp4"): data for name, data in files.items()}, tmp_path) == (
        "No clip of class 'left' could be read. '0.mp4' is not a film we can read, or it is damaged. Save it as MP4, "
        "WebM or GIF."
    )


def test_hostile_sizes_are_refused(monkeypatch):
    monkeypatch.setattr(_clips, "MAX_PIXELS", 100)
    with pytest.raises(Refusal) as refusal:
        open_clip(as_gif(frames()), "huge.gif")
    assert str(refusal.value) == ("'huge.gif' has 32 x 24 pixels a frame; the limit is 10 megapixels. Make it smaller.")
    monkeypatch.setattr(_clips, "MAX_PIXELS", 10_000)
    monkeypatch.setattr(_clips, "MAX_FRAMES", 5)
    with pytest.raises(Refusal) as refusal:
        open_clip(as_film(frames(8, 32, 32)), "endless.mp4")
    assert str(refusal.value) == "'endless.mp4' lasts longer than 5 minutes. Cut it into short clips."


@pytest.mark.parametrize("cut", [0, 8, 60, 400])
def test_no_bytes_crash_the_reader(cut):
    for whole in (as_gif(frames()), as_film(frames(8, 32, 32)), as_film(frames(8, 32, 32), "webm", "libvpx-vp9")):
        data = bytearray(whole)
        data[cut : cut + 40] = RANDOM.integers(0, 256, 40, dtype=np.uint8).tobytes()
        for torn in (bytes(data), bytes(data[: max(cut, 1)])):
            try:
                assert open_clip(torn).frames
            except Refusal as refusal:
                assert str(refusal).endswith(".")  # noqa: PT017 - some bytes can still be read


# What is found


def test_findings_name_what_is_wrong(tmp_path):
    files = films(20)
    still = RANDOM.integers(0, 255, (1, 24, 32, 3), dtype=np.uint8)
    files["left/still.gif"] = as_gif(np.concatenate([still] * 4)).replace(b"\x0a\0\0\0", b"\x0a\0\0\0")
    files["left/short.gif"] = as_gif(frames(2))
    files["left/tall.gif"] = as_gif(frames(8, 40, 24))
    files["left/copy.gif"] = files["right/copy.gif"] = as_gif(frames())
    dataset = read(zipped(tmp_path, files), tmp_path)
    found = {finding.code: finding for finding in video.check(dataset, Data(file="x"))}
    told = {code: (each.severity, each.sentence) for code, each in found.items() if each.severity != "pass"}
    assert told == {
        "few_clips": ("warning", "There are only 45 clips; scores will swing from run to run."),
        "conflicting_labels": ("warning", "1 clip lies in several classes, e.g. 'left' and 'right'."),
        "duplicates": ("notice", "1 clip of 45 repeats another exactly."),
        "still": ("warning", "1 clip is still: nothing moves."),
        "few_frames": ("notice", "2 clips are shorter than the frames that the model sees."),
        "shapes": ("notice", "Frames are usually 32 x 24 pixels. 1 clip is upright, the others wide."),
        "sources": (
            "notice",
            "It is not known which clips come from the same source, so the test may be too easy.",
        ),
    }


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"size": 15}, "`data.size` must be an even number from 16 to 112 (or 0), but got 15."),
        ({"frames": 2}, "`data.frames` must be from 4 to 24 (or 0), but got 2."),
    ],
)
def test_impossible_settings_are_refused(settings, sentence):
    with pytest.raises(Refusal) as refusal:
        validate(video.Config, settings, "data")
    assert str(refusal.value) == sentence


# What is tried


@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_an_own_clip_is_turned_into_a_raw_row(kind, tmp_path):
    dataset = read(zipped(tmp_path, films()), tmp_path)
    signature = video.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing).signature
    data = as_gif(frames(30, 50, 40)) if kind == "gif" else as_film(frames(30, 50, 40))
    row = video.parse(signature, {"clip": data})
    assert (row["clip"].shape, row["clip"].dtype) == ((1, 8, 50, 40, 3), np.uint8)
    with Image.open(io.BytesIO(video.seen(signature, data, 200))) as shown:
        assert (len(list(ImageSequence.Iterator(shown))), shown.size) == (8, (160, 200))
    with pytest.raises(Refusal) as refusal:
        video.parse(signature, {})
    assert str(refusal.value) == "No clip was given. Choose a film or a GIF."


def test_preview_shows_frames_and_moves(tmp_path):
    dataset = read(zipped(tmp_path, films()), tmp_path)
    told = video.preview(dataset, [7])[0]
    assert told["label"] == "right"
    assert told["clip"].size == (4 * 32 + 3 * 2, 24)
    with Image.open(io.BytesIO(video.playable(dataset, [7])[0])) as shown:
        assert (shown.format, len(list(ImageSequence.Iterator(shown)))) == ("GIF", 8)


def test_the_sample_is_as_described(tmp_path):
    dataset = video.load_sample("moving-animals", tmp_path / "set")
    (sample,) = video.samples()
    assert (dataset.schema.rows, dataset.schema.target) == (sample.rows, sample.target)
    assert not [finding for finding in video.check(dataset, Data(sample=sample.name)) if finding.severity == "problem"]
    with pytest.raises(Refusal) as refusal:
        video.load_sample("animals", tmp_path)
    assert str(refusal.value) == (
        "There is no sample 'animals'. Did you mean 'moving-animals'? Available: moving-animals."
    )


def test_pages_read_and_check_clips_without_keras(tmp_path):
    zipped(tmp_path, films(5))
    code = (
        "import sys; from pathlib import Path; from datasets import video; from recipes import Data\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "dataset = video.read(folder / 'films.zip', video.Config(), folder / 'set', lambda share, words: None)\n"
        "video.check(dataset, Data(file='x')); video.preview(dataset, [0]); video.playable(dataset, [0])\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, env=os.environ | {"PYTHONPATH": str(root)})
