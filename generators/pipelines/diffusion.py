"""The craft of diffusion: pictures from words, by the pipelines of diffusers."""

from typing import Any

from generators.pipelines import drawing, loading
from generators.pipelines.crafts import Teller
from generators.pipelines.memory import Device
from generators.pipelines.protocol import Checkpoint, Draw

_LIVE_COPIES = 3  # of the decoder's widest layer, in and out of a convolution


def weight_bytes(checkpoint: Checkpoint, device: Device) -> int:
    """Estimate what the weights take once loaded in the device's float type."""
    return checkpoint.float_elements * device.float_bytes + checkpoint.other_bytes


def working_bytes(order: Draw, device: Device) -> int:
    """Estimate what drawing one picture takes beside the weights.

    The peak is the VAE's last layers, at full size; the denoiser works on a grid 64
    times smaller with attention that never holds its whole matrix.
    """
    numbers = order.width * order.height * order.checkpoint.decoder_channels
    return numbers * device.float_bytes * _LIVE_COPIES


def load(checkpoint: Checkpoint, device: Device) -> Any:
    """Return a pipeline ready to draw on the device."""
    loading.quiet()
    return loading.load(checkpoint, device)


def carry_out(model: Any, order: Draw, *, at_once: int, teller: Teller) -> float:
    """Draw one picture a seed; as ``drawing.draw``, with no larger batch than fits."""
    loading.use_fitting_threads(order.checkpoint)
    return drawing.draw(model, order, batch=min(order.batch, at_once), teller=teller)
