"""Pictures: read from anything people upload, refused in words, brought to one size as the deliverable does it."""

import io
import os
import struct
import subprocess
import sys
import urllib.error
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DataSet, Prepared, _archive, image, type_of
from datasets._pictures import Album, open_picture
from recipes import Data, Refusal, keras, validate

RANDOM = np.random.default_rng(5)


def nothing(share, words):
    pass


def noise(height=12, width=12, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(RANDOM.integers(0, 256, shape, dtype=np.uint8))


def packed(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def zipped(folder, files, name="pets.zip"):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return folder / name


def pets(number=10, **more):
    files = {f"{label}/{n}.png": packed(noise()) for label in ("cats", "dogs") for n in range(number)}
    return files | more


def read(file, tmp_path):
    return image.read(file, image.Config(), tmp_path / "set", nothing)


def refusal_of(files, tmp_path):
    with pytest.raises(Refusal) as refusal:
        read(zipped(tmp_path, files), tmp_path)
    return str(refusal.value)


def huge_png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# What is read


def test_folder_per_class(tmp_path):
    dataset = read(zipped(tmp_path, pets()), tmp_path)
    assert dataset.schema.classes == {"cats": 10, "dogs": 10}
    assert (dataset.schema.target, dataset.schema.task, dataset.schema.rows) == ("label", "classification", 20)
    assert DataSet.open(dataset.folder) == dataset
    assert dataset.schema.notes == ()


def test_mixed_sizes_and_formats_train_without_a_manual_fix(tmp_path):
    formats = [("PNG", "png"), ("JPEG", "JPG"), ("GIF", "gif"), ("WEBP", "webp"), ("BMP", "bmp"), ("TIFF", "tif")]
    files = {}
    for number in range(24):
        kind, ending = formats[number % 6]
        picture = noise(40 + 17 * number, 300 - 9 * number)
        files[f"My pets/{'Cats' if number % 2 else 'Dogs/old'}/{number}.{ending}"] = packed(picture, kind)
    files["__MACOSX/My pets/Cats/._1.png"] = b"resource"
    files["My pets/.DS_Store"] = b"clutter"
    files["My pets/readme.txt"] = b"hello"
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"Cats": 12, "Dogs": 12}
    assert dataset.schema.notes == ("Left out 1 file of other kinds, for example 'readme.txt'.",)
    assert dataset.schema.details["smallest"] == [40, 300]
    prepared = image.prepare(dataset, Data(file="pets.zip"), 1, tmp_path / "prepared", nothing)
    assert prepared.signature.inputs["picture"].shape == (96, 96, 3)
    assert prepared.signature.rows == {"train": 15, "validation": 4, "test": 5}
    assert prepared.part("train").x["picture"].dtype == np.uint8
    agree(dataset, prepared)


def test_train_and_test_folders_are_put_together(tmp_path):
    files = {
        f"set/{part}/{label}/{n}.png": packed(noise()) for part in ("train", "test") for label in "ab" for n in "12"
    }
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"a": 4, "b": 4}
    assert dataset.schema.notes == (
        "Folders 'test' and 'train' were put together; Layerwise splits the pictures anew.",
    )


def test_a_folder_on_disk(tmp_path):
    for path, data in pets(2).items():
        (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / path).write_bytes(data)
    assert type_of(tmp_path / "pets") == "image"
    dataset = read(tmp_path / "pets", tmp_path)
    assert dataset.schema.classes == {"cats": 2, "dogs": 2}
    assert dataset.schema.name == "pets"


def test_many_files_at_once_are_named_after_their_class(tmp_path):
    names = ["cat_1.png", "cat_2.png", "dog.12.png", "dog.13.png", "cow (1).png", "cow (2).png"]
    dataset = read(zipped(tmp_path, {name: packed(noise()) for name in names}), tmp_path)
    assert dataset.schema.classes == {"cat": 2, "cow": 2, "dog": 2}
    assert dataset.schema.notes == ("Classes were taken from the file names, such as 'cat' from 'cat_1.png'.",)


