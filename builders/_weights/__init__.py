"""Weights of trained networks that come with the app, each with its line in `NOTICE.md`.

`datasets/_pack/build.py` makes every file here from pinned packages.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def path(name: str) -> Path:
    """Return the path of a file of weights, such as `efficientnet_lite0.npz`."""
    return FOLDER / name
