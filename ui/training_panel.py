"""The right side of the Build screen: how to fit, whether it fits into this machine, the recipe, and Train."""

import base64
import io
from typing import Any

import streamlit as st
from PIL import Image

import builders
from builders._layers import LayerSettings, PictureSettings
from recipes import Recipe, Refusal, Training, validate
from training.schedules import rates
from ui import look, many_panel, samples, settings_form, studio
from ui.classroom import here
from ui.draft import Draft

ORDER = ("batch_size", "learning_rate", "dropout", "epochs", "early_stopping")
VERDICTS: dict[str, tuple[str, str, look.BadgeColour]] = {
    "easily": ("Fits easily", "check_circle", "green"),
    "tight": ("Fits tightly", "warning", "yellow"),
    "no": ("Does not fit", "error", "red"),
}
CHANGES = PictureSettings.model_fields.keys() - LayerSettings.model_fields.keys()
"""What a family for pictures can do to them while it trains."""
EXAMPLES = 3


def settings(draft: Draft) -> tuple[str, ...]:
    """Draw the training settings, those of the family among them; returns what is wrong with them."""
    name = draft.architecture
    family = builders.get(name)
    groups = [
        settings_form.Group(
            Training,
            draft.training,
            "build_training",
            family.TRAINING,
            _beside_the_point(family.TRAINING | draft.training),
            several=many_panel.lists(draft, many_panel.TRAINING),
            locked=here.locks("training"),
        ),
        settings_form.Group(
            family.Config, draft.models.get(name, {}), f"build_training_{name}", whole=False,
            several=many_panel.lists(draft, name), locked=here.locks("model", name),
        ),
    ]  # fmt: skip
    training, own = settings_form.show(groups, "build_training", panel="training", order=ORDER)
    many_panel.keep(draft, many_panel.TRAINING, training, Training, "training")
    many_panel.keep(draft, name, own, family.Config, "training")
    draft.training = training.said
    draft.models[name] = own.said
    return training.errors + own.errors


def rate_plot(draft: Draft) -> None:
    """Say how the learning rate goes over the epochs; plot it where it changes."""
    try:
        training = validate(Training, builders.get(draft.architecture).TRAINING | draft.training, "training")
    except Refusal:
        return
    planned = rates(training)
    st.caption(_rate_words(training))
    if len(set(planned)) == 1:
        return
    rows = [{"epoch": number + 1, "rate": rate} for number, rate in enumerate(planned)]
    spec: dict[str, Any] = {
        "mark": {"type": "line", "strokeWidth": 2, "color": look.colour("training"), "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative", "title": None, "axis": {"tickCount": 4, "grid": False}},
            "y": {"field": "rate", "type": "quantitative", "title": None, "axis": {"tickCount": 3, "format": "~g"}},
            "tooltip": [
                {"field": "epoch", "title": "Epoch"},
                {"field": "rate", "title": "Learning rate", "format": ".3~g"},
            ],
        },
        "config": {"view": {"stroke": None}},
    }
    st.vega_lite_chart(rows, spec, height=92, key="build_rates", alt="The learning rate from epoch to epoch")


def what_it_sees(recipe: Recipe | None, questions: studio.Questions) -> None:
    """Show pictures as the model will see them while training, where any change is chosen."""
    if recipe is None or recipe.data.type != "image" or not _changes_pictures(recipe):
        return
    st.caption("What the model sees")
    answer = questions.warm("augment", recipe, count=EXAMPLES)
    if answer.is_waiting:
        look.loading(answer.sentence, 120)
        return
    if not answer.is_ready:
        look.quiet(look.plain(answer.sentence))
        return
    for number, picture in enumerate(answer.value["pictures"]):
        label, changed = str(picture["label"]), picture["after"]
        shown = [_tile(one) for one in (picture["before"], *changed)]
        # A horizontal row would put the pictures of one call below each other.
        with st.container(key=f"build_sees_{number}"):
            st.image(shown, width=56, alt=[f"{label}, as it is"] + [f"{label}, changed"] * len(changed))
    look.quiet("Left: the picture as it is. Beside it: what the model gets to see, new in every epoch.")


def _tile(encoded: str) -> Image.Image:
    return samples.tile(Image.open(io.BytesIO(base64.b64decode(encoded))), 112)


def badge(recipe: Recipe | None, questions: studio.Questions) -> str:
    """Say whether it fits and how long it will take; returns why it cannot be trained, if so."""
    if recipe is None:
        return ""
    answer = questions.warm("estimate", recipe)
    if answer.is_waiting:
        st.caption(f"{look.symbol('hourglass_top')} Measuring memory and time on your data …")
        return ""
    if not answer.is_ready:
        return ""
    word, icon, tone = VERDICTS[answer.value["verdict"]]
    with look.row("build_estimate"):
        st.badge(word, icon=look.symbol(icon), color=tone, help=look.plain(answer.value["sentence"]))
        time = look.duration(answer.value["seconds"])
        st.markdown(f":gray[about {time} · {look.memory(answer.value['memory_mb'])}]")
    return look.plain(answer.value["sentence"]) if answer.value["verdict"] == "no" else ""


def _changes_pictures(recipe: Recipe) -> bool:
    fields, said = PictureSettings.model_fields, recipe.model.settings
    return any(name in said and said[name] != fields[name].default for name in CHANGES)


def _beside_the_point(values: dict[str, Any]) -> set[str]:
    """Name the settings that have no effect with the others as they are."""
    values = {name: field.default for name, field in Training.model_fields.items()} | values
    hidden = set()
    if values["optimizer"] not in ("sgd", "rmsprop"):
        hidden.add("momentum")
    if values["schedule"] not in ("step", "reduce_on_plateau"):
        hidden.add("decay_every")
    if values["schedule"] not in ("step", "exponential", "reduce_on_plateau"):
        hidden.add("decay_factor")
    if not values["early_stopping"]:
        hidden.add("patience")
    return hidden


def _rate_words(training: Training) -> str:
    words = {
        "constant": "The learning rate stays the same",
        "cosine": "The learning rate falls smoothly to zero",
        "step": f"The learning rate is cut every {training.decay_every} epochs",
        "exponential": "The learning rate falls a little every epoch",
        "reduce_on_plateau": "The learning rate is cut when progress stops",
    }[training.schedule]
    warm_up = f", after {look.counted(training.warmup_epochs, 'epoch')} of warming up" if training.warmup_epochs else ""
    return f"{words}{warm_up}."
