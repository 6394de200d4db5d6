"""Nobody gets at what is somebody else's: every address and every page, foreign and unknown side by side."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.isolation import ADA, CANARY, EVE, TEACHER, Place, Probe, owner
from records import Workspace
from records.classes import Classes
from training import marks
from ui import identity, studio

ROOT = Path(__file__).resolve().parents[1]
ASKED = {"run": "run", "compare": "runs", "classroom": "class", "open_model": "model", "join": "code"}
"""What pages take from their address."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    identity.forget()
    return Place(Workspace(tmp_path))


def test_no_address_tells_a_foreign_thing_from_one_that_never_was(place):
    probe = Probe(place)
    probe.everything()
    assert probe.found.failures == []
    assert probe.found.probes > 500


def test_no_changed_cookie_opens_anything(place):
    probe = Probe(place)
    probe.cookies(30)
    assert (probe.found.probes, probe.found.failures) == (30, [])


def test_the_probes_would_find_a_hole(place, monkeypatch):
    """Were results given to every teacher, the probes would say so."""
    right = Classes.of_teacher
    monkeypatch.setattr(Classes, "of_teacher", lambda self, room, _: right(self, room, owner(TEACHER)))
    probe = Probe(place)
    probe.everything()
    words = "GET /api/classes/{classroom}/results.csv"
    assert {f"eve reads: {words}", f"ada reads: {words}", f"other teacher tells apart: {words}"} <= {
        *probe.found.failures
    }


@pytest.fixture
def pages(place, monkeypatch):
    """Open a page as somebody, with something in its address; returns all that it says."""
    monkeypatch.setattr(studio, "workspace", lambda: place.workspace)
    studio.executor.clear()
    marks.hold(marks.supervisor_lock(place.workspace))

    def opened(page, visitor, value):
        monkeypatch.setattr(identity, "current_user", lambda: owner(visitor))
        at = AppTest.from_file(ROOT / "pages" / f"{page}.py", default_timeout=60)
        at.query_params[ASKED[page]] = value
        at.run()
        assert not at.exception
        kinds = (at.title, at.subheader, at.markdown, at.caption, at.info, at.warning, at.error)
        return [str(part.value) for kind in kinds for part in kind] + [button.label for button in at.button]

    yield opened
    studio.executor.clear()


@pytest.mark.parametrize(("page", "secret"), [("run", "run"), ("compare", "runs"), ("classroom", "classroom")])
def test_a_page_shows_a_foreign_thing_as_one_that_never_was(place, pages, page, secret):
    foreign = pages(page, EVE, place.real(secret)[0])
    assert foreign == pages(page, EVE, place.unknown(secret)) == pages(page, EVE, "../..")
    assert CANARY not in "\n".join(foreign).replace("\\", "")


def test_a_teacher_reads_a_run_on_the_wall_only(place, pages):
    """Neither its own page nor its downloads open for the teacher."""
    wall = "\n".join(pages("classroom", TEACHER, place.room)).replace("\\", "")
    assert CANARY in wall
    told = pages("run", TEACHER, place.run)
    assert told == pages("run", TEACHER, place.unknown("run"))


def test_a_student_sees_the_class(place, pages):
    assert CANARY in "\n".join(pages("classroom", ADA, place.room)).replace("\\", "")


def test_a_project_of_foreign_runs_is_refused_whole(place):
    """Not even together with a run of one's own."""
    answer = place.ask("GET", f"/api/project?runs={place.unknown('run')},{place.run}", f"layerwise={EVE}")
    assert answer.status == 404
