"""The local provider keeps the contract, finds models without torch, and says what it cannot."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.safety_checker import (
    StableDiffusionSafetyChecker,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPImageProcessorPil

from generators import errors
from generators.capabilities import Size
from generators.contracts import GenerationRequest
from generators.pipelines.checkpoint_headers import BrokenCheckpoint, read_header
from generators.providers.local import single_files
from generators.providers.local.engine_client import EngineClient
from generators.providers.local_diffusers import LocalDiffusersProvider
from tests.fakes import tiny_pipelines
from tests.fakes.tiny_pipelines import SIDE
from tests.generators.providers.contract import Behaviour, ProviderContract

NO_SERVICE = "there is no service that could"


class TestLocalDiffusers(ProviderContract):
    """The shared suite, with tiny models in real folders and a real engine."""

    slug = "local"
    impossible = {
        Behaviour.RATE_LIMITS: NO_SERVICE,
        Behaviour.IS_DOWN: NO_SERVICE,
        Behaviour.BREAKS: NO_SERVICE,
        Behaviour.ANSWERS_EMPTY: NO_SERVICE,
        Behaviour.AUTHENTICATION_FAILS: NO_SERVICE,
        Behaviour.QUOTA_IS_EXHAUSTED: NO_SERVICE,
    }

    @pytest.fixture(autouse=True)
    def _world(self, settings, models_folder, tiny_models, shared_engine):
        self.folder = models_folder
        self.tiny = tiny_models
        self.engine = shared_engine
        settings.LOCAL_MODEL_PRICE = 3

    def make_provider(self):
        self.made = LocalDiffusersProvider(engine=self.engine)
        return self.made

    def make_provider_of_its_own(self):
        return LocalDiffusersProvider(EngineClient(limit_mb=0, idle_seconds=600))

    def request_that(self, behaviour):
        arrange = {
            Behaviour.REFUSES: lambda: self.with_safety_checker(threshold=-2.0),
            Behaviour.ANSWERS_PARTLY: lambda: self.with_safety_checker(),
            Behaviour.FINDS_INVALID: lambda: self.described(width=60, height=60),
            Behaviour.RUNS_OUT_OF_MEMORY: self.giant,
            Behaviour.NEVER_ANSWERS: self.stopped,
            Behaviour.ANSWERS_NONSENSE: self.damaged,
            Behaviour.IS_SLOW: lambda: self.described(num_inference_steps=100),
        }.get(behaviour, self.described)
        told = arrange()
        if behaviour is Behaviour.MODEL_IS_GONE:
            shutil.rmtree(self.folder / "it")
        return GenerationRequest(
            provider_model_id="it",
            prompt="a red apple",
            width=told.get("width", SIDE),
            height=told.get("height", SIDE),
            num_images=2 if behaviour is Behaviour.ANSWERS_PARTLY else 1,
            seed=5,
        )

    def described(self, **described):
        shutil.copytree(self.tiny / "tiny-sd15", self.folder / "it")
        told = {"width": SIDE, "height": SIDE, "num_inference_steps": 2} | described
        (self.folder / "it" / "magicshot.json").write_text(json.dumps(told))
        return told

    def giant(self):
        told = self.described()
        sparse_weights(self.folder / "it" / "unet", elements=10**12)
        return told

    def damaged(self):
        told = self.described()
        change_json(self.folder / "it" / "vae" / "config.json", latent_channels=8)
        return told

    def stopped(self):
        told = self.described()
        self.made.engine = engine = EngineClient(
            limit_mb=0, idle_seconds=600, silence_seconds=0.5
        )
        self.made.preload()
        assert engine.pid
        os.kill(engine.pid, signal.SIGSTOP)
        return told

    def with_safety_checker(self, threshold=None):
        """Add a checker that withholds all above ``threshold``, or one of two pictures."""
        told = self.described()
        scores = add_safety_checker(self.folder / "it", threshold)
        if threshold is None:
            set_threshold(self.folder / "it", sum(scores) / 2)
        return told


def add_safety_checker(folder, threshold):
    torch.manual_seed(3)
    config = CLIPConfig(
        text_config={"hidden_size": 16, "num_hidden_layers": 1, "vocab_size": 10},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
            "projection_dim": 16,
        },
        projection_dim=16,
    )
    checker = StableDiffusionSafetyChecker(config)
    torch.nn.init.normal_(checker.concept_embeds)
    torch.nn.init.normal_(checker.special_care_embeds)
    checker.special_care_embeds_weights.data.fill_(2.0)
    checker.concept_embeds_weights.data.fill_(2.0)
    checker.concept_embeds_weights.data[0] = 0.0 if threshold is None else threshold
    checker.save_pretrained(folder / "safety_checker", safe_serialization=True)
    processor = CLIPImageProcessorPil(size=32, crop_size=32)
    processor.save_pretrained(folder / "feature_extractor")
    change_json(
        folder / "model_index.json",
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature_extractor=["transformers", "CLIPImageProcessor"],
    )
    return [score(folder, checker, processor, seed) for seed in (5, 6)]


def score(folder, checker, processor, seed):
    """Return how near a seed's picture is to the first concept."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    image = pipeline(
        "a red apple",
        width=SIDE,
        height=SIDE,
        num_inference_steps=2,
        generator=torch.Generator("cpu").manual_seed(seed),
    ).images[0]
    seen = processor([image], return_tensors="pt").pixel_values
    embeds = checker.visual_projection(checker.vision_model(seen)[1])
    return torch.cosine_similarity(embeds, checker.concept_embeds[:1]).item()


