"""The sample pack: bundled data that need no download, each with its line in `NOTICE.md`.

`build.py` makes every file here from pinned packages. To add one, add an `Item` to it and run it again.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def path(name: str) -> Path:
    """Return the path of a packed file, such as `penguins.csv`."""
    return FOLDER / name
