"""What the description inside a `.keras` file may say: a closed list of Keras's own parts, written anew word by word.

`cleaned` reads `config.json` as data and returns a description of the same model in which nothing stands that was not
understood here: every class is one of `model_words.json`, every setting one that this class takes, every value a plain
one within limits. No class is looked up, no function is called, nothing is imported. Whatever is left over is refused.
"""

import json
import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from recipes import Refusal

LARGEST = 8 * 2**20
"""Bytes of the description."""
DEEPEST = 64
MOST_VALUES = 1_000_000
MOST_LAYERS = 2_000
MOST_WORDS = 100_000
LARGEST_SIZE = 8_192
LARGEST_NUMBER = 10_000_000
LONGEST_NAME = 512

FUNCTIONAL = ("keras.src.models.functional", "Functional")
SEQUENTIAL = ("keras", "Sequential")
MODELS = {"Functional": FUNCTIONAL, "Sequential": SEQUENTIAL}
MODEL_ROOMS = ("keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential")
ROOMS = {"initializer": "keras.initializers", "regularizer": "keras.regularizers", "constraint": "keras.constraints"}
AROUND = {"module", "class_name", "config", "registered_name", "build_config", "compile_config", "name"}
AROUND |= {"inbound_nodes", "shared_object_id"}
DTYPES = frozenset(
    "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string".split()  # noqa: SIM905
)
POLICIES = DTYPES | {"mixed_float16", "mixed_bfloat16"}
SIZES = frozenset(
    "units filters output_dim key_dim value_dim num_heads head_dim num_query_heads num_key_value_heads kernel_size "  # noqa: SIM905
    "depth_multiplier groups strides dilation_rate pool_size size n height width num_mel_bins output_size padding "
    "cropping output_padding frame_length".split()
)
"""Settings that say how large a layer is; a larger one than `LARGEST_SIZE` is no honest model."""
LAYERS_IN = frozenset(("layer", "backward_layer", "forward_layer", "cell"))
NOTHING_IN = frozenset(
    "weights input_tensor quantization_config gptq_unpacked_column_size lora_rank lora_alpha function module".split()  # noqa: SIM905
)
"""Settings that carry what is not opened here; honest files leave them empty."""
SHAPES_IN = frozenset(("batch_shape", "shape", "build_input_shape", "batch_input_shape"))
ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Activation")
STANDARDIZE = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLIT = (None, "whitespace", "character")
CODE = {
    "Lambda": "is a Lambda, which holds program code of its own",
    "TFSMLayer": "opens a TensorFlow model from another file",
    "TorchModuleWrapper": "holds a PyTorch module",
    "JaxLayer": "holds program code for JAX",
    "FlaxLayer": "holds program code for Flax",
}
_WORD = re.compile(r"[\w .,:;\->+*%()\[\]=#'!?&]{0,64}")
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(rb"[\[\]{}]")
BROKEN = "The description of the model inside this file is broken. Save the model again with Keras 3."
AGAIN = "Replace it with built-in layers and save the model again."


@cache
def words() -> dict[str, Any]:
    """Return Keras's own parts with their settings, as `tests/records/words_of_keras.py` has read them from Keras."""
    return json.loads(Path(__file__).with_name("model_words.json").read_text(encoding="utf-8"))


def cleaned(text: bytes) -> dict[str, Any]:
    """Return the description written anew; raises `Refusal` for anything that is not on the list."""
    config = parsed(text)
    if config.get("class_name") in tuple(MODELS) and config.get("module") in MODEL_ROOMS:  # it may be anything
        return _Cleaner().layer(config, "the model")
    kind = _kind(config)
    if config.get("class_name") in ("Model", "Functional", "Sequential") or config.get("registered_name"):
        raise Refusal(
            f"This model is of a class of its own ({kind}), whose program code is not in the file. Only Functional and "
            "Sequential models can be opened."
        )
    raise Refusal(f"The file holds {kind}, and only Functional and Sequential models can be opened here.")


