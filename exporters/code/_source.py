"""Plain Keras source code of a functional model, written from its own configuration.

Every layer becomes a line of the functional API with the arguments that are not the layer's defaults. What plain
Keras cannot name (a class of ours) is refused.
"""

import builtins
import inspect
import keyword
import re
from dataclasses import dataclass, field
from typing import Any

from recipes import Refusal, keras

LONGEST = 110
"""Letters of a line."""
MOST_OUTPUTS = 8
LISTS = ("Split", "ArraySplit", "Unstack", "TopK", "Moments")
"""Operations that give a list."""
FEW = 12
"""Longer lists go into the file of constants."""
PLAIN = ("name", "trainable", "dtype", "build_config", "registered_name", "quantization_config")
NOT_PLAIN = (
    "The {what} of this model is not one of Keras's own, so its code cannot stand alone. Download the model instead."
)


RESERVED = {"keras", "layers", "ops", "np", "model", *dir(builtins)}


@dataclass
class Source:
    """Lines of code that are being written, with the constants that are too long for a line."""

    lines: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    answers: dict[str, list[str]] = field(default_factory=dict)
    """How each output of a model inside is reached."""

    def model(self, model: Any, variable: str) -> None:
        """Write a functional model under this variable's name; models inside it come first."""
        config = model.get_config()
        tensors: dict[tuple[str, int, int], str] = {}
        makers: dict[str, str] = {}
        for layer in config["layers"]:
            inside = layer["class_name"] in ("Functional", "Sequential") or "layers" in layer["config"]
            if inside:
                makers[layer["name"]] = name = self._name(layer["name"])
                inner = model.get_layer(layer["name"])
                self.model(inner, name)
                told = inner.output
                keys = sorted(told) if isinstance(told, dict) else range(len(told)) if isinstance(told, list) else None
                self.answers[layer["name"]] = [""] if keys is None else [f"[{key!r}]" for key in keys]
        calls = [
            (layer, number) for layer in config["layers"] for number in range(max(1, len(layer["inbound_nodes"])))
        ]  # fmt: skip
        while calls:  # a layer that is called twice stands where its first call does: its second may come later
            ready = next(call for call in calls if _needs(*call) <= tensors.keys())
            calls.remove(ready)
            self._call(*ready, tensors, makers)
        # In these two lists, and only here, the calls of a functional model are counted from 1.
        models = {layer["name"] for layer in config["layers"] if layer["class_name"] == "Functional"}
        ends = {(name, number + (name in models), place): told for (name, number, place), told in tensors.items()}
        inputs, outputs = (_tree(config[f"{side}_layers"], ends) for side in ("input", "output"))
        self._line(f"{variable} = keras.Model({inputs}, {outputs}, name={config['name']!r})")
        self.lines.append("")

    def _call(
        self, layer: dict[str, Any], number: int, tensors: dict[tuple[str, int, int], str], makers: dict[str, str]
    ) -> None:
        """Write one call of a layer, and the layer itself before its first one where there are several."""
        own, kind = layer["name"], layer["class_name"]
        if kind == "InputLayer":
            tensors[own, 0, 0] = name = self._name(own)
            shape = ", ".join(map(str, layer["config"]["batch_shape"][1:]))
            shape = f"({shape},)" if len(layer["config"]["batch_shape"]) == 2 else f"({shape})"
            dtype = self._value(layer["config"]["dtype"], {})
            self._line(f"{name} = keras.Input({shape}, name={own!r}, dtype={dtype})")
            return
        node, maker = layer["inbound_nodes"][number], makers.get(own)
        if maker is None and not layer["module"].startswith("keras.src.ops"):
            maker = self._made(layer)
            if len(layer["inbound_nodes"]) > 1:
                makers[own] = name = self._name(own)
                self._line(f"{name} = {maker}")
                maker = name
        name = self._name(own if own not in makers else f"{own}_{number + 1}")
        args = [self._value(value, tensors) for value in node["args"]]
        kwargs = {key: self._value(value, tensors) for key, value in node["kwargs"].items() if key != "training"
                  and value is not None}  # fmt: skip
        called = self._operation(layer, args, kwargs) if maker is None else f"{maker}({_joined(args, kwargs)})"
        self._line(f"{name} = {called}")
        for place, each in enumerate(self._taken_apart(layer, node)):
            tensors[own, number, place] = f"{name}{each}"

    def _taken_apart(self, layer: dict[str, Any], node: dict[str, Any]) -> list[str]:
        """Say how each output of a call is reached: a name alone, a place in a list, a key of a dictionary."""
        if layer["name"] in self.answers:
            return self.answers[layer["name"]]
        several = node["kwargs"].get("return_attention_scores") or layer["config"].get("return_state")
        if several or layer["class_name"] in LISTS:
            return [f"[{place}]" for place in range(MOST_OUTPUTS)]
        return [""]

    def _operation(self, layer: dict[str, Any], args: list[str], kwargs: dict[str, str]) -> str:
        kind = layer["class_name"]
        if kind == "GetItem":
            return f"{args[0]}[{args[1].strip('()')}]"
        function = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
        if not hasattr(keras.ops, function):
            raise Refusal(NOT_PLAIN.format(what=f"step `{kind}`"))
        known = inspect.signature(getattr(keras.ops, function)).parameters
        for key, value in layer["config"].items():
            default = known[key].default if key in known else None
            if key in known and key not in kwargs and key != "name" and value is not None and value != default:
                kwargs[key] = self._value(value, {})
        return f"ops.{function}({_joined(args, kwargs)})"

    def _made(self, told: dict[str, Any]) -> str:
        """Write how a layer, loss, metric or initializer is made: `layers.Dense(64, activation="relu")`."""
        module, kind, config = told["module"] or "", told["class_name"], told["config"]
        if not module.startswith("keras") or told.get("registered_name") not in (None, kind):
            raise Refusal(NOT_PLAIN.format(what=f"part `{kind}`"))
        place = module.removeprefix("keras.").split(".")[0]
        made = getattr(getattr(keras, place), kind)
        args, kwargs = [], {}
        for key, parameter in inspect.signature(made.__init__).parameters.items():
            if key not in config or key in PLAIN or _is_default(config[key], parameter.default):
                continue
            if parameter.default is parameter.empty:
                args.append(self._value(config[key], {}, key))
            else:
                kwargs[key] = self._value(config[key], {}, key)
        if (
            place == "layers"
            and not re.fullmatch(rf"{_snake(kind)}(_\d+)?", config.get("name", ""))
            and "name" in config
        ):
            kwargs["name"] = repr(config["name"])
        if place == "metrics":
            kwargs["name"] = repr(config["name"])
        prefix = "layers" if place == "layers" else f"keras.{place}"
        return f"{prefix}.{kind}({_joined(args, kwargs)})"

    def _value(self, value: Any, tensors: dict[tuple[str, int, int], str], hint: str = "values") -> str:
        if isinstance(value, dict):
            return self._of_dict(value, tensors, hint)
        if isinstance(value, (list, tuple)):
            if len(value) > FEW and not _read(value):
                return self._constant(hint, value)
            inner = ", ".join(self._value(each, tensors) for each in value)
            return f"({inner}{',' if len(value) == 1 else ''})" if isinstance(value, tuple) else f"[{inner}]"
        return repr(value)

    def _of_dict(self, value: dict[str, Any], tensors: dict[tuple[str, int, int], str], hint: str) -> str:
        kind = value.get("class_name")
        if kind == "__keras_tensor__":
            return tensors[tuple(value["config"]["keras_history"])]
        if kind in ("__numpy__", "__tensor__"):
            array = value["config"]["value"]
            many = isinstance(array, list) and len(array) > FEW
            told = self._constant(hint, array) if many else repr(array)
            return f"np.array({told}, {value['config']['dtype']!r})"
        if kind == "__tuple__":
            return self._value(tuple(value["items"]), tensors)
        if kind == "__slice__":
            ends = [value["config"][key] for key in ("start", "stop", "step")]
            told = ":".join("" if end is None else str(end) for end in ends[:2])
            return told if ends[2] is None else f"{told}:{ends[2]}"
        if kind == "__ellipsis__":
            return "..."
        if kind == "DTypePolicy":
            return repr(value["config"]["name"])
        if kind and "module" in value:
            return self._made(value)
        items = ", ".join(f"{key!r}: {self._value(each, tensors, str(key))}" for key, each in value.items())
        return f"{{{items}}}"

    def _constant(self, hint: str, value: Any) -> str:
        """Put a long list into the file of constants; returns how the code reads it."""
        same = next((name for name, known in self.constants.items() if known == list(value)), None)
        name = same or hint
        number = 1
        while same is None and name in self.constants:
            number += 1
            name = f"{hint}_{number}"
        self.constants[name] = list(value)
        return f"CONSTANTS[{name!r}]"

    def _name(self, wish: str) -> str:
        name = re.sub(r"\W+", "_", wish.lower()).strip("_") or "x"
        name = f"x_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
        free, number = name, 1
        while free in self.taken or free in RESERVED:
            number += 1
            free = f"{name}_{number}"
        self.taken.add(free)
        return free

    def _line(self, line: str) -> None:
        """Write a line, broken behind commas of its outermost brackets where it is too long."""
        if len(line) <= LONGEST:
            self.lines.append(line)
            return
        start = line.index("(", line.index("=")) + 1
        depth, parts, since = 0, [], start
        for place in range(start, len(line) - 1):
            depth += (line[place] in "([{") - (line[place] in ")]}")
            if line[place] == "," and depth == 0:
                parts.append(line[since:place].strip())
                since = place + 1
            if depth < 0:  # the first bracket ends before the line does: leave it whole
                self.lines.append(line)
                return
        parts.append(line[since:-1].strip())
        self.lines += [line[:start], *(f"    {part}," for part in parts if part), ")"]


