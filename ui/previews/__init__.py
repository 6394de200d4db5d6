"""What Build shows of a data set before training, one file a data type: `show(dataset)`.

A data type without a file of its own shows its first rows as a table.
"""

import importlib
import pkgutil
from functools import cache
from typing import Any


@cache
def names() -> tuple[str, ...]:
    """Name the data types that have a preview of their own."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def get(data_type: str) -> Any:
    """Return the preview of a data type."""
    return importlib.import_module(f"ui.previews.{data_type}")
