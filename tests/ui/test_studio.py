"""Answers that never block a page."""

import threading

import pytest

from recipes import Refusal
from training.ask import Failed, WarmingUp
from ui.studio import Answer, Desk


@pytest.fixture
def desk():
    return Desk()


def test_a_fast_answer_is_there_at_once(desk):
    assert desk.answer("key", lambda: 7, 5) == Answer("ready", 7)


def test_a_slow_answer_is_waited_for_elsewhere(desk):
    gate = threading.Event()
    assert desk.answer("key", gate.wait, 0.01).is_waiting
    gate.set()
    assert desk.answer("key", gate.wait, 5) == Answer("ready", value=True)


def test_the_same_question_is_asked_once(desk):
    asked = []
    for _ in range(3):
        desk.answer("key", lambda: asked.append(1), 5)
    assert asked == [1]


def test_a_refusal_is_kept_in_words(desk):
    def refuse():
        raise Refusal("Too deep. Set `depth` to 3.")

    assert desk.answer("key", refuse, 5) == Answer("refused", sentence="Too deep. Set `depth` to 3.")


@pytest.mark.parametrize(("problem", "state"), [(WarmingUp("x"), "waiting"), (Failed("Gone."), "failed")])
def test_a_passing_trouble_is_asked_again(desk, problem, state):
    answers = [problem, None]

    def work():
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "here"

    assert desk.answer("key", work, 5).state == state
    assert desk.answer("key", work, 5) == Answer("ready", "here")
