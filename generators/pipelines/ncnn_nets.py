"""Reads a net in ncnn's format and runs it in torch, on whichever device. In the engine only.

A net is two files. ``.param`` is text: a magic number, two counts, then a layer a line:
type, name, numbers of inputs and outputs, their names, and parameters as ``key=value``.
``.bin`` holds the weights in the order of the layers. Formats and keys are those of
https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure and
https://github.com/Tencent/ncnn/wiki/operators, read 2026-11-23.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from generators.pipelines.checkpoint_headers import BrokenCheckpoint

_MAGIC = "7767517"
_IN_FP32, _IN_FP16 = 0, 0x01306B47  # the tag before a block of weights
_INPUT, _OUTPUT = "data", "output"
_LEAKY_RELU = 2
_MODES_OF_INTERP = {1: "nearest"}

Layer = Callable[[Sequence[torch.Tensor]], torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class NcnnNet:
    """A net of one input and one output, both 1 x 3 x height x width, RGB in 0..1."""

    def __init__(self, param: Path, weights: Path, device: str) -> None:
        """Read both files. Raises ``BrokenCheckpoint`` for what is no such net."""
        reader = _Weights(weights)
        self._device = device
        try:
            magic, _, *lines = param.read_text(encoding="ascii").splitlines()
            if magic != _MAGIC:
                raise BrokenCheckpoint(f"{param.name} is not an ncnn net.")
            self._steps = [_step(line, reader, device) for line in lines if line]
        except (LookupError, ValueError) as error:
            raise BrokenCheckpoint(f"{param.name} has a broken layer.") from error
        if not reader.is_at_end:
            raise BrokenCheckpoint(f"{weights.name} does not belong to {param.name}.")

    @torch.inference_mode()
    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        """Return what the net makes of float numbers 0..1, on the CPU; not clipped."""
        blobs = {_INPUT: picture.to(self._device)}
        for step in self._steps:
            # Each blob is read once (``Split`` makes copies), so it is let go of here.
            made = step.layer([blobs.pop(name) for name in step.inputs])
            blobs |= dict.fromkeys(step.outputs, made)
        return blobs[_OUTPUT].cpu()


class _Weights:
    """The ``.bin`` file, read from front to back."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._content = path.read_bytes()
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        """Say whether all of it was read."""
        return self._at == len(self._content)

    def tagged(self, count: int) -> Any:
        """Return so many numbers, stored as the tag before them says."""
        tag = int(self._take("<u4", 1)[0])
        if tag == _IN_FP32:
            return self.plain(count)
        if tag != _IN_FP16:
            raise BrokenCheckpoint(f"{self._name} stores weights in an unknown way.")
        numbers = self._take("<f2", count).astype("float32")
        self._at += -self._at % 4  # a block ends at a whole word
        return numbers

    def plain(self, count: int) -> Any:
        """Return so many numbers that have no tag and are always fp32."""
        return self._take("<f4", count).copy()

    def _take(self, kind: str, count: int) -> Any:
        size = np.dtype(kind).itemsize * count
        if self._at + size > len(self._content):
            raise BrokenCheckpoint(f"{self._name} was cut short.")
        numbers = np.frombuffer(self._content, kind, count, self._at)
        self._at += size
        return numbers


@dataclass(frozen=True, slots=True)
class _Keys:
    """The parameters of one layer, by ncnn's numbers."""

    texts: dict[str, str]

    def whole(self, key: int, default: int = 0) -> int:
        """Return a whole number."""
        return int(self.texts.get(str(key), default))

    def number(self, key: int, default: float = 0.0) -> float:
        """Return a number."""
        return float(self.texts.get(str(key), default))

    def numbers(self, key: int) -> list[float]:
        """Return an array: it is stored under -23300 - key, its length first."""
        _, *found = self.texts.get(str(-23300 - key), "0").split(",")
        return [float(each) for each in found]


def _step(line: str, weights: _Weights, device: str) -> _Step:
    kind, _, num_inputs, num_outputs, *rest = line.split()
    first, last = int(num_inputs), int(num_inputs) + int(num_outputs)
    keys = _Keys(dict(word.split("=", 1) for word in rest[last:]))
    if kind == "Input":  # its blob is there from the beginning
        return _Step(
            layer=_same, inputs=(_INPUT,), outputs=(*rest[first:last], _INPUT)[:1]
        )
    if kind not in _LAYERS:
        raise BrokenCheckpoint(f"The net has a layer that is not known: {kind}.")
    return _Step(
        layer=_LAYERS[kind](keys, weights, device),
        inputs=tuple(rest[:first]),
        outputs=tuple(rest[first:last]),
    )


def _same(blobs: Sequence[torch.Tensor]) -> torch.Tensor:
    return blobs[0]


def _convolution(keys: _Keys, weights: _Weights, device: str) -> Layer:
    num_outputs, side, pad = keys.whole(0), keys.whole(1), keys.whole(4)
    numbers = weights.tagged(keys.whole(6)).reshape(num_outputs, -1, side, side)
    weight = torch.from_numpy(numbers).to(device)
    bias = None
    if keys.whole(5):
        bias = torch.from_numpy(weights.plain(num_outputs)).to(device)
    is_leaky = keys.whole(9) == _LEAKY_RELU
    slope = keys.numbers(10)[0] if is_leaky else 0.0

    def run(blobs: Sequence[torch.Tensor]) -> torch.Tensor:
        made = functional.conv2d(blobs[0], weight, bias, padding=pad)
        return functional.leaky_relu_(made, slope) if is_leaky else made

    return run


def _prelu(keys: _Keys, weights: _Weights, device: str) -> Layer:
    slopes = torch.from_numpy(weights.plain(keys.whole(0))).to(device)
    return lambda blobs: functional.prelu(blobs[0], slopes)


def _eltwise(keys: _Keys, weights: _Weights, device: str) -> Layer:
    """Return the weighted sum of two blobs."""
    first, second = keys.numbers(1)
    return lambda blobs: blobs[0] * first + blobs[1] * second


def _interp(keys: _Keys, weights: _Weights, device: str) -> Layer:
    mode, scale = _MODES_OF_INTERP[keys.whole(0)], (keys.number(1), keys.number(2))
    return lambda blobs: functional.interpolate(blobs[0], scale_factor=scale, mode=mode)


def _pixel_shuffle(keys: _Keys, weights: _Weights, device: str) -> Layer:
    factor = keys.whole(0, 1)
    return lambda blobs: functional.pixel_shuffle(blobs[0], factor)


_LAYERS: dict[str, Callable[[_Keys, _Weights, str], Layer]] = {
    "BinaryOp": lambda keys, weights, device: lambda blobs: blobs[0] + blobs[1],
    "Concat": lambda keys, weights, device: lambda blobs: torch.cat(list(blobs), 1),
    "Convolution": _convolution,
    "Eltwise": _eltwise,
    "Interp": _interp,
    "PReLU": _prelu,
    "PixelShuffle": _pixel_shuffle,
    "Split": lambda keys, weights, device: _same,
}
