"""Changing pictures at random, and a model that learns to find the changed twin of a picture among others."""

from typing import Any

from recipes import keras, lazy_class
