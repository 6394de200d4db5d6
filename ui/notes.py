"""A person's own words about a run, kept in the run's folder (`note.json`); they are never part of a download."""

import time

from recipes import Refusal
from records import Run, write_json
from ui.run_reader import reader

FILE = "note.json"
LONGEST = 2_000
"""Letters of one note."""


def of(run: Run) -> str:
    """Return the note of a run; empty where there is none."""
    told = reader(run.folder).file(FILE)
    return told["text"] if told else ""


def write(run: Run, text: str) -> None:
    """Keep a note; an empty one takes it away. The caller has made sure that the run is the visitor's own."""
    text = text.strip()
    if len(text) > LONGEST:
        raise Refusal(f"A note has at most {LONGEST:,} letters, but this one has {len(text):,}. Shorten it.")
    if text:
        write_json(run.folder / FILE, {"text": text, "changed": time.time()})
    else:
        (run.folder / FILE).unlink(missing_ok=True)
