"""A run on its page: title, phases, live curves, what the model knows now, and what can be done with it."""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

import streamlit as st
from pydantic import BaseModel

import builders
import datasets
from recipes import Recipe, Refusal, Training
from records import Run, State
from training.executor import default_title
from training.forecast import Turn
from ui import caption, charts, draft, look, panels, report_view, studio, try_it
from ui.run_reader import Glance, RunReader, reader

PHASES = (
    ("preparing", "Preparing"),
    ("compiling", "Compiling"),
    ("training", "Training"),
    ("saving", "Saving"),
    ("evaluating", "Report"),
    ("checking", "Checking"),
)
"""The phases of a run in their order, as people read them."""
READINGS = {
    "waiting": ("hourglass_top", "gray"),
    "first": ("start", "gray"),
    "broken": ("error", "red"),
    "diverging": ("trending_up", "red"),
    "over-fitting": ("call_split", "orange"),
    "flat": ("trending_flat", "gray"),
    "jumping": ("show_chart", "orange"),
    "falling": ("trending_down", "green"),
    "unclear": ("help", "gray"),
}
"""What a curve does: icon and colour of the sentence that says so."""
AFTER_TRAINING = ("saving", "evaluating", "checking")
"""Phases in which there is nothing left to stop."""
HAPPENED = {
    "preparing": "Preparing the data.",
    "compiling": "Compiling the model.",
    "training": "Training.",
    "saving": "Saving the model.",
    "evaluating": "Judging it on the sealed test part.",
    "checking": "Loading the saved file in a clean process.",
}
"""What a phase does, as the list of events says it."""
BESIDE = 2
"""Panels that stand beside the curves; further ones follow below."""
SMOOTHING, SCALE = "smoothing", "loss_scale"
SCALES = ("Automatic", "Linear", "Logarithmic")
SOON = 3.0
"""Seconds; what starts sooner starts before the sentence about it has been read."""
SHARED = 0.5
"""Seconds; tabs that look at a live run within so many see the same moment of it, which is then drawn once for all."""
STEEP = 30.0
"""So many times the median of the later half a loss falls from, before the automatic scale becomes logarithmic."""


def data_name(recipe: Recipe) -> str:
    """Return what people call the run's data: the sample's title or the file's name."""
    return datasets.find_sample(recipe.data.sample).title if recipe.data.sample else Path(recipe.data.file).name


def family_name(recipe: Recipe) -> str:
    """Return what people call the run's model family."""
    return builders.get(recipe.model.architecture).TITLE


def title(recipe: Recipe) -> str:
    """Return a run's title: its own name, else its data."""
    return recipe.name or data_name(recipe)


def _given_title(run: Run) -> str:
    """Return the title that a person gave the run on the Runs page; empty where nobody did."""
    row = studio.executor().status(run.id, studio.owner())
    return row.title if row and row.title != default_title(run.recipe) else ""


def header(run: Run, state: State) -> None:
    """Show the title with family and data, and the state as word, icon and colour."""
    recipe = run.recipe
    with st.container(gap=None):
        with look.row("run_title"):
            st.title(look.plain(_given_title(run) or title(recipe)), anchor=False, width="content")
            look.state_badge(state)
        family = f"{look.family_icon(recipe.model.architecture)} {look.plain(family_name(recipe))}"
        st.markdown(f":gray[{family} · {look.plain(data_name(recipe))} · {look.ago(state.created)}]")


def act(name: Literal["stop", "keep", "resume", "cancel", "delete", "restore"], run: str) -> None:
    """Do something with a run, as a button's callback; a refusal is shown at the top of the page."""
    try:
        getattr(studio.executor(), name)(run, studio.owner())
    except Refusal as refusal:
        st.session_state["refused"] = str(refusal)


def refusal() -> None:
    """Show what the last button could not do, once."""
    if sentence := st.session_state.pop("refused", ""):
        look.failed(sentence)


def use_again(run: Run) -> None:
    """Take a run's settings to the Build screen as the visitor's draft."""
    taken = draft.Draft()
    taken.use_recipe(run.recipe)
    draft.replace(taken, studio.workspace(), studio.owner())
    st.switch_page("pages/build.py")


def live(run: Run, state: State) -> None:
    """Show an active run; its curves are drawn again each second, the whole page when its state changes."""
    _controls(run, state)
    st.fragment(partial(_tick, run, reader(run.folder), _scene(state)), run_every=1.0)()
    try_it.show_live(run)


