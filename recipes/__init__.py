"""The plain data that every room shares; this folder imports pydantic and numpy and nothing of ours.

To add a field to a recipe, declare it once in `recipe.py` with title, description and range: the form, the
check, the YAML and the docs table follow from it.
"""

from recipes.corrections import Corrections
from recipes.findings import Finding
from recipes.lazy import keras
from recipes.recipe import Data, Fold, ModelChoice, Recipe, Shares, Training
from recipes.schema import Column, Schema
from recipes.settings import Settings, setting
from recipes.signature import Part, RawInput, Signature, Target, TensorSpec
from recipes.words import Refusal, known, validate

__all__ = [
    "Column",
    "Corrections",
    "Data",
    "Finding",
    "Fold",
    "ModelChoice",
    "Part",
    "RawInput",
    "Recipe",
    "Refusal",
    "Schema",
    "Settings",
    "Shares",
    "Signature",
    "Target",
    "TensorSpec",
    "Training",
    "keras",
    "known",
    "setting",
    "validate",
]
