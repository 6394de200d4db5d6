"""Tests mirror the rooms; contract tests run over every file of the plug-in folders; `browser/` drives the real app."""
