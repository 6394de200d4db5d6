"""Clips with a class each: a zip or folder of films, GIFs or folders of frames, or bundled samples."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import field_validator

from datasets import DataSet, Prepared, Progress, Sample, _pack, _pictures
from datasets._archive import Bundle, note_unsafe, opened
from datasets._class_checks import (
    check_balance,
    check_conflicts,
    check_count,
    check_duplicates,
    check_few,
    check_rows,
    check_unreadable,
)
from datasets._clips import (
    ENDINGS,
    KEPT,
    MOVIES,
    Clip,
    Reel,
    chosen,
    clip_of_pictures,
    film_strip,
    gif,
    open_clip,
    square,
)
from datasets._layout import Kind, are, counted, layout, note_unreadable, refuse_unreadable, short
from datasets._sources import SourceSettings, check_sources, divide, sources, tied
from recipes import (
    Column,
    Data,
    Finding,
    Part,
    RawInput,
    Refusal,
    Schema,
    Settings,
    Signature,
    Target,
    TensorSpec,
    keras,
    known,
    setting,
    validate,
)

TITLE = "Clips"
SUMMARY = "Short films, each of one class: what happens in it?"
NOUN = "clip"
ICON = "movie"
EXTENSIONS = (".zip", *ENDINGS)
INSIDE = ENDINGS
TASKS = ("classification",)
FIRST_CHOICE = {"classification": "video_cnn"}
READING = ()

KIND = Kind("clip", ENDINGS, "jump/1.mp4")
FRAMES = "frames.clip"
"""What a folder of frames is called inside, as if it were a file."""
MAX_SIZE = 112
MAX_TENSOR_BYTES = 2_000_000_000
STILL = 0.5
"""Grey levels by which frames differ on average; below this nothing moves."""


class Config(SourceSettings):
    """How clips are brought to the form that the model sees."""

    frames: int = setting(
        0, "Frames", "How many pictures of each clip the model sees, evenly over its length; 0 chooses by the data.",
        ge=0, le=KEPT, unit="", zero="automatic", panel="data",
    )  # fmt: skip
    size: int = setting(
        0, "Picture size", "Side of a frame in pixels; 0 chooses by the data. Larger sees more and is much slower.",
        ge=0, le=MAX_SIZE, step=16, unit="px", zero="automatic", panel="data",
    )  # fmt: skip
    fit: Literal["crop", "pad", "stretch"] = setting(
        "crop", "Fit", "Frames become square: `crop` cuts the edges, `pad` adds black bars, `stretch` distorts.",
        panel="data", advanced=True,
    )  # fmt: skip

    @field_validator("size")
    @classmethod
    def _is_even(cls, size: int) -> int:
        if size % 2 or 0 < size < 16:
            raise ValueError(f"`data.size` must be an even number from 16 to {MAX_SIZE} (or 0), but got {size}.")
        return size

    @field_validator("frames")
    @classmethod
    def _are_several(cls, frames: int) -> int:
        if frames in {1, 2, 3}:
            raise ValueError(f"`data.frames` must be from 4 to {KEPT} (or 0), but got {frames}.")
        return frames


def looks_like(file: Path) -> float:
    """Say how sure it is that a file holds clips: films always, GIFs that move, folders of numbered frames."""
    if not file.is_dir() and file.suffix.lower() != ".zip":
        return 0.9 if file.suffix.lower() in MOVIES else 0.55 if _moves(file.read_bytes()) else 0.0
    try:
        with opened(file) as bundle:
            names = [name for name in bundle.names if PurePosixPath(name).suffix]
            films = sum(name.lower().endswith(MOVIES) for name in names)
            gifs = [name for name in names if name.lower().endswith(".gif")]
            moving = sum(_moves(bundle.read(name)) for name in gifs[:5]) / max(1, len(gifs[:5])) * len(gifs)
            share = (films + moving) / max(1, len(names))
            return max(0.95 * share, 0.95 if len(_frame_folders(names)) >= 6 else 0.01)
    except (Refusal, OSError):
        return 0.01


def samples() -> tuple[Sample, ...]:
    """List the bundled samples."""
    return (
        Sample(
            "moving-animals",
            "Moving animals",
            "900 tiny films of an animal on a blurred background. Which way does it move: left, right, up, down, "
            "nearer or away?",
            "video",
            "label",
            "classification",
            "made by this project; Noto Emoji: Apache 2.0, Twemoji: CC BY 4.0",
            "computed in datasets/_made_motion.py with Noto Emoji, copyright Google, and Twemoji, copyright Twitter, "
            "Inc and other contributors",
            "video_cnn",
            "accuracy 0.99",
            900,
        ),
    )


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    every = {sample.name: sample for sample in samples()}
    if name not in every:
        raise known("sample", name, every)
    from datasets import _made_motion as made

    with np.load(_pack.path("sprites.npz"), allow_pickle=False) as told:
        clips, labels, _ = made.moving(told["pictures"])
    named = (
        (
            Clip(list(frames), made.FRAMES, made.FRAMES * 0.1, made.SIDE, made.SIDE),
            f"{made.CLASSES[label]}/{row:04}.gif",
        )
        for row, (frames, label) in enumerate(zip(clips, labels.tolist(), strict=True))
    )
    reel = Reel.write(folder, named, labels.tolist(), is_lossy=False)
    return _finish(folder, reel, every[name].title, made.CLASSES, [], [])


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:  # noqa: ARG001 - part of the contract
    """Read a zip or a folder of clips; raises `Refusal` in words for what cannot be read."""
    if file.suffix.lower() in ENDINGS and not file.is_dir():
        raise Refusal(f"'{file.name}' is a single clip. Put the clips of each class into a folder and zip them.")
    with opened(file) as files:
        bundle, open_one, kind = _as_clips(files)
        found = layout(bundle, kind)
        labels, classes = found.labels, tuple(sorted(set(found.labels.values())))
        codes: list[int] = []
        unreadable: list[tuple[str, str]] = []

        def clips() -> Iterator[tuple[Clip, str]]:
            for number, name in enumerate(labels):
                try:
                    clip = open_one(name)
                except OSError:
                    unreadable.append((name, f"'{short(name)}' is damaged or cut off. Save or download it again."))
                except Refusal as refusal:
                    unreadable.append((name, str(refusal)))
                else:
                    codes.append(classes.index(labels[name]))
                    yield clip, name
                progress((number + 1) / len(labels), f"Reading clips: {number + 1:,} of {len(labels):,}")

        reel = Reel.write(folder, clips(), codes)
    refuse_unreadable(unreadable, labels, KIND)
    notes = [*found.notes, *note_unsafe(bundle), *note_unreadable(unreadable, len(labels), KIND)]
    return _finish(folder, reel, file.stem, classes, notes, [name for name, _ in unreadable])


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the clips; every check answers, also with `pass`."""
    settings = _settings(data)
    reel, classes = Reel.open(dataset.folder), dataset.schema.classes
    blank = np.flatnonzero(reel.album.spreads < 1)
    still = np.flatnonzero((reel.motion < STILL) & (reel.album.spreads >= 1))
    few = np.flatnonzero(reel.counts < (settings.frames or int(dataset.schema.details["frames"])))
    return [
        check_count(len(reel), NOUN),
        check_few(classes, NOUN),
        check_balance(classes, NOUN),
        check_conflicts(reel.album.digests, reel.album.labels, list(classes), NOUN),
        check_duplicates(reel.album.digests, NOUN),
        check_rows("blank", blank, NOUN, _BLANK),
        check_rows("still", still, NOUN, _STILL),
        check_rows("few_frames", few, NOUN, _FEW, "notice"),
        _check_lengths(reel),
        _check_shapes(reel),
        check_sources(_sources(dataset, reel, settings), NOUN),
        check_unreadable(dataset.schema.details["unreadable"], NOUN),
    ]


