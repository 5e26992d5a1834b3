"""The nets enlarge as they should: tiles without seams, alpha, memory, and trouble."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from generators.errors import InvalidRequest
from generators.pipelines import enlarging
from generators.pipelines.checkpoint_headers import BrokenCheckpoint
from generators.pipelines.crafts import Canceled, Teller
from generators.pipelines.memory import Device
from generators.pipelines.ncnn_nets import NcnnNet
from generators.pipelines.protocol import Enlarge, Enlarger
from generators.providers.local.packaged import package_folder
from generators.providers.local_upscaling import LocalUpscalingProvider

CPU = Device(name="cpu", float_bytes=4)
FAST, PHOTO = "REALESRGAN_ANIMAVIDEOV3_UP4X", "REALESRGAN_X4PLUS_UP4X"


def net_of(name):
    return enlarging.load(enlarger(name), CPU)


def enlarger(name=FAST, folder=None):
    folder = folder or package_folder(LocalUpscalingProvider.package)
    return Enlarger(
        model_id=name,
        label="It",
        path=str(folder / f"{name}.param"),
        float_elements=1000,
        wide_channels=3,
    )


def order_for(content, factor=4):
    return Enlarge(order=1, checkpoint=enlarger(), factor=factor, payload=content)


@pytest.fixture(scope="module")
def fast():
    return net_of(FAST)


def scene(width, height):
    """A picture with a gradient, edges and noise: seams would show anywhere."""
    across = np.linspace(0, 255, width)[None, :, None]
    down = np.linspace(255, 0, height)[:, None, None]
    noise = np.random.default_rng(3).normal(0, 12, (height, width, 3))
    pixels = (across + down) / 2 + noise + np.array([0, 30, -30])
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width // 5, height // 5, width // 2, height // 2), fill="red")
    draw.line((0, height, width, 0), fill="white", width=2)
    return picture


class Told(list):
    """Everything that a teller was told."""

    def teller(self, *, stop_after=None):
        def is_canceled():
            return stop_after is not None and len(self.steps) >= stop_after

        return Teller(
            on_step=lambda *step: self.append(step),
            on_picture=lambda seed, content: self.append(content),
            is_canceled=is_canceled,
        )

    @property
    def steps(self):
        return [each for each in self if isinstance(each, tuple)]

    @property
    def picture(self):
        return Image.open(io.BytesIO(self[-1]))


def carried_out(net, content, **options):
    told = Told()
    order = order_for(content, **options)
    enlarging.carry_out(net, order, at_once=1, teller=told.teller())
    return told


def written(picture, kind="PNG"):
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def difference(one, other):
    levels = [np.asarray(each.convert("RGBA")).astype(int) for each in (one, other)]
    return np.abs(levels[0] - levels[1])


@pytest.mark.parametrize("factor", [2, 4])
def test_when_made_in_tiles_then_there_are_no_seams(fast, factor):
    picture = scene(90, 50)
    whole = enlarging.enlarge(
        fast, picture, factor=factor, teller=Told().teller(), tile=1000
    )
    tiled = enlarging.enlarge(
        fast, picture, factor=factor, teller=Told().teller(), tile=32
    )
    assert tiled.size == (90 * factor, 50 * factor)
    assert difference(tiled, whole).max() <= 1  # the last bit of a sum may differ


def test_when_the_photo_net_works_in_tiles_then_no_seam_can_be_seen():
    net, picture = net_of(PHOTO), scene(40, 20)
    whole, tiled = (
        enlarging.enlarge(net, picture, factor=4, teller=Told().teller(), tile=tile)
        for tile in (1000, 20)
    )
    off = difference(tiled, whole)
    assert off.max() <= 12
    assert off.mean() < 0.5


def test_when_enlarged_then_it_is_the_same_picture_and_sharper_than_plain(fast):
    original = scene(128, 64).resize((64, 32), Image.Resampling.LANCZOS)
    enlarged = enlarging.enlarge(fast, original, factor=4, teller=Told().teller())
    back = enlarged.resize(original.size, Image.Resampling.BOX)
    assert difference(back, original).mean() < 8
    plain = original.resize(enlarged.size, Image.Resampling.BICUBIC)
    edges = [
        np.abs(np.diff(np.asarray(p).astype(int), axis=1)) for p in (enlarged, plain)
    ]
    assert np.percentile(edges[0], 99) > 1.5 * np.percentile(edges[1], 99)


def test_when_enlarged_twice_then_the_pixels_are_the_same(fast):
    content = written(scene(40, 30))
    first, again = (carried_out(fast, content).picture for _ in range(2))
    assert difference(first, again).max() == 0


def test_when_it_has_alpha_then_that_is_kept_and_hidden_colours_stay_hidden(fast):
    picture = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((12, 12, 35, 35), fill=(255, 255, 255, 255))
    enlarged = carried_out(fast, written(picture), factor=2).picture
    assert (enlarged.mode, enlarged.size) == ("RGBA", (96, 96))
    assert enlarged.getpixel((0, 0))[3] == 0
    assert enlarged.getpixel((48, 48))[3] == 255
    seen = np.asarray(enlarged)
    assert seen[seen[..., 3] > 0][:, :3].min() > 230, "black came into the rim"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "RGBA"])
def test_when_it_is_of_any_kind_then_it_becomes_colours(fast, mode):
    picture = scene(20, 16).convert(mode)
    enlarged = carried_out(fast, written(picture), factor=2).picture
    assert enlarged.size == (40, 32)
    assert enlarged.mode == ("RGBA" if mode in {"LA", "RGBA"} else "RGB")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (129, 1), (256, 3)])
def test_when_it_is_tiny_or_thin_then_it_is_enlarged_all_the_same(fast, size):
    told = carried_out(fast, written(Image.new("RGB", size, "teal")))
    assert told.picture.size == (size[0] * 4, size[1] * 4)


def test_when_tiles_are_done_then_progress_and_previews_are_told(fast):
    told = carried_out(fast, written(Image.new("RGB", (300, 40), "silver")))
    assert [(step, steps) for step, steps, *_ in told.steps] == [(1, 3), (2, 3), (3, 3)]
    fractions = [fraction for _, _, fraction, _ in told.steps]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] < 1
    preview = Image.open(io.BytesIO(told.steps[0][3]))
    assert (preview.format, preview.size) == ("WEBP", (256, 34))
    left, right = (
        preview.convert("L").crop(each) for each in ((0, 0, 85, 34), (171, 0, 256, 34))
    )
    assert np.mean(left) > 1.5 * np.mean(right), "what is done lights up"


def test_when_canceled_between_two_tiles_then_it_stops_there(fast):
    told = Told()
    with pytest.raises(Canceled):
        enlarging.carry_out(
            fast,
            order_for(written(scene(300, 20))),
            at_once=1,
            teller=told.teller(stop_after=2),
        )
    assert len(told.steps) == 2


def test_when_divided_then_every_pixel_is_in_one_tile():
    seen = np.zeros((131, 300), int)
    for box in enlarging.tiles((300, 131), 128):
        seen[box.upper : box.lower, box.left : box.right] += 1
        assert max(box.right - box.left, box.lower - box.upper) <= 128
    assert (seen == 1).all()


# Trouble


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_when_it_is_no_picture_then_that_is_said(content):
    with pytest.raises(InvalidRequest, match="damaged"):
        enlarging.working_bytes(order_for(content), CPU)


def test_when_it_was_cut_short_then_that_is_said(fast):
    content = written(scene(100, 100))
    with pytest.raises(InvalidRequest, match="damaged"):
        carried_out(fast, content[: len(content) // 2])


def test_when_it_would_be_too_large_then_it_is_refused_by_its_header_alone():
    content = written(Image.new("1", (1251, 1250)))
    with pytest.raises(InvalidRequest, match="more than 25 megapixels"):
        enlarging.working_bytes(order_for(content), CPU)
    assert enlarging.working_bytes(order_for(content, factor=2), CPU) > 0


def test_when_estimated_then_it_is_one_tile_and_the_result():
    large, small = (
        enlarging.working_bytes(order_for(written(Image.new("1", size))), CPU)
        for size in ((1000, 1000), (10, 10))
    )
    assert large == 164 * 164 * 16 * 3 * 4 * 4 + 16_000_000 * 12
    assert small == 10 * 10 * 16 * 3 * 4 * 4 + 1600 * 12
    assert enlarging.weight_bytes(enlarger(), CPU) == 4000


def test_when_it_is_pure_noise_then_the_file_is_within_what_the_gallery_takes(
    monkeypatch,
):
    monkeypatch.setattr(enlarging, "_MOST_FILE_BYTES", 5_000)
    pixels = np.random.default_rng(1).integers(0, 255, (100, 100, 4), np.uint8)
    noise = Image.fromarray(pixels)
    kept = Image.open(io.BytesIO(enlarging._encoded(noise)))
    assert (kept.format, kept.mode) == ("WEBP", "RGBA")
    assert (
        Image.open(io.BytesIO(enlarging._encoded(noise.convert("RGB")))).format
        == "JPEG"
    )


@pytest.mark.parametrize(
    ("param", "weights", "words"),
    [
        (b"1\n2 2\n", b"", "not an ncnn net"),
        (b"7767517\n1 1\nSoftmax a 1 1 data output\n", b"", "not known: Softmax"),
        (b"7767517\n1 1\nInterp a 1 1 data output 0=9\n", b"", "broken layer"),
        (b"7767517\n1 1\nPReLU a 1 1 data output 0=3\n", b"\0" * 8, "cut short"),
        (b"7767517\n1 1\nPReLU a 1 1 data output 0=1\n", b"\0" * 8, "not belong"),
        (
            b"7767517\n1 1\nConvolution a 1 1 data output 0=1 1=1 6=3\n",
            b"\1\0\0\0",
            "unknown way",
        ),
    ],
)
def test_when_the_files_are_no_net_then_it_says_why(tmp_path, param, weights, words):
    (tmp_path / "it.param").write_bytes(param)
    (tmp_path / "it.bin").write_bytes(weights)
    with pytest.raises(BrokenCheckpoint, match=words):
        NcnnNet(tmp_path / "it.param", tmp_path / "it.bin", "cpu")
