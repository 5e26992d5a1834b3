"""Models on the operator's own machine, drawn by an engine that holds torch."""

import importlib.util
import secrets
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.utils.text import slugify

from generators import errors
from generators.capabilities import Capabilities
from generators.contracts import (
    Availability,
    GenerationRequest,
    GenerationResult,
    Lane,
    ModelSpec,
    OnProgress,
    ResultImage,
)
from generators.pipelines.protocol import Draw
from generators.providers import limits
from generators.providers.base import Provider
from generators.providers.local import shared_engine
from generators.providers.local.discovery import (
    Discovery,
    FoundModel,
    discover,
)
from generators.providers.local.engine_client import EngineClient
from generators.spool import Spool

_NEEDED = ("torch", "diffusers", "transformers", "safetensors")
_WITHHELD = "The model's own safety checker withheld this. Try different words."
_MAX_RANDOM_SEED = 2**32  # short enough to be read aloud and typed again


class LocalDiffusersProvider(Provider):
    """Draws with any diffusers folder or safetensors file of the models folders."""

    slug: ClassVar[str] = "local"
    label: ClassVar[str] = "This machine"
    lane: ClassVar[Lane] = Lane.LOCAL
    is_paid: ClassVar[bool] = False

    def __init__(self, engine: EngineClient | None = None) -> None:
        self.engine = engine or shared_engine.get()

    def availability(self) -> Availability:
        """Say whether the packages that draw are installed; nothing is imported."""
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return Availability(
                is_available=False,
                reason="Models on this machine need packages that are not installed "
                f"here ({', '.join(missing)}).",
            )
        return Availability(is_available=True)

    def catalog(self) -> tuple[ModelSpec, ...]:
        """Return what lies in the models folders now."""
        return tuple(_spec(found) for found in self._discover().models)

    def problems(self) -> tuple[str, ...]:
        """Say what looks like a model there but is not offered, and why."""
        return tuple(str(each) for each in self._discover().problems)

    def loaded_models(self) -> tuple[str, ...]:
        """Return the ``provider_model_id`` of each model that is warm, last used last."""
        return self.engine.held()

    def preload(self) -> None:
        """Start the engine and get the first model ready, in the background."""
        models = self._discover().models
        if models and self.availability().is_available:
            first = min(models, key=lambda each: each.description.order)
            self.engine.load(first.checkpoint)

    def submit(
        self, request: GenerationRequest, *, on_progress: OnProgress
    ) -> GenerationResult:
        """Draw. Each seed is the picture's true one, chosen here where none was given."""
        availability = self.availability()
        if not availability.is_available:
            raise errors.NotConfigured(availability.reason)
        found = self._discover().find(request.provider_model_id)
        if found is None:
            raise errors.ModelUnavailable(
                detail=f"{request.provider_model_id} is not in the models folders, or "
                "is broken"
            )
        limits.refuse_unsupported(found.capabilities, request)
        drawing = self.engine.carry_out(_order(found, request), on_progress)
        images = tuple(
            ResultImage(content=Spool(each.payload), seed=each.seed)
            for each in drawing.pictures
            if each.payload
        )
        if drawing.pictures and not images:
            raise errors.ContentRejected(_WITHHELD)
        return GenerationResult(
            images=images,
            refused=len(drawing.pictures) - len(images),
            model_seconds=drawing.model_seconds,
        )

    def close(self) -> None:
        """End the engine."""
        self.engine.close()

    def _discover(self) -> Discovery:
        return discover((Path(settings.BUILT_IN_MODELS_DIR), Path(settings.MODELS_DIR)))


def _order(found: FoundModel, request: GenerationRequest) -> Draw:
    able = found.capabilities
    first = request.seed
    if first is None:
        first = secrets.randbelow(_MAX_RANDOM_SEED)
    return Draw(
        order=0,
        checkpoint=found.checkpoint,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        width=request.width,
        height=request.height,
        seeds=tuple(first + k for k in range(request.num_images)),
        batch=able.native_batch,
        num_inference_steps=request.num_inference_steps or _default_steps(able),
        guidance_scale=request.guidance_scale
        if request.guidance_scale is not None or able.guidance_scale is None
        else able.guidance_scale.default,
        scheduler=request.scheduler,
    )


def _default_steps(able: Capabilities) -> int:
    assert able.num_inference_steps is not None  # noqa: S101 (every local model has it)
    return int(able.num_inference_steps.default)


def _spec(found: FoundModel) -> ModelSpec:
    described = found.description
    checkpoint = found.checkpoint
    return ModelSpec(
        provider=LocalDiffusersProvider.slug,
        provider_model_id=checkpoint.model_id,
        slug=slugify(checkpoint.model_id.removesuffix(".safetensors"))[:100]
        or f"local-{checkpoint.signature}",
        label=checkpoint.label[:100],
        description=(described.description or f"{found.family_name}, on this machine.")[
            :200
        ],
        family="diffusion",
        capabilities=found.capabilities,
        good_at=described.good_at,
        price_credits=settings.LOCAL_MODEL_PRICE,
        order=described.order,
        aliases=described.aliases,
    )
