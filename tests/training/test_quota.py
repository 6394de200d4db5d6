"""What a class and an installation allow: refused in words before a run is made, and written down for its worker."""

import json

import pytest

from recipes import Recipe, Refusal
from records import Workspace, usage
from records.classes import Classes, Limits
from training import many, marks, plan, quota
from training.executor import Executor
from training.many import Varied

TEACHER, ADA = "teacher", "ada"
TEXT = "data: {sample: penguins}\nmodel: {architecture: mlp}\ntraining: {epochs: 10}"


@pytest.fixture
def executor(tmp_path):
    workspace = Workspace(tmp_path)
    marks.hold(marks.supervisor_lock(workspace))  # so that no supervisor starts and nothing is trained
    return Executor(workspace)


@pytest.fixture
def classes(executor):
    return Classes(executor.workspace)


@pytest.fixture
def room(classes):
    room = classes.open(TEACHER, "Physics 9b")
    classes.join(room.code, ADA, "Ada", "here")
    return room


def recipe(text=TEXT):
    return Recipe.parse(text)


def refusal(executor, text=TEXT):
    with pytest.raises(Refusal) as refused:
        executor.submit(recipe(text), ADA)
    assert len(executor.runs(ADA)) <= 2
    return str(refused.value)


def test_the_limit_of_time_goes_with_the_run(executor, classes, room):
    run = executor.submit(recipe(), ADA)
    told = json.loads((executor.workspace.run_folder(run) / "limits.json").read_text())
    assert told == {"seconds": 1200, "memory_mb": None, "who": "your class"}
    assert [each.run for each in classes.runs(room.id, TEACHER)] == [run]


def test_outside_a_class_nothing_is_limited(executor):
    run = executor.submit(recipe(), "somebody")
    assert not (executor.workspace.run_folder(run) / "limits.json").exists()


@pytest.mark.parametrize(
    ("server", "class_", "seconds", "who"), [(5, 20, 300, "this server"), (60, 20, 1200, "your class")]
)
def test_the_tighter_of_two_times_holds(executor, classes, room, monkeypatch, server, class_, seconds, who):
    monkeypatch.setenv("LAYERWISE_QUOTA_MINUTES", str(server))
    classes.set(room.id, TEACHER, limits=Limits(minutes=class_))
    run = executor.submit(recipe(), ADA)
    told = json.loads((executor.workspace.run_folder(run) / "limits.json").read_text())
    assert (told["seconds"], told["who"]) == (seconds, who)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(epochs=5), "Your class trains at most 5 epochs, but this is set to 10. Lower Epochs."),
        (
            Limits(rows=100),
            "Your class trains on at most 100 rows, but these data have 344. Choose smaller data.",
        ),
        (
            Limits(families=("dbn", "wide_deep")),
            "Your class works with Deep belief network and Wide and deep, not with Dense network. Choose one of those.",
        ),
        (Limits(samples=("iris",)), "Your class works with Iris flowers. Choose one of those samples."),
    ],
)
def test_what_a_class_does_not_allow_is_refused_in_words(executor, classes, room, limits, words):
    classes.set(room.id, TEACHER, limits=limits)
    assert refusal(executor) == words


def test_own_files_can_be_kept_out(executor, classes, room, tmp_path):
    (tmp_path / "own.csv").write_text("a,b\n" + "\n".join(f"{n},{n % 2}" for n in range(40)))
    classes.set(room.id, TEACHER, limits=Limits(uploads=False))
    assert refusal(executor, f"data: {{file: {tmp_path / 'own.csv'}}}") == (
        "Your class works with samples, not with own files. Choose a sample."
    )


def test_runs_at_once(executor, classes, room):
    classes.set(room.id, TEACHER, limits=Limits(runs=1))
    first = executor.submit(recipe(), ADA)
    assert refusal(executor) == (
        "Your class trains 1 run at once, and you have 1 waiting or going. Wait for one to end, or stop one."
    )
    executor.cancel(first, ADA)
    executor.submit(recipe(), ADA)


@pytest.mark.usefixtures("room")
def test_a_sweep_of_too_many_queues_none(executor):
    with pytest.raises(Refusal) as refused:
        many.submit_sweep(executor, recipe(), [Varied("training.epochs", "Epochs", (1, 2, 3))], ADA)
    assert str(refused.value) == "Your class trains 2 runs at once, but these are 3. Try fewer values."
    assert executor.runs(ADA) == []


