"""Pictures with boxes: every format of labels is read alike, what cannot be right is told before training."""

import io
import json
import re
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets import DataSet, boxes, type_of, types_of
from datasets._box_drawing import TRUE, drawn
from datasets._box_things import Things, once, overlaps
from recipes import Data, Refusal, keras, validate

WIDE, HIGH = 80, 40
THERE = ("dog", 8, 4, 40, 24)
"""Class, left, top, right, bottom in pixels of a picture of 80 x 40."""
SHARES = (0.1, 0.1, 0.5, 0.6)


def nothing(share, words):
    pass


def picture(number=0, size=(WIDE, HIGH)):
    noise = np.random.default_rng(number).integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
    noise[4:24, 8:40] = 200
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(folder, files, name="labelled.zip"):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return folder / name


def voc(*things, size=(WIDE, HIGH), filename="0.png"):
    told = "".join(
        f"<object><name>{kind}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
        f"<ymax>{bottom}</ymax></bndbox></object>"
        for kind, left, top, right, bottom in things
    )
    head = f"<filename>{filename}</filename><size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation>{head}{told}</annotation>"


def coco(number, things=(THERE,), folder=""):
    images = [{"id": n, "file_name": f"{folder}{n}.png", "width": WIDE, "height": HIGH} for n in range(number)]
    kinds = sorted({thing[0] for thing in things})
    annotations = [
        {"id": n, "image_id": n, "category_id": 1 + kinds.index(kind), "bbox": [left, top, right - left, bottom - top]}
        for n in range(number)
        for kind, left, top, right, bottom in things
    ]
    categories = [{"id": 0, "name": "animals"}, *({"id": 1 + n, "name": kind} for n, kind in enumerate(kinds))]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


def pictures(number=12, folder=""):
    return {f"{folder}{n}.png": picture(n) for n in range(number)}


def read(file, tmp_path):
    return boxes.read(file, boxes.Config(), tmp_path / "set", nothing)


def read_of(files, tmp_path):
    return read(zipped(tmp_path, files), tmp_path)


def refusal_of(files, tmp_path):
    with pytest.raises(Refusal) as refusal:
        read_of(files, tmp_path)
    return str(refusal.value)


def finding(dataset, code, **settings):
    found = boxes.check(dataset, Data(file="x", **settings))
    return next(each for each in found if each.code == code)


def first_box(dataset, row=0):
    box = Things.open(dataset.folder).of(row)[0]
    return list(dataset.schema.classes)[int(box[0])], pytest.approx(box[1:].tolist(), abs=1e-6)


# Formats