def classes(dataset: DataSet, data: Data) -> dict[str, int]:  # noqa: ARG001 - part of the contract
    """Count the clips of each class."""
    return dataset.schema.classes


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split by class with equal clips and sources on one side; (n, frames, size, size, channels) uint8."""
    settings = _settings(data)
    reel = Reel.open(dataset.folder)
    size = settings.size or int(dataset.schema.details["size"])
    frames = settings.frames or int(dataset.schema.details["frames"])
    channels = 3 if reel.album.colour.any() else 1
    _refuse_too_large(len(reel), frames, size, channels)
    groups = tied(reel.album.digests.tolist(), _sources(dataset, reel, settings)[0])
    parts, done = {}, 0
    for name, here in divide(reel.album.labels, groups, (data.validation, data.test), seed, NOUN, data.folded).items():
        clips = np.empty((len(here), frames, size, size, channels), dtype=np.uint8)
        for place, clip in enumerate(reel.clips(here, channels)):
            clips[place] = _resized(chosen(clip, frames), size, settings.fit)
            done += 1
            if done % 20 == 0:
                progress(done / len(reel), f"Preparing clips: {done:,} of {len(reel):,}")
        parts[name] = Part({"clip": clips}, reel.album.labels[here], here)
    names = tuple(dataset.schema.classes)
    signature = Signature(
        data_type="video",
        task="classification",
        inputs={"clip": TensorSpec(shape=(frames, size, size, channels), dtype="uint8")},
        raw=(_raw_input(frames, channels),),
        target=Target(name="label", classes=names),
        rows={name: len(part) for name, part in parts.items()},
        class_counts=tuple(np.bincount(parts["train"].y, minlength=len(names)).tolist()),
        details={"frames": frames},
    )
    return Prepared(folder, signature, {"frames": frames, "size": size, "fit": settings.fit}).save(parts)


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these clips as strips of four frames, with their class names."""
    reel, names = Reel.open(dataset.folder), list(dataset.schema.classes)
    return [
        {"clip": film_strip(clip), "label": names[reel.album.labels[row]]}
        for row, clip in zip(rows, reel.clips(rows), strict=True)
    ]


