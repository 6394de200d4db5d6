"""Questions to the warm process that a page answers at once; while Keras warms up, it asks again by itself."""

from typing import Any

import streamlit as st

from recipes import Refusal
from training.ask import Failed, WarmingUp, ask
from ui import look, studio

AGAIN = 1.5


def asked(question: str, key: str, **values: Any) -> dict[str, Any] | None:
    """Return the answer; None where there is none yet or will be none, which is then said in words."""
    try:
        return ask(studio.workspace(), question, **values)
    except WarmingUp:
        look.loading("Keras is warming up. This happens once and takes some seconds.")
        _wait(f"{key}_waited")
    except (Refusal, Failed) as failure:
        look.failed(str(failure))
    return None


def _wait(key: str) -> None:
    """Ask again in a moment, with the whole page: by then the model may be there."""

    def again() -> None:
        if st.session_state.pop(key, False):
            st.rerun()
        st.session_state[key] = True

    st.session_state[key] = False
    st.fragment(again, run_every=AGAIN)()