def parsed(text: bytes, largest: int = LARGEST) -> dict[str, Any]:
    """Read JSON that may be hostile: limits on bytes, depth, numbers; no key twice; an object at the root."""
    if len(text) > largest:
        raise Refusal(f"The description of the model is longer than {largest >> 20 or 1} MB. No model needs so much.")
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", text)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > DEEPEST:
            raise Refusal(f"The description of the model is nested more than {DEEPEST} levels deep, which none needs.")
    try:
        found = json.loads(
            text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_short_integer
        )
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Refusal) else Refusal(BROKEN) from None
    if not isinstance(found, dict):
        raise Refusal(BROKEN)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal("The description of the model says something twice. Save the model again with Keras 3.")
    return found


def _no_constant(_word: str) -> None:
    raise Refusal("The description of the model holds a number that is none (NaN or Infinity).")


def _short_integer(digits: str) -> int:
    if len(digits) > 20:
        raise Refusal("The description of the model holds a number with more than 20 digits.")
    return int(digits)


class _Cleaner:
    """Walks one description; counts what it has seen."""

    def __init__(self) -> None:
        self._values = 0
        self._layers = 0

    # Layers and models

    def layer(self, node: Any, where: str) -> dict[str, Any]:
        """Return a layer, operation or model as it may be rebuilt."""
        self._count()
        module, kind, config = self._opened(node, where)
        name = self._name(config.get("name", node.get("name")), where)
        shown = f"The layer '{name}'" if name else f"A layer in {where}"
        if kind in CODE:
            raise Refusal(f"{shown} {CODE[kind]}. Code from a file is never run here. {AGAIN}")
        if kind in MODELS and module in MODEL_ROOMS:
            room, taken = MODELS[kind][0], self._model(kind, config, name)
        elif module == "keras.layers" and kind in words()["layers"]:
            room, taken = module, self._settings(words()["layers"][kind], config, shown)
        elif kind in words()["operations"].get(module, ()):
            room, taken = module, self._settings(words()["operations"][module][kind], config, shown)
        else:
            raise _unknown(node, shown)
        own = room != "keras.layers" and kind != "Sequential"
        found: dict[str, Any] = {
            "module": room, "class_name": kind, "config": taken, "registered_name": kind if own else None,
        }  # fmt: skip
        if kind in MODELS:
            found["compile_config"] = None
        if isinstance(shared := node.get("shared_object_id"), int):
            found["shared_object_id"] = shared
        if "inbound_nodes" in node:
            found["name"] = self._name(node.get("name"), where)
            found["inbound_nodes"] = [self._call(each, shown) for each in _list(node["inbound_nodes"])]
        return found

    def _model(self, kind: str, config: dict[str, Any], name: str) -> dict[str, Any]:
        shown = f"The model '{name}'"
        taken: dict[str, Any] = {"name": name}
        layers = _list(config.get("layers"))
        taken["layers"] = [self.layer(each, shown.replace("The", "the", 1)) for each in layers]
        self._unique([each.get("name") or each["config"]["name"] for each in taken["layers"]], shown)
        if "trainable" in config:
            taken["trainable"] = self._flag(config["trainable"])
        if "dtype" in config:
            taken["dtype"] = self._dtype(config["dtype"], shown)
        if kind == "Functional":
            self._only(config, ("name", "trainable", "dtype", "layers", "input_layers", "output_layers"), shown)
            for key in ("input_layers", "output_layers"):
                taken[key] = self._plain(config.get(key), shown, key)
            if any("inbound_nodes" not in each for each in taken["layers"]):
                raise Refusal(BROKEN)
        else:
            self._only(config, ("name", "trainable", "dtype", "layers", "build_input_shape"), shown)
            if config.get("build_input_shape") is not None:
                taken["build_input_shape"] = self._shape(config["build_input_shape"], shown)
        return taken

    def _unique(self, names: list[str], shown: str) -> None:
        seen = set()
        for name in names:
            if name in seen:
                raise Refusal(f"{shown} has two layers that are called '{name}'. Save the model again with Keras 3.")
            seen.add(name)

    def _call(self, call: Any, shown: str) -> dict[str, Any]:
        """Return how a layer was called: tensors that other layers gave, constants, plain values."""
        if not isinstance(call, dict) or set(call) - {"args", "kwargs"}:
            raise Refusal(BROKEN)
        arguments = call.get("kwargs") or {}
        if not isinstance(arguments, dict):
            raise Refusal(BROKEN)
        return {
            "args": [self._argument(each, shown) for each in _list(call.get("args"))],
            "kwargs": {self._key(key): self._argument(each, shown) for key, each in arguments.items()},
        }

    def _argument(self, value: Any, shown: str) -> Any:
        self._count_value()
        if isinstance(value, list):
            return [self._argument(each, shown) for each in value]
        if not isinstance(value, dict):
            return self._plain(value, shown, "argument")
        if "class_name" not in value:
            return {self._key(key): self._argument(each, shown) for key, each in value.items()}
        kind, config = value.get("class_name"), value.get("config")
        if set(value) - {"class_name", "config", "module", "registered_name"}:
            raise Refusal(BROKEN)
        if kind == "__ellipsis__":
            return {"class_name": kind, "config": {}}
        if not isinstance(config, dict):
            raise _unknown(value, shown)
        if kind == "__keras_tensor__":
            layer, node, tensor = self._history(config.get("keras_history"))
            told = {
                "shape": self._shape(config.get("shape"), shown),
                "dtype": self._one_of(config.get("dtype"), DTYPES),
            }
            return {"class_name": kind, "config": told | {"keras_history": [layer, node, tensor]}}
        if kind in ("__numpy__", "__tensor__"):
            told = {"value": self._constant(config.get("value")), "dtype": self._one_of(config.get("dtype"), DTYPES)}
            return {"class_name": kind, "config": told}
        if kind == "__slice__":
            return {
                "class_name": kind,
                "config": {key: self._argument(config.get(key), shown) for key in ("start", "stop", "step")},
            }
        raise _unknown(value, shown)

    def _history(self, value: Any) -> tuple[str, int, int]:
        if not (isinstance(value, list) and len(value) == 3):
            raise Refusal(BROKEN)
        layer, node, tensor = value
        if not (isinstance(layer, str) and _is_count(node) and _is_count(tensor)):
            raise Refusal(BROKEN)
        return self._name(layer, "the model"), node, tensor

    # Settings

    def _settings(self, known: Iterable[str], config: dict[str, Any], shown: str) -> dict[str, Any]:
        self._only(config, known, shown)
        return {key: self._setting(key, value, shown) for key, value in config.items()}

    def _setting(self, key: str, value: Any, shown: str) -> Any:
        self._count_value()
        if value is None:
            return None
        if key in NOTHING_IN:
            raise Refusal(f"{shown} sets `{key}`, which is not opened here. {AGAIN}")
        if key == "name":
            return self._name(value, shown)
        if key in LAYERS_IN:
            return self.layer(value, shown)
        if key == "cells":
            return [self.layer(each, shown) for each in _list(value)]
        if key in SHAPES_IN:
            return self._shape(value, shown)
        if key == "dtype" or key.endswith("_dtype"):
            return self._dtype(value, shown)
        if key.endswith("activation"):
            return self._activation(value, shown)
        for role in ROOMS:
            if key.endswith(role):
                return self._part(role, value, shown)
        if key in ("vocabulary", "idf_weights"):
            return self._vocabulary(value, shown)
        if key in ("standardize", "split"):
            return self._one_of(value, STANDARDIZE if key == "standardize" else SPLIT, shown, key)
        if key == "seed":  # a generator of its own draws nothing that a file could need
            return value if isinstance(value, int) else None
        return self._plain(value, shown, key)

    def _activation(self, value: Any, shown: str) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "function":
            value = value.get("config")
        if isinstance(value, str):
            if value in words()["activations"]:
                return value
            raise Refusal(f"{shown} names an activation that Keras does not have. {AGAIN}")
        if isinstance(value, dict) and value.get("class_name") in ACTIVATION_LAYERS:
            return self.layer(value, shown)
        raise _unknown(value, shown)

    def _part(self, role: str, value: Any, shown: str) -> Any:
        """Return an initializer, a regularizer or a constraint; a bare name is one with its own defaults."""
        known = words()[f"{role}s"]
        if isinstance(value, str):
            plain = value.replace("_", "").lower()
            if any(plain == name.lower() for name in known):
                return value
            raise Refusal(f"{shown} names one of its `{role}s` that Keras does not have. {AGAIN}")
        module, kind, config = self._opened(value, shown)
        if not (module == ROOMS[role] and kind in known):
            raise _unknown(value, shown)
        self._only(config, [*known[kind], "name"], shown)
        taken = {key: self._setting(key, each, shown) for key, each in config.items()}
        return {"module": module, "class_name": kind, "config": taken, "registered_name": None}

    def _dtype(self, value: Any, shown: str) -> Any:
        if isinstance(value, dict):
            module, kind, config = self._opened(value, shown)
            if not (module in ("keras", "keras.dtype_policies") and kind == "DTypePolicy"):
                raise _unknown(value, shown)
            value = config.get("name")
        return self._one_of(value, POLICIES, shown, "dtype")

    def _vocabulary(self, value: Any, shown: str) -> Any:
        if isinstance(value, str):
            raise Refusal(
                f"{shown} reads its words from a file, and no file is opened for a model here. Give the layer its "
                "words as a list and save the model again."
            )
        found = _list(value)
        if len(found) > MOST_WORDS:
            raise Refusal(f"{shown} knows {len(found):,} words; at most {MOST_WORDS:,} are allowed.")
        for each in found:
            is_word = isinstance(each, str) and len(each) <= 1_000 and _is_text(each)
            if not (is_word or (isinstance(each, (int, float)) and math.isfinite(each))):
                raise Refusal(f"{shown} has something in its list of words that is no word.")
        self._count_value(len(found))
        return found

    # Values

    def _plain(self, value: Any, shown: str, key: str) -> Any:
        """Return a number, a flag, a short word, nothing, or lists and dictionaries of them."""
        self._count_value()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            largest = LARGEST_SIZE if key in SIZES else LARGEST_NUMBER
            if abs(value) > largest:
                raise Refusal(f"{shown} sets `{key}` to {value}, but at most {largest:,} is allowed.")
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise Refusal(BROKEN)
            return value
        if isinstance(value, str):
            # Names of layers stand in lists of inputs and outputs; they are no settings.
            if key in ("input_layers", "output_layers"):
                return self._name(value, shown)
            if not _WORD.fullmatch(value):
                raise Refusal(f"{shown} sets `{key}` to a text that no setting of Keras has. {AGAIN}")
            return value
        if isinstance(value, list):
            return [self._plain(each, shown, key) for each in value]
        if "class_name" in value or "module" in value:
            raise _unknown(value, shown)
        is_graph = key in ("input_layers", "output_layers")
        return {
            self._name(name, shown, slash=True) if is_graph else self._key(name): self._plain(each, shown, key)
            for name, each in value.items()
        }

    def _constant(self, value: Any) -> Any:
        self._count_value()
        if isinstance(value, list):
            return [self._constant(each) for each in value]
        if isinstance(value, str) and len(value) <= 1_000 and _is_text(value):
            return value
        if isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        raise Refusal(BROKEN)

    def _shape(self, value: Any, shown: str) -> Any:
        if isinstance(value, dict) and "class_name" not in value:
            return {self._name(key, shown, slash=True): self._shape(each, shown) for key, each in value.items()}
        sizes = _list(value)
        if sizes and isinstance(sizes[0], list):
            return [self._shape(each, shown) for each in sizes]
        if len(sizes) > 16 or not all(each is None or (_is_count(each) and each <= LARGEST_NUMBER) for each in sizes):
            raise Refusal(f"{shown} has a shape that no data have.")
        return sizes

    def _flag(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Refusal(BROKEN)
        return value

    def _one_of(self, value: Any, allowed: Iterable[Any], shown: str = "", key: str = "") -> Any:
        if isinstance(value, (dict, list)) or value not in allowed:
            raise Refusal(f"{shown} sets `{key}` to something that cannot be opened here. {AGAIN}" if key else BROKEN)
        return value

    def _key(self, key: str) -> str:
        if not (key.isidentifier() or key.lstrip("-").isdigit()) or key.startswith("__"):
            raise Refusal(BROKEN)
        return key

    def _name(self, name: Any, where: str, *, slash: bool = False) -> str:
        if name is None:
            return ""
        is_fine = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.strip(".") != "" and _is_text(name)
        if not is_fine or "\\" in name or ("/" in name and not slash):
            raise Refusal(
                f"{where[:1].upper() + where[1:]} holds a name that Keras does not give. Save the model again with "
                "names of letters and digits."
            )
        return name

    def _opened(self, node: Any, where: str) -> tuple[str, str, dict[str, Any]]:
        """Take the wrapping off a part: its module, its class, its settings."""
        if not isinstance(node, dict) or set(node) - AROUND or "class_name" not in node:
            raise Refusal(BROKEN)
        module, kind, config = node.get("module"), node["class_name"], node.get("config")
        named = node.get("registered_name")
        if not (isinstance(module, str) and isinstance(kind, str)) or named not in (None, kind):
            raise _unknown(node, where[:1].upper() + where[1:])
        if not isinstance(config, dict):
            raise _unknown(node, where[:1].upper() + where[1:])
        return module, kind, config

    def _only(self, config: dict[str, Any], known: Iterable[str], shown: str) -> None:
        odd = sorted(set(config) - set(known))
        if odd:
            raise Refusal(
                f"{shown} has a setting that its kind does not have in Keras 3.15: `{_short(odd[0])}`. Save the model "
                "again with a newer Keras."
            )

    def _count(self) -> None:
        self._layers += 1
        if self._layers > MOST_LAYERS:
            raise Refusal(f"This model has more than {MOST_LAYERS:,} layers. At most so many are opened here.")

    def _count_value(self, more: int = 1) -> None:
        self._values += more
        if self._values > MOST_VALUES:
            raise Refusal(f"The description of the model holds more than {MOST_VALUES:,} values, which none needs.")


def _unknown(node: Any, shown: str) -> Refusal:
    return Refusal(f"{shown} names {_kind(node)}, which is none of Keras's own parts that can be opened here. {AGAIN}")


def _kind(node: Any) -> str:
    """Name what a description asks for, for people to see: "os.system"."""
    if not isinstance(node, dict):
        return "something"
    module, kind = node.get("module"), node.get("class_name")
    if kind in ("function", "__lambda__") and isinstance(node.get("config"), str):
        kind = node["config"]
    named = node.get("registered_name")
    if isinstance(named, str) and named and named != kind:
        return f"'{_short(named)}'"
    return f"'{_short('.'.join(str(each) for each in (module, kind) if each))}'"


def _short(text: str) -> str:
    kept = "".join(sign if sign.isprintable() else "?" for sign in str(text))
    return kept if len(kept) <= 60 else f"{kept[:57]}..."


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Refusal(BROKEN)
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(text: str) -> bool:
    """Is it text that can be written to a file: no control signs but tab and line end, no half of a letter?"""
    return not any(0xD800 <= ord(sign) <= 0xDFFF or (ord(sign) < 32 and sign not in "\t\n\r") for sign in text)