def test_a_table_names_files_and_labels(tmp_path):
    table = "id;label\n" + "\n".join(f"{n:03};{'odd' if n % 2 else 'even'}" for n in range(8)) + "\n999;odd\n"
    files = {f"images/{n:03}.png": packed(noise()) for n in range(9)} | {"labels.csv": table.encode("utf-8-sig")}
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"even": 4, "odd": 4}
    assert dataset.schema.notes == (
        "Labels were read from column 'label' of 'labels.csv'.",
        "Left out 1 row of the table without a picture.",
        "Left out 1 picture without a label.",
    )


def test_spellings_of_one_class_are_merged(tmp_path):
    files = {f"{label}/{n}.png": packed(noise()) for label in ("Café", "Cafe\u0301", "café", "Bar") for n in (1, 2)}
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"Bar": 2, "Café": 6}
    assert dataset.schema.notes == ("'Café' and 'café' were taken as one class 'Café'.",)


def test_names_without_the_unicode_flag_are_read_as_macos_wrote_them(tmp_path):
    file = zipped(tmp_path, {name.replace("dogs", "Hünde"): data for name, data in pets(3).items()})
    data = file.read_bytes()
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        pieces = data.split(mark)
        data = mark.join([pieces[0], *(p[: offset - 4] + b"\0\0" + p[offset - 2 :] for p in pieces[1:])])
    file.write_bytes(data)
    assert sorted(read(file, tmp_path).schema.classes) == ["Hünde", "cats"]


def test_unsafe_names_are_left_out(tmp_path):
    file = zipped(tmp_path, pets(3) | {"../evil.png": packed(noise()), "C:/evil.png": packed(noise())})
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("cats/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/hostname")
    dataset = read(file, tmp_path)
    assert dataset.schema.classes == {"cats": 3, "dogs": 3}
    assert dataset.schema.notes == ("3 files had unsafe names and were left out.",)


def test_progress_reaches_the_end(tmp_path):
    told = []
    image.read(
        zipped(tmp_path, pets()), image.Config(), tmp_path / "set", lambda share, words: told.append((share, words))
    )
    assert told == [(1.0, "Reading pictures: 20 of 20")]


def test_equal_sources_have_equal_fingerprints(tmp_path):
    file = zipped(tmp_path, pets(3))
    first = image.read(file, image.Config(), tmp_path / "one", nothing)
    again = image.read(file, image.Config(), tmp_path / "two", nothing)
    other = image.read(zipped(tmp_path, pets(3)), image.Config(), tmp_path / "three", nothing)
    assert first.schema.fingerprint == again.schema.fingerprint != other.schema.fingerprint


# What is refused


def test_not_a_zip(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"Rar!\x1a\x07\x00rest")
    with pytest.raises(Refusal) as refusal:
        read(tmp_path / "a.zip", tmp_path)
    expected = "This is not a .zip (it looks like RAR). Make a zip of the folder and upload that."
    assert str(refusal.value) == expected


def test_an_empty_file(tmp_path):
    (tmp_path / "a.zip").touch()
    with pytest.raises(Refusal) as refusal:
        read(tmp_path / "a.zip", tmp_path)
    assert str(refusal.value) == "The file is empty. Was it still downloading?"


def test_a_cut_off_zip(tmp_path):
    file = zipped(tmp_path, pets())
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(Refusal) as refusal:
        read(file, tmp_path)
    assert str(refusal.value) == "This zip is damaged and cannot be opened. Zip the folder again and upload that."


def test_a_missing_file(tmp_path):
    with pytest.raises(Refusal) as refusal:
        read(tmp_path / "gone.zip", tmp_path)
    assert str(refusal.value) == "'gone.zip' cannot be read. Check the path."


