"""Keras, imported on first use: a page reads a family's title and settings without paying for TensorFlow.

Importing Keras costs 3 to 6 s and half a gigabyte, so only workers may do it (docs/architecture.md, decision 1).
Every file that builds layers says `from recipes import keras` and touches `keras.layers` inside its functions.
"""

import importlib
import os
from typing import Any


class OnFirstUse:
    """Stand in for a module until one of its names is asked for."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        return getattr(importlib.import_module(self._module), name)


keras: Any = OnFirstUse("keras")
