"""Reads from the installed Keras which parts a model file may name; `records/model_words.json` is its answer.

PYTHONPATH=. .venv/bin/python tests/records/words_of_keras.py > records/model_words.json
"""

import inspect
import json
import re
import sys
from importlib import import_module
from typing import Any

from recipes import keras

CLOSED = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Layer", "Wrapper", "Pipeline"}
"""Run code or open files that the file names, or mean nothing by themselves."""
LOOPS = {"AssociativeScan", "Cond", "CustomGradient", "ForiLoop", "JVP", "Map", "Scan", "Switch", "VJP"}
LOOPS |= {"VectorizedMap", "WhileLoop"}
"""Operations whose parts are functions."""
_WRITTEN = re.compile(r"""["'](\w+)["']\]? ?[:=] """)
NO_FUNCTIONS = {"get", "serialize", "deserialize"}


def words() -> dict[str, Any]:
    """Return {"layers", "operations", "initializers", "regularizers", "constraints"} with their settings."""
    from keras.src.applications import convnext
    from keras.src.ops.operation import Operation

    layers = _classes(keras.layers, keras.layers.Layer)
    operations = {}
    for room in ("core", "image", "linalg", "math", "nn", "numpy"):
        module = import_module(f"keras.src.ops.{room}")
        own = {name: one for name, one in _classes(module, Operation).items() if one.__module__ == module.__name__}
        operations[module.__name__] = {name: _settings(one) for name, one in own.items() if name not in LOOPS}
    blocks = (convnext.LayerScale, convnext.StochasticDepth)
    operations[convnext.__name__] = {one.__name__: _settings(one) for one in blocks}
    functions = {name for name in dir(keras.activations) if name.islower() and name not in NO_FUNCTIONS}
    return {
        "layers": {name: _settings(one) for name, one in layers.items() if name not in CLOSED},
        "operations": operations,
        "initializers": _named(keras.initializers, keras.initializers.Initializer),
        "regularizers": _named(keras.regularizers, keras.regularizers.Regularizer),
        "constraints": _named(keras.constraints, keras.constraints.Constraint),
        "activations": sorted(name for name in functions if callable(getattr(keras.activations, name))),
    }


def _named(module: Any, base: type) -> dict[str, list[str]]:
    return {name: _settings(one) for name, one in _classes(module, base).items() if one is not base}


def _classes(module: Any, base: type) -> dict[str, type]:
    """Return classes by the name under which the module gives them out; files name them so."""
    return {name: one for name, one in sorted(vars(module).items()) if inspect.isclass(one) and issubclass(one, base)}


def _settings(one: type) -> list[str]:
    """List what the class and those it comes from take and write, without what gathers the rest."""
    taken = set()
    for each in one.__mro__[:-1]:
        if "__init__" in vars(each):
            for name, parameter in inspect.signature(each.__init__).parameters.items():
                if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                    taken.add(name)
        if "get_config" in vars(each) and each.__name__ != "Operation":  # what a class writes, it also reads
            taken.update(_WRITTEN.findall(inspect.getsource(vars(each)["get_config"])))
    return sorted(taken)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(words(), indent=1) + "\n")
