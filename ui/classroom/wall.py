"""The wall: one card a student with the newest run, alive; drawn by one small component, fed every two seconds.

A tick reads what has changed in the runs' folders and nothing else (`ui.run_reader`); the browser changes only the
cards that differ. Names and titles are set as text, never as markup.
"""

import math
from typing import Any

import streamlit as st

import builders
from records.classes import Classroom, ClassRun
from ui import look, run_cards, studio
from ui.classroom.here import classes
from ui.run_reader import RunReader, reader

SECONDS = 2.0
WIDTH, HEIGHT = 100, 30
"""Of a small curve, in its own units."""
POINTS = 60
TONES: dict[str, look.Role] = {
    "blue": "training",
    "green": "good",
    "yellow": "caution",
    "red": "trouble",
    "gray": "quiet",
}

_HTML = '<div class="wall" role="list"></div>'
_CSS = """
.wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 190px), 1fr)); gap: 12px }
.card {
  display: flex; flex-direction: column; gap: 4px; padding: 12px; text-align: left; font: inherit; min-width: 0;
  color: var(--st-text-color); background: var(--st-secondary-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
.card:hover, .card[aria-pressed="true"] { border-color: var(--st-primary-color) }
.card:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px }
.card:disabled { cursor: default; opacity: .75 }
.top { display: flex; justify-content: space-between; gap: 8px; align-items: baseline }
.name { font-weight: 600; overflow-wrap: anywhere }
.state { font-size: .8rem; white-space: nowrap }
.title, .line { font-size: .8rem; color: var(--st-gray-text-color) }
.title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.score { font-weight: 600; font-variant-numeric: tabular-nums; min-height: 1.4em }
svg { width: 100%; height: 44px; display: block }
polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round }
.bar { height: 4px; border-radius: 2px; background: var(--st-border-color); overflow: hidden }
.bar > div { height: 100% }
"""
_JS = """
const made = (kind, name, parent) => {
  const part = document.createElement(kind)
  part.className = name
  parent.append(part)
  return part
}

function fresh(wall) {
  const card = made("button", "card", wall)
  card.type = "button"
  const top = made("span", "top", card)
  const parts = { name: made("span", "name", top), state: made("span", "state", top) }
  parts.title = made("span", "title", card)
  const space = "http://www.w3.org/2000/svg"
  const svg = document.createElementNS(space, "svg")
  svg.setAttribute("preserveAspectRatio", "none")
  svg.setAttribute("aria-hidden", "true")
  parts.curve = document.createElementNS(space, "polyline")
  svg.append(parts.curve)
  card.append(svg)
  parts.svg = svg
  parts.score = made("span", "score", card)
  parts.bar = made("span", "", made("span", "bar", card))
  parts.line = made("span", "line", card)
  parts.bar.parentElement.style.display = parts.bar.style.display = "block"
  parts.bar.style.height = "100%"
  return { card, parts, told: "" }
}

const known = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const wall = parentElement.querySelector(".wall")
  if (!known.has(wall)) known.set(wall, new Map())
  const cards = known.get(wall)
  wall.setAttribute("aria-label", data.label)
  const wanted = new Set(data.cards.map((one) => one.member))
  for (const [member, one] of cards) {
    if (!wanted.has(member)) {
      one.card.remove()
      cards.delete(member)
    }
  }
  data.cards.forEach((one, place) => {
    if (!cards.has(one.member)) cards.set(one.member, fresh(wall))
    const shown = cards.get(one.member)
    if (wall.children[place] !== shown.card) wall.insertBefore(shown.card, wall.children[place] || null)
    shown.card.onclick = () => setTriggerValue("open", one.run)
    const told = JSON.stringify(one)
    if (shown.told === told) return
    shown.told = told
    const { parts } = shown
    for (const name of ["name", "state", "title", "score", "line"]) parts[name].textContent = one[name]
    parts.title.title = one.title
    parts.state.style.color = data.colours[one.tone]
    parts.svg.setAttribute("viewBox", data.box)
    parts.curve.setAttribute("points", one.curve)
    parts.curve.setAttribute("stroke", data.colours.validation)
    parts.bar.style.width = `${one.share * 100}%`
    parts.bar.style.background = data.colours[one.tone]
    shown.card.disabled = !one.run
    shown.card.setAttribute("aria-pressed", String(one.open))
  })
}
"""

_WALL = st.components.v2.component("layerwise_class_wall", html=_HTML, css=_CSS, js=_JS)


def show(classroom: Classroom) -> None:
    """Draw the wall, again every two seconds while it is looked at."""

    def tick() -> None:
        told = cards(classroom)
        if not told:
            look.quiet("Nobody is here yet. Show the code on the projector: the first student appears at once.")
            return
        _summary(told)
        roles: tuple[look.Role, ...] = ("validation", *TONES.values())
        data = {
            "label": f"The runs of {classroom.name}", "cards": told, "box": f"0 0 {WIDTH} {HEIGHT}",
            "colours": {role: look.colour(role) for role in roles},
        }  # fmt: skip
        chosen = _WALL(key="class_wall", data=data, on_open_change=lambda: None)
        if chosen.open:
            st.session_state["class_looked_at"] = chosen.open
            st.rerun(scope="fragment")
        _closer(classroom)

    st.fragment(tick, run_every=SECONDS)()


