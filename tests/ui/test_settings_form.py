"""Forms drawn from settings models."""

import pytest
from streamlit.testing.v1 import AppTest

import builders
from recipes import Training
from ui import settings_form


def draw(said, defaults):
    import streamlit as st

    from recipes import Training
    from ui import settings_form

    group = settings_form.Group(Training, said, "form", defaults)
    (form,) = settings_form.show([group], "form", panel="training", order=("learning_rate", "batch_size"))
    st.session_state["said"], st.session_state["errors"] = form.said, form.errors


def drawn(said=None, defaults=None):
    at = AppTest.from_function(draw, args=(said or {}, defaults or {}), default_timeout=20).run()
    assert not at.exception
    return at


def test_untouched_fields_say_nothing():
    assert drawn().session_state["said"] == {}


def test_keeps_what_differs_from_the_defaults():
    at = drawn()
    at.number_input(key="form_batch_size").set_value(64).run()
    assert at.session_state["said"] == {"batch_size": 64}


def test_a_family_has_defaults_of_its_own():
    at = drawn(defaults={"epochs": 60})
    assert at.number_input(key="form_epochs").value == 60
    assert at.session_state["said"] == {}


def test_starts_with_what_was_said():
    at = drawn({"learning_rate": 0.0007})
    assert at.number_input(key="form_learning_rate").value == 0.0007
    assert at.session_state["said"] == {"learning_rate": 0.0007}


def test_fields_come_in_the_asked_order():
    assert [field.key for field in drawn().number_input][:2] == ["form_learning_rate", "form_batch_size"]


def test_tells_a_mistake_in_words_below_its_field():
    at = drawn()
    at.number_input(key="form_learning_rate").set_value(0.0).run()
    assert [error.value for error in at.error] == ["*Learning rate* must be more than 0 and at most 10, but got 0.0."]
    assert at.session_state["errors"] == ("Learning rate must be more than 0 and at most 10, but got 0.0.",)


def test_more_settings_say_how_many_were_changed():
    at = drawn({"optimizer": "sgd"})
    assert [expander.label for expander in at.expander] == ["More settings · 1 change"]


def test_every_field_of_training_explains_itself():
    for field in [*drawn().number_input, *drawn().toggle, *drawn().selectbox]:
        assert "In recipes: `" in field.help


def test_rates_move_by_halves():
    assert settings_form._log_step(0.001, whole=False) == 0.0005
    assert settings_form._log_step(32, whole=True) == 16
    assert settings_form._log_step(1, whole=True) == 1
    assert settings_form._log_step(0.0, whole=False) == 0.0001


@pytest.mark.parametrize("panel", ["model", "training"])
@pytest.mark.parametrize("name", builders.names())
def test_draws_every_family(name, panel):
    def page(name, panel):
        import streamlit as st

        import builders
        from ui import settings_form

        group = settings_form.Group(builders.get(name).Config, {}, "form")
        (form,) = settings_form.show([group], "form", panel=panel)
        st.session_state["form"] = (form.said, form.errors)

    at = AppTest.from_function(page, args=(name, panel), default_timeout=20).run()
    assert not at.exception
    assert at.session_state["form"] == ({}, ())


def test_training_has_a_field_for_everything():
    at = drawn()
    keys = {field.key for kind in (at.number_input, at.toggle, at.selectbox) for field in kind}
    keys |= {field.key for field in at.get("button_group")}
    assert keys == {f"form_{name}" for name in Training.model_fields}


def test_an_emptied_field_asks_for_a_number():
    """An emptied field would otherwise become the smallest number without a word."""
    at = drawn()
    at.number_input(key="form_epochs").set_value(None).run()
    assert [error.value for error in at.error] == ["*Epochs* is empty. Type a number, such as 30."]


def test_a_zero_that_is_no_amount_is_an_empty_field_with_a_word():
    def page():
        import streamlit as st

        from datasets import image
        from ui import settings_form

        (form,) = settings_form.show([settings_form.Group(image.Config, {}, "form")], "form", panel="data")
        st.session_state["form"] = (form.said, form.errors)

    at = AppTest.from_function(page, default_timeout=20).run()
    size = at.number_input(key="form_size")
    assert (size.value, size.placeholder) == (None, "automatic")
    assert at.session_state["form"] == ({}, ())
    size.set_value(32).run()
    assert at.session_state["form"] == ({"size": 32}, ())
    at.number_input(key="form_size").set_value(None).run()
    assert at.session_state["form"] == ({}, ())


def test_a_number_that_is_too_large_is_told_below_its_field():
    """The browser would keep it to itself, and Train would go on with the number before it."""
    at = drawn()
    at.number_input(key="form_batch_size").set_value(10_000).run()
    assert [error.value for error in at.error] == ["*Batch size* must be between 1 and 8192, but got 10000."]


def test_names_settings_as_the_screen_does():
    assert settings_form.in_words("Set `depth` to 3.", builders.get("cnn").Config) == 'Set "Blocks" to 3.'


def draw_lists(several):
    import streamlit as st

    from recipes import Training
    from ui import settings_form

    group = settings_form.Group(Training, {}, "form", several=several)
    (form,) = settings_form.show([group], "form", panel="training")
    st.session_state["said"], st.session_state["errors"] = form.said, form.errors
    st.session_state["several"] = form.several


def with_lists(several=None):
    at = AppTest.from_function(draw_lists, args=(several or {},), default_timeout=20).run()
    assert not at.exception
    return at


def test_a_number_takes_a_list_whose_first_value_counts_as_said():
    at = with_lists()
    assert at.text_input(key="form_learning_rate_list").value == "0.001"
    at.text_input(key="form_learning_rate_list").set_value("0.01, 0.003; 0.01 1e-3").run()
    at.text_input(key="form_batch_size_list").set_value("16 32").run()
    assert at.session_state["several"] == {"learning_rate": (0.01, 0.003, 0.001), "batch_size": (16, 32)}
    assert at.session_state["said"] == {"learning_rate": 0.01, "batch_size": 16}
    assert at.session_state["errors"] == ()


def test_starts_with_the_lists_so_far():
    assert with_lists({"learning_rate": [0.001, 0.0001]}).session_state["several"] == {"learning_rate": (0.001, 0.0001)}


@pytest.mark.parametrize(
    ("field", "typed", "mistake"),
    [
        ("learning_rate", "0.01, 20", "Learning rate must be more than 0 and at most 10, but got 20.0."),
        ("learning_rate", "0,01", "Learning rate: '01' is no number. Write decimals with a point, such as 0.01."),
        (
            "learning_rate", "0.01, fast",
            "Learning rate: 'fast' is no number. Type numbers with commas between, such as 0.01, 0.003, 0.001.",
        ),
        (
            "batch_size", "16, 3.5",
            "Batch size: '3.5' is no whole number. Type whole numbers with commas between, such as 16, 32, 64.",
        ),
        ("batch_size", " ", "Batch size: it is empty. Type a number, or several with commas between."),
    ],
)  # fmt: skip
def test_tells_what_is_wrong_with_a_list(field, typed, mistake):
    at = with_lists()
    at.text_input(key=f"form_{field}_list").set_value(typed).run()
    assert at.session_state["errors"] == (mistake,)