def test_a_password(tmp_path):
    file = zipped(tmp_path, pets(1))
    data = bytearray(file.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(data)
    with pytest.raises(Refusal) as refusal:
        read(file, tmp_path)
    expected = "This zip has a password. Unpack it, zip the folder again without one, and upload that."
    assert str(refusal.value) == expected


def test_a_zip_bomb_is_seen_before_it_is_unpacked(tmp_path):
    file = zipped(tmp_path, pets(1))
    data = bytearray(file.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 2_000_000_000)
    file.write_bytes(data)
    with pytest.raises(Refusal) as refusal:
        read(file, tmp_path)
    assert str(refusal.value) == "This zip unpacks to more than 1 GB. Use fewer or smaller pictures."


def test_a_header_that_lies_is_not_read_past_its_word(tmp_path):
    file = zipped(tmp_path, pets(20))
    data = bytearray(file.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 100)
    file.write_bytes(data)
    assert read(file, tmp_path).schema.notes == ("1 of 40 pictures could not be read and was skipped: '0.png'.",)


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(_archive, "MAX_FILES", 2000)
    expected = "This zip holds 2,001 files; the limit is 2,000. Use fewer pictures."
    assert refusal_of({f"a/{n}.png": b"" for n in range(2001)}, tmp_path) == expected


def test_a_zip_in_a_zip(tmp_path):
    expected = "There is a zip inside your zip; unpack it first."
    assert refusal_of(pets(1, **{"more.zip": b"PK"}), tmp_path) == expected


@pytest.mark.parametrize("files", [{}, {"__MACOSX/cats/._1.png": b"x"}, {"notes.txt": b"x"}])
def test_no_pictures(files, tmp_path):
    expected = "No pictures found. Expected folders named after classes, e.g. cats/1.jpg."
    assert refusal_of(files, tmp_path) == expected


NOTHING_TO_TELL_APART = (
    "a model can draw new ones or find odd ones, but has nothing to tell apart. "
    "For that, put the pictures of each class into a folder of its own, e.g. cats/1.jpg."
)


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        ([f"cats/{n}.png" for n in range(12)], "All pictures are of one class, 'cats'"),
        ([f"{n}.png" for n in range(12)], "No classes were found"),
    ],
)
def test_pictures_without_classes_can_be_drawn_but_not_sorted(names, seen, tmp_path):
    dataset = read(zipped(tmp_path, {name: packed(noise()) for name in names}), tmp_path)
    assert dataset.schema.notes == (f"{seen}: {NOTHING_TO_TELL_APART}",)
    assert (dataset.schema.classes, dataset.schema.task) == ({}, "generation")
    assert image.tasks(dataset) == ("generation", "reconstruction")
    assert [column.name for column in dataset.schema.columns] == ["picture"]
    assert image.preview(dataset, [0])[0].keys() == {"picture"}
    assert {finding.code for finding in image.check(dataset, Data(file="x"))} == {
        "few_pictures", "duplicates", "blank", "sizes", "colour", "unreadable",
    }  # fmt: skip
    prepared = image.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    assert (prepared.signature.task, prepared.signature.target.name) == ("generation", "picture")
    assert prepared.signature.details == {"classes": [], "anomalies": []}
    assert not prepared.part("train").y.any()
    with pytest.raises(Refusal) as refusal:
        image.check(dataset, Data(file="x", task="classification"))
    assert str(refusal.value) == (
        "These pictures have no classes, so they cannot be sorted. Put the pictures of each class into a folder of "
        "its own, or set `data.task` to generation or reconstruction."
    )


def test_a_class_that_is_held_out_stands_in_the_test_part_alone(tmp_path):
    files = {f"{label}/{n}.png": packed(noise()) for label in ("cats", "dogs", "owls") for n in range(10)}
    dataset = read(zipped(tmp_path, files), tmp_path)
    data = Data.model_validate({"file": "x", "task": "reconstruction", "hold_out": "owls"})
    prepared = image.prepare(dataset, data, 1, tmp_path / "prepared", nothing)
    assert prepared.signature.details == {"classes": ["cats", "dogs", "owls"], "anomalies": [2]}
    assert prepared.signature.target.classes == ()
    counts = {
        name: np.bincount(prepared.part(name).y, minlength=3).tolist() for name in ("train", "validation", "test")
    }
    assert counts["train"][2] == counts["validation"][2] == 0
    assert counts["test"][2] == 10
    assert np.sum(list(counts.values())) == 30


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"task": "generation", "hold_out": "cats"},
            "Only redrawing (`data.task: reconstruction`) can hold out a class. Leave `data.hold_out` empty.",
        ),
        (
            {"task": "reconstruction", "hold_out": "cat"},
            "There is no class 'cat'. Did you mean 'cats'? Available: cats, dogs.",
        ),
    ],
)
def test_what_cannot_be_held_out_is_refused(told, expected, tmp_path):
    dataset = read(zipped(tmp_path, pets(5)), tmp_path)
    with pytest.raises(Refusal) as refusal:
        image.check(dataset, Data.model_validate({"file": "x"} | told))
    assert str(refusal.value) == expected


