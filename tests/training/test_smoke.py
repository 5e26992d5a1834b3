"""Run every stage of the training for 20 steps on drawings made here."""

import functools
import json
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training.concepts import Concept
from training.plans import Planner, Stock, plan_all
from training.prepare import STYLES, Icons, load_icons, save_icons
from training.scenes import paint

torch = pytest.importorskip("torch")

with warnings.catch_warnings():
    # transformers and diffusers warn about optional packages when first imported.
    warnings.simplefilter("ignore")
    from diffusers import StableDiffusionPipeline

    from training.cache import load_cache, load_trained_vae, make_cache
    from training.captions import caption
    from training.diffusion import Trainer, UnetSize, train_diffusion
    from training.export import export
    from training.judge import accuracy, ranks, real_pictures, train_judge
    from training.parts import AutoencoderKL
    from training.polish import polish
    from training.vae import VaeSize, train_vae
    from training.words import TextSize, train_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore")

VAE = VaeSize(channels=(8, 8, 16, 16, 16), groups=4, latent_channels=4)
UNET = UnetSize(channels=(16, 32), heads=2, groups=8, latent_channels=4)
TEXT = TextSize(width=32, layers=1, heads=2, vocabulary=700)


def drawing(concept, style):
    picture = Image.new("RGBA", (128, 128))
    colour = [(220, 40, 40), (40, 90, 220), (30, 160, 60), (20, 20, 20)][style]
    pen = ImageDraw.Draw(picture)
    if concept == 0:
        pen.ellipse((10, 10, 118, 118), fill=colour)
    elif concept == 1:
        pen.rectangle((20, 20, 108, 108), fill=colour)
    else:
        pen.polygon([(64, 8), (120, 120), (8, 120)], fill=colour)
    return np.asarray(picture)


@pytest.fixture(scope="module")
def icons():
    names = ["red apple", "box", "tent"]
    concepts = [
        Concept(code=f"f{i}", label=name, names=(name,), tags=("thing",), group=4)
        for i, name in enumerate(names)
    ]
    pairs = [(c, s) for s in range(len(STYLES)) for c in range(len(names))]
    return Icons(
        pixels=np.stack([drawing(*pair) for pair in pairs]),
        concepts=concepts,
        concept_of=np.array([c for c, _ in pairs]),
        style_of=np.array([s for _, s in pairs]),
    )


@pytest.fixture(scope="module")
def trained(icons, tmp_path_factory):
    """Train everything for 20 steps and export it; return folders and losses."""
    folder = tmp_path_factory.mktemp("spark")
    torch.set_num_threads(1)
    stock = Stock.of(icons)
    singles = dict.fromkeys(STYLES, (2, 1))
    scenes = plan_all(stock, singles=singles, scenes=20)

    def source(rng):
        scene = Planner(rng, stock, np.ones(3)).single(0, 0, white=1.0)
        return paint(scene, icons, stock.lookup)

    losses = {}
    train = functools.partial(train_vae, source, folder, minutes=5, size=VAE)
    losses["vae"] = train(max_steps=20, batch=4)
    rng = np.random.default_rng(0)
    lines = [caption(rng, stock, scene) for scene in scenes]
    tokenizer = train_tokenizer(lines, folder / "tokenizer", TEXT.vocabulary)
    vae = load_trained_vae(folder, VAE)
    cache = make_cache(vae, scenes, stock=stock, folder=folder)
    train_both = functools.partial(train_diffusion, unet_size=UNET, text_size=TEXT)
    losses["diffusion"] = train_both(
        cache, tokenizer, folder, minutes=5, batch=16, max_steps=20
    )
    trainer = Trainer(tokenizer, UNET, TEXT)
    trainer.load(folder / "diffusion.pt")
    parts = {"vae": vae, "tokenizer": tokenizer, "cache": cache}
    export(trainer, **parts, target=folder / "model")
    return {"folder": folder, "losses": losses, "stock": stock}


@pytest.mark.parametrize("stage", ["vae", "diffusion"])
def test_when_trained_for_20_steps_then_the_loss_falls(trained, stage):
    losses = trained["losses"][stage]
    assert len(losses) == 20
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])


def test_when_exported_then_a_plain_pipeline_draws(trained):
    pipeline = StableDiffusionPipeline.from_pretrained(trained["folder"] / "model")
    pipeline.set_progress_bar_config(disable=True)
    prompts = [
        "a red apple",
        "\N{GREEN APPLE} na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve",
    ]
    pictures = pipeline(prompts, num_inference_steps=2).images
    assert [picture.size for picture in pictures] == [(128, 128)] * 2
    assert pipeline.unet.dtype == pipeline.text_encoder.dtype == torch.float32


def test_when_exported_then_preview_factors_fit_the_latents(trained):
    text = (trained["folder"] / "model" / "magicshot.json").read_text(encoding="utf-8")
    settings = json.loads(text)
    cache = load_cache(trained["folder"], trained["stock"])
    factors = np.array(settings["latent_rgb_factors"])
    assert factors.shape == (cache.latents.shape[1], 3)
    assert len(settings["latent_rgb_bias"]) == 3
    assert settings["width"] == settings["height"] == 128


def test_when_cached_then_latents_are_normalised(trained):
    latents = load_cache(trained["folder"], trained["stock"]).latents
    assert latents.shape[1:] == (4, 8, 8)
    assert latents.std().item() == pytest.approx(1.0, abs=0.05)


def never(rng: np.random.Generator) -> np.ndarray:
    raise AssertionError("a finished training drew another picture")


def test_when_resumed_then_training_goes_on_from_the_last_step(trained):
    folder = trained["folder"]
    state = torch.load(folder / "vae.pt", weights_only=True)
    assert state["step"] == 20
    assert state["grown"] is True
    more = train_vae(never, folder, minutes=5, size=VAE, max_steps=20)
    assert more == []


def test_when_polished_then_only_the_decoder_learns(trained, tmp_path):
    vae = AutoencoderKL.from_pretrained(trained["folder"] / "vae")
    cache = load_cache(trained["folder"], trained["stock"])
    before = vae.encoder.conv_in.weight.clone()
    losses = polish(vae, cache, tmp_path, minutes=5, batch=4, max_steps=20)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert torch.equal(before, vae.encoder.conv_in.weight)


def test_when_judged_then_real_drawings_get_ranks(icons, tmp_path):
    judge, losses = train_judge(icons, tmp_path, minutes=5, batch=8, max_steps=20)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    pictures = real_pictures(icons, [(0, 0), (2, 1)])
    assert all(0 <= rank < 3 for rank in ranks(judge, pictures, [0, 2]))
    assert accuracy([0, 3, 9, 0]) == {"top1": 0.5, "top5": 0.75, "pictures": 4}


def test_when_saved_then_drawings_read_back_the_same(icons, tmp_path):
    save_icons(tmp_path, icons)
    again = load_icons(tmp_path)
    assert again.concepts == icons.concepts
    assert np.array_equal(again.pixels, icons.pixels)
