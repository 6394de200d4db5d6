"""What every screen promises, tried on every file of `pages/`: a new one is tested by existing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page.name for page in (ROOT / "pages").glob("[!_]*.py"))

# A process of its own for all pages, as a web server has: what one page imports, all have.
OPENED_ALONE = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from records import Workspace
from training import marks
from ui import identity

identity.current_user = lambda: "ann"
workspace = Workspace(Path(sys.argv[1]))
workspace.root.mkdir()
marks.hold(marks.supervisor_lock(workspace))  # so that no page starts a real supervisor
found = {}
for page in sys.argv[2:]:
    opened = AppTest.from_file(f"pages/{page}", default_timeout=120).run()
    found[page] = [error.message for error in opened.exception]
found["imported"] = sorted({"keras", "tensorflow", "sklearn"} & sys.modules.keys())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    workspace = tmp_path_factory.mktemp("pages") / "workspace"
    done = subprocess.run(
        [sys.executable, "-c", OPENED_ALONE, str(workspace), *PAGES], cwd=ROOT, capture_output=True, text=True,
        check=False, env={"PATH": "/usr/bin:/bin", "LAYERWISE_WORKSPACE": str(workspace)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("page", PAGES)
def test_opens_first_and_alone(page, opened):
    assert opened[page] == []


def test_no_page_imports_keras_or_tensorflow(opened):
    """Half a gigabyte and seconds that every visitor would pay; only workers may."""
    assert {"keras", "tensorflow"} & set(opened["imported"]) == set()


@pytest.mark.parametrize("page", PAGES)
def test_shows_no_html_of_its_own(page):
    assert "unsafe_allow_html" not in (ROOT / "pages" / page).read_text(encoding="utf-8")
