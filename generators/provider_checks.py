"""What a model's provider refuses beyond its capabilities: asked before any charge."""

from collections.abc import Sequence
from dataclasses import replace

from generators.contracts import GenerationRequest, InputImage
from generators.errors import ProviderError, UnsupportedRequest
from generators.models import ImageModel
from generators.operations import Given
from generators.providers import registry

_NOT_LOADED = b""


def refusal(
    image_model: ImageModel, request: GenerationRequest, pictures: Sequence[Given]
) -> tuple[str, str] | None:
    """Return the field at fault and words, where the provider would not serve this.

    ``request`` fits the model's capabilities; ``pictures`` are those it works on, of
    which the provider is shown the roles. An option is named as it is called.
    """
    shown = tuple(
        InputImage(content=_NOT_LOADED, mime_type="image/png", role=each.role)
        for each in pictures
    )
    try:
        registry.get(image_model.provider).refuse(replace(request, images=shown))
    except UnsupportedRequest as error:
        return error.field, error.user_message
    except ProviderError as error:
        return "image_model", error.user_message
    return None
