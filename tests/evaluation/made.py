"""Small prepared data and fitted cores, made without a data type: the report needs ready tensors only."""

import numpy as np

from builders import Blueprint
from datasets import DataSet, Prepared
from evaluation.asked import Asked
from recipes import Part, Schema, Signature, Target, TensorSpec, keras


def parts_of(x, y, sizes):
    """Cut arrays into the three parts; row numbers are those of the whole."""
    ends = np.cumsum(sizes)
    starts = ends - sizes
    return {
        name: Part({key: array[start:end] for key, array in x.items()}, y[start:end], np.arange(start, end))
        for name, start, end in zip(("train", "validation", "test"), starts, ends, strict=True)
    }


def prepared_of(folder, x, y, sizes, *, classes=(), mean=0.0, scale=1.0):
    """Save arrays as prepared data."""
    signature = Signature(
        data_type="tabular",
        task="classification" if classes else "regression",
        inputs={key: TensorSpec(shape=array.shape[1:], dtype=str(array.dtype)) for key, array in x.items()},
        raw=(),
        target=Target(name="kind" if classes else "price", classes=classes, mean=mean, scale=scale),
        rows=dict(zip(("train", "validation", "test"), sizes, strict=True)),
    )
    return Prepared(folder, signature, {}).save(parts_of(x, y, sizes))


def linear_core(weights, bias):
    """Make a core that is one dense layer with these weights."""
    inputs = keras.Input((len(weights),), name="features")
    layer = keras.layers.Dense(len(bias), name="dense")
    core = keras.Model({"features": inputs}, layer(inputs), name="core")
    layer.set_weights([np.asarray(weights, "float32"), np.asarray(bias, "float32")])
    return core


def asked_of(run, core, prepared):
    """Ask about a core as the worker does; of the data set only its description is there."""
    schema = Schema(
        name="made", data_type="tabular", rows=sum(prepared.signature.rows.values()), columns=(), fingerprint="0"
    )
    dataset = DataSet(prepared.folder, schema)
    return Asked(run, run.recipe, dataset, prepared, Blueprint((), {"model": core}))
