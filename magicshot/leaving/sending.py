"""Sends a large file piece by piece, whatever the server of the request."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.models import Export
from gallery.files import StorageFailed
from gallery.large_files import Opened, open_large
from generators.patience import let_go_of_database

_NO_STORE: Final = "private, no-store"


def send(request: HttpRequest, export: Export) -> HttpResponseBase:
    """Answer with the zip as a file to keep, which no cache keeps.

    Raise Http404 where its file is gone.
    """
    try:
        opened = open_large(export.path)
    except FileNotFoundError:
        raise Http404("This file is not there any more.") from None
    except StorageFailed as error:
        return HttpResponse(error.user_message, status=503, content_type="text/plain")
    pieces = _Later(opened) if isinstance(request, ASGIRequest) else opened
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    day = timezone.localdate(export.ready_at)
    response["Content-Disposition"] = f'attachment; filename="magicshot-{day}.zip"'
    response["Content-Length"] = str(opened.size)
    response["Cache-Control"] = _NO_STORE
    return response


class _Later:
    """The pieces as the asynchronous server takes them; the response closes it."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.close = opened.close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield them, and hold no connection to the database meanwhile."""
        await sync_to_async(let_go_of_database)()
        pieces = iter(self._opened)
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
