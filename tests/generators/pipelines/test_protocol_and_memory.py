"""Messages survive the pipe; figures of memory are sums one can check by hand."""

import io
import struct

import pytest

from generators.pipelines import diffusion, memory, protocol
from generators.pipelines.memory import Device
from generators.pipelines.protocol import (
    Checkpoint,
    Draw,
    Drawn,
    Enlarge,
    Enlarger,
    Load,
    Restyle,
    Stepped,
    Stylist,
)

CHECKPOINT = Checkpoint(
    model_id="it",
    label="Ünï",
    path="/it",
    pipeline_class="FluxPipeline",
    family="flux",
    float_elements=10**9,
    other_bytes=8,
    decoder_channels=256,
    latent_rgb_factors=((0.1, 0.2, 0.3),),
)


@pytest.mark.parametrize(
    "message",
    [
        Load(checkpoint=CHECKPOINT),
        Draw(
            order=1,
            checkpoint=CHECKPOINT,
            prompt="a \x00 🦓 \ud800",
            width=8,
            height=8,
            seeds=(2**63 - 1, 0),
            num_inference_steps=3,
        ),
        Enlarge(
            order=1,
            checkpoint=Enlarger(
                model_id="it",
                label="It",
                path="/it",
                float_elements=1,
                wide_channels=3,
            ),
            factor=2,
            payload=b"\x89PNG\x00",
        ),
        Restyle(
            order=1,
            checkpoint=Stylist(
                model_id="it", label="It", paths=("/a", "/b"), file_bytes=1
            ),
            strength=0.5,
            payload=b"\x89PNG\x00",
            style_payload=b"RIFF",
        ),
        Stepped(order=1, step=1, steps=2, fraction=0.5, payload=b"\x00\xff" * 9),
        Drawn(order=1, seed=5),
    ],
    ids=lambda message: type(message).__name__,
)
def test_when_written_then_the_same_is_read(message):
    pipe = io.BytesIO()
    protocol.write(pipe, message)
    protocol.write(pipe, message)
    pipe.seek(0)
    assert protocol.read(pipe) == message
    assert protocol.read(pipe) == message
    assert protocol.read(pipe) is None


@pytest.mark.parametrize("count", [1, 7, 9, 20])
def test_when_cut_short_then_the_other_side_is_gone(count):
    pipe = io.BytesIO()
    protocol.write(pipe, Load(checkpoint=CHECKPOINT))
    assert protocol.read(io.BytesIO(pipe.getvalue()[:count])) is None


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 4, 0) + b"nope",
        struct.pack(">II", 31, 0) + b'{"kind": "Drawn", "fields": []}',
    ],
)
def test_when_it_is_no_message_then_that_is_said(content):
    with pytest.raises(ValueError, match=r"long|Expecting|expected"):
        protocol.read(io.BytesIO(content))


def test_when_estimated_then_weights_count_in_the_devices_type():
    cpu, gpu = (
        Device(name="cpu", float_bytes=4),
        Device(name="cuda", float_bytes=2),
    )
    assert diffusion.weight_bytes(CHECKPOINT, cpu) == 4 * 10**9 + 8
    assert diffusion.weight_bytes(CHECKPOINT, gpu) == 2 * 10**9 + 8
    order = Draw(
        order=1,
        checkpoint=CHECKPOINT,
        prompt="",
        width=512,
        height=512,
        seeds=(1, 2),
        num_inference_steps=3,
    )
    assert diffusion.working_bytes(order, cpu) == 512 * 512 * 256 * 4 * 3
    assert diffusion.working_bytes(order, gpu) == 512 * 512 * 256 * 2 * 3


def test_when_no_limit_is_named_then_most_of_the_machine_is_lent():
    assert memory.budget(0, 1000) == 800
    assert memory.budget(3, 1000) == 3 * 2**20
    assert 0 < memory.system_free() <= memory.system_total()


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 MB"), (310_400_000, "310 MB"), (6_940_000_000, "6.9 GB")],
)
def test_when_told_to_people_then_bytes_are_short(count, words):
    assert memory.in_words(count) == words
