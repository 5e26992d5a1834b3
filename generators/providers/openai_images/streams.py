"""A streamed answer while it arrives: previews to show, and the picture that ends it."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

from generators.bytes_in_flight import gate
from generators.contracts import OnProgress, Progress
from generators.errors import UnexpectedResponse
from generators.providers import bodies
from generators.providers.bodies import Document
from generators.providers.openai_images.answers import PICTURE_KEY
from generators.spool import Spool

_DATA = b"data:"
_LONGER_SIDE = 256
_MOST_PIXELS = 25_000_000
_DECODED_BYTES = 16_000_000

# A preview may fail, a job may not.
_FAILURES = (
    ArithmeticError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)


class Stream:
    """Takes a stream of events piece by piece.

    ``finished`` is the event with the picture, ``refused`` one that says an error, as
    it came.
    """

    def __init__(self, on_progress: OnProgress, *, num_previews: int) -> None:
        self.finished: Document | None = None
        self.refused: Spool | None = None
        self._on_progress = on_progress
        self._num_previews = num_previews
        self._num_shown = 0
        self._line_start = b""
        self._event = Spool()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece, wherever it begins and ends."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._take(piece)
            self._end_line()
        self._take(rest)

    def end(self) -> None:
        """Take what came last, also without the empty line that ends an event."""
        self._end_event()

    def _take(self, piece: bytes) -> None:
        missing = len(_DATA) - len(self._line_start)
        self._line_start += piece[:missing]
        if self._line_start == _DATA:
            self._event.write(piece[missing:])

    def _end_line(self) -> None:
        if not self._line_start.strip():
            self._end_event()
        self._line_start = b""

    def _end_event(self) -> None:
        event, self._event = self._event, Spool()
        try:
            document = bodies.read_document(event, keys=(PICTURE_KEY,))
        except UnexpectedResponse:
            return  # nothing, "[DONE]", or an event that the end of the line cut off
        said = document.value if isinstance(document.value, dict) else {}
        kind = str(said.get("type", ""))
        if kind.endswith(".partial_image"):
            self._show(document, said)
        elif kind.endswith(".completed"):
            self.finished = document
        elif said.get("error"):
            self.refused = event

    def _show(self, document: Document, said: dict[str, Any]) -> None:
        """Tell of a preview. What it answers is in vain: the call is paid for."""
        self._num_shown = min(self._num_shown + 1, self._num_previews)
        content = document.picture(said.get(PICTURE_KEY))
        self._on_progress(
            Progress(
                fraction=self._num_shown / (self._num_previews + 1),
                preview=None if content is None else _preview(content),
            )
        )


def _preview(content: Spool) -> bytes | None:
    """Return a small WebP of a picture, ``None`` where it cannot be made."""
    try:
        with gate.hold(content.size + _DECODED_BYTES):
            picture = Image.open(
                io.BytesIO(content.read()), formats=["PNG", "JPEG", "WEBP"]
            )
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            picture.thumbnail((_LONGER_SIDE, _LONGER_SIDE))
            out = io.BytesIO()
            picture.convert("RGBA").save(out, "WEBP", quality=70, method=0)
            return out.getvalue()
    except _FAILURES:
        return None
