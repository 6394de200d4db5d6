"""Sounds: read from anything people upload, refused in words, heard as the deliverable hears them."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from datasets import DataSet, _sounds, audio, type_of
from datasets._sounds import Tape, filled, loudest, open_sound, pieces, resampled, wav
from recipes import Data, Refusal, keras, validate

RANDOM = np.random.default_rng(7)


def nothing(share, words):
    pass


def tone(hertz=440.0, seconds=0.5, rate=8000, loud=0.5):
    sound = loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return (sound + 0.001 * RANDOM.normal(size=len(sound))).astype(np.float32)


def packed(samples, rate=8000, kind="WAV"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind)
    return buffer.getvalue()


def zipped(folder, files, name="noises.zip"):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return folder / name


def noises(number=10, **more):
    return {
        f"{label}/{n}.wav": packed(tone(hertz + 5 * n))
        for label, hertz in (("high", 900), ("low", 200))
        for n in range(number)
    } | more


def read(file, tmp_path, **settings):
    return audio.read(file, validate(audio.Config, settings, "data"), tmp_path / "set", nothing)


def refusal_of(files, tmp_path, **settings):
    with pytest.raises(Refusal) as refusal:
        read(zipped(tmp_path, files), tmp_path, **settings)
    return str(refusal.value)


def apart(parts):
    """No source lies in two parts."""
    assert sum(map(len, parts)) == len(set.union(*parts))


def agree(dataset, prepared, rows=6):
    """What was prepared is what the deliverable hears of the raw sound."""
    raw, ready = audio.layers_of(prepared.signature, prepared.encoding)
    model = keras.Model(raw, ready)
    part = prepared.part("validation")
    for place, row in enumerate(audio.raw(dataset, prepared.signature, part.rows[:rows])):
        np.testing.assert_array_equal(model(row)["sound"][0], part.x["sound"][place])


# What is read


def test_folder_per_class(tmp_path):
    dataset = read(zipped(tmp_path, noises()), tmp_path)
    assert dataset.schema.classes == {"high": 10, "low": 10}
    assert (dataset.schema.target, dataset.schema.task, dataset.schema.rows) == ("label", "classification", 20)
    assert dataset.schema.details["rate"] == 8000
    assert dataset.schema.details["seconds"] == 0.5
    assert DataSet.open(dataset.folder) == dataset
    assert dataset.schema.notes == ()


def test_every_format_rate_and_channel_count_trains_without_a_manual_fix(tmp_path):
    kinds = [("WAV", "wav"), ("FLAC", "flac"), ("OGG", "ogg"), ("MP3", "MP3"), ("AIFF", "aiff")]
    files = {}
    for number in range(30):
        kind, ending = kinds[number % 5]
        rate = (16_000, 22_050, 44_100, 48_000)[number % 4]
        mono = tone(300 + 20 * number, 0.4 + 0.01 * number, rate)
        samples = np.stack([mono, 0.5 * mono], axis=1) if number % 3 == 0 else mono
        files[f"set/{'dog' if number % 2 else 'cat'}/{number}.{ending}"] = packed(samples, rate, kind)
    files["__MACOSX/set/dog/._1.wav"] = b"resource"
    files["set/readme.txt"] = b"hello"
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"cat": 15, "dog": 15}
    assert dataset.schema.notes == ("Left out 1 file of other kinds, for example 'readme.txt'.",)
    assert (dataset.schema.details["rate"], dataset.schema.details["seconds"]) == (16_000, 0.7)
    prepared = audio.prepare(dataset, Data(file="noises.zip"), 1, tmp_path / "prepared", nothing)
    assert prepared.signature.inputs["sound"].shape == (11_200,)
    assert prepared.signature.details == {"rate": 16_000, "seconds": 0.7}
    agree(dataset, prepared)


def test_a_tone_keeps_its_pitch_at_another_rate():
    heard = resampled(open_sound(packed(tone(440, 1.0, 44_100), 44_100)), 8000)
    assert np.argmax(np.abs(np.fft.rfft(heard.samples))) == 440
    assert heard.seconds == 1.0


def test_a_folder_on_disk_is_of_this_kind(tmp_path):
    for path, data in noises(3).items():
        (tmp_path / "noises" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "noises" / path).write_bytes(data)
    assert type_of(tmp_path / "noises") == "audio"
    assert read(tmp_path / "noises", tmp_path).schema.classes == {"high": 3, "low": 3}


def test_a_table_names_files_and_labels(tmp_path):
    table = "file,word\n" + "\n".join(f"{n:03}.wav,{'yes' if n % 2 else 'no'}" for n in range(8)) + "\n999.wav,no\n"
    files = {f"sounds/{n:03}.wav": packed(tone()) for n in range(9)} | {"labels.csv": table.encode("utf-8-sig")}
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"no": 4, "yes": 4}
    assert dataset.schema.notes == (
        "Labels were read from column 'word' of 'labels.csv'.",
        "Left out 1 row of the table without a sound.",
        "Left out 1 sound without a label.",
    )


def test_long_recordings_are_cut_into_pieces_that_stay_together(tmp_path):
    files = {
        f"{label}/{n}.wav": packed(tone(hertz, 9.5, 8000))
        for label, hertz in (("a", 300), ("b", 800))
        for n in range(6)
    }
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.details["seconds"] == 3.0
    assert dataset.schema.classes == {"a": 18, "b": 18}
    assert dataset.schema.notes == (
        (
            "Long recordings were cut into pieces of 3 s: 12 files gave 36 sounds. Pieces of one recording stay "
            "together when the data are split."
        ),
    )
    prepared = audio.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    recordings = Tape.open(dataset.folder).recordings
    parts = [set(recordings[prepared.part(name).rows].tolist()) for name in ("train", "validation", "test")]
    apart(parts)
    agree(dataset, prepared)


def test_silent_stretches_of_a_long_recording_are_left_out():
    sound = np.concatenate([tone(seconds=1.0), np.zeros(8000, np.float32), tone(seconds=1.0)])
    assert [len(piece) for piece in pieces(sound, 8000)] == [8000, 8000]


def test_the_loudest_stretch_is_heard():
    sound = np.concatenate([np.zeros(5000, np.float32), tone(seconds=0.25), np.zeros(9000, np.float32)])
    assert loudest(sound, 2000)[:3].tolist() == sound[5000:5003].tolist()
    assert filled(sound[5000:5010], 12).tolist() == [*sound[5000:5010].tolist(), 0.0, 0.0]


def test_the_deliverable_finds_the_loudest_stretch_by_itself(tmp_path):
    dataset = read(zipped(tmp_path, noises()), tmp_path)
    prepared = audio.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing)
    model = keras.Model(*audio.layers_of(prepared.signature, prepared.encoding))
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    word = tone(seconds=0.5)
    sound = np.concatenate([np.zeros(7000, np.float32), word, np.zeros(3000, np.float32)])[None]
    np.testing.assert_array_equal(model({"sound": sound})["sound"][0], word)
    assert model({"sound": sound[:, 7000:8000]})["sound"].shape == (1, 4000)


# What is kept together


def test_voices_in_file_names_are_found_and_kept_together(tmp_path):
    voices = ["anna", "ben", "cleo", "dan", "eva", "finn", "gus", "hana"]
    said = [(word, voice, number) for word in ("no", "yes") for voice in voices for number in range(3)]
    files = {f"{word}/{voice}_{number}.wav": packed(tone()) for word, voice, number in said}
    dataset = read(zipped(tmp_path, files), tmp_path)
    told = next(finding for finding in audio.check(dataset, Data(file="x")) if finding.code == "sources")
    assert told.sentence == (
        "Sounds are kept together by part 1 of the file name (8 in all): the test comes from sources never met in "
        "training."
    )
    prepared = audio.prepare(dataset, Data(file="x"), 3, tmp_path / "prepared", nothing)
    names = Tape.open(dataset.folder).names
    parts = [
        {Path(name).name.split("_")[0] for name in names[prepared.part(part).rows]}
        for part in ("train", "validation", "test")
    ]
    apart(parts)
    assert set.union(*parts) == set(voices)


def test_folders_of_voices_are_found(tmp_path):
    files = {
        f"{word}/{voice}/{n}.wav": packed(tone(200 + n))
        for word in ("no", "yes")
        for voice in "abcde"
        for n in range(2)
    }
    dataset = read(zipped(tmp_path, files), tmp_path)
    told = next(finding for finding in audio.check(dataset, Data(file="x")) if finding.code == "sources")
    assert "by folder inside the class (5 in all)" in told.sentence


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"group": "folder"},
            (
                "There are no folders inside the class folders, so `group` cannot be `folder`. Set it to `auto`, or "
                "put the files of each source into a folder of its own."
            ),
        ),
        (
            {"group": "name", "group_part": 3},
            "The name of '0.wav' has no part 3. Set `group_part` to another part, or `group` to `file`.",
        ),
        ({"seconds": 0.1}, "`data.seconds` must be from 0.2 to 30 (or 0), but got 0.1."),
        ({"rate": "7"}, "`data.rate` must be one of 'auto', '8000', '16000' or '32000', but got '7'."),
    ],
)
def test_impossible_settings_are_refused(settings, sentence, tmp_path):
    dataset = read(zipped(tmp_path, noises()), tmp_path)
    with pytest.raises(Refusal) as refusal:
        audio.prepare(dataset, Data(file="x", **settings), 1, tmp_path / "prepared", nothing)
    assert str(refusal.value) == sentence


def test_settings_of_length_and_rate_are_obeyed(tmp_path):
    dataset = read(zipped(tmp_path, noises()), tmp_path)
    data = Data.model_validate({"file": "x", "seconds": 0.3, "rate": "16000"})
    prepared = audio.prepare(dataset, data, 1, tmp_path / "prepared", nothing)
    assert prepared.signature.inputs["sound"].shape == (4800,)
    agree(dataset, prepared)


# What is refused


def test_what_cannot_be_read_is_refused_in_words(tmp_path):
    single = tmp_path / "bark.wav"
    single.write_bytes(packed(tone()))
    with pytest.raises(Refusal) as refusal:
        read(single, tmp_path)
    assert str(refusal.value) == (
        "'bark.wav' is a single sound. Put the sounds of each class into a folder and zip them."
    )
    assert refusal_of({"a.txt": b"x"}, tmp_path) == (
        "No sounds found. Expected folders named after classes, e.g. dog/1.wav."
    )
    assert refusal_of({f"dog/{n}.wav": packed(tone()) for n in range(3)}, tmp_path) == (
        "Only one class 'dog': the model has nothing to tell apart. Add a second folder of other sounds."
    )


def test_a_broken_file_is_skipped_and_told(tmp_path):
    files = noises(15) | {"low/torn.wav": b"RIFF....WAVEjunk"}
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.rows == 30
    assert dataset.schema.notes == ("1 of 31 sounds could not be read and was skipped: 'torn.wav'.",)
    files = {name: b"nothing" if name.startswith("low") else data for name, data in noises(3).items()}
    assert refusal_of(files, tmp_path) == (
        "No sound of class 'low' could be read. '0.wav' is not a sound we can read, or it is damaged. Save it as WAV, "
        "FLAC, OGG or MP3."
    )


def test_a_recording_of_hours_is_refused(monkeypatch):
    monkeypatch.setattr(_sounds, "MAX_SECONDS", 60.0)
    with pytest.raises(Refusal) as refusal:
        open_sound(packed(np.zeros(61 * 1000, np.float32), 1000, "FLAC"), "long.flac")
    assert str(refusal.value) == "'long.flac' lasts longer than 1 minutes. Cut it into shorter recordings."


@pytest.mark.parametrize("cut", [0, 4, 40, 200])
def test_no_bytes_crash_the_reader(cut):
    for kind in ("WAV", "FLAC", "OGG", "MP3"):
        data = bytearray(packed(tone(), kind=kind))
        data[cut : cut + 60] = RANDOM.integers(0, 256, 60, dtype=np.uint8).tobytes()
        for torn in (bytes(data), bytes(data[: max(cut, 1)])):
            try:
                assert np.isfinite(open_sound(torn).samples).all()
            except Refusal as refusal:
                assert str(refusal).endswith(".")  # noqa: PT017 - some bytes can still be read


# What is found


def test_findings_name_what_is_wrong(tmp_path):
    files = noises(40)
    files["low/silent.wav"] = packed(np.zeros(4000, np.float32))
    files["low/loud.wav"] = packed(np.clip(5 * tone(), -1, 1))
    files["low/click.wav"] = packed(tone(seconds=0.05))
    files["low/copy.wav"] = files["high/copy.wav"] = packed(tone(321))
    dataset = read(zipped(tmp_path, files), tmp_path)
    found = {finding.code: finding for finding in audio.check(dataset, Data(file="x"))}
    told = {code: (each.severity, each.sentence) for code, each in found.items() if each.severity != "pass"}
    assert told == {
        "few_sounds": ("warning", "There are only 85 sounds; scores will swing from run to run."),
        "conflicting_labels": ("warning", "1 sound lies in several classes, e.g. 'high' and 'low'."),
        "duplicates": ("notice", "1 sound of 85 repeats another exactly."),
        "silent": ("warning", "1 sound is silent, or nearly so."),
        "clipping": ("notice", "1 sound is overdriven: the loudest parts are cut off."),
        "very_short": ("warning", "1 sound is shorter than 0.1 s."),
        "sources": (
            "notice",
            "It is not known which sounds come from the same source, so the test may be too easy.",
        ),
    }


# What is tried


def test_an_own_sound_is_turned_into_a_raw_row(tmp_path):
    dataset = read(zipped(tmp_path, noises()), tmp_path)
    signature = audio.prepare(dataset, Data(file="x"), 1, tmp_path / "prepared", nothing).signature
    row = audio.parse(signature, {"sound": packed(tone(seconds=2.0, rate=48_000), 48_000, "OGG")})
    assert (row["sound"].shape, row["sound"].dtype) == ((1, 4000), np.float32)
    heard = audio.heard(signature, packed(tone(seconds=2.0)))
    assert (heard.seconds, heard.length) == (2.0, 0.5)
    assert open_sound(heard.wav).seconds == 0.5
    for values, sentence in (
        ({}, "No sound was given. Choose a file or record one."),
        ({"sound": wav(np.zeros(4000), 8000)}, "This recording is silent. Check the microphone and record it again."),
        ({"sound": b""}, "This file is empty. Was it still downloading?"),
    ):
        with pytest.raises(Refusal) as refusal:
            audio.parse(signature, values)
        assert str(refusal.value) == sentence


def test_preview_shows_pitch_over_time_and_plays(tmp_path):
    dataset = read(zipped(tmp_path, noises()), tmp_path)
    low = next(row for row in range(20) if audio.preview(dataset, [row])[0]["label"] == "low")
    picture = np.asarray(audio.preview(dataset, [low])[0]["sound"].convert("L")).mean(axis=1)
    high = np.asarray(audio.preview(dataset, [0])[0]["sound"].convert("L")).mean(axis=1)
    assert picture.argmax() > high.argmax()  # lower in the picture is lower in pitch
    assert open_sound(audio.playable(dataset, [low])[0]).rate == 8000


# Samples


@pytest.mark.parametrize(("name", "sources"), [("tones", 37), ("spoken-digits", 24)])
def test_samples_hold_out_whole_sources(name, sources, tmp_path):
    dataset = audio.load_sample(name, tmp_path / "set")
    sample = next(each for each in audio.samples() if each.name == name)
    assert (dataset.schema.rows, dataset.schema.target) == (sample.rows, sample.target)
    assert list(dataset.schema.classes) == sorted(dataset.schema.classes)
    assert not [finding for finding in audio.check(dataset, Data(sample=name)) if finding.severity != "pass"]
    prepared = audio.prepare(dataset, Data(sample=name), 1, tmp_path / "prepared", nothing)
    groups = Tape.open(dataset.folder).groups
    parts = [set(groups[prepared.part(part).rows].tolist()) for part in ("train", "validation", "test")]
    apart(parts)
    assert len(set.union(*parts)) == sources
    agree(dataset, prepared, 2)


def test_unknown_sample(tmp_path):
    with pytest.raises(Refusal) as refusal:
        audio.load_sample("tone", tmp_path)
    assert str(refusal.value) == ("There is no sample 'tone'. Did you mean 'tones'? Available: spoken-digits, tones.")


def test_pages_read_and_check_sounds_without_keras(tmp_path):
    zipped(tmp_path, noises(5))
    code = (
        "import sys; from pathlib import Path; from datasets import audio; from recipes import Data\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "dataset = audio.read(folder / 'noises.zip', audio.Config(), folder / 'set', lambda share, words: None)\n"
        "audio.check(dataset, Data(file='x')); audio.preview(dataset, [0]); audio.playable(dataset, [0])\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, env=os.environ | {"PYTHONPATH": str(root)})
