"""The configurations that single files are read with are those of the published models."""

from pathlib import Path

import accelerate
import pytest
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from generators import pipelines
from generators.pipelines import clip_words

CONFIGS = Path(pipelines.__file__).parent / "configs"


def size(kind, family, part):
    """Count a part's parameters without making them."""
    folder = CONFIGS / family
    with accelerate.init_empty_weights():
        if part.startswith("text"):
            model = kind(CLIPTextConfig.from_pretrained(folder, subfolder=part))
        else:
            model = kind.from_config(kind.load_config(folder, subfolder=part))
    return sum(each.numel() for each in model.parameters())


# As their makers count them.
@pytest.mark.parametrize(
    ("kind", "family", "part", "expected"),
    [
        (UNet2DConditionModel, "sd15", "unet", 859_520_964),
        (UNet2DConditionModel, "sdxl", "unet", 2_567_463_684),
        (AutoencoderKL, "sd15", "vae", 83_653_863),
        (AutoencoderKL, "sdxl", "vae", 83_653_863),
        (CLIPTextModel, "sd15", "text_encoder", 123_060_480),
        (CLIPTextModel, "sdxl", "text_encoder", 123_060_480),
        (CLIPTextModelWithProjection, "sdxl", "text_encoder_2", 694_659_840),
    ],
)
def test_when_built_then_each_part_has_its_published_size(kind, family, part, expected):
    assert size(kind, family, part) == expected


def test_when_words_are_read_then_the_numbers_are_clips():
    read = clip_words.tokenizer()
    assert read("a photo of a cat").input_ids == [
        49406,
        320,
        1125,
        539,
        320,
        2368,
        49407,
    ]
    padded = clip_words.tokenizer(padding="!")(
        "a cat", padding="max_length", max_length=6
    )
    assert padded.input_ids == [49406, 320, 2368, 49407, 0, 0]
