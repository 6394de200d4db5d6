"""The pieces of the Start page: a finished example, starters by use, the visitor's last runs."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

import builders
import datasets
from datasets import Sample
from recipes import Recipe
from records import Run
from training import plan
from ui import charts, data_panel, draft, example, look, run_cards, run_view, samples, studio, try_it
from ui.run_reader import reader

LAST = 3
SHOWN_ANSWERS = 3
Shown = tuple[int, str, str]
"""A row of the data set, what it is, what the model said."""


@dataclass(frozen=True)
class Starter:
    """One use: what is done with it, and the sample that opens in Build."""

    sample: str
    title: str
    sentence: str
    task: str = ""
    """Where it is not the sample's own."""

    @property
    def key(self) -> str:
        """A name that no other starter has."""
        return f"{self.sample}_{self.task}" if self.task else self.sample


STARTERS = {
    "Tables": (
        Starter("penguins", "Sort by measurements", "Which penguin is it? From beak, flipper and weight."),
        Starter("titanic", "Say yes or no", "Who survived the Titanic? From class, age and sex."),
        Starter("auto-mpg", "Predict a number", "How far does a car go on a gallon? From weight, power and year."),
        Starter("credit", "Score credit risk", "Who will pay a loan back? From income, debts and history."),
        Starter("fraud", "Spot fraud", "Which payments are false? One in eighty is."),
        Starter("films", "Recommend films", "What will somebody like? From the stars they gave before."),
        Starter("sightings", "Mix pictures, numbers and words", "Which animal was seen? From all of it together."),
    ),
    "Pictures": (
        Starter("digits", "Read handwriting", "Which digit is it? From small grey pictures."),
        Starter(
            "emoji", "Borrow what others learned", "Few pictures are enough for a network that has seen a million."
        ),
        Starter("textures", "Tell surfaces apart", "Brick, grass or gravel? From close-up photos."),
        Starter("scans", "Read X-ray-like pictures", "Is there a shadow on the lung? Made-up pictures, no patients."),
        Starter("find-the-animal", "Find things", "Which animal is in the picture, and where?"),
        Starter("temple-in-swirls", "Paint in a style", "A picture gets the look of another one."),
        Starter("moving-animals", "Understand clips", "Which way does it move? From ten frames."),
        Starter("glyphs", "Draw new ones", "A network that invents signs like those it saw.", "generation"),
    ),
    "Language": (
        Starter("tickets", "Sort support tickets", "Which queue does a message belong to?"),
        Starter("reviews", "Tell praise from complaint", "Would she recommend the dress? From her own words."),
        Starter("grimm", "Write in a style", "It learns to write like the brothers Grimm, letter by letter."),
        Starter("french", "Translate", "English in, French out, word by word."),
        Starter("stories", "Answer questions", "Where is the answer in the story?"),
    ),
    "Sound and series": (
        Starter("spoken-digits", "Recognise spoken words", "Which digit was said, by a voice never heard before?"),
        Starter("tones", "Tell instruments apart", "Organ, flute, bell or drum?"),
        Starter("bakery", "Forecast demand", "How much will a bakery sell, each day of the coming week?"),
        Starter("sunspots", "Forecast what comes next", "How many sunspots will the next years bring?"),
        Starter("el-nino", "Forecast the seasons", "How warm will the Pacific be in three months?"),
        Starter("wrist-sensor", "Read a sensor", "Resting, walking, running or waving? From a wrist band."),
    ),
}
"""Uses to start from, in the groups of the Learn page."""


def example_card(questions: studio.Questions) -> None:
    """Show a finished run, alive: its score, its curve, some answers, and the model to try."""
    data = plan.resolve(Recipe.parse((example.FOLDER / "recipe.yaml").read_text(encoding="utf-8"))).data
    opened = questions.dataset(data)
    with look.card("start_example"):
        if not opened.is_ready:
            look.loading("Opening a finished example …", 420)
            return
        run = example.place(studio.workspace(), opened.value)
        recipe = run.recipe
        with st.container(gap=None):
            st.subheader(look.plain(run_view.title(recipe)), anchor=False)
            family = builders.get(recipe.model.architecture).TITLE.lower()
            st.markdown(f":gray[A finished example: a {family} that learned to read handwriting in {_time(run)}.]")
        score, curve = st.columns([2, 3], gap="medium")
        with score:
            _score(run)
            _answers(run)
        with curve:
            _curve(run)
        st.markdown("**Try it**")
        try_it.show(run)


