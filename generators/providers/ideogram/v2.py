"""Forms of the v2 API, whose model ids are ``v2/<operation>/<model>``."""

from generators.capabilities import ImageRole, Operation
from generators.contracts import GenerationRequest
from generators.errors import UnsupportedRequest
from generators.providers.ideogram import lettering
from generators.providers.ideogram.parts import Part, mask, picture, text, texts

_STEEPEST = 6


def is_v2(provider_model_id: str) -> bool:
    """Say whether this version serves an image model."""
    return provider_model_id.startswith("v2/")


def path(provider_model_id: str) -> str:
    """Return where an image model's calls go."""
    return provider_model_id.replace("v2/", "v2/image/", 1)


def form(request: GenerationRequest, *, webhook_url: str) -> list[Part]:
    """Return a request's form, to be drawn while nobody holds the line."""
    if request.operation is Operation.REMOVE_BACKGROUND:
        # No ``webhook_url`` here: of all v2 operations this one lacks it (d).
        (source,) = request.images_of(ImageRole.INIT)
        return [picture("image", source), text("async", "true")]
    return [
        *texts(
            prompt=_prompt(request),
            magic_prompt=request.option("magic_prompt"),
            quality=request.option("quality"),
            background=request.option("background"),
            num_images=request.num_images,
            seed=request.seed,
            size=_size(request),
            webhook_url=webhook_url,
        ),
        text("async", "true"),
        *_pictures(request),
    ]


def _prompt(request: GenerationRequest) -> str:
    """Return the words: structured where they quote some and would be rewritten.

    With magic prompt off, and where a picture is edited, they go untouched.
    """
    is_kept = request.option("magic_prompt") == "off" or request.images
    return request.prompt if is_kept else lettering.structured(request.prompt)


def _size(request: GenerationRequest) -> str:
    """Return the size field: a mask allows none, an edit keeps the source's (s)."""
    if request.operation is Operation.INPAINT:
        return ""
    if request.operation is Operation.IMAGE_TO_IMAGE:
        return "source"
    return f"{request.width}x{request.height}"


def _pictures(request: GenerationRequest) -> list[Part]:
    """Return the sources: the first is the one that is edited, the rest guide (s)."""
    sources = (
        *request.images_of(ImageRole.INIT),
        *request.images_of(ImageRole.REFERENCE),
    )
    return [
        *(picture("images", each) for each in sources),
        *(mask(each) for each in request.images_of(ImageRole.MASK)),
    ]


def refuse_unsupported(request: GenerationRequest) -> None:
    """Raise ``UnsupportedRequest`` for the edit of a picture that is too long (s)."""
    sides = sorted((request.width, request.height))
    is_edit = request.operation is Operation.IMAGE_TO_IMAGE
    if is_edit and sides[1] > _STEEPEST * sides[0]:
        raise UnsupportedRequest(
            "This picture is more than six times as long as it is wide.",
            field="init_image",
        )
