"""A net in an ONNX file, run by onnxruntime on the CPU. No torch."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as library

from generators.pipelines.checkpoint_headers import BrokenCheckpoint

Numbers = npt.NDArray[np.float32]

_ERRORS: Final = tuple(
    each
    for each in vars(library).values()
    if isinstance(each, type) and issubclass(each, Exception)
)
"""What the library raises; its classes have no base of their own."""


class OnnxNet:
    """Maps arrays to the net's first output. It may be any number of times."""

    def __init__(self, path: str) -> None:
        """Load the file. Raises ``BrokenCheckpoint``."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # it would keep the largest run's memory
        try:
            self._session: Any = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except _ERRORS as error:
            raise BrokenCheckpoint(f"{type(error).__name__}: {error}") from error
        self._inputs = [each.name for each in self._session.get_inputs()]

    def __call__(self, *inputs: Numbers) -> Numbers:
        """Run the net on its inputs, in its own order.

        Raises ``RuntimeError`` in the library's words.
        """
        given = dict(zip(self._inputs, inputs, strict=True))
        try:
            output: Numbers = self._session.run(None, given)[0]
        except _ERRORS as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        return output
