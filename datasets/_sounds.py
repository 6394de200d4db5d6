"""Sounds: opened from hostile bytes, made mono, brought to one rate and length, kept, drawn as a spectrogram."""

import hashlib
import io
import math
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from recipes import Refusal

ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
KINDS = "WAV, FLAC, OGG or MP3"
MAX_SECONDS = 600.0
MAX_CHANNELS = 16
RATES = (1_000, 400_000)
BLOCK = 1 << 18
WAV_CODECS = (1, 3, 6, 7, 0x55, 0xFFFE)
"""Whole numbers, floats, A-law, mu-law, MP3, and one of these told further on."""
AIFC_CODECS = (b"none", b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"fl64", b"alaw", b"ulaw")
AU_CODECS = (1, 2, 3, 4, 5, 6, 7, 27)
FULL = 32768.0
"""What 1.0 is in 16 bits."""
CLIPPED = 32760
"""From here on a sample counts as cut off."""


@dataclass(frozen=True)
class Sound:
    """A recording: (samples,) float32 from -1 to 1, and how many samples make a second."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Entry:
    """What is kept of one piece of sound."""

    samples: np.ndarray
    """(samples,) int16."""
    rate: int
    """Samples a second of the file it comes from."""
    seconds: float
    """Length of the whole recording."""
    recording: int
    """Number of the recording it was cut from."""
    name: str
    """Path of the file, as in the upload."""


def measure(data: bytes, name: str = "") -> tuple[int, float]:
    """Return (rate, seconds) as the file's head tells them; whatever is no sound recording is refused in words."""
    import soundfile

    called = f"'{name}'" if name else "This file"
    if not data:
        raise Refusal(f"{called} is empty. Was it still downloading?")
    _refuse_odd_codec(data, called)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError):
        raise Refusal(f"{called} is not a sound we can read, or it is damaged. Save it as {KINDS}.") from None
    if not RATES[0] <= rate <= RATES[1] or channels > MAX_CHANNELS:
        raise Refusal(f"{called} has {channels} channels at {rate:,} Hz, which is no usual sound. Save it as {KINDS}.")
    _refuse_long(frames / rate, called)
    return rate, frames / rate


def open_sound(data: bytes, name: str = "") -> Sound:
    """Decode a sound file to mono; whatever is no sound recording is refused in words."""
    import soundfile

    measure(data, name)
    called = f"'{name}'" if name else "This file"
    blocks, frames = [], 0
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = int(file.samplerate)
            # Block by block: the head may promise anything.
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                blocks.append(block.mean(axis=1))
                frames += len(block)
                _refuse_long(frames / rate, called)
    except (soundfile.SoundFileError, RuntimeError, ValueError):
        if not blocks:
            raise Refusal(f"{called} is damaged or cut off. Save or download it again.") from None
    if not frames:
        raise Refusal(f"{called} holds no sound at all. Record it again.")
    samples = np.nan_to_num(np.concatenate(blocks), posinf=0.0, neginf=0.0)
    return Sound(np.clip(samples, -1.0, 1.0).astype(np.float32), rate)