def playable(dataset: DataSet, rows: Sequence[int], side: int = 160) -> list[bytes]:
    """Return these clips as animated GIFs whose longer side has so many pixels."""
    reel = Reel.open(dataset.folder)
    frames = int(dataset.schema.details["frames"])
    return [gif(chosen(clip, frames), side) for clip in reel.clips(rows)]


def seen(signature: Signature, data: bytes, side: int) -> bytes:
    """Return an uploaded clip as an animated GIF of the frames that the model will see; raises `Refusal` in words."""
    return gif(chosen(np.stack(open_clip(data).frames), _seen(signature)[0]), side)


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these clips as the deliverable takes them: {"clip": (1, frames, height, width, channels) uint8}."""
    frames, channels = _seen(signature)
    return [{"clip": chosen(clip, frames)[None]} for clip in Reel.open(dataset.folder).clips(rows, channels)]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn {"clip": bytes of an upload} into (1, frames, height, width, channels)."""
    data = values.get("clip")
    if not isinstance(data, bytes):
        raise Refusal("No clip was given. Choose a film or a GIF.")
    frames, channels = _seen(signature)
    clip = chosen(np.stack(open_clip(data).frames), frames)
    if channels == 1:
        clip = np.stack([_pictures.array_of(Image.fromarray(frame), 1) for frame in clip])
    return {"clip": clip[None]}


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the raw clip (batch, frames, any height, any width, channels) and the ready one, square."""
    frames, channels = _seen(signature)
    clip = keras.Input((frames, None, None, channels), name="clip", dtype="float32")
    return {"clip": clip}, {"clip": square(clip, int(encoding["size"]), encoding["fit"])}


# Reading


def _as_clips(bundle: Bundle) -> tuple[Bundle, Callable[[str], Clip], Kind]:
    """Return the bundle as one of clips, what opens a clip by its name, and what to look for.

    Where there are folders of frames and no films, each such folder stands as one file.
    """
    if any(KIND.has(name) for name in bundle.names):
        return bundle, lambda name: open_clip(bundle.read(name), short(name)), KIND
    folders = _frame_folders(bundle.names)
    if not folders:
        return bundle, lambda name: open_clip(bundle.read(name), short(name)), KIND
    inside = {name for frames in folders.values() for name in frames}
    others = tuple(name for name in bundle.names if name not in inside)

    def open_frames(name: str) -> Clip:
        folder = name.removesuffix(f".{FRAMES}")
        return clip_of_pictures([bundle.read(each) for each in folders[folder]], f"a frame of {short(folder)}")

    kind = Kind("clip", (f".{FRAMES}",), "jump/1/frame01.png")
    return replace(bundle, names=(*(f"{folder}.{FRAMES}" for folder in folders), *others)), open_frames, kind


def _frame_folders(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the folders that hold the frames of one clip each: below a class folder, with four or more pictures.

    Frames are numbered anew in each clip, so the same file names come back in most folders; in folders of single
    pictures they do not.
    """
    inside: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        if path.suffix.lower() in _pictures.ENDINGS and len(path.parts) > 2:
            inside.setdefault(str(path.parent), []).append(name)
    inside = {folder: sorted(found, key=_in_order) for folder, found in inside.items() if len(found) >= 4}
    firsts = Counter(PurePosixPath(found[0]).stem for found in inside.values())
    recurring = sum(count for count in firsts.values() if count > 1)
    numbered = sum(bool(re.search(r"\d$", PurePosixPath(found[0]).stem)) for found in inside.values())
    return inside if 2 * min(recurring, numbered) >= len(inside) else {}


