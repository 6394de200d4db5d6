"""Measurements, one command each; a small setting that tests use, a large one for `docs/`."""
