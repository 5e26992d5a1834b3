"""The pictures a job works on: from the gallery, without anything but their pixels.

A picture of the gallery carries its recipe and sometimes more in its file. None of that
goes to a provider: what is sent is written anew, in a format the model takes.
"""

import contextlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.core.files.storage import default_storage
from PIL import Image as Pillow

from gallery.decoding import STORED, BrokenPicture, decode
from gallery.models import Image, StoredFile
from gallery.storage import Parent, PreparedImage
from gallery.thumbnails import to_web_mode
from generators.bytes_in_flight import bytes_to_decode, gate
from generators.capabilities import Capabilities, ImageRole, InputLimits
from generators.contracts import InputImage
from generators.errors import InvalidRequest
from generators.models import GenerationJob, JobInput

GONE: Final = "A picture it works on is no longer in your gallery."
TOO_LARGE: Final = "A picture it works on is too large for this model."
_JPEG_QUALITY: Final = 95
_SURELY_FITS: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A picture of the person's own gallery, and what it is for."""

    image: Image
    role: ImageRole


def keep(inputs_of: Iterable[tuple[GenerationJob, Sequence[Input]]]) -> None:
    """Write down what some new jobs work on; belongs in the transaction that makes them."""
    JobInput.objects.bulk_create(
        JobInput(job=job, image=each.image, role=each.role, position=position)
        for job, inputs in inputs_of
        for position, each in enumerate(inputs)
    )


def of_job(job: GenerationJob) -> list[Input]:
    """Return what a job works on, in order."""
    rows = job.inputs.select_related("image__file", "image__owner")
    return [Input(image=row.image, role=ImageRole(row.role)) for row in rows]


def bytes_to_send(job: GenerationJob, able: Capabilities) -> int:
    """Return about how much memory a job's pictures take while they are sent.

    A photo as PNG has two bytes a pixel. Beside it are its base64 and the body, which
    are a third larger each.
    """
    sizes = job.inputs.values_list("image__file__width", "image__file__height")
    return sum(4 * min(able.inputs.max_bytes, 2 * w * h) for w, h in sizes)


def parents_of(job: GenerationJob) -> list[Parent]:
    """Return what a job's pictures are made from; inside the transaction that adds them.

    Locked as ``delete_forever`` locks them, so that none goes meanwhile.
    """
    if not job.num_inputs:
        return []
    used = Image.objects.filter(used_by_jobs__job=job).values("pk")
    rows = Image.objects.filter(pk__in=used).select_for_update()
    images = {image.pk: image for image in rows.order_by("file_id", "pk")}
    links = job.inputs.filter(image__in=images).values_list("image", "role")
    return [Parent(image=images[pk], role=role) for pk, role in dict.fromkeys(links)]


def load(
    job: GenerationJob, able: Capabilities, *, expected: int
) -> tuple[InputImage, ...]:
    """Read a job's input pictures as its model takes them.

    ``expected`` is how many there were at the press. Raises ``InvalidRequest`` when one
    of them was deleted since, or is damaged.
    """
    inputs = of_job(job)
    if len(inputs) != expected:
        raise InvalidRequest(GONE)
    return tuple(_read(inputs, limits_of_each(able, [each.role for each in inputs])))


def limits_of_each(able: Capabilities, roles: Sequence[ImageRole]) -> InputLimits:
    """Return what each of the pictures of these roles may have when sent together."""
    return able.inputs.shared_by(sum(role is not ImageRole.MASK for role in roles))


def fits(
    file: StoredFile | PreparedImage, *, role: ImageRole, limits: InputLimits
) -> bool:
    """Say whether a stored picture can be written within what a model takes.

    One well below the limit is not tried: written anew it is hardly larger.
    """
    if role is ImageRole.MASK or file.size < limits.max_bytes * _SURELY_FITS:
        return True
    try:
        with _room_for(file), default_storage.open(file.path) as stored:
            _written(decode(stored.read(), STORED).pixels, role, limits)
    except (OSError, BrokenPicture, InvalidRequest):
        return False
    return True


def _read(inputs: Sequence[Input], limits: InputLimits) -> Iterator[InputImage]:
    for each in inputs:
        file = each.image.file
        with _room_for(file):
            try:
                with default_storage.open(file.path) as stored:
                    pixels = decode(stored.read(), STORED).pixels
            except (OSError, BrokenPicture) as error:
                raise InvalidRequest(GONE, detail=f"{file.path}: {error}") from error
            yield (
                _mask(pixels)
                if each.role is ImageRole.MASK
                else _written(pixels, each.role, limits)
            )


def _room_for(
    file: StoredFile | PreparedImage,
) -> contextlib.AbstractContextManager[None]:
    """Wait until a stored picture may be decoded."""
    return gate.hold(bytes_to_decode(file.size, file.width * file.height))


def _mask(pixels: Pillow.Image) -> InputImage:
    return InputImage(
        content=_encoded(pixels.convert("L"), "PNG"),
        mime_type="image/png",
        role=ImageRole.MASK,
    )


def _written(pixels: Pillow.Image, role: ImageRole, limits: InputLimits) -> InputImage:
    """Write pixels as PNG, or as JPEG where the model takes no PNG or one so large."""
    if "image/png" in limits.mime_types:
        content = _encoded(to_web_mode(pixels), "PNG")
        if len(content) <= limits.max_bytes:
            return InputImage(content=content, mime_type="image/png", role=role)
    content = _encoded(pixels.convert("RGB"), "JPEG", quality=_JPEG_QUALITY)
    if "image/jpeg" not in limits.mime_types or len(content) > limits.max_bytes:
        raise InvalidRequest(TOO_LARGE)
    return InputImage(content=content, mime_type="image/jpeg", role=role)


def _encoded(pixels: Pillow.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    pixels.info = {}
    pixels.save(out, kind, **options)
    return out.getvalue()
