"""What the local worker and its engine, a child process, say to each other.

Messages go over two pipes, one each way: lengths, a JSON header, then the bytes of the
pictures if there are any. No torch here: both sides import it.
"""

import json
import struct
from dataclasses import dataclass, field, fields, replace
from typing import IO, Any

from generators.record_json import from_json, to_json

_LENGTHS = struct.Struct(">II")
_MAX_BYTES = 256 * 2**20

MAX_ENLARGED_PIXELS = 25_000_000
"""As large as what people may bring, so that what was enlarged can be brought again."""

MAX_STYLED_SIDE = 2048
"""The longest side, in pixels, of a picture that gets another style."""

MAX_OPTIMIZED_SIDE = 1024
"""The longest side, in pixels, of a picture whose pixels are optimised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A diffusers model on disk, with all that the engine must know to load it.

    ``float_elements`` and ``other_bytes`` come from the weight files' headers.
    ``config_path`` is the folder of configurations and tokenizers for a single file.
    ``signature`` changes when the files do, so that stale weights are not kept warm.
    """

    model_id: str
    label: str
    path: str
    pipeline_class: str
    family: str
    float_elements: int
    other_bytes: int = 0
    decoder_channels: int = 256
    config_path: str = ""
    variant: str = ""
    signature: str = ""
    has_safety_checker: bool = False
    latent_rgb_factors: tuple[tuple[float, ...], ...] = ()
    latent_rgb_bias: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlarger:
    """A net that makes pictures four times larger, in ncnn's format.

    ``path`` is the ``.param`` file, the ``.bin`` lies beside it. ``wide_channels`` are
    those of its last layers, which work at the size of the result.
    """

    model_id: str
    label: str
    path: str
    float_elements: int
    wide_channels: int
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stylist:
    """What gives a picture another style: ONNX files, in the order they are used.

    One of built-in styles is a single net; one that takes the style from a picture is
    two, which read the style and apply it. ``file_bytes`` are those of all files.
    """

    model_id: str
    label: str
    paths: tuple[str, ...]
    file_bytes: int
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vgg16:
    """The net that judges pixels while they are optimised, in a Keras file."""

    model_id: str
    label: str
    path: str
    file_bytes: int
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """To the engine: get this model ready, nobody waits for it."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """To the engine: draw one picture a seed, at most ``batch`` at a time."""

    order: int
    checkpoint: Checkpoint
    prompt: str
    width: int
    height: int
    seeds: tuple[int, ...]
    batch: int = 1
    negative_prompt: str = ""
    num_inference_steps: int
    guidance_scale: float | None = None
    scheduler: str | None = None

    @property
    def steps(self) -> int:
        """Return how many steps are expected; 0 where that shows only later."""
        return self.num_inference_steps

    @property
    def words(self) -> tuple[str, ...]:
        """Return the person's words, which no log may quote."""
        return (self.prompt, self.negative_prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlarge:
    """To the engine: make a picture 2 or 4 times larger.

    ``payload`` is a PNG, JPEG or WebP. The result is a PNG, with its alpha, and has
    ``MAX_ENLARGED_PIXELS`` at most.
    """

    order: int
    checkpoint: Enlarger
    factor: int
    payload: bytes = field(default=b"", repr=False)

    @property
    def steps(self) -> int:
        """Return how many steps are expected; 0 where that shows only later."""
        return 0

    @property
    def words(self) -> tuple[str, ...]:
        """Return the person's words, which no log may quote."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restyle:
    """To the engine: give a picture another style.

    ``shares`` say how much of each built-in style: each 0 or more, 1 in all; empty where
    ``style_payload`` is a picture to take the style from. ``strength`` is 0..1;
    ``keeps_colors`` leaves the picture its own. Both pictures are PNG, JPEG or WebP; the
    result is a PNG of the first one's size, with its alpha.
    """

    order: int
    checkpoint: Stylist
    shares: tuple[float, ...] = ()
    strength: float
    keeps_colors: bool = False
    payload: bytes = field(default=b"", repr=False)
    style_payload: bytes = field(default=b"", repr=False)

    @property
    def steps(self) -> int:
        """Return how many steps are expected; 0 where that shows only later."""
        return 0

    @property
    def words(self) -> tuple[str, ...]:
        """Return the person's words, which no log may quote."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimize:
    """To the engine: give a picture another's style by optimising its pixels.

    ``longest_side`` is that of the result, where the picture has as many pixels;
    ``strength`` is 0..1; ``keeps_colors`` leaves the picture its own. Both pictures are
    PNG, JPEG or WebP; the result is a PNG of the first one's ratio, with its alpha.
    """

    order: int
    checkpoint: Vgg16
    steps: int
    longest_side: int
    strength: float
    keeps_colors: bool = False
    payload: bytes = field(default=b"", repr=False)
    style_payload: bytes = field(default=b"", repr=False)

    @property
    def words(self) -> tuple[str, ...]:
        """Return the person's words, which no log may quote."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """To the engine: stop this order after the step it is in."""

    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """From the engine, every second: its interpreter is not stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """From the engine: which models are warm now, newest use last."""

    model_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """From the engine: it has taken up this order."""

    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """From the engine: a step was done; ``payload`` is a small WebP, or empty."""

    order: int
    step: int
    steps: int
    fraction: float
    payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """From the engine: a finished picture, mostly as PNG, and its seed if it has one.

    The payload is empty where the model's safety checker withheld the picture.
    ``losses`` are those before and after each step, where its pixels were optimised.
    """

    order: int
    seed: int | None = None
    losses: tuple[float, ...] = ()
    payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """From the engine: the order is done; seconds are those of the model alone."""

    order: int
    model_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """From the engine: the order ended without (all of) its pictures.

    ``error`` names a class of ``generators.errors``.
    """

    order: int
    error: str
    user_message: str = ""
    detail: str = ""


Work = Draw | Enlarge | Restyle | Optimize
Order = Load | Work | Cancel
News = Alive | Holding | Began | Stepped | Drawn | Finished | Failed
Message = Order | News

_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        Load,
        Draw,
        Enlarge,
        Restyle,
        Optimize,
        Cancel,
        Alive,
        Holding,
        Began,
        Stepped,
        Drawn,
        Finished,
        Failed,
    )
}