YOLO_LINE = "1 0.3 0.35 0.4 0.5\n"
TABLE = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
FORMATS = {
    "COCO": pictures() | {"annotations.json": coco(12)},
    "COCO in a folder of labels": pictures(folder="data/images/") | {"data/annotations/all.json": coco(12)},
    "COCO as outlines": pictures()
    | {"a.json": re.sub(r'"bbox": \[.*?\]', '"segmentation": [[8, 4, 40, 4, 40, 24, 8, 24]]', coco(12))},
    "VOC beside the pictures": pictures() | {f"{n}.xml": voc(THERE) for n in range(12)},
    "VOC in a folder": pictures(folder="JPEGImages/") | {f"Annotations/{n}.xml": voc(THERE) for n in range(12)},
    "YOLO": pictures(folder="images/train/")
    | {f"labels/train/{n}.txt": YOLO_LINE for n in range(12)}
    | {"data.yaml": "train: images/train\nnames: [cat, dog]\n"},
    "YOLO with names by number": pictures(folder="train/images/")
    | {f"train/labels/{n}.txt": YOLO_LINE for n in range(12)}
    | {"data.yaml": "names:\n  0: cat\n  1: dog\n"},
    "YOLO as outlines": pictures()
    | {f"{n}.txt": "1 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6\n" for n in range(12)}
    | {"classes.txt": "cat\ndog\n"},
    "table of corners": pictures()
    | {"labels.csv": TABLE + "".join(f"{n}.png,{WIDE},{HIGH},dog,8,4,40,24\n" for n in range(12))},
    "table of sides": pictures()
    | {"labels.csv": "image;label;x;y;w;h\n" + "".join(f"{n}.png;dog;8;4;32;20\n" for n in range(12))},
    "table of shares": pictures()
    | {"boxes.csv": "ImageID,LabelName,XMin,XMax,YMin,YMax\n" + "".join(f"{n},dog,.1,.5,.1,.6\n" for n in range(12))},
    "table with one column of numbers": pictures()
    | {"train.csv": "image_id,bbox,type\n" + "".join(f'{n},"[8.0, 4.0, 32, 20]",dog\n' for n in range(12))},
    "table without a header": pictures(folder="img/")
    | {"annotations.csv": "".join(f"img/{n}.png,8,4,40,24,dog\n" for n in range(12))},
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_and_read_alike(name, tmp_path):
    file = zipped(tmp_path, FORMATS[name])
    assert type_of(file) == "boxes"
    dataset = read(file, tmp_path)
    assert (dataset.schema.rows, dataset.schema.classes) == (12, {"dog": 12})
    assert (dataset.schema.task, dataset.schema.target) == ("detection", "label")
    assert first_box(dataset) == ("dog", list(SHARES))
    assert DataSet.open(dataset.folder) == dataset


def test_a_folder_is_read_as_its_zip(tmp_path):
    for name, data in FORMATS["VOC beside the pictures"].items():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    assert type_of(tmp_path / "in") == "boxes"
    assert first_box(read(tmp_path / "in", tmp_path)) == ("dog", list(SHARES))


def test_splits_of_one_name_each_keep_their_own_labels(tmp_path):
    """Numbered anew in each folder, pictures would else share their labels."""
    files = pictures(6, "train/images/") | {f"valid/images/{n}.png": picture(100 + n) for n in range(6)}
    files |= {f"train/labels/{n}.txt": "0 0.3 0.35 0.4 0.5\n" for n in range(6)}
    files |= {f"valid/labels/{n}.txt": "1 0.5 0.5 0.2 0.2\n" for n in range(6)}
    dataset = read_of(files, tmp_path)
    assert dataset.schema.classes == {"class 0": 6, "class 1": 6}


def test_pictures_of_classes_stay_pictures(tmp_path):
    files = {f"{kind}/{n}.png": picture(n) for kind in ("cat", "dog") for n in range(8)}
    files |= {"notes.txt": "taken in May", "labels.csv": "file,label\ncat/1.png,cat\n"}
    file = zipped(tmp_path, files)
    assert type_of(file) == "image"
    assert types_of(file)[0] == "image"


def test_pictures_keep_their_boxes_when_they_were_made_smaller_after_labelling(tmp_path):
    things = [("dog", 80, 40, 400, 240)]
    files = pictures() | {f"{n}.xml": voc(*things, size=(800, 400)) for n in range(12)}
    assert first_box(read_of(files, tmp_path)) == ("dog", list(SHARES))


def test_empty_pictures_count_and_pictures_without_labels_are_left_out(tmp_path):
    files = pictures(14) | {f"{n}.txt": YOLO_LINE for n in range(10)} | {"10.txt": "", "11.txt": "\n"}
    dataset = read_of(files, tmp_path)
    assert dataset.schema.rows == 12
    assert "Left out 2 pictures without labels." in dataset.schema.notes
    told = finding(dataset, "empty")
    assert (told.severity, told.rows) == ("notice", (10, 11))
    assert told.sentence == "2 pictures of 12 have no box."


def test_spellings_of_a_class_are_one_class(tmp_path):
    files = pictures() | {f"{n}.xml": voc(("Dog " if n else "dog", *THERE[1:])) for n in range(12)}
    dataset = read_of(files, tmp_path)
    assert dataset.schema.classes == {"Dog": 12}
    assert "'Dog ' and 'dog' were taken as one class 'Dog'." in dataset.schema.notes


# What cannot be read


def test_what_is_no_labelled_upload_is_refused_in_words(tmp_path):
    nothing_found = (
        "No boxes found. Beside the pictures there must be labels that say where things are: COCO (.json), Pascal VOC "
        "(.xml), YOLO (.txt), or a CSV with the columns file, class, xmin, ymin, xmax, ymax."
    )
    assert refusal_of(pictures(), tmp_path) == nothing_found
    assert refusal_of(pictures() | {f"{n}.txt": "a dog on grass" for n in range(12)}, tmp_path) == nothing_found
    assert refusal_of({"a.json": coco(3)}, tmp_path) == (
        "No pictures found. Zip the pictures together with their labels."
    )
    assert refusal_of(pictures() | {"a.json": coco(3).replace(".png", ".jpg").replace('"0', '"x0')}, tmp_path) == (
        "The labels name pictures that are not in the upload, such as 'x0.jpg'. Zip the pictures together with their "
        "labels."
    )
    assert refusal_of(pictures() | {"a.json": "{"}, tmp_path) == (
        "The label file 'a.json' is no sound JSON. Export the labels again."
    )
    assert refusal_of(pictures() | {"0.xml": "<annotation>"}, tmp_path) == (
        "The label file '0.xml' is no sound XML. Export the labels again."
    )


def test_a_file_of_labels_alone_is_refused(tmp_path):
    file = tmp_path / "0.xml"
    file.write_text(voc(THERE))
    assert type_of(file) == "boxes"
    with pytest.raises(Refusal) as refusal:
        read(file, tmp_path)
    assert str(refusal.value) == "'0.xml' holds labels alone. Zip the pictures together with their labels."


def test_xml_that_could_fill_the_memory_is_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>' + voc(("&c;", 1, 2, 3, 4))
    assert refusal_of(pictures() | {"0.xml": bomb}, tmp_path) == (
        "The label file '0.xml' declares a document type, which labels never need. Export the labels again as Pascal "
        "VOC."
    )


def test_boxes_that_all_lie_elsewhere_are_refused(tmp_path):
    files = pictures() | {f"{n}.xml": voc(("dog", 900, 900, 990, 990)) for n in range(12)}
    assert refusal_of(files, tmp_path) == (
        "Every box lies outside of its picture or has no size. Check that the labels belong to these pictures, and "
        "export them again."
    )


def test_many_broken_pictures_are_refused_and_a_few_are_told(tmp_path):
    labels = {"a.json": coco(12)}
    broken = pictures() | dict.fromkeys(("0.png", "1.png"), b"\x89PNG") | labels
    assert refusal_of(broken, tmp_path).startswith("2 of 12 pictures could not be read. ")
    dataset = read_of(pictures() | {"0.png": b"\x89PNG"} | labels, tmp_path)
    assert dataset.schema.rows == 11
    assert finding(dataset, "unreadable").sentence == "Skipped 1 unreadable picture, for example '0.png'."


def test_cells_that_are_no_numbers_are_left_out_and_told(tmp_path):
    rows = "".join(f"{n}.png,{WIDE},{HIGH},dog,{'?' if n == 3 else 8},4,40,24\n" for n in range(12))
    dataset = read_of(pictures() | {"labels.csv": TABLE + rows}, tmp_path)
    assert dataset.schema.classes == {"dog": 11}
    assert "Left out 1 box that could not be read." in dataset.schema.notes


# Label checks


def checked(tmp_path, *things, others=(THERE,)):
    files = pictures(12) | {f"{n}.xml": voc(*(things if n == 0 else others)) for n in range(12)}
    return read_of(files, tmp_path)


def test_sound_labels_pass_every_check(tmp_path):
    found = boxes.check(checked(tmp_path, THERE), Data(file="x"))
    assert {each.code for each in found if each.severity != "pass"} == {"few_pictures", "few_per_class"}
    assert len({each.code for each in found}) == len(found)


def test_boxes_off_their_picture_are_left_out_and_told(tmp_path):
    dataset = checked(tmp_path, ("dog", 200, 200, 240, 240), ("dog", 10, 10, 10, 30), THERE)
    told = finding(dataset, "lost_boxes")
    assert (told.severity, told.rows) == ("warning", (0,))
    assert told.sentence == "2 boxes of 14 lie outside of the picture or have no size."


def test_labels_that_mostly_do_not_fit_keep_train_closed(tmp_path):
    dataset = checked(tmp_path, THERE, others=(("dog", 200, 200, 240, 240),))
    assert finding(dataset, "lost_boxes").severity == "problem"


def test_boxes_over_the_edge_are_cut_off(tmp_path):
    dataset = checked(tmp_path, ("dog", -20, 4, 40, 24))
    assert first_box(dataset) == ("dog", [0.0, 0.1, 0.5, 0.6])
    told = finding(dataset, "outside")
    assert (told.severity, told.sentence) == ("notice", "1 box reaches over the edge of the picture.")


def test_corners_mixed_up_and_boxes_drawn_twice_are_mended(tmp_path):
    dataset = checked(tmp_path, ("dog", 40, 24, 8, 4), THERE)
    assert len(Things.open(dataset.folder).of(0)) == 1
    assert first_box(dataset) == ("dog", list(SHARES))
    assert finding(dataset, "twice").sentence == "1 box was drawn twice."
    assert finding(dataset, "swapped").sentence == "1 box had left and right or top and bottom mixed up."


def test_a_thing_with_two_names_is_told(tmp_path):
    dataset = checked(tmp_path, THERE, ("wolf", *THERE[1:]))
    told = finding(dataset, "conflicting_labels")
    assert (told.severity, told.rows) == ("warning", (0,))
    assert told.sentence == "In 1 picture one thing bears two names, such as 'dog' and 'wolf'."


def test_a_picture_labelled_lying_on_its_side_is_told(tmp_path):
    files = pictures(12) | {f"{n}.xml": voc(THERE, size=(HIGH, WIDE) if n == 5 else (WIDE, HIGH)) for n in range(12)}
    told = finding(read_of(files, tmp_path), "turned_pictures")
    assert (told.severity, told.rows) == ("warning", (5,))
    assert told.sentence == "1 picture was labelled lying on the side."


def test_rare_classes_are_left_out_and_small_things_are_told(tmp_path):
    dataset = checked(tmp_path, THERE, ("owl", 50, 20, 52, 22))
    assert finding(dataset, "few_per_class").sentence == "'owl' has boxes in fewer than 3 pictures."
    assert boxes.classes(dataset, Data(file="x")) == {"dog": 12}
    assert finding(dataset, "tiny").sentence == "1 box of 13 is less than 3 pixels wide or high at 80 x 80 pixels."
    prepared = boxes.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    assert prepared.signature.target.classes == ("dog",)


def test_boxes_around_whole_pictures_are_told(tmp_path):
    whole = ("dog", 0, 0, WIDE, HIGH)
    told = finding(checked(tmp_path, whole, others=(whole,)), "whole")
    assert told.sentence == "12 boxes of 12 cover the whole picture."


# Preparing


def many(tmp_path, number=40):
    files = pictures(number)
    for n in range(number):
        second = [("owl", 50, 10, 70, 30)] if n % 2 else []
        files[f"{n}.xml"] = voc(*([] if n == 0 else [THERE, *second]))
    return read_of(files, tmp_path)


def test_things_stand_largest_first_and_are_filled_up(tmp_path):
    dataset = many(tmp_path)
    prepared = boxes.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    signature = prepared.signature
    assert signature.inputs["picture"].shape == (80, 80, 3)
    assert signature.target.classes == ("dog", "owl")
    assert signature.details == {"most": 2}
    every = {name: prepared.part(name) for name in ("train", "validation", "test")}
    assert sum(map(len, every.values())) == 40
    assert signature.class_counts == (
        int((every["train"].y[:, ::5] == 0).sum()), int((every["train"].y[:, ::5] == 1).sum()),
    )  # fmt: skip
    for part in every.values():
        for y, row in zip(part.y, part.rows, strict=True):
            kinds = y[::5].tolist()
            assert kinds == ([-1, -1] if row == 0 else [0, 1] if row % 2 else [0, -1])
            if row:
                assert y[1:5].tolist() == pytest.approx(SHARES)


def test_every_part_shows_every_class_and_the_same_seed_splits_alike(tmp_path):
    dataset = many(tmp_path)
    one, other, third = (
        boxes.prepare(dataset, Data(file="x"), seed, tmp_path / f"p{place}", nothing)
        for place, seed in enumerate((1, 1, 2))
    )
    for name in ("train", "validation", "test"):
        assert set(np.unique(one.part(name).y[:, ::5])) >= {0.0, 1.0}
        np.testing.assert_array_equal(one.part(name).rows, other.part(name).rows)
    assert one.part("test").rows.tolist() != third.part("test").rows.tolist()


def test_changed_copies_of_a_picture_stay_on_one_side(tmp_path):
    """A labelling tool writes name_png.rf.hash.png for each changed copy of one picture."""
    files = {f"{n}_png.rf.{copy}.png": picture(10 * n + copy) for n in range(14) for copy in range(3)}
    files |= {f"{n}_png.rf.{copy}.xml": voc(THERE) for n in range(14) for copy in range(3)}
    dataset = read_of(files, tmp_path)
    prepared = boxes.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    parts = [np.unique(prepared.part(name).rows // 3) for name in ("train", "validation", "test")]
    assert len(np.concatenate(parts)) == 14


def test_the_download_sees_what_was_prepared(tmp_path):
    dataset = many(tmp_path)
    prepared = boxes.prepare(dataset, Data(file="x", size=48), 1, tmp_path / "prepared", nothing)
    model = keras.Model(*boxes.layers_of(prepared.signature, prepared.encoding))
    part = prepared.part("validation")
    for place, row in enumerate(boxes.raw(dataset, prepared.signature, part.rows.tolist())):
        assert row["picture"].shape == (1, HIGH, WIDE, 3)
        np.testing.assert_array_equal(model(row)["picture"][0], part.x["picture"][place])
    asked = boxes.parse(prepared.signature, {"picture": picture(int(part.rows[0]))})
    np.testing.assert_array_equal(model(asked)["picture"][0], part.x["picture"][0])


def test_settings_that_cannot_be_are_refused_in_words():
    signature_of_nothing: Any = None
    with pytest.raises(Refusal) as refusal:
        validate(boxes.Config, {"size": 40}, "data")
    assert str(refusal.value) == "`data.size` must be a multiple of 16 from 32 to 320 (or 0), but got 40."
    with pytest.raises(Refusal) as refusal:
        boxes.parse(signature_of_nothing, {})
    assert str(refusal.value) == "No picture was given. Choose a file or take a photo."


# Showing


def test_the_preview_shows_boxes_and_says_what_is_there(tmp_path):
    dataset = many(tmp_path)
    told = boxes.preview(dataset, [0, 1])
    assert [each["label"] for each in told] == ["nothing", "dog, owl"]
    green = tuple(int(TRUE[place : place + 2], 16) for place in (1, 3, 5))
    plain, boxed = (set(each["picture"].get_flattened_data()) for each in told)
    assert green not in plain
    assert green in boxed
    assert boxes.in_words(["cat", "dog", "cat"]) == "2 × cat, dog"


def test_words_stay_inside_the_picture():
    image = Image.new("RGB", (60, 60))
    for box in ([0.0, 0.0, 1.0, 1.0], [0.9, 0.9, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5]):
        assert drawn(image, [(box, "a long word on it", TRUE)], 200).size == (200, 200)


# Samples


@pytest.mark.parametrize("sample", boxes.samples(), ids=lambda sample: sample.name)
def test_a_sample_is_what_it_says(sample, tmp_path):
    dataset = boxes.load_sample(sample.name, tmp_path)
    assert dataset.schema.rows == sample.rows
    assert len(dataset.schema.classes) == 10
    counts = Things.open(tmp_path).counts
    assert (counts.min(), counts.max()) == (1, boxes.MOST_OF[sample.name])
    problems = [each for each in boxes.check(dataset, Data(sample=sample.name)) if each.severity != "pass"]
    assert problems == []


def test_a_sample_is_the_same_each_time(tmp_path):
    one, other = (boxes.load_sample("find-the-animals", tmp_path / name) for name in ("a", "b"))
    assert one.schema.fingerprint == other.schema.fingerprint


# Overlaps


def test_overlap_is_shared_over_joined():
    one = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0]])
    other = np.array([[0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0], [2.0, 2.0, 3.0, 3.0]])
    np.testing.assert_allclose(overlaps(one, other), [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])


def test_boxes_of_two_classes_are_two_boxes():
    box = [0.1, 0.1, 0.5, 0.5]
    assert once(np.array([[0, *box], [1, *box], [0, *box]])).tolist() == [0, 1]
