"""One run, at its own address `/run?run=ID`: live while it trains, with report, try-out and download afterwards."""

import streamlit as st

from records import Run
from ui import compress_view, downloads, energy, explain_view, look, report_view, run_view, studio, try_it
from ui.compare import groups
from ui.run_reader import reader

TABS = {
    "Result": ":material/emoji_events:",
    "Look closer": ":material/search:",
    "Why": ":material/psychology:",
    "Try": ":material/touch_app:",
    "Take it away": ":material/download:",
    "How it was made": ":material/receipt_long:",
}


def page() -> None:
    """Show the run that the address names, if it is one of the visitor's."""
    run = _run(st.query_params.get("run", ""))
    if run is None:
        look.header("Run")
        look.empty(
            "no_run", "There is no such run here.", icon="search_off", button="See your runs", page="pages/runs.py"
        )
        return
    state = reader(run.folder).state
    run_view.header(run, state)
    groups.link(run)
    run_view.refusal()
    if state.is_active:
        run_view.live(run, state)
    elif state.state == "finished":
        _tabs(run)
    else:
        run_view.rest(run, state)


def _run(name: str) -> Run | None:
    """Return the visitor's run of this id; an unknown and a foreign one are alike."""
    return studio.executor().folder(name, studio.owner()) if name.isalnum() else None


def _tabs(run: Run) -> None:
    result, closer, why, trying, taking, made = st.tabs(
        [f"{icon} {name}" for name, icon in TABS.items()], key="run_tab", on_change="rerun"
    )
    report = reader(run.folder).file("report.json")
    if result.open:
        with result:
            run_view.kept_words(run)
            report_view.result(run, report)
            if used := energy.of(run):
                look.quiet(f"{look.symbol('bolt')} {look.plain(energy.sentence(used))}")
    if closer.open:
        with closer:
            run_view.learned(run)
            report_view.closer(run, report)
    if why.open:
        with why:
            explain_view.show(run)
    if trying.open:
        with trying:
            try_it.show(run)
    if taking.open:
        with taking:
            downloads.show(run)
            compress_view.show(run)
    if made.open:
        with made:
            run_view.made(run)


page()
