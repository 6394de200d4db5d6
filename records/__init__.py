"""Run folders and the catalogue of runs; neither Keras nor Streamlit.

A run is a folder: the worker writes, everyone else reads, and one file, `ask.json`, carries a wish to the worker.
"""

from records.run import Run, State, write_json
from records.workspace import Workspace

__all__ = ["Run", "State", "Workspace", "write_json"]
