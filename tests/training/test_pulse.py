"""Dead, hung or only slow: judged by what changes between two looks, never by anybody's clock."""

import json

import pytest

from training import pulse
from training.pulse import Pulse, Watch


class Worker:
    """A worker as it is seen from outside, second by second."""

    def __init__(self):
        self.moment, self.alive, self.beats, self.used = 1000.0, 0, 0, 0.0
        self.slow, self.step = False, 0.1
        self.watch = Watch(self.moment)

    def goes_on(self, seconds, *, speaks=True, moves=True, works=True, every=2.0):
        """Let time go by; returns the last verdict."""
        verdict = "fine"
        for _ in range(round(seconds / every)):
            self.moment += every
            self.alive += speaks
            self.beats += moves
            self.used += works * every
            told = {"alive": self.alive, "beats": self.beats, "slow": self.slow, "step": self.step}
            verdict = self.watch.look(told, self.used, self.moment)
            if verdict != "fine":
                return verdict
        return verdict


def test_a_healthy_worker_is_fine():
    assert Worker().goes_on(10_000) == "fine"


def test_one_that_says_nothing_and_does_nothing_is_silent_after_a_while():
    worker = Worker()
    worker.goes_on(60)
    assert worker.goes_on(14, speaks=False, moves=False, works=False) == "fine"
    assert worker.goes_on(4, speaks=False, moves=False, works=False) == "silent"


def test_one_that_is_too_busy_to_speak_is_not_dead():
    worker = Worker()
    worker.goes_on(60)
    assert worker.goes_on(50, speaks=False, moves=False) == "fine"


def test_one_that_lives_but_gets_no_further_is_hung():
    worker = Worker()
    worker.goes_on(60)
    assert worker.goes_on(60, moves=False) == "fine"
    assert worker.goes_on(4, moves=False) == "hung"


def test_long_steps_may_take_as_long_as_twenty_of_them():
    worker = Worker()
    worker.step = 10.0
    worker.goes_on(60)
    assert worker.goes_on(200, moves=False) == "fine"
    assert worker.goes_on(4, moves=False) == "hung"


def test_a_phase_that_works_may_take_long_and_one_that_does_nothing_may_not():
    busy, idle = Worker(), Worker()
    busy.slow = idle.slow = True
    assert busy.goes_on(1700, moves=False) == "fine"
    assert idle.goes_on(70, moves=False, works=False) == "hung"
    assert busy.goes_on(200, moves=False) == "hung", "not for ever"


@pytest.mark.parametrize("away", [6.0, 3600.0])
def test_nobody_is_dead_because_the_computer_slept(away):
    worker = Worker()
    worker.goes_on(60)
    worker.moment += away
    assert worker.goes_on(14, speaks=False, moves=False, works=False) == "fine"
    assert worker.goes_on(60) == "fine"


def test_one_that_hangs_before_its_first_heartbeat_is_found():
    watch = Watch(1000.0)
    verdicts = [watch.look(None, 0.0, 1000.0 + 2 * number) for number in range(35)]
    assert verdicts[:30] == ["fine"] * 30
    assert verdicts[-1] == "hung"


def test_a_worker_elsewhere_that_has_not_begun_is_left_alone():
    watch = Watch(1000.0)
    assert {watch.look(None, None, 1000.0 + 2 * number) for number in range(500)} == {"fine"}


def test_the_heartbeat_counts_steps_and_never_grows(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_PULSE_SECONDS", "0.01")
    (tmp_path / "writing-4").mkdir()
    with Pulse(tmp_path / "writing-4") as beating:
        for _ in range(3):
            beating.beat(slow=False)
        first = pulse.read(tmp_path, 4)
        while (told := pulse.read(tmp_path, 4)) is None or told["beats"] < 3:
            pass
    assert first is not None
    assert told["slow"] is False
    assert told["alive"] >= first["alive"]
    file = tmp_path / "writing-4" / "pulse.json"
    assert file.stat().st_size == 256
    assert json.loads(file.read_bytes())["beats"] == 3
    assert pulse.read(tmp_path, 5) is None
