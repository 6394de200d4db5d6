"""What the documents say is there, is there."""

import re
from pathlib import Path

import pytest

import builders

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


def test_every_page_is_in_the_menu():
    """A page that app.py does not know cannot be reached."""
    menu = (ROOT / "app.py").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "pages").glob("[!_]*.py")]
    assert [page for page in pages if f"pages/{page}" not in menu] == []


@pytest.mark.parametrize("name", builders.names())
def test_every_family_has_a_page_in_plain_words(name):
    assert (ROOT / "docs" / "families" / f"{name}.md").exists()


@pytest.mark.parametrize("folder", ["app.py", "asgi.py", *["builders", "datasets", "pages", "tests"]])
def test_the_readme_names_every_fixed_place(folder):
    assert f"`{folder}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_documents_name_no_path_of_a_machine():
    for document in DOCUMENTS:
        assert not re.search(r"(?<![\w.])/(home|root|Users)/", document.read_text(encoding="utf-8")), document