def rest(run: Run, state: State) -> None:
    """Show a run that neither runs nor finished: one sentence, one button, and how far it came."""
    known = reader(run.folder).glance()
    _outcome(run, state)
    resumed(known)
    if known.epochs():
        curves(known, finished=True)
    try_it.show_live(run)


def kept_words(run: Run) -> None:
    """Say how a finished run ended, where that is worth a word."""
    if message := reader(run.folder).state.message:
        look.quiet(look.plain(message))


def learned(run: Run) -> None:
    """Show a finished run's curves."""
    with look.row("learned", align="distribute"):
        st.subheader("How it learned", anchor=False, width="content")
        chart_settings()
    curves(reader(run.folder).glance(), finished=True)


def curves(known: Glance, *, finished: bool) -> None:
    """Draw the loss with the sentence that reads it, and the metrics below; of several stages, one at a time."""
    stage = _chosen_stage(known, finished=finished)
    epochs = known.epochs(stage)

    def rows(metric: str) -> Any:
        return known.drawn(
            (metric, stage, smoothing), lambda: charts.curve_table(known.points(stage=stage), metric, smoothing)
        )

    smoothing = st.session_state.get(SMOOTHING, 0.0)
    name = known.run.id
    _curve(rows("loss"), "Loss", f"loss_{name}", 300, log=_is_log(known, stage))
    reading(known, stage, finished=finished)
    for metric in metrics_of(epochs):
        label, meaning = metric_words(known.recipe, metric)
        _curve(rows(metric), label, f"{metric}_{name}", 190)
        if meaning:
            look.quiet(look.plain(meaning))


def _is_log(known: Glance, stage: str | None) -> bool:
    """Say whether the loss stands on a logarithmic scale: as chosen, else where most of a linear one would be empty."""
    can, gains = known.drawn(("scale", stage), lambda: _scales(known.points(stage=stage)))
    chosen = st.session_state.get(SCALE, SCALES[0])
    return can and (chosen == "Logarithmic" or (chosen == "Automatic" and gains))


