"""Small pictures of a drawing that is not done: latents to RGB by one product.

A few milliseconds a step, where decoding would take seconds on a CPU.
"""

import io
import math
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from generators.pipelines.protocol import Checkpoint

_LONGER_SIDE = 256

# Rows are latent channels, columns red, green and blue in -1..1. Published in InvokeAI's
# step_callback.py (Apache-2.0): SD 1.5 by torridgristle, SDXL by StAlKeR7779.
_SD15 = (
    (0.3444, 0.1385, 0.0670),
    (0.1247, 0.4027, 0.1494),
    (-0.3192, 0.2513, 0.2103),
    (-0.1307, -0.1874, -0.7445),
)
_SDXL = (
    (0.3816, 0.4930, 0.5320),
    (-0.3753, 0.1631, 0.1739),
    (0.1770, 0.3588, -0.2048),
    (-0.4350, -0.2644, -0.4289),
)
_SD3 = (
    (-0.05240681, 0.03251581, 0.0749016),
    (-0.0580572, 0.00759826, 0.05729818),
    (0.16144888, 0.01270368, -0.03768577),
    (0.14418615, 0.08460266, 0.15941818),
    (0.04894035, 0.0056485, -0.06686988),
    (0.05187166, 0.19222395, 0.06261094),
    (0.1539433, 0.04818359, 0.07103094),
    (-0.08601796, 0.09013458, 0.10893912),
    (-0.12398469, -0.06766567, 0.0033688),
    (-0.0439737, 0.07825329, 0.02258823),
    (0.03101129, 0.06382551, 0.07753657),
    (-0.01315361, 0.08554491, -0.08772475),
    (0.06464487, 0.05914605, 0.13262741),
    (-0.07863674, -0.02261737, -0.12761454),
    (-0.09923835, -0.08010759, -0.06264447),
    (-0.03392309, -0.0804029, -0.06078822),
)
_FLUX = (
    (-0.0412, 0.0149, 0.0521),
    (0.0056, 0.0291, 0.0768),
    (0.0342, -0.0681, -0.0427),
    (-0.0258, 0.0092, 0.0463),
    (0.0863, 0.0784, 0.0547),
    (-0.0017, 0.0402, 0.0158),
    (0.0501, 0.1058, 0.1152),
    (-0.0209, -0.0218, -0.0329),
    (-0.0314, 0.0083, 0.0896),
    (0.0851, 0.0665, -0.0472),
    (-0.0534, 0.0238, -0.0024),
    (0.0452, -0.0026, 0.0048),
    (0.0892, 0.0831, 0.0881),
    (-0.1117, -0.0304, -0.0789),
    (0.0027, -0.0479, -0.0043),
    (-0.1146, -0.0827, -0.0598),
)
_FACTORS = {
    "sd15": _SD15,
    "sd2": _SD15,  # the same VAE latents
    "sdxl": _SDXL,
    "sd3": _SD3,
    "flux": _FLUX,
    "flux-schnell": _FLUX,
}


# A preview may fail, a job may not.
_FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Sketcher:
    """Guesses, from two steps, where a drawing is going, and shows that.

    Denoising moves latents along nearly straight lines in (latents, sigma), so the line
    through two steps is followed to sigma 0: shapes show where the latents themselves
    are still noise.
    """

    def __init__(self, checkpoint: Checkpoint, *, width: int, height: int) -> None:
        self._checkpoint = checkpoint
        self._width = width
        self._height = height
        self._before: tuple[int, Any] | None = None

    def after_step(
        self, scheduler: Any, step: int, latents: Any
    ) -> Callable[[], bytes]:
        """Take note of a step; the answer makes the preview when it is called.

        Nothing is computed until then: reading a number from a GPU stops its queue.
        """
        earlier, self._before = self._before, (step, latents)

        def sketch() -> bytes:
            try:
                now = _on_the_line(scheduler, step, latents[:1])
                then = earlier and _on_the_line(scheduler, earlier[0], earlier[1][:1])
                return preview(
                    self._checkpoint,
                    _line_end(then, now),
                    width=self._width,
                    height=self._height,
                )
            except _FAILURES:
                return b""

        return sketch


def _on_the_line(scheduler: Any, step: int, latents: Any) -> tuple[float, Any]:
    """Return sigma and latents after a step, scaled so that latents = clean + sigma noise.

    Flow models blend clean and noise: there the blend itself is the line.
    """
    is_flow = "FlowMatch" in type(scheduler).__name__
    if is_flow or float(scheduler.init_noise_sigma) != 1.0:
        return float(scheduler.sigmas[step + 1]), latents
    if step + 1 >= len(scheduler.timesteps):
        return 0.0, latents
    kept = float(scheduler.alphas_cumprod[int(scheduler.timesteps[step + 1])])
    return math.sqrt((1 - kept) / kept), latents / math.sqrt(kept)


def _line_end(earlier: tuple[float, Any] | None, now: tuple[float, Any]) -> Any:
    sigma, latents = now
    if sigma <= 0:
        return latents
    if earlier is None or earlier[0] - sigma < 1e-6:
        raise ValueError("one point is no line yet")
    return latents - sigma * (earlier[1] - latents) / (earlier[0] - sigma)


def preview(checkpoint: Checkpoint, latents: Any, *, width: int, height: int) -> bytes:
    """Return a small WebP of the first of these latents (batch, channels, rows, columns).

    Packed latents, as Flux has them (batch, places, channels), are unpacked by the
    picture's shape.
    """
    if latents.ndim == 3:
        latents = _unpacked(latents[:1], width=width, height=height)
    grid = latents[0].detach().float().cpu()
    factors, bias = _projection(checkpoint, grid)
    rgb = torch.einsum("chw,ck->hwk", grid, factors) + bias
    pixels = ((rgb + 1) * 127.5).nan_to_num(127.5).clamp(0, 255).to(torch.uint8)
    image = Image.fromarray(pixels.numpy())
    scale = _LONGER_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    out = io.BytesIO()
    image.resize(size, Image.Resampling.BILINEAR).save(
        out, "WEBP", quality=70, method=0
    )
    return out.getvalue()


def _projection(checkpoint: Checkpoint, grid: Any) -> tuple[Any, Any]:
    channels = grid.shape[0]
    own = checkpoint.latent_rgb_factors
    if len(own) == channels:
        bias = checkpoint.latent_rgb_bias or (0.0, 0.0, 0.0)
        return torch.tensor(own), torch.tensor(bias)
    known = _FACTORS.get(checkpoint.family, ())
    if len(known) == channels:
        return torch.tensor(known), torch.zeros(3)
    # Nothing known of these channels: their mean as brightness, at a calm contrast.
    scale = 0.5 / max(float(grid.mean(0).std()), 1e-3) / channels
    return torch.full((channels, 3), scale), torch.zeros(3)


def _unpacked(latents: Any, *, width: int, height: int) -> Any:
    """Undo Flux's packing of 2 by 2 latents into one place."""
    places, channels = latents.shape[1:]
    rows = max(1, round(math.sqrt(places * height / width)))
    while places % rows:
        rows -= 1
    grid = latents.view(1, rows, places // rows, channels // 4, 2, 2)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(
        1, channels // 4, rows * 2, places // rows * 2
    )