def made(told: Any) -> str:
    """Write how a loss or a metric is made."""
    if isinstance(told, str):
        return repr(told)
    return Source()._made(keras.saving.serialize_keras_object(told))  # noqa: SLF001 - the same module


def _joined(args: list[str], kwargs: dict[str, str]) -> str:
    return ", ".join([*args, *(f"{key}={value}" for key, value in kwargs.items())])


def _tree(told: Any, tensors: dict[tuple[str, int, int], str]) -> str:
    """Write inputs or outputs as the model has them: one, a list, a dictionary."""
    if isinstance(told, dict):
        return "{" + ", ".join(f"{key!r}: {_tree(each, tensors)}" for key, each in told.items()) + "}"
    if len(told) == 3 and isinstance(told[0], str) and isinstance(told[1], int):
        return tensors[told[0], told[1], told[2]]
    return "[" + ", ".join(_tree(each, tensors) for each in told) + "]"


def _needs(layer: dict[str, Any], number: int) -> set[tuple[str, int, int]]:
    """Name the tensors that a call of a layer reads."""
    nodes = layer["inbound_nodes"]
    return set(_read(nodes[number]["args"]) + _read(nodes[number]["kwargs"])) if nodes else set()


def _read(value: Any) -> list[tuple[str, int, int]]:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [tuple(value["config"]["keras_history"])]
        value = list(value.values())
    return [found for each in value for found in _read(each)] if isinstance(value, (list, tuple)) else []


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, list) and isinstance(default, (int, tuple)) and not isinstance(default, bool):
        return value == list(default) if isinstance(default, tuple) else all(each == default for each in value)
    if isinstance(value, dict) and isinstance(default, str):
        same = re.sub(r"[^a-z]", "", default.lower()) == value["class_name"].lower()
        return same and all(each in (None, 0, 0.0) or key == "seed" for key, each in value["config"].items())
    if value == "linear" and default is None:
        return True
    return bool(value == default)


def _snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
