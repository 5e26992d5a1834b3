"""Static files in pieces, also on the asynchronous server.

There, Django gathers a file that is read in the ordinary way whole before it sends any
of it, and warns of that.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import IO, Any

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

PIECE_BYTES = 2**16


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise, which knows only synchronous servers, for both kinds."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> FileResponse:
        """Answer with a file, read as the server of this request can take it."""
        response: FileResponse = WhiteNoiseMiddleware.serve(static_file, request)
        file = response.file_to_stream
        if file is not None and isinstance(request, ASGIRequest):
            response.streaming_content = _pieces(file)  # the response still closes it
        return response


async def _pieces(file: IO[Any]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
        yield piece
