"""Sounds with a class each: a zip or folder with a folder per class, a table naming files, or bundled samples."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from datasets import DataSet, Prepared, Progress, Sample, _pack
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
from datasets._layout import Kind, are, counted, layout, note_unreadable, refuse_unreadable, short
from datasets._sounds import (
    ENDINGS,
    Entry,
    Sound,
    Tape,
    filled,
    loudest,
    measure,
    open_sound,
    pieces,
    resampled,
    spectrogram,
    stored,
    wav,
)
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

TITLE = "Sounds"
SUMMARY = "Recordings, each of one class: which word, instrument or bird is it?"
NOUN = "sound"
ICON = "graphic_eq"
EXTENSIONS = (".zip", *ENDINGS)
INSIDE = ENDINGS
TASKS = ("classification",)
FIRST_CHOICE = {"classification": "sound_cnn"}
READING = ("seconds", "rate")

KIND = Kind("sound", ENDINGS, "dog/1.wav")
MAX_TENSOR_BYTES = 2_000_000_000
MAX_TOTAL_SECONDS = 6 * 3600
LONG_SECONDS = 5.0
"""Recordings up to this length are heard whole; longer ones are cut into pieces of `PIECE_SECONDS`."""
PIECE_SECONDS = 3.0
SHORT_SECONDS = 0.1
SILENT = 0.001
"""Root mean square under which a sound counts as silent: 60 dB below the loudest possible."""
CLIPPED = 0.01
BATCH = 16
"""Files that are decoded ahead; keeps memory small."""

_SILENT = ("No sound is silent.", "silent, or nearly so.", "Listen to them and remove those that hold nothing.")
_CLIPPING = (
    "No sound is overdriven.", "overdriven: the loudest parts are cut off.", "Record with less gain if you can.",
)  # fmt: skip
_BRIEF = (
    "No sound is very short.", f"shorter than {SHORT_SECONDS:g} s.", "Listen whether anything can be heard in them.",
)  # fmt: skip


class Config(SourceSettings):
    """How sounds are brought to the form that the model hears."""

    seconds: float = setting(
        0.0, "Length", "Seconds that the model hears; 0 chooses by the data. Shorter sounds are followed by silence, "
        "longer ones are cut into pieces.", ge=0, le=30, step=0.5, unit="s", zero="automatic", panel="data",
    )  # fmt: skip
    rate: Literal["auto", "8000", "16000", "32000"] = setting(
        "auto", "Samples a second", "How finely the sound is kept. Speech needs 8000 to 16000, birdsong 32000.",
        panel="data", advanced=True,
    )  # fmt: skip

    @field_validator("seconds")
    @classmethod
    def _is_long_enough(cls, seconds: float) -> float:
        if 0 < seconds < 0.2:
            raise ValueError(f"`data.seconds` must be from 0.2 to 30 (or 0), but got {seconds:g}.")
        return seconds


def samples() -> tuple[Sample, ...]:
    """List the bundled samples, best first example first."""
    return tuple(sample for sample, _ in SAMPLES.values())


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    if name not in SAMPLES:
        raise known("sample", name, SAMPLES)
    sample, load = SAMPLES[name]
    told = load()
    length, names = told.sounds.shape[1] / told.rate, [told.classes[label] for label in told.labels]
    classes = sorted(told.classes)
    entries = (
        Entry(sound, told.rate, length, number, f"{label}/{number:04}.wav")
        for number, (sound, label) in enumerate(zip(told.sounds, names, strict=True))
    )
    tape = Tape.write(folder, told.rate, entries, [classes.index(label) for label in names], told.groups)
    return _finish(tape, sample.title, classes, [], {"seconds": length, "unreadable": [], "source": told.source})


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
    """Read a zip or a folder of sounds; raises `Refusal` in words for what cannot be read."""
    if file.suffix.lower() in ENDINGS and not file.is_dir():
        raise Refusal(f"'{file.name}' is a single sound. Put the sounds of each class into a folder and zip them.")
    settings = validate(Config, config.model_dump(), "data")
    with opened(file) as bundle:
        found = layout(bundle, KIND)
        heads, unreadable = _measured(bundle, found.labels, progress)
        rate, seconds = _form(settings, heads)
        tape, classes = _decode(bundle, {name: found.labels[name] for name in heads}, folder, (rate, seconds), progress,
                                unreadable)  # fmt: skip
    refuse_unreadable(unreadable, found.labels, KIND)
    notes = [*found.notes, *note_unsafe(bundle), *note_unreadable(unreadable, len(found.labels), KIND)]
    notes += _note_pieces(tape, seconds, len(found.labels) - len(unreadable))
    details = {"seconds": seconds, "unreadable": [name for name, _ in unreadable], "source": ""}
    return _finish(tape, file.stem, classes, notes, details)


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the sounds; every check answers, also with `pass`."""
    settings = _settings(data)
    tape, classes = Tape.open(dataset.folder), dataset.schema.classes
    silent = np.flatnonzero(tape.levels < SILENT)
    clipped = np.flatnonzero(tape.clipped > CLIPPED)
    brief = np.flatnonzero(np.diff(tape.starts) < SHORT_SECONDS * tape.rate)
    return [
        check_count(len(tape), NOUN),
        check_few(classes, NOUN),
        check_balance(classes, NOUN),
        check_conflicts(tape.digests, tape.labels, list(classes), NOUN),
        check_duplicates(tape.digests, NOUN),
        check_rows("silent", silent, NOUN, _SILENT),
        check_rows("clipping", clipped, NOUN, _CLIPPING, "notice"),
        check_rows("very_short", brief, NOUN, _BRIEF),
        _check_rates(tape),
        _check_lengths(tape, settings.seconds or float(dataset.schema.details["seconds"])),
        check_sources(_sources(dataset, tape, settings), NOUN),
        check_unreadable(dataset.schema.details["unreadable"], NOUN),
    ]  # fmt: skip