_PICTURES: dict[type[Message], tuple[str, ...]] = {
    kind: tuple(each.name for each in fields(kind) if each.type is bytes)
    for kind in _KINDS.values()
}
"""The fields that go behind the header, as they are."""


def write(stream: IO[bytes], message: Message) -> None:
    """Send one message; raises ``OSError`` when the other side is gone."""
    kind = type(message)
    pictures = {name: getattr(message, name) for name in _PICTURES[kind]}
    plain = {
        each.name: getattr(message, each.name)
        for each in fields(message)
        if each.name not in pictures
    }
    sizes = [len(content) for content in pictures.values()]
    header = json.dumps(
        {"kind": kind.__name__, "fields": plain, "sizes": sizes}, default=to_json
    ).encode()
    lengths = _LENGTHS.pack(len(header), sum(sizes))
    stream.write(b"".join((lengths, header, *pictures.values())))
    stream.flush()


def read(stream: IO[bytes]) -> Message | None:
    """Receive one message, or ``None`` when the other side is gone.

    Raises ``ValueError`` when what comes is no message of ours.
    """
    lengths = _read_exactly(stream, _LENGTHS.size)
    if lengths is None:
        return None
    header_length, pictures_length = _LENGTHS.unpack(lengths)
    if max(header_length, pictures_length) > _MAX_BYTES:
        raise ValueError("message too long")
    body = _read_exactly(stream, header_length + pictures_length)
    if body is None:
        return None
    header = json.loads(body[:header_length])
    kind = _KINDS[header["kind"]]
    message = from_json(kind, header["fields"])
    pictures: dict[str, Any] = {}
    at = header_length
    for name, size in zip(_PICTURES[kind], header["sizes"], strict=True):
        pictures[name] = body[at : at + size]
        at += size
    return replace(message, **pictures)


def _read_exactly(stream: IO[bytes], count: int) -> bytes | None:
    content = stream.read(count)
    return content if len(content) == count else None
