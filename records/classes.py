"""Classes: a teacher opens one, students join with its code and a nickname, and what they train in it is seen there.

A person is in one class at a time. The teacher reads of a student only the runs that were made in the class, and only
while the student is in it: `Classes.runs` is the one question that says so. To everybody else, a class that is not
theirs looks like one that does not exist.
"""

import secrets
import time
import unicodedata
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError

from recipes import Refusal
from records import audit
from records.database import database, reading, writing
from records.people import People
from records.workspace import Workspace

CODE_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0 and O, no 1, I and L: a code is read from a wall and typed by hand."""
CODE_LENGTH = 6
MOST_STUDENTS = 200
MOST_CLASSES = 20
LONGEST_NAME, LONGEST_NICKNAME = 60, 24
NO_CLASS = "There is no such class here. Ask your teacher for the code."
WRONG_CODE = "No open class has this code. Check each letter, or ask your teacher."

_tables = sql.MetaData()
_classroom = sql.Table(
    "classroom",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("teacher", sql.String),
    sql.Column("name", sql.String),
    sql.Column("code", sql.String),
    sql.Column("created", sql.Float),
    sql.Column("closed", sql.Float),
    sql.Column("settings", sql.Text),
)
_member = sql.Table(
    "member",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("classroom", sql.String),
    sql.Column("owner", sql.String),
    sql.Column("nickname", sql.String),
    sql.Column("same_as", sql.String),
    sql.Column("joined", sql.Float),
    sql.Column("loaded", sql.Float),
)
_class_run = sql.Table(
    "class_run",
    _tables,
    sql.Column("run", sql.String, primary_key=True),
    sql.Column("member", sql.String),
    sql.Column("classroom", sql.String),
    sql.Column("entered", sql.Float),
)
_run = sql.table("run", *(sql.column(name) for name in ("id", "owner", "title", "state", "created", "deleted")))


class Limits(BaseModel):
    """What the students of a class may do; None and empty lists are no limit."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    minutes: int | None = Field(20, ge=1, le=1440)
    epochs: int | None = Field(None, ge=1)
    rows: int | None = Field(None, ge=10)
    runs: int | None = Field(2, ge=1, le=50)
    """Waiting and going at once, of one student."""
    families: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    uploads: bool = True