def test_typefaces_of_the_test_part_are_unseen(tmp_path):
    dataset = image.load_sample("glyphs", tmp_path / "glyphs")
    album = Album.open(dataset.folder)
    parts = image._split(album, Data(sample="glyphs"), 1, None)
    faces = {name: set(album.groups[rows]) for name, rows in parts.items()}
    assert not faces["train"] & faces["test"]
    assert not faces["train"] & faces["validation"]
    assert all(len(set(album.labels[rows])) == 10 for rows in parts.values())


def test_a_single_picture(tmp_path):
    (tmp_path / "cat.png").write_bytes(packed(noise()))
    with pytest.raises(Refusal) as refusal:
        read(tmp_path / "cat.png", tmp_path)
    expected = "'cat.png' is a single picture. Put the pictures of each class into a folder and zip them."
    assert str(refusal.value) == expected


def test_a_few_unreadable_pictures_are_skipped_and_listed(tmp_path):
    dataset = read(zipped(tmp_path, pets(20, **{"cats/bad.png": b"<svg/>"})), tmp_path)
    assert dataset.schema.rows == 40
    assert dataset.schema.notes == ("1 of 41 pictures could not be read and was skipped: 'bad.png'.",)
    found = next(finding for finding in image.check(dataset, Data(file="x")) if finding.code == "unreadable")
    assert found.sentence == "Skipped 1 unreadable picture, for example 'bad.png'."


def test_many_unreadable_pictures_are_refused(tmp_path):
    bad = {f"cats/bad{n}.png": b"<svg/>" for n in range(3)}
    expected = (
        "3 of 23 pictures could not be read. 'bad0.png' is not a picture we can read. "
        "Save it as PNG, JPEG, GIF, WebP, BMP or TIFF."
    )
    assert refusal_of(pets(**bad), tmp_path) == expected


def test_an_emptied_class_is_refused(tmp_path):
    files = pets(20, **{"cows/1.png": huge_png(30_000, 30_000)})
    expected = (
        "No picture of class 'cows' could be read. "
        "Picture 1.png is 900 megapixels; the limit is 50. Make it smaller first."
    )
    assert refusal_of(files, tmp_path) == expected


def test_settings_are_refused_in_words(tmp_path):
    with pytest.raises(Refusal) as refusal:
        validate(image.Config, {"size": 33}, "data")
    assert str(refusal.value) == "`data.size` must be an even number from 8 to 224 (or 0), but got 33."
    dataset = read(zipped(tmp_path, pets(3)), tmp_path)
    with pytest.raises(Refusal) as refusal:
        image.check(dataset, Data(file="x", task="regression"))
    expected = "Pictures serve classification, generation or reconstruction, so `data.task` cannot be regression."
    assert str(refusal.value) == expected
    with pytest.raises(Refusal) as refusal:
        image.check(dataset, Data(file="x", target="size"))
    assert str(refusal.value) == "Pictures have one target, `label`, but got 'size'. Leave `data.target` out."


def test_more_than_fits_into_memory_is_refused():
    with pytest.raises(Refusal) as refusal:
        image._refuse_too_large(20_000, 224, 3)
    expected = "20,000 pictures of size 224 need 3.0 GB. Set the picture size to 182 or less."
    assert str(refusal.value) == expected


# One picture


def test_an_exif_rotated_photo_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.new("RGB", (40, 20), "red")
    photo.paste("blue", (0, 0, 20, 20))
    picture = open_picture(packed(photo, "JPEG", exif=exif, quality=95))
    assert (picture.height, picture.width, picture.image.size) == (40, 20, (20, 40))
    assert np.allclose(np.asarray(picture.image)[5, 10], (0, 0, 254), atol=3)


