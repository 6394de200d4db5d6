"""Does anybody get at what is somebody else's? Every own address and every page, asked by everybody for everything.

    python -m benchmarks.isolation --rounds 60 --cookies 1000 --json docs/isolation.json

One person has a run, an upload on its way and a place in a class; another teaches that class. Whoever may not have a
thing must be answered exactly as if it did not exist: same status, same headers, same words. All that is secret
carries a canary word, which must appear in no other person's answer. New addresses are found by themselves; one with
a part that `Probe` does not know is a failure.
"""

import argparse
import asyncio
import hashlib
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from recipes import Recipe
from records import Run, Workspace, uploads, write_json
from records.catalogue import Catalogue, RunRow
from records.classes import Classes
from records.run import write_text
from training import plan

CANARY = "canary-7f3a91"
HOST = "layerwise.test"
ADA, EVE, TEACHER, OTHER_TEACHER = "ada", "eve", "teacher", "other teacher"
NOBODY = ""
BATCH = "ab" * 8
UNSTEADY = ("date", "set-cookie")
"""Headers that differ between two answers without telling anything."""
WORN = ("", "..", "../..", "../../token.secret", "%2e%2e%2f", "%00", "*", "_", "' OR 1=1 --", "null", "a" * 5000, "ß∂ƒ",
        "\u202e", " ", "0", "-1", "1e9", "run", "{run}", "CON", "..\\..\\x", "a/b", "a\nb")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What came back, as far as it may tell anything."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_told(self) -> bool:
        """Did it give something out?"""
        return self.status < 400


@dataclass
class Found:
    """What the probes found."""

    probes: int = 0
    failures: list[str] = field(default_factory=list)

    def check(self, claim: bool, words: str) -> None:  # noqa: FBT001 - the claim is the point
        """Count a probe; note it where the claim does not hold."""
        self.probes += 1
        if not claim:
            self.failures.append(words)


def owner(name: str) -> str:
    """Name the owner of whoever has this cookie."""
    return hashlib.sha256(name.encode()).hexdigest()


class Place:
    """A workspace with secrets of one person, and the server's own addresses before it."""

    def __init__(self, workspace: Workspace, seed: int = 1) -> None:
        from ui import routes
        from ui.identity import WorkspaceCookie

        self.workspace, self.random = workspace, random.Random(seed)  # noqa: S311 - probes, no secrets
        self.run = self._run()
        self.room = self._room()
        ahead = uploads.Limits(1_000_000)
        uploads.begin(workspace, owner(ADA), BATCH, [uploads.Planned(f"{CANARY}.csv", 20)], ahead)
        self.routes: list[Route] = routes.routes(workspace)
        self.app = Starlette(routes=self.routes, middleware=[Middleware(WorkspaceCookie)])

    def _run(self) -> str:
        recipe = plan.resolve(Recipe.parse("data: {sample: penguins}\ntraining: {epochs: 1}"))
        recipe = recipe.model_copy(update={"name": CANARY})
        run = Run.create(self.workspace.new_run_folder(), recipe)
        now = time.time()
        run.write_state(run.state.model_copy(update={"state": "finished", "message": CANARY, "ended": now}))
        (run.folder / "deliverables").mkdir()
        write_text(run.folder / "deliverables" / "model.keras", CANARY)
        told = {"file": "deliverables/model.keras", "bytes": len(CANARY), "checked": True}
        write_json(run.folder / "deliverables.json", {"model": told})
        write_json(run.folder / "note.json", {"text": CANARY, "changed": now})
        write_json(run.folder / "group.json", {"id": "ab" * 8, "kind": "sweep", "title": CANARY, "number": 1, "size": 1,
                                               "varied": [], "name": CANARY})  # fmt: skip
        row = RunRow(run.id, owner(ADA), CANARY, "finished", 1, place=now, created=now, updated=now)
        Catalogue(self.workspace).add(row)
        return run.id

    def _room(self) -> str:
        classes = Classes(self.workspace)
        room = classes.open(owner(TEACHER), f"Class {CANARY}")
        classes.open(owner(OTHER_TEACHER), "Another class")
        classes.join(room.code, owner(ADA), CANARY, "here")
        classes.note_run(owner(ADA), self.run)
        return room.id

    def unknown(self, name: str) -> str:
        """Return what looks like this part of an address and stands for nothing."""
        length = {"run": 20, "runs": 20, "classroom": 32, "batch": 16}.get(name)
        return "".join(self.random.choices("0123456789abcdef", k=length)) if length else "nothing.bin"

    def real(self, name: str) -> list[str]:
        """Return what stands for the secrets; raises `KeyError` for a part of an address that is not known here."""
        return {
            "run": [self.run], "classroom": [self.room], "batch": [BATCH], "number": ["0"],
            "name": ["model.keras", "recipe.yaml", "run.zip", "note.json"], "runs": [self.run],
        }[name]  # fmt: skip

    def ask(self, method: str, path: str, cookie: str = "", body: bytes = b"", **headers: str) -> Answer:
        """Ask the server's own addresses, without a network between."""
        return asyncio.run(_ask(self.app, method, path, cookie, body, headers))


