"""The sentence below the curve says what a teacher would say."""

import pytest

from ui.caption import read_curve


def lines(losses, watched):
    return [
        {"epoch": number, "loss": loss, "val_loss": value}
        for number, (loss, value) in enumerate(zip(losses, watched, strict=True), 1)
    ]


FALLING = [1.0, 0.8, 0.65, 0.52, 0.41, 0.33]


def test_waits_for_the_first_epoch():
    assert read_curve([]).sentence == "The curve begins with the first epoch."


def test_says_where_one_epoch_stands():
    told = read_curve(lines([0.9], [1.234]))
    assert (told.kind, told.sentence) == ("first", "After the first epoch the validation loss is 1.23.")


def test_sees_learning():
    told = read_curve(lines(FALLING, FALLING))
    assert (told.kind, told.sentence) == (
        "falling",
        "Still learning: the validation loss has fallen from 1 to 0.33.",
    )


def test_recommends_more_epochs_where_it_ended_falling():
    assert read_curve(lines(FALLING, FALLING), finished=True).sentence == (
        "The validation loss fell from 1 to 0.33 and was still going down at the end: more epochs may help."
    )


def test_sees_over_fitting_and_since_when():
    told = read_curve(lines([1.0, 0.5, 0.3, 0.2, 0.1, 0.05], [1.1, 0.6, 0.5, 0.55, 0.6, 0.65]))
    assert (told.kind, told.sentence) == (
        "over-fitting",
        "Over-fitting since epoch 3: the training loss still falls, but the validation loss went up by 20 %.",
    )


def test_does_not_cry_over_fitting_over_a_rise_that_nobody_sees():
    """From 0.002 to 0.003 is half as much again, but nothing beside a fall from 1."""
    told = read_curve(
        lines([1.0, 0.1, 0.01, 0.004, 0.003, 0.002, 0.001], [1.0, 0.1, 0.002, 0.003, 0.003, 0.003, 0.003])
    )
    assert told.kind != "over-fitting"


def test_sees_a_plateau_and_since_when():
    watched = [1.0, 0.6, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    assert read_curve(lines(watched, watched)).sentence == (
        "Flat since epoch 4: the validation loss stays near 0.3, and more epochs will hardly help."
    )
    assert read_curve(lines(watched, watched), finished=True).sentence == (
        "Flat since epoch 4: the validation loss settled near 0.3."
    )


def test_sees_a_loss_that_runs_away():
    losses = [0.5, 0.9, 1.8, 3.5]
    told = read_curve(lines(losses, losses))
    assert (told.kind, told.sentence) == (
        "diverging",
        (
            "The training loss is rising since epoch 1, from 0.5 to 3.5: steps are too long. "
            "A smaller learning rate cures it."
        ),
    )


@pytest.mark.parametrize("broken", [None, float("nan"), float("inf")])
def test_sees_a_loss_that_is_no_number(broken):
    told = read_curve([*lines([1.0], [1.0]), {"epoch": 2, "loss": broken}])
    assert (told.kind, told.sentence) == (
        "broken",
        (
            "The loss stopped being a number in epoch 2: the steps were too long. "
            "A learning rate ten times smaller usually cures it."
        ),
    )


def test_sees_jumping():
    watched = [1.0, 0.4, 1.0, 0.4, 1.0, 0.4, 1.0, 0.4]
    told = read_curve(lines([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35], watched))
    assert (told.kind, told.sentence) == (
        "jumping",
        (
            "The validation loss jumps up and down by about 0.6 from epoch to epoch. "
            "A smaller learning rate or a bigger batch calms it."
        ),
    )


def test_small_jumps_at_the_foot_of_a_long_fall_are_no_alarm():
    watched = [0.5, 0.1, 0.01, 0.02, 0.01, 0.02, 0.01, 0.02, 0.01, 0.02, 0.01]
    told = read_curve(lines([0.5, 0.1, *[0.01] * 9], watched))
    assert told.kind != "jumping"


def test_does_not_call_a_rise_a_fall():
    told = read_curve(lines([0.6, 0.58], [0.6, 0.7]), finished=True)
    assert (told.kind, told.sentence) == (
        "unclear",
        "The validation loss went from 0.6 to 0.7: it did not get better on rows it had never seen.",
    )


def test_needs_no_validation():
    assert read_curve([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]).sentence == (
        "Still learning: the validation loss has fallen from 2 to 1."
    )