def test_cmyk_becomes_colour():
    picture = open_picture(packed(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert picture.image.mode == "RGB"
    assert np.allclose(np.asarray(picture.image)[4, 4], (255, 0, 0), atol=4)


def test_sixteen_bits_are_scaled_not_cut():
    ramp = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    assert np.asarray(open_picture(packed(Image.fromarray(ramp))).image).tolist() == [[0, 100, 255]]


def test_transparent_parts_are_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    picture = open_picture(packed(palette, transparency=0))
    assert [picture.image.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 255, 0)]


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    data = packed(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert open_picture(data).image.getpixel((3, 3)) == (255, 0, 0)


def test_grey_stored_as_colour_is_grey():
    assert open_picture(packed(noise(channels=1).convert("RGB"))).image.mode == "L"


def test_large_pictures_are_kept_small():
    picture = open_picture(packed(noise(300, 1200), "JPEG"))
    assert (picture.height, picture.width, picture.image.size) == (300, 1200, (512, 128))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "'a.png' is empty. Was it still downloading?"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "'a.png' is not a picture we can read. Save it as PNG, JPEG, GIF, WebP, BMP or TIFF.",
        ),
        (packed(noise(64, 64), "JPEG")[:900], "'a.png' is damaged or cut off. Save or download it again."),
        (huge_png(30_000, 30_000), "Picture a.png is 900 megapixels; the limit is 50. Make it smaller first."),
        (huge_png(10_000, 6_000), "Picture a.png is 60 megapixels; the limit is 50. Make it smaller first."),
        (huge_png(10_000, 12_000), "Picture a.png is 120 megapixels; the limit is 50. Make it smaller first."),
    ],
    ids=["empty", "svg", "truncated", "bomb", "over the limit", "much over the limit"],
)
def test_a_bad_picture_is_refused_in_words(data, sentence):
    with pytest.raises(Refusal) as refusal:
        open_picture(data, "a.png")
    assert str(refusal.value) == sentence


# Preparing


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    dataset = image.load_sample("digits", folder / "set")
    return dataset, image.prepare(dataset, Data(sample="digits"), 1, folder / "prepared", nothing)


def agree(dataset, prepared):
    """The deliverable's layers make of raw pictures exactly the numbers that training saw."""
    raw, ready = image.layers_of(prepared.signature, prepared.encoding)
    model = keras.Model(raw, ready)
    part = Prepared.open(prepared.folder).part("test")
    for row, expected in zip(part.rows[:6], part.x["picture"], strict=False):
        picture = image.raw(dataset, prepared.signature, [row])[0]
        assert picture["picture"].dtype == np.uint8
        answer = np.asarray(model(picture)["picture"])
        np.testing.assert_array_equal(answer[0], expected.astype(np.float32))
        as_float = {"picture": picture["picture"].astype(np.float32)}
        np.testing.assert_array_equal(np.asarray(model(as_float)["picture"]), answer)


def test_digits_keep_their_size_and_values(digits):
    from sklearn.datasets import load_digits

    dataset, prepared = digits
    assert prepared.encoding == {"size": 8, "fit": "crop", "channels": 1, "drawing": True}
    part = prepared.part("train")
    expected = np.round(load_digits().images[part.rows] * 255 / 16)
    np.testing.assert_array_equal(part.x["picture"][..., 0], expected)
    assert part.y.tolist() == load_digits().target[part.rows].tolist()
    assert sum(prepared.signature.class_counts) == prepared.signature.rows["train"]
    assert prepared.signature.raw[0].ink == 1.0
    agree(dataset, prepared)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_training_and_deliverable_resize_alike(fit, tmp_path):
    """Equal to the last bit, larger and smaller, colour and grey; and saving keeps it so."""
    files = {f"{label}/{n}.png": packed(noise(9 + 4 * n, 50 - 3 * n)) for label in "ab" for n in range(6)}
    dataset = read(zipped(tmp_path, files), tmp_path)
    data = Data.model_validate({"file": "x", "size": 24, "fit": fit, "colour": "grey" if fit == "pad" else "auto"})
    agree(dataset, image.prepare(dataset, data, 1, tmp_path / "prepared", nothing))


