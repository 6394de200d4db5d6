"""Clips: opened from hostile bytes, thinned to a few small frames, kept as strips, shown as moving pictures."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from datasets._pictures import Album, Entry, Picture, array_of, canonical, image_of, open_picture, resizing
from recipes import Refusal, keras

MOVIES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ogv")
ENDINGS = (".gif", *MOVIES)
KINDS = "MP4, WebM or GIF"
KEPT = 24
"""Frames that are kept of a clip, evenly over its length."""
LONGEST = 112
"""No larger side is kept."""
MAX_FRAMES = 20_000
MAX_SECONDS = 300.0
MAX_PIXELS = 10_000_000


@dataclass(frozen=True)
class Clip:
    """A few frames of one size, evenly over the clip, each (height, width, channels) uint8, and what the clip was."""

    frames: list[np.ndarray]
    count: int
    """Frames in the file."""
    seconds: float
    """0 where the file does not tell."""
    height: int
    width: int


class Thinned:
    """Collects frames one by one and keeps some, evenly spaced, however many come."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []
        self.count = 0
        self.stride = 1

    def wants(self) -> bool:
        """Count one more frame and say whether it is to be added."""
        wanted = self.count % self.stride == 0
        self.count += 1
        if wanted and len(self.kept) == 4 * KEPT:
            self.kept = self.kept[::2]
            self.stride *= 2
            wanted = (self.count - 1) % self.stride == 0
        return wanted

    def add(self, frame: np.ndarray) -> None:
        """Keep a frame; the first one sets the size."""
        self.kept.append(frame if not self.kept or frame.shape == self.kept[0].shape else _as(frame, self.kept[0]))

    def frames(self) -> list[np.ndarray]:
        """Return at most `KEPT` of them."""
        return [self.kept[place] for place in evenly(len(self.kept), min(KEPT, len(self.kept)))]


def evenly(frames: int, wanted: int) -> list[int]:
    """Return the places of so many frames, from the first to the last; some twice where there are too few."""
    return [int(place) for place in np.round(np.linspace(0, frames - 1, wanted))]


def open_clip(data: bytes, name: str = "") -> Clip:
    """Open a GIF or a film; whatever is no sound clip is refused in words."""
    called = f"'{name}'" if name else "This file"
    if not data:
        raise Refusal(f"{called} is empty. Was it still downloading?")
    if data[:4] == b"GIF8" or data[:8] == b"\x89PNG\r\n\x1a\n" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return _animation(data, called)
    return _film(data, called)


def clip_of_pictures(files: Sequence[bytes], name: str = "") -> Clip:
    """Make a clip of single frames, in order; the first one sets the size."""
    thinned, size = Thinned(), (0, 0)
    for data in files:
        if thinned.wants():
            picture = open_picture(data, name)
            size = size if thinned.kept else (picture.height, picture.width)
            thinned.add(_small(picture.image.convert("RGB")))
    return Clip(thinned.frames(), thinned.count, 0.0, *size)


def _animation(data: bytes, called: str) -> Clip:
    thinned, milliseconds = Thinned(), 0.0
    try:
        with Image.open(io.BytesIO(data), formats=("GIF", "PNG", "WEBP")) as image:
            _refuse_huge(image.width, image.height, called)
            size = (image.height, image.width)
            for frame in ImageSequence.Iterator(image):
                milliseconds += float(frame.info.get("duration", 0))
                if thinned.wants():
                    thinned.add(_small(canonical(frame.convert("RGBA")).convert("RGB")))
                _refuse_long(thinned.count, milliseconds / 1000, called)
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - broken bytes make decoders raise almost anything; it is told in words
        if not thinned.kept:
            raise Refusal(f"{called} is damaged or cut off. Save or download it again.") from None
    return Clip(thinned.frames(), thinned.count, milliseconds / 1000, *size)


def _film(data: bytes, called: str) -> Clip:
    import av
    from av.error import FFmpegError

    thinned, seconds, size = Thinned(), 0.0, (0, 0)
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = _pictures_of(container, called)
            stream.thread_type = "AUTO"
            size = (stream.codec_context.height, stream.codec_context.width)
            _refuse_huge(size[1], size[0], called)
            for frame in container.decode(stream):
                seconds = float(frame.time or seconds)
                _refuse_long(thinned.count, seconds, called)
                if thinned.wants():
                    thinned.add(_frame(frame))
    except Refusal:
        raise
    except (FFmpegError, ValueError, OSError, MemoryError):
        if not thinned.kept:
            raise Refusal(f"{called} is not a film we can read, or it is damaged. Save it as {KINDS}.") from None
    if not thinned.kept:
        raise Refusal(f"{called} holds no pictures. Save it again, as {KINDS}.")
    return Clip(thinned.frames(), thinned.count, seconds, *size)


def _pictures_of(container: Any, called: str) -> Any:
    if not container.streams.video:
        raise Refusal(f"{called} has no pictures, only sound. Choose a film, as {KINDS}.")
    return container.streams.video[0]


def _frame(frame: Any) -> np.ndarray:
    """Bring a decoded frame to its small size in one go, upright as the phone was held."""
    scale = min(1.0, LONGEST / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    array = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(array, turns))


def _small(image: Image.Image) -> np.ndarray:
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    return np.asarray(image.convert("RGB"))


def _as(frame: np.ndarray, first: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((first.shape[1], first.shape[0]), Image.Resampling.BILINEAR))


def _refuse_huge(width: int, height: int, called: str) -> None:
    if width * height > MAX_PIXELS:
        raise Refusal(f"{called} has {width} x {height} pixels a frame; the limit is 10 megapixels. Make it smaller.")


