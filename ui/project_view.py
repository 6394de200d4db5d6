"""Runs on their way to another computer, and from one: saved as one file, opened, their models made anew."""

import shutil
from collections.abc import Sequence

import streamlit as st

from recipes import Refusal
from records import Run, project
from records.catalogue import RunRow
from ui import identity, jobs, look, studio, upload

LARGEST = 8_000
"""Megabytes of a project that is opened."""


def show(rows: Sequence[RunRow]) -> None:
    """Offer to save the runs that are picked, or all, as one file, and to open such a file."""
    with st.expander("Take runs to another computer", key="project", icon=look.symbol("drive_file_move")):
        look.quiet(
            "One file with recipes, curves, reports, weights and the data that you brought. There, open it here."
        )
        picked = [row for row in rows if st.session_state.get(f"pick_{row.id}")] or list(rows)
        if picked:
            _save(picked)
        _bring()
        if told := st.session_state.pop("project_told", ""):
            st.markdown(f":green[{look.symbol('check_circle')}] {look.plain(told)}")


def restore(run: Run, key: str) -> None:
    """Bring back the data and the model files of a run that came from elsewhere, or whose data were cleared away."""
    told = jobs.show(
        run, "restore", {}, key=f"restore_{key}", label="Bring its model back", icon="restore",
        about="The data of this run are not prepared on this computer. They are read again and the model is made anew "
        "from its weights.",
    )  # fmt: skip
    if told is not None:
        st.rerun()


def _save(rows: Sequence[RunRow]) -> None:
    label, name = f"Save {look.counted(len(rows), 'run')} as one file", f"runs{project.ENDING}"
    icon = look.symbol("download")
    if identity.WorkspaceCookie.is_installed:
        runs = ",".join(row.id for row in rows)
        st.link_button(label, f"/api/project?runs={runs}", icon=icon, key="save_project")
        return
    members = studio.executor().members(studio.owner(), [row.id for row in rows])
    st.download_button(
        label, data=lambda: b"".join(project.zipped(members)), file_name=name, on_click="ignore", icon=icon,
        key="save_project",
    )  # fmt: skip


def _bring() -> None:
    try:
        given = upload.ask("Open a project", "project_file", endings=[project.ENDING.lstrip(".")], most_mb=LARGEST)
        if given is None:
            return
        try:
            with st.spinner("Opening the project"):
                runs = studio.executor().open_project(given, studio.owner())
        finally:
            shutil.rmtree(given.parent, ignore_errors=True)
    except Refusal as refusal:
        look.failed(str(refusal))
        return
    st.session_state["project_told"] = f"{look.counted(len(runs), 'run')} opened. Each makes its model when you ask it."
    st.rerun()