def classes(dataset: DataSet, data: Data) -> dict[str, int]:  # noqa: ARG001 - part of the contract
    """Count the sounds of each class."""
    return dataset.schema.classes


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split by class with equal sounds and sources on one side; (n, samples) float32 from -1 to 1 at one rate."""
    settings = _settings(data)
    tape = Tape.open(dataset.folder)
    rate = tape.rate if settings.rate == "auto" else int(settings.rate)
    length = round((settings.seconds or float(dataset.schema.details["seconds"])) * rate)
    _refuse_too_large(len(tape), length, rate)
    groups = tied(tape.digests.tolist(), tape.recordings.tolist(), _sources(dataset, tape, settings)[0])
    parts, done = {}, 0
    for name, here in divide(tape.labels, groups, (data.validation, data.test), seed, NOUN, data.folded).items():
        sounds = np.empty((len(here), length), dtype=np.float32)
        for place, samples in enumerate(tape.sounds(here)):
            sounds[place] = filled(resampled(Sound(samples, tape.rate), rate).samples, length)
            done += 1
            if done % 100 == 0:
                progress(done / len(tape), f"Preparing sounds: {done:,} of {len(tape):,}")
        parts[name] = Part({"sound": sounds}, tape.labels[here], here)
    classes = tuple(dataset.schema.classes)
    signature = Signature(
        data_type="audio",
        task="classification",
        inputs={"sound": TensorSpec(shape=(length,), dtype="float32")},
        raw=(_raw_input(length, rate),),
        target=Target(name="label", classes=classes),
        rows={name: len(part) for name, part in parts.items()},
        class_counts=tuple(np.bincount(parts["train"].y, minlength=len(classes)).tolist()),
        details={"rate": rate, "seconds": length / rate},
    )
    return Prepared(folder, signature, {"rate": rate, "samples": length}).save(parts)


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these sounds as spectrograms, with their class names."""
    tape, names = Tape.open(dataset.folder), list(dataset.schema.classes)
    return [
        {"sound": spectrogram(samples, tape.rate), "label": names[tape.labels[row]]}
        for row, samples in zip(rows, tape.sounds(rows), strict=True)
    ]


def playable(dataset: DataSet, rows: Sequence[int]) -> list[bytes]:
    """Return these sounds as WAV files."""
    tape = Tape.open(dataset.folder)
    return [wav(samples, tape.rate) for samples in tape.sounds(rows)]


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these sounds as the deliverable takes them: {"sound": (1, samples) float32}."""
    rate, length = _heard(signature)
    tape = Tape.open(dataset.folder)
    return [
        {"sound": loudest(resampled(Sound(samples, tape.rate), rate).samples, length)[None]}
        for samples in tape.sounds(rows)
    ]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn {"sound": bytes of an upload or a microphone} into (1, samples): its loudest stretch."""
    data = values.get("sound")
    if not isinstance(data, bytes):
        raise Refusal("No sound was given. Choose a file or record one.")
    return {"sound": filled(_own(signature, data), _heard(signature)[1])[None]}