def set_threshold(folder, threshold):
    path = folder / "safety_checker" / "model.safetensors"
    tensors = load_file(path)
    tensors["concept_embeds_weights"][0] = threshold
    save_file(tensors, path, metadata={"format": "pt"})


def change_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sparse_weights(component, *, elements):
    """Replace a part's weights by a file that says it has that many, and takes no disk."""
    end = 2 * elements
    header = json.dumps(
        {"w": {"dtype": "F16", "shape": [elements], "data_offsets": [0, end]}}
    ).encode()
    for path in component.glob("*.safetensors"):
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + end)


# What is offered


@pytest.fixture
def offered(models_folder, shared_engine):
    """The provider over an empty models folder."""
    return LocalDiffusersProvider(engine=shared_engine)


def only_problem(provider):
    assert provider.catalog() == ()
    (problem,) = provider.problems()
    return problem


def test_when_the_folders_are_empty_or_missing_then_nothing_is_offered(
    offered, settings, tmp_path
):
    settings.MODELS_DIR = tmp_path / "nowhere"
    assert offered.catalog() == ()
    assert offered.problems() == ()


def test_when_models_lie_there_then_each_has_its_familys_abilities(local, settings):
    settings.LOCAL_MODEL_PRICE = 4
    specs = {spec.slug: spec for spec in local.catalog()}
    assert set(specs) == {
        "tiny-flux",
        "tiny-sd15",
        "tiny-sd3",
        "tiny-sdxl",
        "tiny-single",
        "tiny-single-xl",
    }
    assert local.problems() == ()
    for spec in specs.values():
        able = spec.capabilities
        assert spec.price_credits == 4
        assert able.default_size == Size(width=SIDE, height=SIDE)
        assert able.num_inference_steps.default == 4
        assert able.has_seed
    assert specs["tiny-sd15"].capabilities.has_negative_prompt
    assert not specs["tiny-flux"].capabilities.has_negative_prompt
    assert specs["tiny-sdxl"].capabilities.schedulers
    assert specs["tiny-sd3"].capabilities.schedulers == ()
    assert specs["tiny-sd3"].capabilities.guidance_scale.default == 7.0


def test_when_trained_to_pure_noise_then_only_fitting_schedulers_are_offered(
    offered, models_folder
):
    tiny_pipelines.save("sd15", models_folder / "it")
    config = models_folder / "it" / "scheduler" / "scheduler_config.json"
    change_json(config, rescale_betas_zero_snr=True)
    (spec,) = offered.catalog()
    assert "euler" in spec.capabilities.schedulers
    assert "pndm" not in spec.capabilities.schedulers


def test_when_flux_was_distilled_then_it_takes_no_guidance(offered, models_folder):
    tiny_pipelines.save("flux", models_folder / "schnell")
    config = models_folder / "schnell" / "transformer" / "config.json"
    change_json(config, guidance_embeds=False)
    (models_folder / "schnell" / "magicshot.json").unlink()
    (spec,) = offered.catalog()
    assert spec.capabilities.guidance_scale is None
    assert spec.capabilities.num_inference_steps.default == 4


