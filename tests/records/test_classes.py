"""A class: who comes in, who reads what, and that leaving means leaving."""

import pytest

from recipes import Refusal
from records import Workspace
from records.catalogue import Catalogue, RunRow
from records.classes import CODE_SIGNS, Classes, Limits

TEACHER = "teacher"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


@pytest.fixture
def classes(workspace):
    return Classes(workspace)


@pytest.fixture
def room(classes):
    return classes.open(TEACHER, " Physics  9b ")


def trained(workspace, classes, owner, run, state="finished"):
    Catalogue(workspace).add(RunRow(run, owner, f"Run {run}", state, created=1.0))
    classes.note_run(owner, run)


def refusal(call, *arguments):
    with pytest.raises(Refusal) as refused:
        call(*arguments)
    return str(refused.value)


def test_a_class_has_a_code_that_can_be_read_aloud(room):
    assert room.name == "Physics 9b"
    assert len(room.code) == 6
    assert set(room.code) <= set(CODE_SIGNS)
    assert not set("01OIL") & set(CODE_SIGNS)


def test_a_code_is_taken_however_it_is_typed(classes, room):
    classes.join(f" {room.code[:3].lower()}-{room.code[3:]} ", "ada", "Ada", "here")
    joined = classes.joined("ada")
    assert joined is not None
    assert (joined[0].id, joined[1].nickname) == (room.id, "Ada")


def test_a_wrong_code_says_so_and_guessing_ends(classes, room):
    assert refusal(classes.join, "AAAAAA", "ada", "Ada", "here") == (
        "No open class has this code. Check each letter, or ask your teacher."
    )
    for _ in range(9):
        refusal(classes.join, "AAAAAA", "ada", "Ada", "here")
    assert refusal(classes.join, room.code, "ada", "Ada", "here") == (
        "That were too many wrong tries. Wait a minute, then try again."
    )
    assert classes.join(room.code, "ada", "Ada", "next door").id == room.id


@pytest.mark.parametrize(
    ("nickname", "words"),
    [
        ("A", "A nickname has 2 to 24 letters, but this one has 1."),
        ("A" * 25, "A nickname has 2 to 24 letters, but this one has 25."),
        ("\u202e\u200b ", "A nickname has 2 to 24 letters, but this one has 0."),
        ("!!", "A nickname needs at least one letter or number."),
        (" aDa\t", "Somebody in this class is called 'aDa' already. Choose another nickname."),
        ("Ａｄａ", "Somebody in this class is called 'Ａｄａ' already. Choose another nickname."),
    ],
)
def test_a_nickname_is_plain_and_its_own(classes, room, nickname, words):
    classes.join(room.code, "ada", "Ada", "here")
    assert refusal(classes.join, room.code, "eve", nickname, "here") == words


def test_one_is_in_one_class_at_a_time_and_not_in_the_own_one(classes, room):
    other = classes.open("somebody", "Chemistry")
    classes.join(room.code, "ada", "Ada", "here")
    assert refusal(classes.join, other.code, "ada", "Ada", "here") == (
        "You are in the class 'Physics 9b' already. Leave it first."
    )
    assert refusal(classes.join, room.code, TEACHER, "Boss", "here") == (
        "This is your own class. Students join it from their own browsers."
    )


def test_the_teacher_reads_what_was_made_in_the_class_and_nothing_else(workspace, classes, room):
    trained(workspace, classes, "ada", "before")
    classes.join(room.code, "ada", "Ada", "here")
    trained(workspace, classes, "ada", "within")
    trained(workspace, classes, "eve", "foreign")
    assert [(run.run, run.nickname) for run in classes.runs(room.id, TEACHER)] == [("within", "Ada")]
    assert classes.run(room.id, TEACHER, "before") is None
    assert classes.owner_in(room.id, TEACHER, "foreign") is None


def test_nobody_else_asks_about_a_class(classes, room):
    classes.join(room.code, "ada", "Ada", "here")
    for call in (classes.members, classes.runs, classes.close, classes.delete, classes.new_code):
        for who in ("ada", "another teacher"):
            foreign, unknown = refusal(call, room.id, who), refusal(call, "0" * 32, who)
            assert foreign == unknown == "There is no such class here. Ask your teacher for the code."