def _scales(points: list[dict[str, Any]]) -> tuple[bool, bool]:
    """Say whether a logarithmic scale can show the loss, and whether it would show it better."""
    losses = [point[name] for point in points for name in ("loss", "val_loss") if point.get(name) is not None]
    can = bool(losses) and min(losses) > 0
    return can, can and max(losses) > STEEP * median(losses[len(losses) // 2 :])


def _chosen_stage(known: Glance, *, finished: bool) -> str | None:
    """Let a person choose among the stages so far; a live run shows its newest. None where there is only one."""
    stages = known.stages()
    if len(stages) < 2:
        return None
    key = f"stage_{known.run.id}"
    if not finished and st.session_state.get(f"{key}_seen") != stages[-1]:
        st.session_state[key] = st.session_state[f"{key}_seen"] = stages[-1]
    return st.segmented_control(
        "Stage", stages, default=None if key in st.session_state else stages[-1], required=True, key=key,
        format_func=lambda name: name.replace("_", " ").capitalize(), label_visibility="collapsed",
    )  # fmt: skip


def metric_words(recipe: Recipe, metric: str) -> tuple[str, str]:
    """Return a live metric's title and, where only this family has it, what it means."""
    own = getattr(builders.get(recipe.model.architecture), "METRICS", {})
    if metric in own:
        return own[metric]
    return report_view.title_of(metric), ""


def reading(known: Glance, stage: str | None = None, *, finished: bool) -> None:
    """Write the sentence that reads the loss curve; a family whose loss says little has a sentence of its own."""
    if own := getattr(builders.get(known.recipe.model.architecture), "READING", ""):
        look.quiet(own)
        return
    read = known.drawn(("reading", stage, finished), lambda: caption.read_curve(known.epochs(stage), finished=finished))
    icon, tone = READINGS[read.kind]
    st.markdown(f":{tone}[{look.symbol(icon)}] {look.plain(read.sentence)}")


def metrics_of(epochs: list[dict[str, Any]]) -> list[str]:
    """Name the metrics that were measured beside the loss."""
    names = {name.removeprefix("val_") for line in epochs[-1:] for name in line if name.startswith("val_")}
    return sorted(names - {"loss"})


def chart_settings() -> None:
    """Offer smoothing and the log scale; they stand outside what ticks."""
    with st.popover("Chart", icon=look.symbol("tune"), type="tertiary", key="chart_settings"):
        st.slider(
            "Smoothing", 0.0, 0.95, step=0.05, key=SMOOTHING, persist_state="session",
            help="Averages each point with those before it; the unsmoothed line stays faintly visible.",
        )  # fmt: skip
        st.segmented_control(
            "Scale of the loss", SCALES, default=SCALES[0], required=True, key=SCALE, persist_state="session",
            help="A logarithmic scale shows small losses as clearly as large ones; automatic takes it where the loss "
            "fell far.",
        )  # fmt: skip
        look.quiet("In the chart: drag to move, Shift and wheel to zoom, double-click to reset.")


def _scene(state: State) -> tuple[str, bool]:
    """Return what title and buttons go by; they stand outside the part that ticks."""
    return state.state, state.phase in AFTER_TRAINING


def _tick(run: Run, follow: RunReader, shown: tuple[str, bool]) -> None:
    known = follow.glance(SHARED)
    state = known.state
    if _scene(state) != shown:
        st.rerun()
    _strip(run, state)
    if interrupted := interruption(run, state):
        st.markdown(f":orange[{look.symbol('sync')}] {look.plain(interrupted)}")
    if state.message and state.advice:  # it waits for something, such as room on the disk
        st.markdown(f":orange[{look.symbol('pause_circle')}] {look.plain(f'{state.message} {state.advice}')}")
    resumed(known)
    left, right = st.columns([2, 1], gap="large")
    with left:
        if known.lines():
            curves(known, finished=False)
        else:
            look.loading(_waiting_words(state), height=320)
    with right:
        st.markdown("**What it knows now**", help="A few rows that it never trains on, asked again after each epoch.")
        told = known.file("evidence.json")
        if told is None:
            look.loading("After the first epoch it is asked what it knows.", height=320)
        else:
            panels.draw(run, told["panels"][:BESIDE], "evidence")
    if told is not None and len(told["panels"]) > BESIDE:
        for place, column in enumerate(st.columns(2, gap="large")):
            with column:
                panels.draw(run, told["panels"][BESIDE + place :: 2], f"evidence_{place}")
    look.quiet(quiet_line(state))


def interruption(run: Run, state: State) -> str:
    """Say that the run's last worker died and the run went on by itself; empty where a person started it last."""
    if state.attempt == 1 and state.state != "interrupted":
        return ""
    events, _ = run.lines("events")
    turns = [line for line in events if line["kind"] in ("interrupted", "stopped", "failed")]
    return turns[-1]["text"] if turns and turns[-1]["kind"] == "interrupted" else ""


def queue_words(turn: Turn | None) -> str:
    """Say where a run waits and when it starts: "3rd in the queue, starts in about 4 min"."""
    if turn is None:
        return "Waiting for a free place"
    if turn.seconds is None:
        return f"{look.ordinal(turn.number)} in the queue"
    if turn.seconds < SOON:
        return f"{look.ordinal(turn.number)} in the queue, starts any moment"
    seconds = 5 * round(turn.seconds / 5) if turn.seconds < 90 else turn.seconds
    return f"{look.ordinal(turn.number)} in the queue, starts in about {look.duration(seconds)}"


PROOFS = {
    True: ("verified", "green", "Resumed, proven the same"),
    False: ("difference", "orange", "Resumed, continues"),
    None: ("play_arrow", "gray", "Resumed, continues"),
}
"""What the badge of a resumed run says, by whether it equals the unbroken one; None where nothing was compared."""


def resumed(known: Glance) -> None:
    """Say of a resumed run whether its last epochs, trained again, were the same to the last bit."""
    told = known.file("resumes.json")
    if not told:
        return
    icon, tone, words_ = PROOFS[told[-1]["same"]]
    st.markdown(f":{tone}-badge[{look.symbol(icon)} {words_}] :gray[{look.plain(told[-1]['sentence'])}]")


def _strip(run: Run, state: State) -> None:
    if state.state == "queued":
        words_ = queue_words(studio.executor().turn(run.id))
        rest_ = studio.executor().trouble() or "It starts by itself; you may close this page."
        st.markdown(f"{look.symbol('schedule')} {words_}. {look.plain(rest_)}")
        return
    phase = "training" if state.phase == "validating" else state.phase
    order = [name for name, _ in PHASES]
    at = order.index(phase) if phase in order else -1
    told = []
    for place, (name, word) in enumerate(PHASES):
        shown = _epoch_words(state) if name == "training" and place <= at and state.epochs else word
        icon, tone = (("check", "green"), ("arrow_right", "blue"), ("", "gray"))[(place >= at) + (place > at)]
        told.append(f":{tone}-badge[{look.symbol(icon) if icon else ''} {look.plain(shown)}]")
    if state.eta_seconds is not None and phase == "training":
        told.append(f"**{look.duration(state.eta_seconds)} left**")
    # One element instead of eight: this is sent to every viewer every second.
    st.markdown(" ".join(told))
    if state.epochs:
        step = state.step / state.steps if state.steps and phase == "training" else 0.0
        st.progress(min(1.0, (state.epoch + min(1.0, step)) / state.epochs))


def _epoch_words(state: State) -> str:
    stage = f"{state.stage.capitalize()} {state.stage_number} of {state.stages}: " if state.stages > 1 else ""
    return f"{stage}epoch {min(state.epoch + 1, state.epochs)} of {state.epochs}".capitalize()


def _waiting_words(state: State) -> str:
    return {
        "queued": "The curve begins when the run starts.",
        "preparing": "Preparing the data. This happens once.",
        "compiling": "Turning the model into fast machine code.",
    }.get(state.phase, "The first point comes in a moment.")


def quiet_line(state: State) -> str:
    """Return device, speed, memory and why it is this fast, in one quiet line."""
    parts = [state.device]
    if state.samples_per_second:
        parts.append(f"{look.number(state.samples_per_second)} rows a second")
    if state.memory_mb:
        parts.append(look.memory(state.memory_mb))
    if state.parameters is not None:
        parts.append(look.counted(state.parameters, "parameter"))
    parts.append(state.policy.replace("`", ""))  # the log's way to set names apart
    return " · ".join(look.plain(part) for part in parts if part)


def _controls(run: Run, state: State) -> None:
    asked, waits, over = run.asked(), state.state == "queued", state.phase in AFTER_TRAINING
    with look.row("controls", align="distribute"):
        with look.row("stops"):
            if waits:
                st.button("Cancel", key="cancel", icon=look.symbol("close"), on_click=act, args=("cancel", run.id))
            elif not over:
                _stops(run, disabled=asked is not None)
            st.markdown(f":gray[{_kept(asked, waits=waits, over=over)}]", width="content")
        chart_settings()


def _stops(run: Run, *, disabled: bool) -> None:
    st.button(
        "Stop and keep", key="keep", icon=look.symbol("check"), disabled=disabled, on_click=act, args=("keep", run.id)
    )
    st.button("Stop", key="stop", icon=look.symbol("stop"), disabled=disabled, on_click=act, args=("stop", run.id))


def _kept(asked: str | None, *, waits: bool, over: bool) -> str:
    """Say what each button keeps."""
    if waits:
        return "Cancel leaves the queue; Resume puts it back."
    if over and asked != "stop":
        return "Training is over. The report and the checked file follow by themselves, in a few seconds."
    if asked is not None:
        return "Stopping. This takes a moment."
    return "**Stop and keep** ends now with report and download. **Stop** pauses; Resume goes on from there."


def _outcome(run: Run, state: State) -> None:
    word, icon, tone = look.STATES[state.state]
    with look.card("outcome"):
        told = _outcome_words(state)
        # "Stopped. Stopped by you ..." says it twice.
        first = "" if told.startswith(word) else f" **{word}.**"
        st.markdown(f":{tone}[{look.symbol(icon)}{first}] {look.plain(told)}")
        if state.advice:
            st.markdown(look.plain(state.advice))
        with look.row("outcome_buttons"):
            if state.cure and st.button(state.cure["title"], key="cure", type="primary", icon=look.symbol("healing")):
                _cured(run)
            rest_of_them: Literal["primary", "secondary"] = "secondary" if state.cure else "primary"
            # Where going on would only fail again, the advice does not speak of it.
            if state.state == "failed" and "Resume" not in state.advice:
                if st.button("Change the settings", key="change", type=rest_of_them, icon=look.symbol("tune")):
                    use_again(run)
            elif state.can_resume:
                st.button(
                    "Resume", key="resume", type=rest_of_them, icon=look.symbol("play_arrow"),
                    on_click=act, args=("resume", run.id),
                )  # fmt: skip


def _cured(run: Run) -> None:
    """Train again with what would help, and go to the page of the new run."""
    try:
        new = studio.executor().cure(run.id, studio.owner())
    except Refusal as refused:
        look.failed(str(refused))
    else:
        st.switch_page("pages/run.py", query_params={"run": new})


def _outcome_words(state: State) -> str:
    if state.message:
        return state.message
    if state.state == "stopped":
        return f"It waits after epoch {state.epoch} of {state.epochs} and can go on from there."
    if state.state == "cancelled":
        return "It left the queue before it started."
    return "It ended before it was finished."


def _curve(rows: Any, label: str, key: str, height: int, *, log: bool = False) -> None:
    st.vega_lite_chart(
        rows,
        charts.curve(label, log=log, ticks=5 if height > 250 else 3),
        height=height,
        key=key,
        on_select="rerun",
        selection_mode=["zoom"],
        alt=f"{label} from epoch to epoch: training and validation",
    )


def settings_tables(recipe: Recipe) -> list[tuple[str, list[dict[str, str]]]]:
    """Return every setting of a recipe by its title, in three groups."""
    config = builders.get(recipe.model.architecture).Config
    data = recipe.data.model_dump(exclude_none=True) | {"file": Path(recipe.data.file).name}
    if recipe.data.corrections:
        data["corrections"] = recipe.data.corrections.sentence()
    return [
        (
            "Data",
            _settings(type(recipe.data), {name: value for name, value in data.items() if value not in ("", {}, [])}),
        ),
        ("Model", _settings(config, {"architecture": family_name(recipe)} | recipe.model.settings)),
        ("Training", _settings(Training, recipe.training)),
    ]


def _settings(model: type[BaseModel], values: dict[str, Any]) -> list[dict[str, str]]:
    rows = []
    for name, value in values.items():
        field = model.model_fields.get(name)
        label = field.title if field is not None and field.title else name.replace("_", " ").capitalize()
        rows.append({"Setting": label, "Value": look.setting_value(value)})
    return rows


def made(run: Run) -> None:
    """Show how the run was made: settings, layers, learning rate, what happened when, and the recipe."""
    if st.button("Use these settings again", key="use_again", icon=look.symbol("replay")):
        use_again(run)
    if made_with := _versions(run):
        look.quiet(look.plain(made_with))
    resumed(reader(run.folder).glance())
    places = st.columns(3, gap="medium")
    for place, (name, rows) in zip(places, settings_tables(run.recipe), strict=True):
        with place:
            look.section(name)
            st.dataframe(rows, hide_index=True, key=f"settings_{name}", height="content", alt=f"{name}: every setting")
    _layers(run)
    left, right = st.columns(2, gap="large")
    with left:
        look.section("Learning rate")
        _learning_rate(run)
    with right:
        look.section("What happened when")
        _events(run)
    look.section("Recipe", "The same recipe gives the same run.")
    st.code(run.recipe.portable().yaml(), language=None)


def _versions(run: Run) -> str:
    """Name the programs that trained it, and what they ran on."""
    events, _ = run.lines("events")
    told = [line["text"] for line in events if line["kind"] == "versions"]
    return f"Made with {told[-1]}, on {run.state.device}." if told else ""


def _layers(run: Run) -> None:
    look.section("Layers")
    told = run.read("layers.json")
    if told is None:
        look.quiet("The run ended before its layers were built.")
        return
    for number, stage in enumerate(told["stages"]):
        if len(told["stages"]) > 1:
            st.markdown(f"**{look.plain(stage['name'])}**")
        rows = [
            {"Layer": layer["name"], "Kind": layer["kind"], "Shape": layer["shape"], "Parameters": layer["parameters"]}
            for layer in stage["layers"]
        ]
        column = {"Parameters": st.column_config.NumberColumn(format="localized")}
        st.dataframe(rows, hide_index=True, column_config=column, key=f"layers_{number}", alt="The layers of the model")
        look.quiet(f"{look.counted(stage['parameters'], 'parameter')} in all.")


def _learning_rate(run: Run) -> None:
    epochs = reader(run.folder).epochs()
    rows = [{"epoch": line["x"], "value": line["learning_rate"]} for line in epochs if "learning_rate" in line]
    if rows:
        st.vega_lite_chart(
            rows, charts.steps("Learning rate"), height=220, key="rates", alt="The learning rate of each epoch"
        )
    else:
        look.quiet("No epoch was finished.")


def _events(run: Run) -> None:
    events, _ = run.lines("events")
    start = run.state.created
    rows = [
        {"After": look.duration(max(0.0, line["time"] - start)), "What": look.plain(_happened(line))}
        for line in events
        if line["kind"] != "versions"
    ]
    if rows:
        st.table(rows, border="horizontal", hide_header=True, hide_index=True, alt="What happened, and after how long")
    else:
        look.quiet("Nothing was noted down.")


def _happened(line: dict[str, Any]) -> str:
    return HAPPENED.get(line["text"], line["text"]) if line["kind"] == "phase" else line["text"]