def test_when_nothing_describes_it_then_the_sizes_suit_its_own(offered, models_folder):
    tiny_pipelines.save("sd15", models_folder / "owner" / "deep-model")
    (models_folder / "owner" / "deep-model" / "magicshot.json").unlink()
    (spec,) = offered.catalog()
    assert spec.provider_model_id == "owner/deep-model"
    assert spec.slug == "ownerdeep-model"
    assert spec.capabilities.default_size == Size(width=64, height=64)
    assert Size(width=96, height=64) in spec.capabilities.sizes
    assert all(s.width % 8 == s.height % 8 == 0 for s in spec.capabilities.sizes)


def test_when_described_then_its_words_and_defaults_are_the_models(
    offered, models_folder
):
    tiny_pipelines.save(
        "sd15",
        models_folder / "it",
        label="Ember",
        description="Warm pictures.",
        good_at=["icons"],
        order=1,
        aliases=["ember-1"],
        guidance_scale=3.0,
        sizes=[{"width": 96, "height": 64}],
        trained_on="whatever another reader wants",
    )
    (spec,) = offered.catalog()
    assert (spec.label, spec.description) == ("Ember", "Warm pictures.")
    assert (spec.good_at, spec.order, spec.aliases) == (("icons",), 1, ("ember-1",))
    assert spec.capabilities.guidance_scale.default == 3.0
    assert [str(size) for size in spec.capabilities.sizes] == ["64x64", "96x64"]


def test_when_two_have_one_name_then_the_built_in_one_counts(
    offered, settings, models_folder
):
    tiny_pipelines.save("sd15", settings.BUILT_IN_MODELS_DIR / "spark")
    tiny_pipelines.save("flux", models_folder / "spark")
    (spec,) = offered.catalog()
    assert spec.capabilities.has_negative_prompt
    assert "already has this name" in offered.problems()[0]


def test_when_only_half_precision_is_there_then_it_is_used(
    local, models_folder, settings
):
    folder = models_folder / "half"
    shutil.copytree(local._discover().find("tiny-sd15").checkpoint.path, folder)
    for path in folder.rglob("*.safetensors"):
        half = {name: each.half() for name, each in load_file(path).items()}
        save_file(
            half, path.with_name(f"{path.stem}.fp16.safetensors"), {"format": "pt"}
        )
        path.unlink()
    settings.MODELS_DIR = models_folder
    request = GenerationRequest(
        provider_model_id="half", prompt="x", width=SIDE, height=SIDE
    )
    assert local.submit(request, on_progress=lambda _: True).images


# What is not offered, and why


def test_when_a_file_was_cut_short_then_it_is_not_offered(offered, models_folder):
    tiny_pipelines.save("sd15", models_folder / "it")
    weights = models_folder / "it" / "vae" / "diffusion_pytorch_model.safetensors"
    os.truncate(weights, weights.stat().st_size - 1000)
    assert "was cut short" in only_problem(offered)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a safetensors file"),
        (b"\x80\x02}q\x00.", "not a safetensors file"),
        (b"\xff" * 64, "not a safetensors file"),
        (struct.pack("<Q", 4) + b"nope", "broken header"),
        (struct.pack("<Q", 9) + b'{"a": []}', "broken header"),
        (struct.pack("<Q", 2) + b"{}", "not a kind of model"),
    ],
)
def test_when_a_file_is_no_checkpoint_then_it_says_so(
    offered, models_folder, content, reason
):
    (models_folder / "it.safetensors").write_bytes(content)
    assert reason in only_problem(offered)


DEEP = "[" * 100_000


def header(text):
    return struct.pack("<Q", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("it.safetensors", header(DEEP)),
        (
            "it.safetensors",
            header('{"w":{"dtype":"F16","shape":[1e999],"data_offsets":[0,0]}}'),
        ),
        ("it/model_index.json", DEEP.encode()),
        ("it/magicshot.json", DEEP.encode()),
        ("it/unet/config.json", DEEP.encode()),
        ("it/model_index.json", b'{"_class_name": "FluxPipeline", "unet": []}'),
        ("it/model_index.json", b'{"_class_name": "FluxPipeline", "unet": [[]]}'),
        ("it.safetensors", None),
        ("it/magicshot.json", None),
        ("it/unet/config.json", None),
        ("x" * 250 + "/unet/it.txt", b""),
    ],
)
def test_when_an_entry_is_hostile_then_only_it_is_not_offered(
    offered, models_folder, name, content
):
    tiny_pipelines.save("flux", models_folder / "good")
    path = models_folder / name
    if name.startswith("it/"):
        tiny_pipelines.save("sd15", models_folder / "it")
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert [each.provider_model_id for each in offered.catalog()] == ["good"]
    assert len(offered.problems()) == 1