def test_layers_survive_saving(tmp_path, digits):
    _, prepared = digits
    encoding = prepared.encoding | {"size": 20}
    raw, ready = image.layers_of(prepared.signature, encoding)
    model = keras.Model(raw, ready)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    picture = {"picture": RANDOM.integers(0, 256, (2, 33, 47, 1), dtype=np.uint8)}
    np.testing.assert_array_equal(np.asarray(again(picture)["picture"]), np.asarray(model(picture)["picture"]))


def test_resize_is_within_one_step_of_pillow(digits):
    """An independent reading of the same filter: at most one of 255 steps off, as Pillow rounds twice."""
    _, prepared = digits
    raw, ready = image.layers_of(prepared.signature, prepared.encoding | {"size": 16, "fit": "stretch"})
    picture = noise(70, 45, 1)
    answer = np.asarray(keras.Model(raw, ready)({"picture": np.asarray(picture)[None, :, :, None]})["picture"])
    expected = np.asarray(picture.resize((16, 16), Image.Resampling.BILINEAR), dtype=np.float32)
    assert np.abs(answer[0, :, :, 0] - expected).max() <= 1


def test_copies_stay_on_one_side(tmp_path):
    """Thirty pictures, each there twice under other names: no copy may leak into the test part."""
    files = {}
    for n in range(30):
        data = packed(noise())
        files |= {f"{'ab'[n % 2]}/{n}.png": data, f"{'ab'[n % 2]}/copy of {n}.png": data}
    dataset = read(zipped(tmp_path, files), tmp_path)
    prepared = image.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    digests = Album.open(dataset.folder).digests
    sides = [set(digests[prepared.part(name).rows].tolist()) for name in ("train", "validation", "test")]
    assert len(set.union(*sides)) == sum(len(side) for side in sides)


def test_emoji_twins_stay_on_one_side(tmp_path):
    dataset = image.load_sample("emoji", tmp_path / "set")
    prepared = image.prepare(dataset, Data(sample="emoji"), 1, tmp_path / "prepared", nothing)
    groups = Album.open(dataset.folder).groups
    sides = [set(groups[prepared.part(name).rows].tolist()) for name in ("train", "validation", "test")]
    assert len(set.union(*sides)) == sum(len(side) for side in sides)
    assert sum(prepared.signature.rows.values()) == dataset.schema.rows == 1020


def test_same_seed_same_split(tmp_path, digits):
    dataset, prepared = digits
    again = image.prepare(dataset, Data(sample="digits"), 1, tmp_path / "again", nothing)
    other = image.prepare(dataset, Data(sample="digits"), 2, tmp_path / "other", nothing)
    assert again.part("test").rows.tolist() == prepared.part("test").rows.tolist() != other.part("test").rows.tolist()


# Looking and trying


def test_findings_answer_every_check(digits):
    findings = image.check(digits[0], Data(sample="digits"))
    assert {finding.code: finding.severity for finding in findings} == dict.fromkeys(
        [
            "few_pictures", "few_per_class", "imbalance", "conflicting_labels", "duplicates", "blank", "sizes",
            "colour", "unreadable",
        ],
        "pass",
    )  # fmt: skip


def test_findings_tell_what_is_wrong(tmp_path):
    twice = packed(noise())
    files = {f"cats/{n}.png": packed(noise(60, 60)) for n in range(40)}
    files |= {"cats/twice.png": twice, "dogs/twice.png": twice, "dogs/blank.png": packed(Image.new("L", (5, 5), 9))}
    files |= {f"dogs/grey{n}.png": packed(noise(channels=1)) for n in range(2)}
    findings = {each.code: each for each in image.check(read(zipped(tmp_path, files), tmp_path), Data(file="x"))}
    told = {code: (each.severity, each.sentence) for code, each in findings.items() if each.severity != "pass"}
    assert told == {
        "few_pictures": ("warning", "There are only 45 pictures; scores will swing from run to run."),
        "few_per_class": ("warning", "'dogs' has fewer than 20 pictures."),
        "imbalance": ("warning", "Class 'cats' is 10 times as frequent as 'dogs'."),
        "conflicting_labels": (
            "warning",
            "1 picture lies in several classes, e.g. 'cats' and 'dogs'.",
        ),
        "duplicates": ("notice", "1 picture of 45 repeats another exactly."),
        "blank": ("warning", "1 nearly blank picture (one even colour)."),
        "sizes": ("notice", "Pictures range from 5 x 5 to 60 x 60 pixels."),
        "colour": ("notice", "42 pictures have colour, 3 are grey."),
    }
    assert findings["conflicting_labels"].rows == (40, 41)


