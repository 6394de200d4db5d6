"""Who is behind a browser: sessions that can be ended, and the words by which a workspace is opened elsewhere.

A session is known by the hash of its cookie. As long as nothing is written about it, it is its own owner: that is the
anonymous workspace of a browser. A row makes it another owner's session, or ends it. Nothing here can be turned back
into a cookie or into words: only hashes are stored.
"""

import hashlib
import os
import secrets
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sql

from recipes import Refusal
from records.database import database, reading, writing
from records.workspace import Workspace

Kind = Literal["browser", "words", "signed in"]
WORDS = 6
"""Of a list of about a thousand: 60 bits, and every guess costs a slow hash."""
TRIES, TRY_SECONDS = 10, 60.0
"""Wrong codes and words that one address may bring before it has to wait."""
TOO_MANY = "That were too many wrong tries. Wait a minute, then try again."
WRONG_WORDS = "These words open no workspace here. Check each word and their order."
LIST = Path(__file__).with_name("everyday_words.txt")

_tables = sql.MetaData()
_session = sql.Table(
    "session",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("owner", sql.String),
    sql.Column("kind", sql.String),
    sql.Column("created", sql.Float),
    sql.Column("ended", sql.Float),
)
_recovery = sql.Table(
    "recovery",
    _tables,
    sql.Column("words", sql.String, primary_key=True),
    sql.Column("owner", sql.String),
    sql.Column("created", sql.Float),
)
_wrong_try = sql.Table(
    "wrong_try",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("who", sql.String),
    sql.Column("time", sql.Float),
)


class People:
    """Sessions, recovery words and wrong tries of one installation."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._engine = database(workspace)

    def owner(self, session: str) -> str | None:
        """Name the owner of a session; None where it was ended."""
        return self.session(session)[0]

    def session(self, session: str) -> tuple[str | None, Kind]:
        """Return the owner of a session, None where it was ended, and how it came to be."""
        with reading(self._engine) as connection:
            row = connection.execute(sql.select(_session).where(_session.c.id == session)).mappings().one_or_none()
        if row is None:
            return session, "browser"
        return (row["owner"] if row["ended"] is None else None), row["kind"]

    def ended(self, session: str) -> float:
        """Say when a session was ended; 0 where it was not."""
        with reading(self._engine) as connection:
            found = connection.execute(
                sql.select(_session.c.ended).where(_session.c.id == session)
            ).scalar_one_or_none()
        return found or 0.0

    def begin(self, session: str, owner: str, kind: Kind) -> None:
        """Make a session this owner's; one that was ended stays ended."""
        values = {"owner": owner, "kind": kind, "created": time.time()}
        with writing(self._engine) as connection:
            known = connection.execute(sql.select(_session.c.ended).where(_session.c.id == session)).one_or_none()
            if known is None:
                connection.execute(sql.insert(_session).values(id=session, **values))
            elif known.ended is None:
                connection.execute(sql.update(_session).where(_session.c.id == session).values(**values))

    def end(self, session: str) -> None:
        """End a session for good: its cookie opens nothing any more."""
        with writing(self._engine) as connection:
            self._end(connection, session)

    def end_others(self, owner: str, this: str) -> None:
        """End every session of an owner but this one, that of the browser in which the workspace began too."""
        with writing(self._engine) as connection:
            mine = sql.select(_session.c.id).where(_session.c.owner == owner, _session.c.ended.is_(None))
            for session in {owner, *connection.execute(mine).scalars()} - {this}:
                self._end(connection, session)

    def make_words(self, owner: str) -> str:
        """Make new words for an owner's workspace and return them this once; former ones open it no more."""
        words = " ".join(secrets.choice(_list()) for _ in range(WORDS))
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_recovery).where(_recovery.c.owner == owner))
            connection.execute(
                sql.insert(_recovery).values(words=self._hashed(words), owner=owner, created=time.time())
            )
        return words

    def has_words(self, owner: str) -> bool:
        """Say whether there are words for this owner's workspace."""
        with reading(self._engine) as connection:
            return (
                connection.execute(sql.select(_recovery.c.owner).where(_recovery.c.owner == owner)).first() is not None
            )

    def owner_of_words(self, words: str, who: str) -> str:
        """Name the owner whose workspace these words open; `who` brings them. Raises `Refusal`."""
        self.refuse_guessing(who)
        with reading(self._engine) as connection:
            found = connection.execute(
                sql.select(_recovery.c.owner).where(_recovery.c.words == self._hashed(words))
            ).scalar_one_or_none()
        if found is None:
            self.note_wrong(who)
            raise Refusal(WRONG_WORDS)
        return found

    def refuse_guessing(self, who: str) -> None:
        """Refuse an address that has brought too many wrong codes or words in the last minute."""
        lately = (_wrong_try.c.who == _mark(who), _wrong_try.c.time > time.time() - TRY_SECONDS)
        with reading(self._engine) as connection:
            tries = connection.execute(sql.select(sql.func.count()).select_from(_wrong_try).where(*lately)).scalar_one()
        if tries >= TRIES:
            raise Refusal(TOO_MANY)

    def note_wrong(self, who: str) -> None:
        """Count a wrong code or wrong words; what is older than a minute is forgotten."""
        now = time.time()
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_wrong_try).where(_wrong_try.c.time < now - TRY_SECONDS))
            connection.execute(sql.insert(_wrong_try).values(who=_mark(who), time=now))

    def forget(self, owner: str) -> None:
        """Forget an owner: no words and no other browser lead to this workspace any more."""
        mine = (_session.c.owner == owner, _session.c.ended.is_(None))
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_recovery).where(_recovery.c.owner == owner))
            connection.execute(sql.delete(_session).where(*mine))

    def _end(self, connection: sql.Connection, session: str) -> None:
        now = time.time()
        ended = connection.execute(sql.update(_session).where(_session.c.id == session).values(ended=now))
        if not ended.rowcount:
            values: dict[str, Any] = {"owner": session, "kind": "browser", "created": now, "ended": now}
            connection.execute(sql.insert(_session).values(id=session, **values))

    def _hashed(self, words: str) -> str:
        plain = " ".join(words.lower().split())[:200]
        return hashlib.scrypt(plain.encode(), salt=_salt(self._workspace.root), n=2**14, r=8, p=1).hex()


@lru_cache(maxsize=1)
def _list() -> tuple[str, ...]:
    return tuple(LIST.read_text(encoding="utf-8").split())


@lru_cache(maxsize=8)
def _salt(root: Path) -> bytes:
    """Read the installation's own salt, or make it; two servers that start at once take the same."""
    file = root / "words.salt"
    root.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    if not file.exists():
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(secrets.token_bytes(16))
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):  # another server was faster
            file.hardlink_to(fresh)
        fresh.unlink()
    return file.read_bytes()


def _mark(who: str) -> str:
    """Hide an address: it is only counted, never read."""
    return hashlib.sha256(who.encode()).hexdigest()[:24]