@dataclass(frozen=True)
class Heard:
    """What a model hears of an upload: a picture of it, a WAV file to play, and seconds of the whole and of this."""

    picture: Any
    wav: bytes
    seconds: float
    length: float


def heard(signature: Signature, data: bytes) -> Heard:
    """Show what will be heard of a sound that a person brings; raises `Refusal` in words."""
    rate, length = _heard(signature)
    whole = _own(signature, data)
    stretch = loudest(whole, length)
    return Heard(spectrogram(stretch, rate), wav(stretch, rate), len(whole) / rate, length / rate)


def _own(signature: Signature, data: bytes) -> np.ndarray:
    """Open a sound at the model's rate; one that is silent is refused."""
    samples = resampled(open_sound(data), _heard(signature)[0]).samples
    if float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < SILENT / 10:
        raise Refusal("This recording is silent. Check the microphone and record it again.")
    return samples


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ARG001
    """Return the raw sound (batch, any length) and the ready one (batch, samples): its loudest stretch.

    The energy of every stretch is a difference of running sums; a shorter sound keeps its place and is followed by
    silence, as in `prepare`.
    """
    ops, length = keras.ops, int(encoding["samples"])
    sound = keras.Input((None,), name="sound", dtype="float32")
    padded = ops.pad(sound, [[0, 0], [0, length]])  # (batch, any + length)
    energy = ops.pad(ops.cumsum(ops.square(padded), axis=1), [[0, 0], [1, 0]])
    start = ops.argmax(energy[:, length:] - energy[:, :-length], axis=1)  # (batch,)
    places = ops.expand_dims(ops.cast(start, "int32"), 1) + np.arange(length, dtype=np.int32)[None]
    return {"sound": sound}, {"sound": ops.take_along_axis(padded, places, axis=1)}


@dataclass(frozen=True)
class _Arrays:
    """A sample as arrays: sounds (n, samples) int16, labels as numbers of `classes`, a source for each sound."""

    sounds: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    rate: int
    source: str
    """What the groups are: "pitch", "voice"."""


def _tones() -> _Arrays:
    from datasets import _made_tones as made

    sounds, labels, pitches = made.tones()
    return _Arrays(sounds, labels, made.CLASSES, tuple(f"pitch {pitch}" for pitch in pitches), made.RATE, "pitch")


def _spoken_digits() -> _Arrays:
    with np.load(_pack.path("spoken_digits.npz"), allow_pickle=False) as told:
        sounds = told["sounds"].astype(np.int16) * 256
        names = tuple(str(name) for name in told["names"])
        return _Arrays(sounds, told["labels"].astype(np.int32), names, tuple(told["groups"].tolist()),
                       int(told["rate"]), "voice")  # fmt: skip


def _sample(name: str, title: str, sentence: str, rows: int, origin: tuple[str, str], expected: str) -> Sample:
    licence, source = origin
    return Sample(
        name, title, sentence, "audio", "label", "classification", licence, source, "sound_cnn", expected, rows
    )


SAMPLES = {
    "spoken-digits": (
        _sample(
            "spoken-digits",
            "Spoken digits",
            "720 times a computer voice says a digit, in many voices. Which digit is it, zero to nine?",
            720,
            ("made by this project with eSpeak NG", "synthetic voices of eSpeak NG"),
            "accuracy 0.98",
        ),
        _spoken_digits,
    ),
    "tones": (
        _sample(
            "tones",
            "Six instruments",
            "900 computed sounds of one second. Is it a bell, brass, a drum, a flute, an organ or a string?",
            900,
            ("made by this project", "computed in datasets/_made_tones.py"),
            "accuracy 0.98",
        ),
        _tones,
    ),
}


# Reading