@pytest.mark.parametrize("way", ["leaves", "is removed"])
def test_whoever_is_gone_is_read_no_more(workspace, classes, room, way):
    classes.join(room.code, "ada", "Ada", "here")
    trained(workspace, classes, "ada", "run")
    if way == "leaves":
        classes.leave("ada")
    else:
        (member,) = classes.members(room.id, TEACHER)
        classes.remove(room.id, TEACHER, member.id)
    assert classes.runs(room.id, TEACHER) == []
    assert classes.joined("ada") is None
    assert Catalogue(workspace).find("run", "ada") is not None
    classes.join(room.code, "ada", "Ada", "here")
    assert classes.runs(room.id, TEACHER) == []


def test_a_deleted_run_is_not_on_the_wall(workspace, classes, room):
    classes.join(room.code, "ada", "Ada", "here")
    trained(workspace, classes, "ada", "run")
    Catalogue(workspace).change("run", "ada", deleted=1.0)
    assert classes.runs(room.id, TEACHER) == []


def test_a_closed_class_lets_nobody_in_and_notes_no_run(workspace, classes, room):
    classes.join(room.code, "ada", "Ada", "here")
    classes.close(room.id, TEACHER)
    assert "No open class" in refusal(classes.join, room.code, "eve", "Eve", "here")
    trained(workspace, classes, "ada", "run")
    assert classes.runs(room.id, TEACHER) == []
    classes.close(room.id, TEACHER, closed=False)
    assert classes.join(room.code, "eve", "Eve", "here").id == room.id


def test_a_new_code_closes_the_old_door(classes, room):
    classes.new_code(room.id, TEACHER)
    fresh = classes.of_teacher(room.id, TEACHER)
    assert fresh is not None
    assert fresh.code != room.code
    assert "No open class" in refusal(classes.join, room.code, "eve", "Eve", "here")


def test_settings_are_kept(classes, room):
    classes.set(room.id, TEACHER, limits=Limits(epochs=5, families=("mlp",)), locked=("data",))
    again = classes.of_teacher(room.id, TEACHER)
    assert again is not None
    assert again.settings.limits == Limits(epochs=5, families=("mlp",))
    assert (again.settings.locked, again.settings.start) == (("data",), "")


def test_everybody_enters_one_own_run_once_while_the_board_is_sealed(workspace, classes, room):
    assert refusal(classes.enter, "ada", "first") == "Your class has no leaderboard now. Ask your teacher."
    classes.set(room.id, TEACHER, contest={"title": "Penguins"})
    for owner in ("ada", "eve"):
        classes.join(room.code, owner, owner, "here")
    trained(workspace, classes, "ada", "first")
    trained(workspace, classes, "ada", "second")
    assert refusal(classes.enter, "eve", "first") == "Only a run that you made in this class can be entered."
    classes.enter("ada", "first")
    assert refusal(classes.enter, "ada", "second") == "You have entered a run already: everybody has one entry."
    assert classes.entries("eve") is None
    classes.set(room.id, TEACHER, shown=True)
    assert [run.run for run in classes.entries("eve") or ()] == ["first"]
    trained(workspace, classes, "eve", "late")
    assert refusal(classes.enter, "eve", "late") == (
        "The leaderboard has been opened, so no run can be entered any more."
    )


def test_another_leaderboard_begins_without_entries(workspace, classes, room):
    classes.set(room.id, TEACHER, contest={"title": "Penguins"})
    classes.join(room.code, "ada", "Ada", "here")
    trained(workspace, classes, "ada", "run")
    classes.enter("ada", "run")
    classes.forget_entries(room.id, TEACHER)
    assert [run.entered for run in classes.runs(room.id, TEACHER)] == [None]


def test_a_class_needs_a_name_and_there_is_an_end(classes):
    words = "A class has a name of 1 to 60 letters. Type one, such as: Physics 9b."
    assert refusal(classes.open, TEACHER, "  ") == refusal(classes.open, TEACHER, "x" * 61) == words
    for number in range(20):
        classes.open(TEACHER, f"Class {number}")
    assert refusal(classes.open, TEACHER, "One more") == (
        "You have 20 classes. Delete one that is over, then open a new one."
    )


def test_a_deleted_class_leaves_nothing(classes, room):
    classes.join(room.code, "ada", "Ada", "here")
    classes.delete(room.id, TEACHER)
    assert (classes.taught(TEACHER), classes.joined("ada")) == ([], None)


def test_what_was_made_before_signing_in_is_taken_over(workspace, classes, room):
    classes.join(room.code, "ada", "Ada", "here")
    trained(workspace, classes, "ada", "run")
    assert Catalogue(workspace).give("run", "ada", "account")
    classes.take_over("ada", "account")
    classes.take_over(TEACHER, "head")
    assert [run.nickname for run in classes.runs(room.id, "head")] == ["Ada"]
    assert classes.joined("ada") is None