class Settings(BaseModel):
    """What a teacher has set up for a class."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    limits: Limits = Limits()
    start: str = ""
    """A resolved recipe as YAML, sent to all; empty where nothing was sent."""
    sent: float = 0.0
    locked: tuple[str, ...] = ()
    """Parts of the start that students cannot change: `data`, `model.architecture`, `training.learning_rate`, ..."""
    contest: dict[str, str] = {}
    """The board that counts: `data`, `task`, `target`, `test` as `ui.compare.facts` names them, and a `title`."""
    shown: bool = False
    """Whether students see the leaderboard."""


@dataclass(frozen=True)
class Classroom:
    """One class."""

    id: str
    teacher: str
    name: str
    code: str
    created: float
    closed: float | None
    settings: Settings

    @property
    def is_open(self) -> bool:
        """Can students join, and do its rules hold?"""
        return self.closed is None


@dataclass(frozen=True)
class Member:
    """One student; `id` is what screens name, the owner stays inside."""

    id: str
    classroom: str
    owner: str
    nickname: str
    joined: float
    loaded: float | None
    """When this student last loaded the start."""


@dataclass(frozen=True)
class ClassRun:
    """A run that was made in a class, with whose it is."""

    run: str
    member: str
    nickname: str
    title: str
    state: str
    created: float
    entered: float | None
    """When it was entered for the leaderboard."""


class Classes:
    """The classes of one installation; every question names who asks."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._engine = database(workspace)
        self._people = People(workspace)

    # The teacher

    def open(self, teacher: str, name: str) -> Classroom:
        """Open a class; raises `Refusal`."""
        name = _line(name)
        if not 0 < len(name) <= LONGEST_NAME:
            raise Refusal(f"A class has a name of 1 to {LONGEST_NAME} letters. Type one, such as: Physics 9b.")
        if len(self.taught(teacher)) >= MOST_CLASSES:
            raise Refusal(f"You have {MOST_CLASSES} classes. Delete one that is over, then open a new one.")
        made = Classroom(secrets.token_hex(16), teacher, name, _code(), time.time(), None, Settings())
        values = vars(made) | {"settings": made.settings.model_dump_json()}
        with writing(self._engine) as connection:
            connection.execute(sql.insert(_classroom).values(**values))
        self._note(teacher, "class opened", made.id)
        return made

    def taught(self, teacher: str) -> list[Classroom]:
        """List the classes of a teacher, the newest first."""
        mine = sql.select(_classroom).where(_classroom.c.teacher == teacher)
        return self._classrooms(mine.order_by(_classroom.c.created.desc()))

    def of_teacher(self, classroom: str, teacher: str) -> Classroom | None:
        """Return a class of this teacher; None for an unknown or foreign one."""
        found = self._classrooms(sql.select(_classroom).where(*_taught_by(classroom, teacher)))
        return found[0] if found else None

    def set(self, classroom: str, teacher: str, **values: Any) -> Classroom:
        """Change some of a class's settings; raises `Refusal`."""
        known = self._mine(classroom, teacher)
        settings = known.settings.model_copy(update=values)
        self._update(known, settings=settings.model_dump_json())
        self._note(teacher, "class changed", classroom, parts=", ".join(sorted(values)))
        return self._mine(classroom, teacher)

    def close(self, classroom: str, teacher: str, *, closed: bool = True) -> None:
        """Close a class: nobody joins any more and its rules end; everything stays to be read. Or open it again."""
        self._update(self._mine(classroom, teacher), closed=time.time() if closed else None)
        self._note(teacher, "class closed" if closed else "class opened again", classroom)

    def new_code(self, classroom: str, teacher: str) -> None:
        """Give a class another code; the former one opens nothing any more."""
        self._update(self._mine(classroom, teacher), code=_code())
        self._note(teacher, "class code changed", classroom)

    def members(self, classroom: str, teacher: str) -> list[Member]:
        """List the students of a teacher's class, in the order in which they joined."""
        known = self._mine(classroom, teacher)
        return self._members(sql.select(_member).where(_member.c.classroom == known.id).order_by(_member.c.joined))

    def runs(self, classroom: str, teacher: str) -> list[ClassRun]:
        """List the runs that a teacher may read: made in this very class by those who are in it now."""
        known = self._mine(classroom, teacher)
        return self._runs(_class_run.c.classroom == known.id)

    def run(self, classroom: str, teacher: str, run: str) -> ClassRun | None:
        """Return one run that a teacher may read; None for every other."""
        known = self._mine(classroom, teacher)
        found = self._runs(_class_run.c.classroom == known.id, _class_run.c.run == run)
        return found[0] if found else None

    def remove(self, classroom: str, teacher: str, member: str) -> None:
        """Take a student out of a class; the runs stay with the student and are seen by nobody else any more."""
        known = self._mine(classroom, teacher)
        self._forget_members(_member.c.classroom == known.id, _member.c.id == member)
        self._note(teacher, "student removed", classroom, member=member)

    def delete(self, classroom: str, teacher: str) -> None:
        """Forget a class and who was in it; `training.deletion` deletes what the students made first."""
        known = self._mine(classroom, teacher)
        self._forget_members(_member.c.classroom == known.id)
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_class_run).where(_class_run.c.classroom == known.id))
            connection.execute(sql.delete(_classroom).where(_classroom.c.id == known.id))
        self._note(teacher, "class deleted", classroom)

    # The student

    def join(self, code: str, owner: str, nickname: str, who: str) -> Classroom:
        """Join the open class with this code; `who` is the address that brings it. Raises `Refusal`."""
        self._people.refuse_guessing(who)
        nickname = _nickname(nickname)
        code = "".join(code.upper().replace("-", " ").split())
        found = self._classrooms(sql.select(_classroom).where(_classroom.c.code == code, _classroom.c.closed.is_(None)))
        if not found:
            self._people.note_wrong(who)
            raise Refusal(WRONG_CODE)
        classroom = found[0]
        if classroom.teacher == owner:
            raise Refusal("This is your own class. Students join it from their own browsers.")
        if (now := self.joined(owner)) is not None:
            raise Refusal(f"You are in the class '{now[0].name}' already. Leave it first.")
        self._enter(classroom, owner, nickname)
        self._note(owner, "joined", classroom.id)
        return classroom

    def joined(self, owner: str) -> tuple[Classroom, Member] | None:
        """Return the class in which a person is now."""
        found = self._members(sql.select(_member).where(_member.c.owner == owner))
        if not found:
            return None
        classroom = self._classrooms(sql.select(_classroom).where(_classroom.c.id == found[0].classroom))
        return (classroom[0], found[0]) if classroom else None

    def leave(self, owner: str) -> None:
        """Leave the class; the teacher sees nothing of this person any more."""
        now = self.joined(owner)
        if now is not None:
            self._forget_members(_member.c.owner == owner)
            self._note(owner, "left", now[0].id)

    def has_loaded(self, owner: str) -> None:
        """Note that a student has loaded the start."""
        with writing(self._engine) as connection:
            connection.execute(sql.update(_member).where(_member.c.owner == owner).values(loaded=time.time()))

    def note_run(self, owner: str, run: str) -> None:
        """Note that a student has made this run in the class, if the person is in an open one."""
        now = self.joined(owner)
        if now is not None and now[0].is_open:
            with writing(self._engine) as connection:
                connection.execute(
                    sql.insert(_class_run).values(run=run, member=now[1].id, classroom=now[0].id, entered=None)
                )

    def own_runs(self, owner: str) -> list[ClassRun]:
        """List what a student has made in the class."""
        return self._runs(_member.c.owner == owner)

    def enter(self, owner: str, run: str) -> None:
        """Enter a run for the leaderboard: one of a student's own, once, before it is shown. Raises `Refusal`."""
        now = self.joined(owner)
        if now is None or not now[0].settings.contest:
            raise Refusal("Your class has no leaderboard now. Ask your teacher.")
        if now[0].settings.shown or not now[0].is_open:
            raise Refusal("The leaderboard has been opened, so no run can be entered any more.")
        mine = sql.select(_class_run).where(_class_run.c.member == now[1].id)
        with writing(self._engine) as connection:
            rows = connection.execute(mine).mappings().all()
            if any(row["entered"] is not None for row in rows):
                raise Refusal("You have entered a run already: everybody has one entry.")
            if run not in {row["run"] for row in rows}:
                raise Refusal("Only a run that you made in this class can be entered.")
            connection.execute(sql.update(_class_run).where(_class_run.c.run == run).values(entered=time.time()))
        self._note(owner, "run entered", now[0].id, run=run)

    def entries(self, owner: str) -> list[ClassRun] | None:
        """List all entries for a student of the class; None as long as the teacher has not opened the leaderboard."""
        now = self.joined(owner)
        if now is None or not now[0].settings.shown:
            return None
        return self._runs(_class_run.c.classroom == now[0].id, _class_run.c.entered.is_not(None))

    def take_over(self, former: str, owner: str) -> None:
        """Make a former owner's classes and place in a class this owner's; whoever is in one already keeps that."""
        with writing(self._engine) as connection:
            connection.execute(sql.update(_classroom).where(_classroom.c.teacher == former).values(teacher=owner))
        if self.joined(owner) is None:
            with writing(self._engine) as connection:
                connection.execute(sql.update(_member).where(_member.c.owner == former).values(owner=owner))
        else:
            self._forget_members(_member.c.owner == former)

    # Rows

    def forget_entries(self, classroom: str, teacher: str) -> None:
        """Forget which runs were entered: another leaderboard begins."""
        known = self._mine(classroom, teacher)
        with writing(self._engine) as connection:
            connection.execute(sql.update(_class_run).where(_class_run.c.classroom == known.id).values(entered=None))

    def owner_in(self, classroom: str, teacher: str, run: str) -> str | None:
        """Name the owner of a run that a teacher may read; only what deletes or judges it needs that."""
        if self.run(classroom, teacher, run) is None:
            return None
        with reading(self._engine) as connection:
            return connection.execute(sql.select(_run.c.owner).where(_run.c.id == run)).scalar_one_or_none()

    def _mine(self, classroom: str, teacher: str) -> Classroom:
        found = self.of_teacher(classroom, teacher)
        if found is None:
            raise Refusal(NO_CLASS)
        return found

    def _enter(self, classroom: Classroom, owner: str, nickname: str) -> None:
        member = {
            "id": secrets.token_hex(8), "classroom": classroom.id, "owner": owner, "nickname": nickname,
            "same_as": _same_as(nickname), "joined": time.time(), "loaded": None,
        }  # fmt: skip
        count = sql.select(sql.func.count()).select_from(_member).where(_member.c.classroom == classroom.id)
        try:
            with writing(self._engine) as connection:
                if connection.execute(count).scalar_one() >= MOST_STUDENTS:
                    raise Refusal(f"This class has {MOST_STUDENTS} students, which is the most. Ask your teacher.")
                connection.execute(sql.insert(_member).values(**member))
        except IntegrityError:
            raise Refusal(f"Somebody in this class is called '{nickname}' already. Choose another nickname.") from None

    def _forget_members(self, *where: Any) -> None:
        chosen = sql.select(_member.c.id).where(*where)
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_class_run).where(_class_run.c.member.in_(chosen)))
            connection.execute(sql.delete(_member).where(*where))

    def _update(self, classroom: Classroom, **values: Any) -> None:
        with writing(self._engine) as connection:
            connection.execute(sql.update(_classroom).where(_classroom.c.id == classroom.id).values(**values))

    def _classrooms(self, select: sql.Select) -> list[Classroom]:
        with reading(self._engine) as connection:
            rows = connection.execute(select).mappings().all()
        settings = [Settings.model_validate_json(row["settings"]) for row in rows]
        return [
            Classroom(**{name: value for name, value in row.items() if name != "settings"}, settings=each)
            for row, each in zip(rows, settings, strict=True)
        ]

    def _members(self, select: sql.Select) -> list[Member]:
        with reading(self._engine) as connection:
            rows = connection.execute(select).mappings().all()
        return [Member(**{name: value for name, value in row.items() if name != "same_as"}) for row in rows]

    def _runs(self, *where: Any) -> list[ClassRun]:
        """Ask for runs of present members; a run counts only while its owner is the member who made it."""
        joined = _class_run.join(_member, _member.c.id == _class_run.c.member).join(
            _run, sql.and_(_run.c.id == _class_run.c.run, _run.c.owner == _member.c.owner)
        )
        chosen = (
            sql.select(
                _class_run.c.run, _class_run.c.member, _member.c.nickname, _run.c.title, _run.c.state, _run.c.created,
                _class_run.c.entered,
            )
            .select_from(joined)
            .where(_run.c.deleted.is_(None), _member.c.classroom == _class_run.c.classroom, *where)
            .order_by(_run.c.created.desc(), _run.c.id)
        )  # fmt: skip
        with reading(self._engine) as connection:
            return [ClassRun(**row) for row in connection.execute(chosen).mappings()]

    def _note(self, who: str, what: str, classroom: str, **about: str) -> None:
        audit.note(self._workspace, who, what, classroom=classroom[: audit.MARK], **about)


def _taught_by(classroom: str, teacher: str) -> list[Any]:
    return [_classroom.c.id == classroom, _classroom.c.teacher == teacher]


def _code() -> str:
    return "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))


def _line(text: str) -> str:
    """Bring a name into one plain line: no control signs, no turned writing, single blanks."""
    plain = unicodedata.normalize("NFC", text)
    return " ".join("".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in plain).split())


def _nickname(text: str) -> str:
    nickname = _line(text)
    if not 2 <= len(nickname) <= LONGEST_NICKNAME:
        raise Refusal(f"A nickname has 2 to {LONGEST_NICKNAME} letters, but this one has {len(nickname)}.")
    if not any(sign.isalnum() for sign in nickname):
        raise Refusal("A nickname needs at least one letter or number.")
    return nickname


def _same_as(nickname: str) -> str:
    """Return what two nicknames share that people cannot tell apart."""
    return unicodedata.normalize("NFKC", nickname).casefold().replace(" ", "")
