"""The ``openai`` package over our own way out. Slow to import: only calls do.

The package builds the request, JSON or multipart; ``Http`` sends it, with all that it
promises, and keeps the answer. The package is never told the key.
"""

import httpx2
import openai

from generators.providers.http import Answer, Http, OnChunk
from generators.providers.openai_images.payload import Fields

_NO_KEY = "held-by-the-way-out"
_ANSWER = "magicshot.answer"


class WayOut(httpx2.BaseTransport):
    """Sends what the package built as one paid call of ``Http``.

    Of its headers only the body's type goes along: the others tell about this machine,
    or hold what the package found in its environment. The response it gets back is
    without a body, for the package would copy pictures once more.
    """

    def __init__(
        self, http: Http, *, seconds: float, on_chunk: OnChunk | None = None
    ) -> None:
        self._http = http
        self._seconds = seconds
        self._on_chunk = on_chunk

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, and return the status with the answer as an extension."""
        answer = self._http.pay(
            str(request.url),
            data=request.read(),
            headers={"Content-Type": request.headers["Content-Type"]},
            seconds=self._seconds,
            on_chunk=self._on_chunk,
        )
        return httpx2.Response(answer.status, extensions={_ANSWER: answer})


def send(
    http: Http,
    fields: Fields,
    *,
    base_url: str,
    seconds: float,
    on_chunk: OnChunk | None = None,
) -> Answer:
    """Send a call to draw, or to edit where there are pictures; answer what came back.

    Raises what ``Http.pay`` raises; an answer that refuses is returned as well.
    """
    way_out = WayOut(http, seconds=seconds, on_chunk=on_chunk)
    line = httpx2.Client(transport=way_out)
    with openai.OpenAI(
        api_key=_NO_KEY, base_url=base_url, max_retries=0, http_client=line
    ) as client:
        images = client.images.with_raw_response
        call = images.edit if "image" in fields else images.generate
        try:
            response = call(**fields).http_response
        except openai.APIStatusError as error:
            response = error.response
    answer: Answer = response.extensions[_ANSWER]
    return answer