@pytest.mark.parametrize("name", ["it", "shelf/it.safetensors", "it.txt"])
def test_when_a_link_cannot_be_followed_then_only_it_is_not_offered(
    offered, models_folder, name
):
    tiny_pipelines.save("flux", models_folder / "good")
    path = models_folder / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("x" * 300)  # as refused as a folder that is not for us
    assert [each.provider_model_id for each in offered.catalog()] == ["good"]
    (problem,) = offered.problems()
    assert problem == f"{path}: It cannot be read: File name too long."


@pytest.mark.parametrize("name", ["it.ckpt", "it.pt", "it.bin", "it.pth", "it.pkl"])
def test_when_a_pickle_lies_there_then_it_is_refused_unopened(
    offered, models_folder, name
):
    (models_folder / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert "pickle can run code" in only_problem(offered)


def test_when_a_part_is_only_a_pickle_then_it_is_refused(offered, models_folder):
    tiny_pipelines.save("sd15", models_folder / "it")
    weights = models_folder / "it" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    assert "only pickled weights" in only_problem(offered)


def test_when_a_folder_is_no_pipeline_then_it_says_so(offered, models_folder):
    (models_folder / "holiday" / "pictures").mkdir(parents=True)
    assert "no model_index.json" in only_problem(offered)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_class_name": None}, "names no pipeline class"),
        ({"_class_name": "WanPipeline"}, "WanPipeline, is not one we draw with"),
        ({"unet": ["my_code", "MyUNet"]}, "code of its own"),
        ({"../unet": ["diffusers", "UNet"]}, "code of its own"),
        ({"text_encoder_9": ["transformers", "X"]}, "text_encoder_9 is missing"),
        ({"unet": [None, None]}, "no denoiser"),
    ],
)
def test_when_the_index_is_odd_then_it_is_not_offered(
    offered, models_folder, changes, reason
):
    tiny_pipelines.save("sd15", models_folder / "it")
    change_json(models_folder / "it" / "model_index.json", **changes)
    assert reason in only_problem(offered)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_when_a_json_is_broken_then_it_is_named(offered, models_folder, text):
    tiny_pipelines.save("sd15", models_folder / "it")
    (models_folder / "it" / "unet" / "config.json").write_text(text)
    assert "unet/config.json" in only_problem(offered)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("[]", "not a JSON object"),
        ("{", "not readable JSON"),
        ('{"width": "big", "height": 64}', "width"),
        ('{"width": 64}', "come together"),
        ('{"width": 5000, "height": 64}', "8 to 4096"),
        ('{"num_inference_steps": 0}', "1 to 1000"),
        ('{"native_batch": 0}', "1 to 64"),
        ('{"latent_rgb_factors": [[1, 2]]}', "three numbers"),
        ('{"order": -1}', "order must be 0 to"),
        ('{"order": 1e99}', "order"),
        ('{"order": 10000000000000000000}', "order must be 0 to"),
        (json.dumps({"label": "x" * 101}), "label must be at most 100"),
        (json.dumps({"description": "x" * 201}), "description must be at most 200"),
        (json.dumps({"good_at": ["x" * 100] * 2}), "good_at must be at most 200"),
        (json.dumps({"aliases": ["x" * 101]}), "aliases must be at most 100"),
        (json.dumps({"aliases": [""]}), "aliases must not be empty"),
        (json.dumps({"label": "a\0b"}), "label holds characters"),
    ],
)
def test_when_its_description_is_wrong_then_the_value_is_named(
    offered, models_folder, told, reason
):
    tiny_pipelines.save("sd15", models_folder / "it")
    (models_folder / "it" / "magicshot.json").write_text(told)
    problem = only_problem(offered)
    assert "magicshot.json" in problem
    assert reason in problem


def test_when_it_edits_pictures_then_it_is_not_offered_for_drawing(
    offered, models_folder
):
    tiny_pipelines.save("sd15", models_folder / "it")
    change_json(models_folder / "it" / "unet" / "config.json", in_channels=9)
    assert "made to edit pictures" in only_problem(offered)


def test_when_a_single_file_has_no_tokenizer_near_then_it_says_what_to_do(
    offered, models_folder
):
    save_file({FLUX: torch.zeros(1)}, models_folder / "it.safetensors")
    assert "holds no tokenizer" in only_problem(offered)