def _measured(
    bundle: Bundle, labels: dict[str, str], progress: Progress
) -> tuple[dict[str, tuple[int, float]], list[tuple[str, str]]]:
    """Return rate and length of every readable file, and the (name, reason) of the others."""
    heads, unreadable = {}, []
    for number, name in enumerate(labels):
        try:
            heads[name] = measure(bundle.read(name), short(name))
        except OSError:
            unreadable.append((name, f"'{short(name)}' is damaged or cut off. Save or download it again."))
        except Refusal as refusal:
            unreadable.append((name, str(refusal)))
        if number % 100 == 0:
            progress(0.3 * number / len(labels), f"Looking at sounds: {number:,} of {len(labels):,}")
    refuse_unreadable(unreadable, labels, KIND)
    total = sum(seconds for _, seconds in heads.values())
    if total > MAX_TOTAL_SECONDS:
        raise Refusal(f"These sounds last {total / 3600:.1f} hours together; the limit is "
                      f"{MAX_TOTAL_SECONDS / 3600:.0f}. Use fewer or shorter ones.")  # fmt: skip
    return heads, unreadable


def _form(settings: Config, heads: dict[str, tuple[int, float]]) -> tuple[int, float]:
    """Choose rate and length by the data: 16 kHz where most files have it, the length of nearly all of them."""
    rates, lengths = np.array(list(heads.values())).T
    rate = int(settings.rate) if settings.rate != "auto" else 16_000 if np.median(rates) > 12_000 else 8_000
    if settings.seconds:
        return rate, settings.seconds
    usual = float(np.quantile(lengths, 0.95))
    if usual > LONG_SECONDS:
        return rate, PIECE_SECONDS
    return rate, max(0.2, float(np.ceil(round(10 * usual, 3)) / 10))


def _decode(
    bundle: Bundle, labels: dict[str, str], folder: Path, form: tuple[int, float], progress: Progress,
    unreadable: list[tuple[str, str]],
) -> tuple[Tape, tuple[str, ...]]:  # fmt: skip
    """Decode in threads onto a tape, long recordings in pieces; what fails is added to `unreadable`."""
    rate, length = form[0], round(form[0] * form[1])
    classes = tuple(sorted(set(labels.values())))
    codes: list[int] = []

    def one(name: str) -> tuple[Sound, list[np.ndarray]] | Refusal:
        try:
            sound = open_sound(bundle.read(name), short(name))
            return sound, [stored(piece) for piece in pieces(resampled(sound, rate).samples, length)]
        except OSError:
            return Refusal(f"'{short(name)}' is damaged or cut off. Save or download it again.")
        except Refusal as refusal:
            return refusal

    def entries() -> Iterator[Entry]:
        names = list(labels)
        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as threads:
            for start in range(0, len(names), BATCH):
                here = names[start : start + BATCH]
                for number, (name, found) in enumerate(zip(here, threads.map(one, here), strict=True), start):
                    if isinstance(found, Refusal):
                        unreadable.append((name, str(found)))
                        continue
                    sound, cut = found
                    for piece in cut:
                        codes.append(classes.index(labels[name]))
                        yield Entry(piece, sound.rate, sound.seconds, number, name)
                done = min(start + BATCH, len(names))
                progress(0.3 + 0.7 * done / len(names), f"Reading sounds: {done:,} of {len(names):,}")

    return Tape.write(folder, rate, entries(), codes), classes


def _finish(tape: Tape, name: str, classes: Sequence[str], notes: list[str], details: dict[str, Any]) -> DataSet:
    """Write `dataset.json`, last."""
    counts = np.bincount(tape.labels, minlength=len(classes)).tolist()
    told = hashlib.sha256(f"{'|'.join(classes)} {tape.rate} {details['seconds']}".encode())
    for array in (tape.labels, tape.digests, tape.recordings):
        told.update(np.ascontiguousarray(array).tobytes())
    told.update("|".join([*tape.names.tolist(), *tape.groups.tolist()]).encode())
    label = Column(name="label", kind="category", unique=len(classes), examples=tuple(classes[:5]), reason="the class")
    schema = Schema(
        name=name,
        data_type="audio",
        rows=len(tape),
        columns=(Column(name="sound", kind="sound", unique=len(np.unique(tape.digests))), label),
        target="label",
        task="classification",
        classes=dict(zip(classes, counts, strict=True)),
        fingerprint=told.hexdigest(),
        notes=tuple(notes),
        details={"rate": tape.rate, **details},
    )
    temporary = tape.folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(), encoding="utf-8")
    temporary.rename(tape.folder / "dataset.json")
    return DataSet(tape.folder, schema)


