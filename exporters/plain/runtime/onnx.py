"""Ask an ONNX file with ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np


class Runtime:
    """A loaded model: arrays by name in, arrays by name out."""

    def __init__(self, file: Path, told: dict[str, Any], threads: int = 0) -> None:
        import onnxruntime

        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # 0 leaves it to ONNX Runtime
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._inputs, self._answers = told["inputs"], told["answers"]

    def ask(self, ready: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answer any number of rows."""
        given = {each["tensor"]: np.asarray(ready[each["name"]], each["dtype"]) for each in self._inputs}
        found = self._session.run([each["tensor"] for each in self._answers], given)
        return {each["name"]: np.asarray(answer) for each, answer in zip(self._answers, found, strict=True)}
