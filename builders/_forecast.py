"""A straight path from what was seen to the forecast, beside the network: it need not learn what a line can say."""

from typing import Any

from recipes import Signature, keras


def with_straight_path(outputs: Any, series: Any, signature: Signature) -> Any:
    """Add a linear map of the window (batch, steps, columns) to forecasts (batch, horizon).

    Its weights start small, so that the whole starts as the network alone; a small penalty keeps it calm where
    there are few windows. After Zeng and others, "Are Transformers Effective for Time Series Forecasting?", 2023.
    """
    straight = keras.layers.Dense(
        signature.outputs, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(1e-4),
        dtype="float32", name="straight",
    )(keras.layers.Flatten()(series))  # fmt: skip
    return keras.layers.Add(dtype="float32", name="forecast")([outputs, straight])