def test_a_class_of_two_is_a_problem(tmp_path):
    dataset = read(zipped(tmp_path, pets(9) | {f"cows/{n}.png": packed(noise()) for n in range(2)}), tmp_path)
    found = next(finding for finding in image.check(dataset, Data(file="x")) if finding.code == "few_per_class")
    assert (found.severity, found.sentence) == ("problem", "Class 'cows' has only 2 pictures; at least 3 are needed.")


def test_preview_shows_pictures_and_labels(digits):
    first, second = image.preview(digits[0], [3, 0])
    assert (first["label"], second["label"]) == ("3", "0")
    assert first["picture"].size == (8, 8)


def test_thumbnails_fit(digits):
    with Image.open(io.BytesIO(image.thumbnails(digits[0], [0], 96)[0])) as small:
        assert (small.format, small.size) == ("PNG", (96, 96))


def test_an_own_picture_is_turned_into_a_raw_row(digits):
    row = image.parse(digits[1].signature, {"picture": packed(noise(30, 20))})
    assert (row["picture"].shape, row["picture"].dtype) == ((1, 30, 20, 1), np.uint8)
    with pytest.raises(Refusal) as refusal:
        image.parse(digits[1].signature, {})
    assert str(refusal.value) == "No picture was given. Choose a file, take a photo or draw one."


def test_a_drawing_becomes_light_ink_on_black_that_fills_its_square(digits):
    pad = Image.new("RGBA", (280, 280), (0, 0, 0, 0))
    pad.paste((20, 20, 20, 255), (100, 60, 140, 220))
    row = image.parse(digits[1].signature, {"picture": packed(pad)})["picture"]
    assert row.shape == (1, 160, 160, 1)
    assert (row[0, 80, 80, 0], row[0, 0, 80, 0], row[0, 80, 10, 0]) == (255, 255, 0)
    with pytest.raises(Refusal) as refusal:
        image.parse(digits[1].signature, {"picture": packed(Image.new("RGBA", (280, 280), (0, 0, 0, 0)))})
    assert str(refusal.value) == "Nothing is drawn yet. Draw something and try again."


# Samples


def test_unknown_sample(tmp_path):
    with pytest.raises(Refusal) as refusal:
        image.load_sample("digit", tmp_path)
    assert str(refusal.value) == (
        "There is no sample 'digit'. Did you mean 'digits'? "
        "Available: cifar10, digits, emoji, fashion-mnist, glyphs, mnist, scans, textures."
    )


def test_online_sample_without_internet_is_refused_in_words(tmp_path, monkeypatch):
    def unreachable(*_arguments, **_options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", unreachable)
    with pytest.raises(Refusal) as refusal:
        image.load_sample("fashion-mnist", tmp_path)
    assert str(refusal.value) == (
        "'fashion-mnist' must be fetched from the internet, and that did not work. Try again when online, or choose a "
        "bundled sample such as digits."
    )


@pytest.mark.parametrize(
    "sample", [sample for sample in image.samples() if not sample.online], ids=lambda each: each.name
)
def test_samples_are_as_described(sample, tmp_path):
    dataset = image.load_sample(sample.name, tmp_path)
    assert (dataset.schema.rows, dataset.schema.target) == (sample.rows, sample.target)
    assert not [finding for finding in image.check(dataset, Data(sample=sample.name)) if finding.severity == "problem"]


def test_pages_read_and_check_pictures_without_keras(tmp_path):
    zipped(tmp_path, pets(5))
    code = (
        "import sys; from pathlib import Path; from datasets import image; from recipes import Data\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "dataset = image.read(folder / 'pets.zip', image.Config(), folder / 'set', lambda share, words: None)\n"
        "image.check(dataset, Data(file='x')); image.thumbnails(dataset, [0], 64)\n"
        "image.prepare(dataset, Data(file='x'), 1, folder / 'prepared', lambda share, words: None)\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, env=os.environ | {"PYTHONPATH": str(root)})
