"""Learn: each family in plain words, with a picture of how data flow and a small live toy."""

import streamlit as st

from ui import families, look, toys


def page() -> None:
    """Show the chosen family; the address names it (`/learn?family=cnn`)."""
    with look.row("learn_head", align="distribute"):
        look.header("Learn", "What each model family does, in plain words.")
        if st.button("Open a .keras file", icon=look.symbol("deployed_code"), key="learn_open_model", type="tertiary"):
            st.switch_page("pages/open_model.py")
    name = families.choose()
    family = families.read(name)
    left, right = st.columns([5, 4], gap="large")
    with left:
        look.section(family.title, icon=families.icon(name))
        st.markdown(family.words)
        look.section("What to watch")
        st.markdown(family.watch)
        families.open_button(name)
    with right:
        with look.card("learn_flow"):
            look.quiet("How data flow")
            # From top to bottom: a row of boxes would be too small to read on a phone.
            picture = family.picture.replace("flowchart LR", "flowchart TD")
            st.mermaid_chart(picture, alt=f"How data flow through a {family.title.lower()}")
        if toys.has(name):
            with look.card("learn_toy"):
                toys.show(name)
        with look.card("learn_facts"):
            families.facts(name)


page()