def _in_order(name: str) -> list[Any]:
    """Sort frame10 behind frame9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _moves(data: bytes) -> bool:
    """Say whether a GIF has several frames."""
    import io

    try:
        with Image.open(io.BytesIO(data), formats=("GIF",)) as image:
            return getattr(image, "n_frames", 1) > 1
    except Exception:  # noqa: BLE001 - broken bytes make decoders raise almost anything; whoever reads it tells
        return False


def _finish(
    folder: Path, reel: Reel, name: str, classes: Sequence[str], notes: list[str], unreadable: list[str]
) -> DataSet:
    """Write `dataset.json`, last."""
    counts = np.bincount(reel.album.labels, minlength=len(classes)).tolist()
    told = hashlib.sha256("|".join(classes).encode())
    for array in (reel.album.labels, reel.album.digests):
        told.update(np.ascontiguousarray(array).tobytes())
    told.update("|".join(reel.names.tolist()).encode())
    label = Column(name="label", kind="category", unique=len(classes), examples=tuple(classes[:5]), reason="the class")
    schema = Schema(
        name=name,
        data_type="video",
        rows=len(reel),
        columns=(Column(name="clip", kind="clip", unique=len(np.unique(reel.album.digests))), label),
        target="label",
        task="classification",
        classes=dict(zip(classes, counts, strict=True)),
        fingerprint=told.hexdigest(),
        notes=tuple(notes),
        details={"frames": _frames_for(reel), "size": _size_for(reel), "unreadable": unreadable},
    )
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


def _frames_for(reel: Reel) -> int:
    """Take as many frames as clips usually have, from 4 to 12."""
    return int(np.clip(np.median(reel.counts), 4, 12))


def _size_for(reel: Reel) -> int:
    """Keep small frames as they are; bring larger ones to 48 pixels, for time costs a lot already."""
    shorter = int(np.median(reel.sizes.min(axis=1)))
    return max(16, shorter + shorter % 2) if shorter <= 48 else 48


# Looking

_BLANK = ("No clip is blank.", "blank (one even colour).", "Look at them and remove those that show nothing.")
_STILL = ("Something moves in every clip.", "still: nothing moves.", "Use them as pictures, or remove them.")
_FEW = (
    "Every clip has enough frames.", "shorter than the frames that the model sees.",
    "Nothing to do: some frames are shown twice. Fewer frames would be faster.",
)  # fmt: skip


def _check_lengths(reel: Reel) -> Finding:
    known_ = reel.seconds[reel.seconds > 0]
    if not len(known_):
        sentence = f"Clips have {reel.counts.min()} to {reel.counts.max()} frames."
        return Finding(code="lengths", severity="pass", sentence=sentence)
    sentence = f"Clips last {known_.min():.1f} to {known_.max():.1f} s; frames are taken evenly over the whole length."
    if known_.max() < 4 * max(float(np.median(known_)), 0.5):
        return Finding(code="lengths", severity="pass", sentence=sentence)
    rows = np.flatnonzero(reel.seconds >= 4 * np.median(known_))
    cure = "Cut long clips to the part where it happens: else most of their frames show something else."
    return Finding(code="lengths", severity="notice", sentence=sentence, cure=cure, rows=tuple(rows[:10].tolist()))


def _check_shapes(reel: Reel) -> Finding:
    ratios = reel.sizes[:, 1] / reel.sizes[:, 0]
    height, width = reel.sizes[int(np.argsort(reel.sizes.prod(axis=1))[len(reel) // 2])]
    sentence = f"Frames are usually {width} x {height} pixels."
    upright = np.flatnonzero(ratios < 0.9)
    if not len(upright) or (ratios < 1.1).all():
        return Finding(code="shapes", severity="pass", sentence=sentence)
    cure = "Nothing to do: all become square. If edges matter, set the fit to `pad`."
    sentence = f"{sentence} {are(len(upright), NOUN)} upright, the others wide."
    return Finding(code="shapes", severity="notice", sentence=sentence, cure=cure, rows=tuple(upright[:10].tolist()))


def _sources(dataset: DataSet, reel: Reel, settings: Config) -> tuple[list[str], str]:
    names = list(dataset.schema.classes)
    return sources(reel.names.tolist(), [names[label] for label in reel.album.labels], settings)


# Settings and signature


def _settings(data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"Clips can be sorted into classes, so `data.task` must be classification, not {data.task}.")
    if data.target and data.target != "label":
        raise Refusal(f"Clips have one target, `label`, but got '{data.target}'. Leave `data.target` out.")
    return validate(Config, data.settings, "data")


def _resized(clip: np.ndarray, size: int, fit: str) -> np.ndarray:
    """Bring (frames, height, width, channels) to size x size as the deliverable does it."""
    if clip.shape[1:3] == (size, size):
        return clip
    return np.asarray(square(clip[None].astype(np.float32), size, fit)[0]).astype(np.uint8)


def _seen(signature: Signature) -> tuple[int, int]:
    """Return the number of frames and of channels that the model takes."""
    shape = signature.raw[0].shape
    return int(shape[0] or 1), int(shape[-1] or 1)


def _raw_input(frames: int, channels: int) -> RawInput:
    colour = "grey" if channels == 1 else "red, green and blue"
    told = f"{frames} frames of a clip, evenly over its length, of any size, {colour}, values 0 to 255."
    return RawInput(
        name="clip", kind="clip", shape=(frames, None, None, channels), minimum=0, maximum=255, description=told
    )


def _refuse_too_large(clips: int, frames: int, size: int, channels: int) -> None:
    needed = clips * frames * size * size * channels
    if needed > MAX_TENSOR_BYTES:
        most = int((MAX_TENSOR_BYTES / (clips * frames * channels)) ** 0.5) // 2 * 2
        raise Refusal(
            f"{counted(clips, 'clip')} of {frames} frames of size {size} need {needed / 1e9:.1f} GB. Set the picture "
            f"size to {most} or less, or take fewer frames."
        )
