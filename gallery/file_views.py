"""Sends files to their owner, and to nobody else."""

import logging
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.http import require_safe

from accounts.sign_in import sign_in_required
from gallery.access import image_of
from gallery.decoding import BrokenPicture
from gallery.downloads import FORMATS, Download, TooLong, download
from gallery.files import StorageFailed, open_file

DAMAGED = (
    "This picture's file is damaged, so it cannot be made into another format. "
    "Its original can still be downloaded as it is. Please tell your admin."
)

_log = logging.getLogger(__name__)


@sign_in_required
@require_safe
def image_thumbnail(
    request: HttpRequest, public_id: uuid.UUID, size: str
) -> HttpResponse:
    """Send the small or the large thumbnail."""
    image = image_of(request, public_id)
    paths = {"small": image.file.small_path, "large": image.file.large_path}
    if size not in paths:
        raise Http404
    return _unchanging(
        request,
        etag=f"{image.file.content_hash}-{size}",
        path=paths[size],
        mime_type="image/webp",
    )


@sign_in_required
@require_safe
def image_original(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send the original to be looked at."""
    image = image_of(request, public_id)
    return _unchanging(
        request,
        etag=image.file.content_hash,
        path=image.file.path,
        mime_type=image.file.mime_type,
    )


@sign_in_required
@require_safe
def image_download(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send the picture as a file to keep, in the format asked for."""
    image = image_of(request, public_id)
    choice = request.GET.get("format", "original")
    if choice not in {"original", *FORMATS}:
        raise Http404
    try:
        found = download(image, choice)
    except FileNotFoundError as error:
        raise _missing(image.file.path) from error
    except StorageFailed as error:
        return _unavailable(error)
    except BrokenPicture:
        _log.exception("A stored picture is damaged: %s", image.file.path)
        return HttpResponse(DAMAGED, status=422, content_type="text/plain")
    except TooLong as error:
        return HttpResponse(error.user_message, status=422, content_type="text/plain")
    return _attachment(found)


def _attachment(found: Download) -> HttpResponse:
    response = HttpResponse(found.content, content_type=found.mime_type)
    header = content_disposition_header(as_attachment=True, filename=found.name)
    response["Content-Disposition"] = header or "attachment"
    response["Cache-Control"] = "private, no-cache"
    return response


def _unchanging(
    request: HttpRequest, *, etag: str, path: str, mime_type: str
) -> HttpResponse:
    """Send a file that never changes under its address, or say that it did not."""
    quoted = quote_etag(etag)
    response = get_conditional_response(request, etag=quoted)
    if response is None:
        try:
            response = HttpResponse(open_file(path), content_type=mime_type)
        except FileNotFoundError as error:
            raise _missing(path) from error
        except StorageFailed as error:
            return _unavailable(error)
    response["ETag"] = quoted
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def _missing(path: str) -> Http404:
    _log.error("A file that a row knows is not there: %s", path)
    return Http404("This picture's file is not there any more.")


def _unavailable(error: StorageFailed) -> HttpResponse:
    return HttpResponse(error.user_message, status=503, content_type="text/plain")