class Probe:
    """Ask everything of one place."""

    def __init__(self, place: Place) -> None:
        self.place, self.found = place, Found()

    def everything(self) -> None:
        """Ask each address for what is there, as everybody, beside the same for what is not there."""
        for route in self.place.routes:
            for method in sorted(set(route.methods or ()) - {"HEAD"}):
                for real in self._paths(route.path):
                    self._foreign(method, route.path, real)
        self._worn()
        self._still_there()

    def cookies(self, count: int) -> None:
        """Change the owner's cookie a little, again and again: none opens anything."""
        path = f"/api/runs/{self.place.run}/files/run.zip"
        for _ in range(count):
            cookie = _tampered(ADA, self.place.random)
            answer = self.place.ask("GET", path, f"layerwise={cookie}")
            self.found.check(_is_closed(answer), f"The cookie {cookie!r} opened a run.")

    def _foreign(self, method: str, pattern: str, real: dict[str, str]) -> None:
        gone = {name: value if name in ("name", "number") else self.place.unknown(name) for name, value in real.items()}
        for visitor in (ADA, EVE, TEACHER, OTHER_TEACHER, NOBODY):
            if visitor == _may(pattern):
                continue
            for token in _tokens(pattern, visitor):
                there = self._send(method, pattern, real, visitor, token)
                not_there = self._send(method, pattern, gone, visitor, token)
                self.found.check(there == not_there, f"{visitor or 'nobody'} tells apart: {method} {pattern}")
                self.found.check(CANARY.encode() not in there.body, f"{visitor or 'nobody'} reads: {method} {pattern}")

    def _worn(self) -> None:
        """Ask with odd names in every place of an address: nothing is given out, nothing breaks."""
        for route in self.place.routes:
            for method in sorted(set(route.methods or ()) - {"HEAD"}):
                for name in _parts(route.path):
                    for odd in (*WORN, *_changed(self.place.real(name)[0], self.place.random)):
                        first = next(self._paths(route.path))
                        for visitor in (EVE, NOBODY):
                            answer = self._send(method, route.path, first | {name: odd}, visitor, "")
                            words = f"{method} {route.path} with {name}={odd[:40]!r} gave {answer.status}"
                            self.found.check(answer.status < 500 and CANARY.encode() not in answer.body, words)

    def _still_there(self) -> None:
        """What others tried to delete or change is as it was."""
        archive = self.place.ask("GET", f"/api/runs/{self.place.run}/files/recipe.yaml", f"layerwise={ADA}")
        self.found.check(CANARY.encode() in archive.body, "The owner's run is not what it was.")
        there = uploads.offsets(self.place.workspace, owner(ADA), BATCH)
        self.found.check(there == [0], "The owner's upload is not what it was.")
        table = self.place.ask("GET", f"/api/classes/{self.place.room}/results.csv", f"layerwise={TEACHER}")
        self.found.check(CANARY.encode() in table.body, "The teacher's class is not what it was.")

    def _paths(self, pattern: str) -> Iterator[dict[str, str]]:
        """Return the parts of an address, filled with what is there."""
        filled: list[dict[str, str]] = [{}]
        for name in _parts(pattern):
            filled = [one | {name: value} for one in filled for value in self.place.real(name)]
        yield from filled

    def _send(self, method: str, pattern: str, parts: dict[str, str], visitor: str, token: str) -> Answer:
        path = pattern.replace(":int", "")
        for name, value in parts.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        if pattern == "/api/project":
            path = f"{path}?runs={quote(parts['runs'])}"
        body = b'{"files": [{"name": "x.csv", "size": 3}]}' if method == "POST" else b"abc"
        headers = {"upload-offset": "0", "origin": f"http://{HOST}", "x-upload-token": token}
        cookie = f"layerwise={visitor}" if visitor else ""
        answer = self.place.ask(method, path, cookie, body, **headers)
        if "uploads" in pattern and method == "POST" and answer.is_told:  # or the next question would find it
            self.place.ask("DELETE", path, cookie, b"", **headers)
        return answer


