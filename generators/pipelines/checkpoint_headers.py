"""Reads what a safetensors file says about itself: names, types and shapes.

Only the header is read, never the weights, so a file of many gigabytes answers at
once, without torch. Format: https://github.com/huggingface/safetensors#format
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.pipelines.regular_files import open_regular

_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library itself
_FLOAT_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
}


# What a header raises that is JSON of another kind, too deep, or endless (1e999).
_ODD = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class BrokenCheckpoint(Exception):
    """A file or folder that cannot be used as a model; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of a file: its element type, shape and bytes in the file."""

    dtype: str
    shape: tuple[int, ...]
    stored_bytes: int

    @property
    def is_float(self) -> bool:
        """Say whether loading casts it to the device's own float type."""
        return self.dtype in _FLOAT_BYTES

    @property
    def elements(self) -> int:
        """Count its numbers."""
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name.

    Raises ``BrokenCheckpoint`` when it is not one, or was cut short.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            start = file.read(_LENGTH.size)
            length = _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else 0
            if not 2 <= length <= min(_MAX_HEADER_BYTES, size - _LENGTH.size):
                raise BrokenCheckpoint(f"{path.name} is not a safetensors file.")
            header = json.loads(file.read(length))
        tensors = {
            name: _tensor(entry)
            for name, entry in header.items()
            if name != "__metadata__"
        }
        end = max((entry["data_offsets"][1] for entry in _entries(header)), default=0)
    except OSError as error:
        raise BrokenCheckpoint(
            f"{path.name} cannot be read: {error.strerror}."
        ) from error
    except _ODD as error:
        raise BrokenCheckpoint(f"{path.name} has a broken header.") from error
    if size < _LENGTH.size + length + end:
        raise BrokenCheckpoint(
            f"{path.name} was cut short: {size} bytes of {_LENGTH.size + length + end}."
        )
    return tensors


def _entries(header: Mapping[str, Any]) -> list[Any]:
    return [entry for name, entry in header.items() if name != "__metadata__"]


def _tensor(entry: Mapping[str, Any]) -> Tensor:
    first, last = (int(each) for each in entry["data_offsets"])
    shape = tuple(int(each) for each in entry["shape"])
    if last < first or first < 0 or any(each < 0 for each in shape):
        raise ValueError("negative size")
    return Tensor(dtype=str(entry["dtype"]), shape=shape, stored_bytes=last - first)
