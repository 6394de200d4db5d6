"""A model as a TensorFlow function that the converters of other runtimes understand. Worker only.

What Keras 3.15 makes of a few operations, neither tf2onnx 1.17 nor LiteRT's converter knows (measured). While a model
is traced here, they are made of simpler ones that compute the same:

* a recurrent layer is a loop, which LiteRT runs only with the whole of TensorFlow beside it: it is unrolled;
* `argmax` looks at the sign of zeros by its bits: TensorFlow's own is taken;
* a running product is multiplied out;
* a smoothed resize between known sizes is two multiplications with fixed matrices;
* a maximum over time and space is one over space and then one over time.

The batch stays open: for a batch of exactly one, Keras takes adding a mask for adding a bias, along the wrong axis.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from exporters.plain.prepare.image import weights
from recipes import Refusal, keras

MOST_STEPS = 600
"""Steps of recurrent layers that are written out one by one; more make a file that nobody can use."""


def frozen(model: Any, *, unroll: bool = False) -> Any:
    """Trace a functional model, dict to dict, into a function without variables.

    It takes tensors in the alphabetical order of the inputs and answers a list in that of the answers. Weights and
    arrays become constants: left to the converters, arrays become inputs that nobody fills (tf2onnx) and some weights
    stay variables that are never set (LiteRT).
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def ask(given: dict[str, Any]) -> dict[str, Any]:
        return dict(model(given, training=False))

    specs = {name: tf.TensorSpec((None, *each.shape[1:]), each.dtype, name) for name, each in model.input.items()}
    refuse_backend()
    with _plain(model, unroll=unroll):
        whole = tf.function(ask, autograph=False).get_concrete_function(specs)
    return convert_variables_to_constants_v2(whole, lower_control_flow=False, aggressive_inlining=True)


def refuse_backend() -> None:
    """Refuse what is trained without TensorFlow: its converters are the way to all other formats."""
    if keras.backend.backend() != "tensorflow":
        raise Refusal("Other formats are made with TensorFlow, but this studio runs another backend of Keras.")


def steps_of(model: Any) -> int:
    """Count the steps of all recurrent layers of a model: what unrolling would write out."""
    return sum(_steps(layer) for layer in layers_of(model))


@contextmanager
def _plain(model: Any, *, unroll: bool = False) -> Generator[None]:
    """While it lasts, the model is traced into operations that the converters know; afterwards it is as before."""
    from keras.src.backend.tensorflow import image, nn, numpy

    rolled = [layer for layer in layers_of(model) if unroll and not layer.unroll]
    with ExitStack() as changes:
        for place, name, new in (
            (numpy, "argmax", _argmax),
            (numpy, "cumprod", _cumprod),
            (image, "resize", _resizing(image.resize)),
            (nn, "max_pool", _pooling(nn.max_pool)),
            *((layer, "unroll", True) for layer in rolled),
        ):
            changes.callback(setattr, place, name, getattr(place, name))
            setattr(place, name, new)
        yield


def layers_of(model: Any) -> list[Any]:
    """Return the recurrent layers of a model, however deep they lie."""
    every = model._flatten_layers()  # noqa: SLF001 - Keras tells of nested layers nowhere else
    return [layer for layer in every if isinstance(layer, keras.layers.RNN)]


def _steps(layer: Any) -> int:
    # A layer inside `Bidirectional` was never called by itself in the graph, but was built for its input.
    shape = getattr(layer, "_build_shapes_dict", None) or {}
    known = shape.get("sequences_shape") or shape.get("input_shape") or (None, None)
    return int(known[1] or 0)


def _argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:  # noqa: FBT001, FBT002 - Keras's own form
    import tensorflow as tf

    x = tf.reshape(x, (-1,)) if axis is None else tf.convert_to_tensor(x)
    found = tf.argmax(x, axis=axis or 0, output_type=tf.int32)
    return tf.expand_dims(found, axis or 0) if keepdims else found


def _cumprod(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    import tensorflow as tf

    x = tf.convert_to_tensor(x, dtype)
    x = tf.reshape(x, (-1,)) if axis is None else x
    running = list(tf.unstack(x, axis=axis or 0))
    for place in range(1, len(running)):
        running[place] = running[place - 1] * running[place]
    return tf.stack(running, axis=axis or 0)


def _resizing(former: Any) -> Any:
    import tensorflow as tf

    def resize(images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False, **more: Any) -> Any:  # noqa: FBT001, FBT002
        height, width = images.shape[1:3] if len(images.shape) == 4 else (None, None)
        is_plain = not any(more.get(f"{way}_to_aspect_ratio") for way in ("crop", "pad")) or height == width
        if not (antialias and interpolation == "bilinear" and height and width and is_plain and size[0] == size[1]):
            return former(images, size, interpolation, antialias, **more)
        if (height, width) == tuple(size):
            return images
        images = tf.cast(images, "float32")
        tall = tf.einsum("ah,bhwc->bawc", tf.constant(weights(height, size[0])), images)
        return tf.einsum("dw,bawc->badc", tf.constant(weights(width, size[1])), tall)

    return resize


def _pooling(former: Any) -> Any:
    import tensorflow as tf

    def max_pool(
        inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None
    ) -> Any:
        strides = pool_size if strides is None else strides
        if len(inputs.shape) != 5 or data_format == "channels_first":
            return former(inputs, pool_size, strides, padding, data_format)
        sizes, steps = ([each] * 3 if isinstance(each, int) else list(each) for each in (pool_size, strides))
        frames, height, width, channels = (int(each) for each in inputs.shape[1:])
        x = tf.reshape(inputs, (-1, height, width, channels))
        x = former(x, sizes[1:], steps[1:], padding, data_format)
        height, width = (int(each) for each in x.shape[1:3])
        x = tf.reshape(x, (-1, frames, height * width, channels))
        x = former(x, (sizes[0], 1), (steps[0], 1), padding, data_format)
        return tf.reshape(x, (-1, int(x.shape[1]), height, width, channels))

    return max_pool