def cards() -> None:
    """Show the uses to start from; each opens Build with a sample and a family."""
    look.section("Start from an example", "Each opens with everything set. Press Train, or change what you like.")
    group = st.segmented_control(
        "Kind of data", list(STARTERS), default="Pictures", required=True, key="start_group",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    known = {sample.name: sample for name in datasets.names() for sample in datasets.get(name).samples()}
    grid = st.grid(3, min_column_width=280)
    for starter in STARTERS[str(group)]:
        sample = known[starter.sample]
        with grid.cell(), look.card(f"starter_{starter.key}", height="stretch"):
            with st.container(gap=None, height="stretch"):
                st.markdown(f"{look.type_icon(sample.data_type)} **{starter.title}**")
                st.markdown(f":gray[{starter.sentence}]")
                st.caption(_facts(starter, sample))
            if st.button("Open", key=f"open_{starter.key}", icon=look.symbol("arrow_forward"), icon_position="right"):
                _open(starter)


def _facts(starter: Starter, sample: Sample) -> str:
    """Say how many examples there are, which family learns, and how well."""
    amount = look.counted(sample.rows, datasets.get(sample.data_type).NOUN)
    if starter.task:
        family = datasets.get(sample.data_type).FIRST_CHOICE[starter.task]
        return f"{amount} · {builders.get(family).TITLE}"
    return f"{amount} · {builders.get(sample.architecture).TITLE} · {sample.expected}"


def last_runs() -> None:
    """Show the visitor's newest runs, where there are any."""
    rows = studio.executor().runs(studio.owner())[:LAST]
    if not rows:
        return
    look.section("Your last runs")
    run_cards.show(rows)


def own_data() -> None:
    """Offer the way to Build with own data."""
    if st.button("Use your own data", key="start_own", type="primary", icon=look.symbol("upload_file")):
        st.session_state["build_data_source"] = "Upload"
        st.switch_page("pages/build.py")


def _open(starter: Starter) -> None:
    fresh = draft.Draft()
    data_panel.forget_refusal()
    fresh.use_sample(starter.sample)
    if starter.task:
        fresh.data["task"] = starter.task
    draft.replace(fresh, studio.workspace(), studio.owner())
    st.switch_page("pages/build.py")


def _time(run: Run) -> str:
    state = run.state
    return look.duration((state.ended or 0) - (state.started or 0))


def _score(run: Run) -> None:
    told = run.read("report.json")["headline"]
    st.metric(f"{told['title']} on pictures it had never seen", look.score(told["value"]))
    st.caption(f"Always answering the {told['baseline']} would reach {look.score(told['baseline_value'])}.")


def _answers(run: Run) -> None:
    """Show pictures of the sealed test part with the model's answers: three right ones, then its worst mistakes."""
    chosen = _right_ones(run) + _wrong_ones(run)
    seen = samples.preview(run, tuple(row for row, _, _ in chosen))
    with look.row("start_answers"):
        for number, ((_, truth, answer), sample) in enumerate(zip(chosen, seen, strict=True)):
            icon, tone = ("check", "green") if answer == truth else ("close", "red")
            with st.container(width=64, gap="xxsmall", key=f"start_answer_{number}"):
                st.image(samples.enlarged(sample["picture"], 56), width=56, alt=f"A handwritten {truth}")
                st.markdown(f":{tone}[{look.symbol(icon)} {look.plain(answer)}]")


def _right_ones(run: Run) -> list[Shown]:
    """Choose the first right answer of each of a few classes."""
    classes = run.read("report.json")["classes"]
    with np.load(run.folder / "predictions.npz", allow_pickle=False) as told:
        rows, truth, answer = told["rows"], told["truth"], told["answer"].argmax(axis=1)
    found: dict[str, Shown] = {}
    for row, true, said in zip(rows.tolist(), truth.tolist(), answer.tolist(), strict=True):
        if true == said:
            found.setdefault(classes[true], (row, classes[true], classes[said]))
    return list(found.values())[:SHOWN_ANSWERS]


def _wrong_ones(run: Run) -> list[Shown]:
    worst = run.read("report.json")["worst"]
    wrong = [(one["row"], one["truth"], one["answer"]) for one in worst if one["answer"] != one["truth"]]
    return wrong[:SHOWN_ANSWERS]


def _curve(run: Run) -> None:
    known = reader(run.folder)
    st.vega_lite_chart(
        charts.curve_rows(known.points(), "loss"),
        charts.curve("Loss"),
        height=260,
        key="start_curve",
        alt="The loss of the example falls, on training and on validation data",
    )
    run_view.reading(known.glance(), finished=True)