def _parts(pattern: str) -> list[str]:
    """Name what stands in braces, and what an address takes behind its question mark."""
    inside = [part.strip("{}").partition(":")[0] for part in pattern.split("/") if part.startswith("{")]
    return ["runs"] if pattern == "/api/project" else inside


def _may(pattern: str) -> str:
    """Say who may have what stands behind an address."""
    return TEACHER if pattern.startswith("/api/classes") else ADA


def _tokens(pattern: str, visitor: str) -> tuple[str, ...]:
    """Return the pages' tokens that this visitor may bring: one's own, none, and one that was stolen."""
    from ui import tokens
    from ui.upload_routes import PURPOSE

    if "uploads" not in pattern:
        return ("",)
    mine, stolen = (tokens.mint(PURPOSE, owner(name), most=1_000_000, field="x") for name in (visitor, ADA))
    return (mine, "", stolen)


def _is_closed(answer: Answer) -> bool:
    return answer.status in (400, 403, 404) and CANARY.encode() not in answer.body


def _changed(value: str, chance: random.Random) -> list[str]:
    """Return names close to a real one."""
    place = chance.randrange(len(value))
    other = value[:place] + chance.choice("0123456789abcdefxyz") + value[place + 1 :]
    near = [
        value[:-1],
        f"{value}0",
        f"{value} ",
        value.upper(),
        f"{value}%00",
        f"../runs/{value}",
        f"{value}/..",
        other,
    ]
    return [one for one in near if one != value]


def _tampered(cookie: str, chance: random.Random) -> str:
    """Return a cookie that is not the owner's, but close to it."""
    while True:
        sign = chance.choice("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_.=%")
        place = chance.randrange(len(cookie) + 1)
        made = chance.choice(
            [
                cookie[:place] + sign + cookie[place:], cookie[:place] + cookie[place + 1 :], cookie.upper(),
                cookie[:place] + sign + cookie[place + 1 :], owner(cookie), cookie * 2, f"{cookie}%00",
                f'"{sign}{cookie}',
                cookie[::-1], "".join(chance.choices("adbe", k=3)),
            ]
        )  # fmt: skip
        if made.strip('" ') not in (cookie, ""):
            return made


async def _ask(app: Any, method: str, path: str, cookie: str, body: bytes, more: dict[str, str]) -> Answer:
    plain, _, query = path.partition("?")
    headers = {"host": HOST, "accept": "*/*", "content-length": str(len(body))} | more
    if cookie:
        headers["cookie"] = cookie
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote(plain), "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "",
        "client": ("127.0.0.1", 50_000), "server": (HOST, 80), "state": {},
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
    }  # fmt: skip
    parts: list[dict[str, Any]] = []
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        told = next(asked, None)
        if told is None:
            await asyncio.sleep(3600)
        return told or {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        parts.append(message)

    await app(scope, receive, send)
    told = sorted((name.decode(), value.decode("latin-1")) for name, value in parts[0].get("headers", ()))
    kept = tuple((name, value) for name, value in told if name not in UNSTEADY)
    return Answer(parts[0]["status"], kept, b"".join(part.get("body", b"") for part in parts[1:]))


def bound(failures: int, probes: int) -> float:
    """Return the 95 % upper bound of the share of failures (Wilson)."""
    z, share = 1.959964, failures / probes
    middle = share + z * z / (2 * probes)
    wide = z * math.sqrt(share * (1 - share) / probes + z * z / (4 * probes * probes))
    return (middle + wide) / (1 + z * z / probes)


def measure(rounds: int, cookies: int, seed: int) -> dict[str, Any]:
    """Ask everything in so many fresh workspaces; returns the counts."""
    found, tampered = Found(), Found()
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LAYERWISE_WORKSPACE"] = folder
            probe = Probe(Place(Workspace(Path(folder)), seed + number))
            probe.everything()
            found.probes += probe.found.probes
            found.failures += probe.found.failures
            probe.found = Found()
            probe.cookies(math.ceil(cookies / rounds))
            tampered.probes += probe.found.probes
            tampered.failures += probe.found.failures
    return {
        "seed": seed, "rounds": rounds,
        "addresses": {"probes": found.probes, "failures": len(found.failures),
                      "upper_95": bound(len(found.failures), found.probes), "told": found.failures[:20]},
        "cookies": {"probes": tampered.probes, "failures": len(tampered.failures),
                    "upper_95": bound(len(tampered.failures), tampered.probes), "told": tampered.failures[:20]},
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure, print one JSON object, write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cookies", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    result = measure(told.rounds, told.cookies, told.seed)
    if told.json:
        write_json(told.json, result)
    print(json.dumps(result, indent=1))
    return 1 if result["addresses"]["failures"] or result["cookies"]["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