def cards(classroom: Classroom) -> list[dict[str, Any]]:
    """Return one card a student, in the order of their names; a run that goes comes before a newer one that is over."""
    newest: dict[str, ClassRun] = {}
    for run in classes().runs(classroom.id, classroom.teacher):
        shown = newest.get(run.member)
        if shown is None or (_goes(run) and not _goes(shown)):
            newest[run.member] = run
    looked_at = st.session_state.get("class_looked_at")
    members = classes().members(classroom.id, classroom.teacher)
    return [
        _card(member.id, member.nickname, newest.get(member.id), looked_at)
        for member in sorted(members, key=lambda each: each.nickname.casefold())
    ]


def known(run: str) -> RunReader:
    """Return the reader of a run that was found through its class."""
    return reader(studio.workspace().run_folder(run))


def _goes(run: ClassRun) -> bool:
    return run.state in ("starting", "running")


def _summary(told: list[dict[str, Any]]) -> None:
    going = sum(one["tone"] == "training" for one in told)
    done = sum(one["tone"] == "good" for one in told)
    look.quiet(f"{look.counted(len(told), 'student')} · {going} training now · {done} with a finished run")


def _card(member: str, nickname: str, run: ClassRun | None, looked_at: str | None) -> dict[str, Any]:
    card: dict[str, Any] = {
        "member": member, "name": nickname, "run": "", "state": "", "tone": "quiet", "title": "No run yet",
        "curve": "", "score": "", "share": 0.0, "line": "", "open": False,
    }  # fmt: skip
    if run is None:
        return card
    told = known(run.run)
    try:
        state = told.state
    except (OSError, ValueError):  # deleted, or being written, this very instant
        return card
    word, _, colour = look.STATES[state.state]
    share = 1.0 if state.state == "finished" else min(1.0, state.epoch / state.epochs) if state.epochs else 0.0
    left = f" · {look.duration(state.eta_seconds)} left" if state.is_active and state.eta_seconds is not None else ""
    epochs = f"Epoch {state.epoch} of {state.epochs}{left}" if state.epochs and state.state != "queued" else ""
    return card | {
        "run": run.run, "state": word, "tone": TONES[colour], "title": run.title, "share": share,
        "curve": told.drawn("wall", lambda: _curve(told)), "score": run_cards.headline(told),
        "line": "" if state.state == "finished" else epochs, "open": run.run == looked_at,
    }  # fmt: skip


def _curve(told: RunReader) -> str:
    """Return the validation loss of each epoch as points of a polyline; nothing below two."""
    losses = [line.get("val_loss", line.get("loss")) for line in told.epochs()]
    values = [float(loss) for loss in losses if isinstance(loss, (int, float)) and math.isfinite(loss)]
    if len(values) < 2:
        return ""
    step = max(1, math.ceil(len(values) / POINTS))
    values = [*values[:-1:step], values[-1]]
    low, high = min(values), max(values)
    tall = (high - low) or 1.0
    return " ".join(
        f"{place * WIDTH / (len(values) - 1):.1f},{2 + (high - value) / tall * (HEIGHT - 4):.1f}"
        if high != low
        else f"{place * WIDTH / (len(values) - 1):.1f},{HEIGHT / 2}"
        for place, value in enumerate(values)
    )


def _closer(classroom: Classroom) -> None:
    """Show the run that was clicked: its curve and how it was set up."""
    run = st.session_state.get("class_looked_at")
    told = classes().run(classroom.id, classroom.teacher, run) if run else None
    if told is None:
        return
    with look.card("class_closer"):
        look.section(look.plain(f"{told.nickname} · {told.title}"))
        recipe = known(told.run).run.recipe
        values = [line["val_loss"] for line in known(told.run).epochs() if isinstance(line.get("val_loss"), float)]
        left, right = st.columns(2, gap="medium")
        with left:
            look.quiet("Validation loss, epoch by epoch")
            if len(values) > 1:
                look.sparkline([value for value in values if math.isfinite(value)], "class_closer_curve", height=160)
            else:
                look.quiet("The curve begins after the second epoch.")
        with right:
            family = builders.get(recipe.model.architecture).TITLE
            look.quiet("How it is set up")
            rows = {"Model": family, "Data": recipe.data.sample or recipe.portable().data.file}
            names = ("epochs", "batch_size", "learning_rate", "optimizer")
            rows |= {name.replace("_", " ").capitalize(): look.setting_value(recipe.training[name]) for name in names}
            for title, value in rows.items():
                st.markdown(f":gray[{title}] {look.plain(value)}")
