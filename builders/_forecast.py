"""A straight path from what was seen to the forecast, beside the network: it need not learn what a line can say."""

from typing import Any

from recipes import Signature, keras

QUIET = 0.3
"""The network's share at the start: the straight path, which learns in a few steps, is not drowned in its noise."""


def with_straight_path(outputs: Any, series: Any, signature: Signature) -> Any:
    """Add a linear map of the window (batch, steps, columns) to forecasts (batch, horizon).

    Its weights start at nothing, and a small penalty keeps it calm where there are few windows.
    After Zeng and others, "Are Transformers Effective for Time Series Forecasting?", 2023.
    """
    straight = keras.layers.Dense(
        signature.outputs, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(1e-4),
        dtype="float32", name="straight",
    )(keras.layers.Flatten()(series))  # fmt: skip
    quiet = keras.layers.Rescaling(QUIET, dtype="float32")(outputs)
    return keras.layers.Add(dtype="float32", name="forecast")([quiet, straight])