def _note_pieces(tape: Tape, seconds: float, recordings: int) -> list[str]:
    if len(tape) == recordings:
        return []
    sentence = (
        f"Long recordings were cut into pieces of {seconds:g} s: {counted(recordings, 'file')} gave {len(tape):,} "
        "sounds. Pieces of one recording stay together when the data are split."
    )
    return [sentence]


# Sources


def _sources(dataset: DataSet, tape: Tape, settings: Config) -> tuple[list[str], str]:
    """Return the source of each sound and, in words, what sources are: those that a sample tells, else by names."""
    told = str(dataset.schema.details["source"])
    if told and settings.group == "auto":
        return tape.groups.tolist(), told
    names = list(dataset.schema.classes)
    return sources(tape.names.tolist(), [names[label] for label in tape.labels], settings)


# Looking


def _check_rates(tape: Tape) -> Finding:
    rates = np.unique(tape.rates)
    if len(rates) == 1:
        sentence = f"All sounds were recorded with {rates[0]:,} samples a second."
        return Finding(code="mixed_rates", severity="pass", sentence=sentence)
    low = np.flatnonzero(tape.rates < 0.6 * tape.rate)
    sentence = f"Sounds were recorded with {rates[0]:,} to {rates[-1]:,} samples a second."
    cure = f"Nothing to do: all are brought to {tape.rate:,}."
    if len(low) and len(low) < len(tape):
        sentence += f" {_are(len(low))} dull beside the others."
        cure += " If only some classes are dull, the model may learn that instead: set the rate to 8000."
    severity = "notice" if len(low) else "pass"
    return Finding(code="mixed_rates", severity=severity, sentence=sentence, cure=cure, rows=tuple(low[:10].tolist()))


def _check_lengths(tape: Tape, seconds: float) -> Finding:
    lengths = np.diff(tape.starts) / tape.rate
    short_, long_ = int(np.argmin(lengths)), int(np.argmax(lengths))
    told = f"from {lengths[short_]:.1f} to {lengths[long_]:.1f} s" if lengths[long_] - lengths[short_] >= 0.1 else (
        f"{lengths[long_]:.1f} s")  # fmt: skip
    sentence = f"Sounds last {told}; the model hears {seconds:g} s."
    cut = np.flatnonzero(lengths > seconds + 0.05)
    if not len(cut):
        return Finding(code="lengths", severity="pass", sentence=sentence)
    cure = "Nothing to do: the loudest stretch is taken. Set the length higher if words are cut off."
    return Finding(code="lengths", severity="notice", sentence=f"{sentence} {_are(len(cut))} longer.", cure=cure,
                   rows=tuple(cut[:10].tolist()))  # fmt: skip


def _are(number: int) -> str:
    return are(number, NOUN)


# Settings and signature


def _settings(data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"Sounds can be sorted into classes, so `data.task` must be classification, not {data.task}.")
    if data.target and data.target != "label":
        raise Refusal(f"Sounds have one target, `label`, but got '{data.target}'. Leave `data.target` out.")
    return validate(Config, data.settings, "data")


def _heard(signature: Signature) -> tuple[int, int]:
    """Return samples a second, and samples in all."""
    return int(signature.details["rate"]), int(signature.inputs["sound"].shape[0] or 0)


def _raw_input(length: int, rate: int) -> RawInput:
    told = (
        f"A recording as numbers from -1 to 1, {rate:,} a second, of any length: its loudest {length / rate:g} s are "
        "heard, a shorter one is followed by silence."
    )
    return RawInput(name="sound", kind="sound", shape=(None,), minimum=-1, maximum=1, description=told)


def _refuse_too_large(sounds: int, length: int, rate: int) -> None:
    needed = 4 * sounds * length
    if needed > MAX_TENSOR_BYTES:
        most = MAX_TENSOR_BYTES / (4 * sounds * rate)
        raise Refusal(f"{sounds:,} sounds of {length / rate:g} s need {needed / 1e9:.1f} GB. Set the length to "
                      f"{most:.1f} s or less, or the rate to 8000.")  # fmt: skip
