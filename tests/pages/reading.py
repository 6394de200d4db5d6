"""Pages opened as a visitor would, and what is read on them."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def opened(page, **query):
    at = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    at.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def words(at):
    """Return what a person reads: without the signs that keep names from being markup or numbers from their sign."""
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.warning, at.error)
    told = "\n".join(str(part.value) for kind in kinds for part in kind)
    return told.replace("\\", "").replace("\u00a0", " ")
