"""The run as something to go on with: its code in plain Keras, its model card, a service."""

import streamlit as st

from exporters import card, code
from recipes import Signature
from records import Run
from ui import jobs, look


def show(run: Run, signature: Signature) -> None:
    """Offer script and notebook, the model card, and how to serve the model."""
    look.section("The code", "A script and a notebook in plain Keras that train this very model again, with its data.")
    why = code.offered(signature, run.recipe.model.architecture)
    if why:
        look.quiet(why)
    else:
        told = jobs.show(run, "code", {}, key="code_job", label="Write the code", icon="code")
        if told is not None:
            file = jobs.folder(run, "code", {}).folder / code.NAME
            st.download_button(
                f"Download {code.NAME}", data=file.read_bytes, file_name=code.NAME, on_click="ignore",
                icon=look.symbol("download"), key="download_code",
            )  # fmt: skip
    look.section("The model card", "What it is, on what it was judged, what it is not made for.")
    written = card.text(run)
    st.download_button(
        f"Download {card.NAME}", data=written.encode(), file_name=card.NAME, on_click="ignore",
        icon=look.symbol("download"), key="download_card",
    )  # fmt: skip
    with st.expander("Read it", key="card"):
        st.markdown(written.replace("\n## ", "\n#### ").replace("# ", "### ", 1).replace("$", "\\$"))
    look.section("As a web service", "On the computer where Layerwise runs, for other programs; with a page to try it.")
    st.code(f"make serve RUN={run.id}", language=None)
