"""Nets in ONNX files, run by onnxruntime on the CPU. No torch.

All nets of a process draw on one arena of memory, which keeps what a run took for the
next one: without it a run takes half as long again. ``let_memory_go`` empties it.
"""

import contextlib
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as library
from onnxruntime.datasets import get_example

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
        try:
            self._session = _session(path)
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


def let_memory_go() -> None:
    """Give back what the runs of this process took, but for that of runs going on.

    Takes a tenth of a second where a gigabyte was taken. Never fails: what is done is
    done, whether the memory comes back or not.
    """
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    with contextlib.suppress(*_ERRORS):
        _tiny_session().run(None, {"x": _TINY}, options)


_TINY: Final = np.zeros((3, 4, 5), np.float32)


@cache
def _tiny_session() -> Any:
    """Return a net that computes next to nothing: only a run can empty the arena."""
    return _session(get_example("sigmoid.onnx"))


def _session(path: str) -> Any:
    _make_arena()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )


@cache
def _make_arena() -> None:
    """Make the one arena of this process, which grows by no more than is asked for.

    https://onnxruntime.ai/docs/get-started/with-c.html#features, "Share allocator(s)".
    """
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    grows_as_requested = 1
    settings = onnxruntime.OrtArenaCfg({"arena_extend_strategy": grows_as_requested})
    onnxruntime.create_and_register_allocator(memory, settings)
