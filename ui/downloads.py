"""What a person takes away: the checked model with a few lines that use it, the recipe, the whole run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

import exporters
from exporters import _readme
from records import Run
from records.archive import zipped
from ui import code_view, identity, jobs, look, project_view, samples

LARGE = 50_000_000
"""Bytes from which a file comes from the server's own address: a download button would hold it in memory."""


def show(run: Run) -> None:
    """Offer the model once it was checked in a clean process, then other formats, recipe and run."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("The model")
        _model(run)
    with right:
        look.section("The recipe", "Every setting of this run. Load it on Build to train the same model again.")
        recipe = run.recipe.portable().yaml().encode()
        _offer(run, "Download recipe.yaml", "download_recipe", "recipe.yaml", lambda: recipe, len(recipe))
        look.section("The whole run", "Curves, report, predictions, model and recipe in one zip.")
        _offer(run, "Download run.zip", "download_run", "run.zip", lambda: b"".join(zipped(run)), _bytes_of(run))
    _other_formats(run)
    if (signature := samples.signature(run)) is not None and (run.folder / "report.json").exists():
        code_view.show(run, signature)


def _model(run: Run) -> None:
    told = run.read("deliverables.json")
    if told is None and run.state.state == "finished":
        project_view.restore(run, "download")
        return
    if told is None:
        st.info("The model is still being checked. It appears here once it has passed.")
        return
    kept = _own(told)
    for name, deliverable in kept.items():
        if deliverable["checked"]:
            _deliverable(run, name, deliverable, is_first=name == next(iter(kept)))
        else:
            look.failed(deliverable["sentence"])
    signature = samples.signature(run)
    if signature is not None:
        look.quiet("It takes raw values and answers by name, in any program with Keras:")
        # No language: Streamlit's colours for code are too pale to read on either theme and cannot be set.
        st.code(_readme.snippet(signature), language=None)


def _own(told: dict[str, Any]) -> dict[str, Any]:
    """Return the Keras files among the deliverables, by name."""
    return {name: each for name, each in told.items() if "format" not in each}


def _deliverable(run: Run, name: str, told: dict[str, Any], *, is_first: bool) -> None:
    if told.get("title"):
        st.markdown(f"**{look.plain(told['title'])}**  \n{look.plain(told['about'])}")
    st.markdown(f":green[{look.symbol('verified')}] {look.plain(told['sentence'])}")
    file = run.folder / told["file"]
    label = f"Download {file.name} · {_size(told['bytes'])}"
    _offer(run, label, f"download_{name}", file.name, file.read_bytes, told["bytes"], primary=is_first)


def _other_formats(run: Run) -> None:
    """One row a format: what it is for, and its file or the button that makes it."""
    told, signature = run.read("deliverables.json") or {}, samples.signature(run)
    kept = {name: each for name, each in _own(told).items() if each["checked"]}
    if not kept:
        return
    look.section(
        "Other formats",
        "For programs without Keras. Each file is made when you ask for it, and offered once it has answered in a "
        "clean process of its own runtime.",
    )
    if signature is None:
        look.quiet("The data of this run were cleared away, and other formats are checked with them. Train it again "
                   "from its recipe to make them.")  # fmt: skip
        return
    name = next(iter(kept))
    if len(kept) > 1:
        name = st.segmented_control(
            "Which model", list(kept), default=name, required=True, key="export_of",
            format_func=lambda each: kept[each].get("title") or ("The model" if each == "model" else each.capitalize()),
        )  # fmt: skip
    made = {
        each["format"]: each
        for each in told.values()
        if each.get("of") == name and each["checked"] and each["model"] == kept[name].get("sha256", "")
    }
    _compared(kept[name], made)
    for form in exporters.names():
        if form != "keras_file":
            _format(run, name, form, why=exporters.get(form).offered(signature), kept=kept[name], told=made.get(form))


def _format(run: Run, name: str, form: str, *, why: str, kept: dict[str, Any], told: dict[str, Any] | None) -> None:
    """Draw one format: its purpose, then its file, its button, or why there is none."""
    module = exporters.get(form)
    with look.card(f"format_{form}"):
        text, button = st.columns([3, 2], vertical_alignment="center")
        with button:
            if why:
                look.quiet(why)
            elif told is None:
                # A model that was trained on is another question: what was made of the former one does not count.
                asked = {"format": form, "deliverable": name, "model": kept.get("sha256", "")}
                told = jobs.show(run, "export", asked, key=f"make_{form}", label=f"Make {module.TITLE}",
                                 about="About 15 seconds.", icon="build")  # fmt: skip
            if told is not None:
                file = run.folder / told["file"]
                label = f"Download {file.name} · {_size(told['bytes'])}"
                _offer(run, label, f"download_{form}", file.name, file.read_bytes, told["bytes"])
        with text:
            st.markdown(f"**{module.TITLE}**  \n{look.plain(module.SUMMARY)}")
            if told is not None:
                st.markdown(f":green[{look.symbol('verified')}] {look.plain(told['sentence'])}")


def _compared(kept: dict[str, Any], made: dict[str, dict[str, Any]]) -> None:
    """Show size, pace and score of what there is, side by side, before anything is downloaded."""
    if not made:
        return
    score = next((each["float_score"] for each in made.values() if each.get("float_score")), None)
    rows = [_line("Keras file", kept, score)]
    rows += [_line(exporters.get(form).TITLE, each, each.get("score")) for form, each in sorted(made.items())]
    if score is None:
        for row in rows:
            del row["Score"]
    st.table(rows, border="horizontal", hide_index=True, hide_header=False, alt="Size and pace of each format")
    about = "Pace: one example from raw values to the answer, on one thread of this computer, in the middle of some."
    if score is not None:
        about += f" Score: {score['title'].lower()} on validation rows, never the sealed test part."
    look.quiet(about)


def _line(title: str, told: dict[str, Any], score: dict[str, Any] | None) -> dict[str, str]:
    pace = told.get("milliseconds")
    return {
        "Format": title,
        "Size": _size(told["bytes"]),
        "Pace": "–" if pace is None else f"{pace:.2g} ms" if pace < 10 else f"{pace:.0f} ms",
        "Score": look.score(score["value"]) if score else "as Keras",
    }


def _offer(
    run: Run, label: str, key: str, name: str, read: Callable[[], bytes], size: int, *, primary: bool = False
) -> None:
    look_of: Any = {"icon": look.symbol("download"), "type": "primary" if primary else "secondary", "key": key}
    if size > LARGE and identity.WorkspaceCookie.is_installed:
        st.link_button(label, f"/api/runs/{run.id}/files/{name}", **look_of)
    else:
        st.download_button(label, data=read, file_name=name, on_click="ignore", **look_of)


def _bytes_of(run: Run) -> int:
    return sum(file.stat().st_size for file in Path(run.folder).rglob("*") if file.is_file())


def _size(count: int) -> str:
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else look.memory(count / 1e6)