def test_when_a_file_is_of_a_known_family_then_our_configurations_serve(
    offered, models_folder
):
    save_file(
        {name: torch.zeros(shape) for name, shape in (SD | VAE | CLIP).items()},
        models_folder / "it.safetensors",
    )
    (spec,) = offered.catalog()
    assert spec.capabilities.default_size == Size(width=512, height=512)
    assert (
        offered._discover()
        .find("it.safetensors")
        .checkpoint.config_path.endswith("configs/sd15")
    )


SD = {"model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3)}
VAE = {"first_stage_model.decoder.conv_in.weight": (8,)}
CLIP = {"cond_stage_model.transformer.text_model.final_layer_norm.bias": (8,)}
XL = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"
SD2 = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
FLUX = "double_blocks.0.img_attn.norm.key_norm.scale"


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (SD | VAE | CLIP, "sd15"),
        (SD | VAE | CLIP | {SD2: (8, 1024)}, "sd2"),
        (SD | VAE | {XL: (8,)}, "sdxl"),
        ({"joint_blocks.0.context_block.adaLN_modulation.1.bias": (8,)}, "sd3"),
        ({FLUX: (8,)}, "flux-schnell"),
        ({FLUX: (8,), "guidance_in.in_layer.bias": (8,)}, "flux"),
        ({f"model.diffusion_model.{FLUX}": (8,)}, "flux-schnell"),
        (SD | CLIP, "no VAE"),
        (SD | VAE, "no text encoder"),
        (
            VAE
            | CLIP
            | {"model.diffusion_model.input_blocks.0.0.weight": (8, 9, 3, 3)},
            "edit pictures",
        ),
        ({XL.replace("embedders.1", "embedders.0"): (8,)} | SD | VAE, "refiner"),
        ({"lora_unet_down.alpha": (1,)}, "LoRA"),
        ({"decoder.conv_in.weight": (8,)}, "not a kind of model"),
    ],
)
def test_when_only_the_header_is_read_then_the_family_is_known(
    tmp_path, shapes, expected
):
    path = tmp_path / "it.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path)
    try:
        known = single_files.anatomy(path).family.key
    except BrokenCheckpoint as error:
        known = str(error)
    assert expected in known


def test_when_read_then_the_header_is_the_files(tmp_path):
    path = tmp_path / "it.safetensors"
    save_file(
        {"a": torch.zeros(2, 3).half(), "b": torch.zeros(4, dtype=torch.int8)}, path
    )
    header = read_header(path)
    assert header["a"].elements == 6
    assert header["a"].is_float
    assert header["b"].stored_bytes == 4
    assert not header["b"].is_float


# Without torch

WITHOUT_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "diffusers", "transformers", "huggingface_hub"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import importlib.util, django
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name in {"torch", "diffusers", "transformers", "huggingface_hub"}
    else real(name, package)
)
django.setup()
from django.core.management import CommandError, call_command
from generators import errors
from generators.contracts import (GenerationRequest)
from generators.providers import registry
local = registry.get("local")
availability = local.availability()
assert not availability.is_available
assert "torch" in availability.reason, availability
assert {spec.slug for spec in local.catalog()} >= {"tiny-sd15", "tiny-sdxl"}
try:
    local.submit(
        GenerationRequest(provider_model_id="tiny-sd15", prompt="x", width=64, height=64),
        on_progress=lambda progress: True,
    )
except errors.NotConfigured as error:
    assert "not installed" in error.user_message
else:
    raise AssertionError("it drew")
local.preload()
assert local.engine.pid is None
try:
    call_command("install_model", "owner/model")
except CommandError as error:
    assert "local-models.md" in str(error)
else:
    raise AssertionError("it installed")
"""


def test_when_torch_is_not_installed_then_all_says_so_and_nothing_breaks(
    tiny_models, tmp_path
):
    environment = os.environ | {
        "MODELS_DIR": str(tiny_models),
        "MAGICSHOT_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_when_a_model_vanishes_then_the_order_says_so(local):
    request = GenerationRequest(
        provider_model_id="never-was", prompt="x", width=SIDE, height=SIDE
    )
    with pytest.raises(errors.ModelUnavailable) as got:
        local.submit(request, on_progress=lambda _: True)
    assert "never-was" in got.value.detail


def test_when_models_are_many_then_looking_again_costs_little(local):
    local.catalog()
    started = time.monotonic()
    local.catalog()
    assert time.monotonic() - started < 0.5