@pytest.fixture
def start():
    resolved = plan.resolve(
        recipe("data: {sample: penguins}\nmodel: {architecture: mlp}\ntraining: {learning_rate: 0.01}")
    )
    return resolved.yaml()


@pytest.mark.parametrize(
    ("locked", "text", "words"),
    [
        (
            "training.learning_rate",
            TEXT,
            "Your teacher has fixed Learning rate at 0.01. Load your teacher's start again.",
        ),
        (
            "data",
            "data: {sample: iris}\nmodel: {architecture: mlp}",
            "Your teacher has fixed the data. Load your teacher's start again.",
        ),
        (
            "data",
            "data: {sample: penguins, target: island}\nmodel: {architecture: mlp}",
            "Your teacher has fixed the data. Load your teacher's start again.",
        ),
        (
            "model.architecture",
            "data: {sample: penguins}\nmodel: {architecture: wide_deep}",
            "Your teacher has fixed Model family at Dense network. Load your teacher's start again.",
        ),
    ],
)
def test_what_the_teacher_has_fixed_stays_so(executor, classes, room, start, locked, text, words):
    classes.set(room.id, TEACHER, start=start, locked=(locked,))
    assert refusal(executor, text) == words
    executor.submit(
        recipe("data: {sample: penguins}\nmodel: {architecture: mlp}\ntraining: {learning_rate: 0.01}"), ADA
    )


def test_a_closed_class_limits_nothing(executor, classes, room):
    classes.set(room.id, TEACHER, limits=Limits(epochs=1))
    classes.close(room.id, TEACHER)
    executor.submit(recipe(), ADA)


def test_the_teacher_is_not_limited(executor, classes, room):
    classes.set(room.id, TEACHER, limits=Limits(epochs=1))
    executor.submit(recipe(), TEACHER)


def test_so_many_runs_may_wait(executor, monkeypatch):
    monkeypatch.setenv("LAYERWISE_QUOTA_QUEUED", "1")
    executor.submit(recipe(), ADA)
    assert refusal(executor) == (
        "1 run of one person may wait and go here, and you have 1. Wait for one to end, or cancel one."
    )


def test_a_full_room_is_refused_with_the_way_to_empty_it(executor, monkeypatch):
    monkeypatch.setenv("LAYERWISE_QUOTA_DISK_MB", "1")
    folder = executor.workspace.new_upload_folder(ADA)
    (folder / "data.csv").write_bytes(b"x" * 1_400_000)
    usage.forget(executor.workspace, ADA)
    assert refusal(executor) == (
        "You use 1.4 of 1.0 MB. Delete runs that you need no more on the Runs page, then train again."
    )
    assert quota.used(executor.workspace, ADA, []).is_full


def test_refusals_are_noted_without_contents(executor, monkeypatch):
    monkeypatch.setenv("LAYERWISE_QUOTA_QUEUED", "1")
    executor.submit(recipe(), ADA)
    refusal(executor)
    lines = (executor.workspace.root / "log" / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["refused by a limit"]


def test_nobody_trains_on_what_somebody_else_has_uploaded(executor):
    """Even whoever knows its place: a page never hands it out, but a recipe is only text."""
    file = executor.workspace.new_upload_folder("eve") / "secret.csv"
    file.write_text("a,b\n" + "\n".join(f"{n},{n % 2}" for n in range(40)))
    assert refusal(executor, f"data: {{file: {file}}}") == (
        "There is no file 'secret.csv' among your uploads. Upload it again."
    )
    executor.submit(recipe(f"data: {{file: {file}}}"), "eve")


def test_a_fixed_setting_of_one_family_says_nothing_about_another(executor, classes, room, start):
    classes.set(room.id, TEACHER, start=start, locked=("model.width",))
    executor.submit(recipe("data: {sample: penguins}\nmodel: {architecture: wide_deep, width: 8}"), ADA)
    assert refusal(executor, "data: {sample: penguins}\nmodel: {architecture: mlp, width: 8}").startswith(
        "Your teacher has fixed Width at "
    )