def _refuse_long(frames: int, seconds: float, called: str) -> None:
    if frames > MAX_FRAMES or seconds > MAX_SECONDS:
        raise Refusal(f"{called} lasts longer than {MAX_SECONDS / 60:.0f} minutes. Cut it into short clips.")


# On disk


@dataclass(frozen=True)
class Reel:
    """The clips of a data set on disk: an album of strips (frames side by side), and `clips.npz`."""

    album: Album
    widths: np.ndarray
    """Width of one kept frame."""
    counts: np.ndarray
    """Frames in the file."""
    seconds: np.ndarray
    sizes: np.ndarray
    """(clips, 2): height and width as uploaded."""
    motion: np.ndarray
    """Mean difference between neighbouring frames, in grey levels; near 0 where nothing moves."""
    names: np.ndarray
    groups: np.ndarray

    @classmethod
    def write(
        cls, folder: Path, clips: Iterable[tuple[Clip, str]], labels: Sequence[int], groups: Sequence[str] = (),
        *, is_lossy: bool = True,
    ) -> "Reel":  # fmt: skip
        """Write clips with their names one by one; `labels` may still grow while they come in."""
        known = []

        def entries() -> Iterator[Entry]:
            for clip, name in clips:
                frames = np.stack(clip.frames)
                moved = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean() if len(frames) > 1 else 0.0
                told = (frames.shape[2], clip.count, clip.seconds, (clip.height, clip.width), moved, name)
                known.append(told)
                strip = canonical_strip(frames)
                yield Entry.of(Picture(strip, strip.height, strip.width, is_lossy))

        Album.write(folder, entries(), labels)
        widths, counts, seconds, sizes, motion, names = zip(*known, strict=True) if known else ((),) * 6
        np.savez(
            folder / "clips.npz",
            widths=np.array(widths, dtype=np.int32),
            counts=np.array(counts, dtype=np.int32),
            seconds=np.array(seconds, dtype=np.float64),
            sizes=np.array(sizes, dtype=np.int32).reshape(-1, 2),
            motion=np.array(motion, dtype=np.float64),
            names=np.array(names, dtype=np.str_),
            groups=np.array(groups or [""] * len(names), dtype=np.str_),
        )
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> "Reel":
        """Open a reel; clips are read one by one when asked for."""
        with np.load(folder / "clips.npz", allow_pickle=False) as told:
            return cls(Album.open(folder), **told)

    def __len__(self) -> int:
        return len(self.album)

    def clips(self, rows: Sequence[int] | np.ndarray, channels: int = 3) -> Iterator[np.ndarray]:
        """Give these clips, in order, as (frames, height, width, channels) uint8."""
        for row, strip in zip(rows, self.album.images(rows), strict=True):
            array = array_of(strip, channels)  # (height, frames * width, channels)
            width = int(self.widths[row])
            frames = array.reshape(array.shape[0], -1, width, channels)
            yield np.ascontiguousarray(frames.transpose(1, 0, 2, 3))


def canonical_strip(frames: np.ndarray) -> Image.Image:
    """Lay (frames, height, width, 3) side by side; grey where all are grey."""
    strip = frames.transpose(1, 0, 2, 3).reshape(frames.shape[1], -1, frames.shape[3])
    is_grey = frames.shape[3] == 1 or bool((strip[..., :1] == strip).all())
    return image_of(strip[..., :1] if is_grey else strip)


def chosen(frames: np.ndarray, wanted: int) -> np.ndarray:
    """Return so many frames of a clip, evenly over its length."""
    return frames[evenly(len(frames), wanted)]


def square(clip: Any, size: int, fit: str) -> Any:
    """Bring (batch, frames, height, width, channels) to (batch, frames, size, size, channels). Worker only.

    All frames go through one resize as channels of one picture: it treats every channel alike.
    """
    frames, channels = int(clip.shape[1]), int(clip.shape[4])
    flat = keras.ops.concatenate([clip[:, place] for place in range(frames)], axis=-1)
    small = resizing(size, fit)(flat, training=False)  # (batch, size, size, frames * channels)
    parted = keras.ops.reshape(small, (-1, size, size, frames, channels))
    return keras.ops.round(keras.ops.transpose(parted, (0, 3, 1, 2, 4)))


def gif(frames: np.ndarray, side: int, milliseconds: int = 120) -> bytes:
    """Return (frames, height, width, channels) as an endless GIF whose longer side has `side` pixels."""
    pictures = [image_of(frame) for frame in frames]
    scale = side / max(pictures[0].size)
    size = (max(1, round(pictures[0].width * scale)), max(1, round(pictures[0].height * scale)))
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    # One palette for all frames, else colours flicker.
    large = [picture.resize(size, method).convert("RGB") for picture in pictures]
    palette = large[len(large) // 2].quantize(128)
    first, *rest = [picture.quantize(palette=palette) for picture in large]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0, disposal=1)
    return buffer.getvalue()


def film_strip(frames: np.ndarray, shown: int = 4) -> Image.Image:
    """Return a few frames side by side with a thin gap, as a person looks at a strip of film."""
    few = [image_of(frame).convert("RGB") for frame in chosen(frames, shown)]
    gap = max(1, few[0].width // 16)
    strip = Image.new("RGB", (len(few) * few[0].width + (len(few) - 1) * gap, few[0].height), "white")
    for place, frame in enumerate(few):
        strip.paste(frame, (place * (frame.width + gap), 0))
    return strip
