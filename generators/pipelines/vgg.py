"""The first eight convolutions of VGG16: they see what a picture shows and how it is painted.

"Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556. The weights are read from a Keras file as HED's authors
trained them further, to find edges.
"""

from typing import Any, Final, cast

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.pipelines.checkpoint_headers import BrokenCheckpoint

_BLOCKS: Final = ((64, 64), (128, 128), (256, 256, 256), (512,))
"""The channels of each block's convolutions, as far as they are needed."""

_MEANS: Final = (104.0, 116.7, 122.7)
"""Blue, green and red, of 0..255, that the net takes as grey."""

_ERRORS: Final = (KeyError, OSError, RuntimeError, TypeError, ValueError)
"""What h5py raises for a damaged file."""


class Vgg(nn.Module):
    """Maps RGB pixels of 0..1, 1 x 3 x height x width, to what four layers see in them.

    The layers are the first of each block (relu1_1, 2_1, 3_1, 4_1); each block halves
    the sides, by the average, which the style transfer's paper prefers. Edges are
    continued, not black: black frames would be painted.
    """

    def __init__(self, path: str) -> None:
        """Load the file. Raises ``BrokenCheckpoint``."""
        super().__init__()
        try:
            with h5py.File(path) as file:
                blocks = [
                    nn.ModuleList(
                        _convolution(file[f"block{number}/layers"], place, channels)
                        for place, channels in enumerate(widths)
                    )
                    for number, widths in enumerate(_BLOCKS, start=1)
                ]
        except _ERRORS as error:
            raise BrokenCheckpoint(f"{type(error).__name__}: {error}") from error
        self._blocks = nn.ModuleList(blocks)
        self._means: Tensor
        self.register_buffer("_means", torch.tensor(_MEANS).view(1, 3, 1, 1))
        self.requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where it works."""
        return self._means.device

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Return what each of the four layers sees: 64, 128, 256, 512 channels."""
        seen = []
        signal = pixels.flip(1) * 255 - self._means
        for number, block in enumerate(self._blocks):
            if number:
                signal = functional.avg_pool2d(signal, 2)
            layers = cast(nn.ModuleList, block)
            for place, layer in enumerate(layers):
                signal = functional.relu(layer(signal))
                if place == 0:
                    seen.append(signal)
        return seen


def _convolution(layers: Any, place: int, channels: int) -> nn.Conv2d:
    """Return one layer, 3 x 3; Keras writes height x width x from x to."""
    name = f"conv2d_{place}" if place else "conv2d"
    weight, bias = (np.asarray(layers[f"{name}/vars/{part}"]) for part in (0, 1))
    if weight.ndim != 4 or weight.shape[3] != channels:
        raise ValueError(f"{name} has the shape {weight.shape}")
    layer = nn.Conv2d(weight.shape[2], channels, 3, padding=1, padding_mode="replicate")
    layer.weight.data = torch.from_numpy(weight).permute(3, 2, 0, 1).contiguous()
    layer.bias.data = torch.from_numpy(bias)  # type: ignore[union-attr]
    return layer