def resampled(sound: Sound, rate: int) -> Sound:
    """Bring a sound to another rate by a polyphase filter, which lets no new tones in."""
    if sound.rate == rate:
        return sound
    from scipy.signal import resample_poly

    shared = math.gcd(sound.rate, rate)
    samples = resample_poly(sound.samples, rate // shared, sound.rate // shared)
    return Sound(np.clip(samples, -1.0, 1.0).astype(np.float32), rate)


def loudest(samples: np.ndarray, length: int) -> np.ndarray:
    """Return the loudest stretch of that length; a shorter sound is returned as it is."""
    if len(samples) <= length:
        return samples
    energy = np.r_[0.0, np.cumsum(samples.astype(np.float64) ** 2)]
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[start : start + length]


def filled(samples: np.ndarray, length: int) -> np.ndarray:
    """Return exactly that many samples: the loudest stretch, or silence added behind."""
    samples = loudest(samples, length)
    return np.pad(samples, (0, length - len(samples)))


def pieces(samples: np.ndarray, length: int) -> list[np.ndarray]:
    """Cut a long recording into pieces of that length; up to half as long again it is one, its loudest stretch.

    A rest shorter than half a piece is left out, and so are pieces nearly silent beside the loudest one.
    """
    if 2 * len(samples) <= 3 * length:
        return [loudest(samples, length)]
    cut = [samples[start : start + length] for start in range(0, len(samples), length)]
    cut = [piece for piece in cut if 2 * len(piece) >= length]
    levels = [float(np.sqrt(np.mean(piece.astype(np.float64) ** 2))) for piece in cut]
    return [piece for piece, level in zip(cut, levels, strict=True) if level >= 0.05 * max(levels)]


def stored(samples: np.ndarray) -> np.ndarray:
    """Turn samples from -1 to 1 into int16."""
    return np.round(np.clip(samples * FULL, -FULL, FULL - 1)).astype(np.int16)


def wav(samples: np.ndarray, rate: int) -> bytes:
    """Return (samples,) float32 as a WAV file, which every browser plays."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(stored(samples).astype("<i2").tobytes())
    return buffer.getvalue()


@dataclass(frozen=True)
class Tape:
    """The sounds of a data set on disk: `sounds.bin` (int16, end to end) and `index.npz` (what is known of each)."""

    folder: Path
    rate: int
    labels: np.ndarray
    starts: np.ndarray
    """Where each sound begins in `sounds.bin`, in samples, and the end."""
    digests: np.ndarray
    """Equal for equal sounds."""
    rates: np.ndarray
    """Samples a second of the files."""
    seconds: np.ndarray
    """Lengths of the whole recordings."""
    levels: np.ndarray
    """Root mean square, from 0 to 1."""
    clipped: np.ndarray
    """Share of samples at the very edge."""
    recordings: np.ndarray
    names: np.ndarray
    groups: np.ndarray
    """Known voices, pitches or places; "" where nothing is known."""

    @classmethod
    def write(
        cls, folder: Path, rate: int, entries: Iterable[Entry], labels: Sequence[int], groups: Sequence[str] = ()
    ) -> "Tape":
        """Write the entries one by one, in order; `labels` may still grow while they come in."""
        folder.mkdir(parents=True, exist_ok=True)
        ends, known = [0], []
        with (folder / "sounds.bin").open("wb") as file:
            for entry in entries:
                told = entry.samples.astype("<i2").tobytes()
                file.write(told)
                ends.append(ends[-1] + len(entry.samples))
                digest = int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little")
                level = float(np.sqrt(np.mean((entry.samples / FULL) ** 2)))
                clipped = float(np.mean(np.abs(entry.samples.astype(np.int32)) >= CLIPPED))
                known.append((digest, entry.rate, entry.seconds, level, clipped, entry.recording, entry.name))
        digests, rates, seconds, levels, clipped_shares, recordings, names = (
            zip(*known, strict=True) if known else ((),) * 7
        )
        np.savez(
            folder / "index.npz",
            rate=np.array(rate),
            labels=np.array(labels, dtype=np.int32),
            starts=np.array(ends, dtype=np.int64),
            digests=np.array(digests, dtype=np.uint64),
            rates=np.array(rates, dtype=np.int32),
            seconds=np.array(seconds, dtype=np.float64),
            levels=np.array(levels, dtype=np.float64),
            clipped=np.array(clipped_shares, dtype=np.float64),
            recordings=np.array(recordings, dtype=np.int64),
            names=np.array(names, dtype=np.str_),
            groups=np.array(groups or [""] * len(names), dtype=np.str_),
        )
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> "Tape":
        """Open a tape; sounds are read one by one when asked for."""
        with np.load(folder / "index.npz", allow_pickle=False) as index:
            told = {name: index[name] for name in index.files if name != "rate"}
            return cls(folder, int(index["rate"]), **told)

    def __len__(self) -> int:
        return len(self.labels)

    def sounds(self, rows: Iterable[int]) -> Iterator[np.ndarray]:
        """Give the sounds of these rows, in order, as (samples,) float32 from -1 to 1."""
        with (self.folder / "sounds.bin").open("rb") as file:
            for row in rows:
                file.seek(2 * int(self.starts[row]))
                count = int(self.starts[row + 1] - self.starts[row])
                yield np.frombuffer(file.read(2 * count), dtype="<i2").astype(np.float32) / np.float32(FULL)


# Pictures of sounds

WINDOW_SECONDS = 0.032
DECIBELS = 70.0
INK = np.array([(11, 16, 38), (34, 51, 110), (86, 62, 148), (170, 72, 132), (232, 112, 92), (252, 188, 92),
                (254, 245, 190)], dtype=np.float64)  # fmt: skip
"""Colours from silent to loud, even in brightness, so that the picture also reads in grey."""


def spectrogram(samples: np.ndarray, rate: int, width: int = 96, height: int = 64) -> Image.Image:
    """Draw a sound: time to the right, pitch upwards (mel scale), brighter is louder, 70 dB from black to white."""
    size = max(64, 2 ** round(math.log2(WINDOW_SECONDS * rate)))
    sound = np.pad(samples.astype(np.float64), size // 2)
    starts = np.linspace(0, len(sound) - size, width).astype(int)
    power = np.abs(np.fft.rfft(np.stack([sound[at : at + size] for at in starts]) * np.hanning(size))) ** 2
    loud = 10 * np.log10(np.maximum(_mel_bands(power, rate, height), 1e-12))
    shade = np.clip((loud - loud.max()) / DECIBELS + 1, 0, 1) if loud.max() > -100 else np.zeros_like(loud)
    at = shade.T[::-1] * (len(INK) - 1)
    low = np.minimum(at.astype(int), len(INK) - 2)
    part = (at - low)[..., None]
    return Image.fromarray(np.round(INK[low] * (1 - part) + INK[low + 1] * part).astype(np.uint8))


def _mel_bands(power: np.ndarray, rate: int, bands: int) -> np.ndarray:
    """Take (columns, frequencies) to (columns, bands): triangles that widen with the pitch, as the ear hears."""
    frequencies = np.linspace(0, rate / 2, power.shape[1])
    edges = 700 * (10 ** (np.linspace(_mel(40.0), _mel(rate / 2), bands + 2) / 2595) - 1)
    # No triangle is narrower than the steps between frequencies, else low bands would be empty.
    step = frequencies[1]
    low = np.minimum(edges[:-2], edges[1:-1] - step)[:, None]
    high = np.maximum(edges[2:], edges[1:-1] + step)[:, None]
    middle = edges[1:-1, None]
    rise, fall = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return power @ np.maximum(0, np.minimum(rise, fall)).T


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def _refuse_odd_codec(data: bytes, called: str) -> None:
    """Refuse sounds in a rare codec by their own first bytes, before the decoder sees them.

    libsndfile's readers of ADPCM and of other old packings have been wrong too often (CVE-2026-37555 and before), and
    nobody records in them any more.
    """
    head = data[:65_536]
    codec: Any = None
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        order = "little" if head[:4] == b"RIFF" else "big"
        place = head.find(b"fmt ")
        codec = int.from_bytes(head[place + 8 : place + 10], order) if place > 0 else 0
        usual: tuple[Any, ...] = WAV_CODECS
    elif head[:4] == b"FORM" and head[8:12] == b"AIFC":
        place = head.find(b"COMM")
        codec, usual = head[place + 26 : place + 30].lower(), AIFC_CODECS
    elif head[:4] in (b".snd", b"dns."):
        codec, usual = int.from_bytes(head[12:16], "big" if head[:4] == b".snd" else "little"), AU_CODECS
    else:
        known = head[:4] in (b"fLaC", b"OggS", b"FORM") or head[:3] == b"ID3" or (
            head[:1] == b"\xff" and len(head) > 1 and head[1] >= 0xE0
        )  # fmt: skip
        codec, usual = known, (True,)
    if codec not in usual:
        raise Refusal(f"{called} is not a sound we can read, or it is damaged. Save it as {KINDS}.")


def _refuse_long(seconds: float, called: str) -> None:
    if seconds > MAX_SECONDS:
        raise Refusal(f"{called} lasts longer than {MAX_SECONDS / 60:.0f} minutes. Cut it into shorter recordings.")
