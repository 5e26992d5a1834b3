"""``manage.py install_model``: from a hub that drops, refuses and misleads."""

import filecmp
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import huggingface_hub.constants
import pytest
import torch
from django.core.management import CommandError, call_command
from safetensors.torch import load_file, save_file

from generators.models import ImageModel
from generators.providers.local.discovery import discover
from generators.providers.local.hub import COMMIT_FILE
from tests.fakes.hub import FakeHub

pytestmark = pytest.mark.django_db
MB = 2**20
CHUNK = 10 * MB  # what the hub's client writes at once
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def hub(settings, monkeypatch, models_folder, tiny_models, tmp_path):
    """A hub with ``tester/tiny``, which also has files that are not wanted."""
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    repo = tmp_path / "repo"
    shutil.copytree(tiny_models / "tiny-sd15", repo)
    (repo / "magicshot.json").unlink()
    weights = load_file(repo / "unet" / WEIGHTS)
    weights["padding"] = torch.zeros(12 * 2**20, dtype=torch.float16)
    save_file(weights, repo / "unet" / WEIGHTS, {"format": "pt"})
    (repo / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (repo / "tiny.safetensors").write_bytes(b"the same again in one file")
    (repo / "onnx").mkdir()
    (repo / "onnx" / "model.safetensors").write_bytes(b"not of the pipeline")
    (repo / "README.md").write_text("A tiny model.")
    hub = FakeHub()
    hub.repos["tester/tiny"] = repo
    settings.HF_ENDPOINT = hub.endpoint
    yield hub
    hub.close()


def install(*arguments):
    out = io.StringIO()
    call_command("install_model", *arguments, stdout=out)
    return out.getvalue()


def test_when_installed_then_it_is_complete_and_in_the_dropdown(hub, models_folder):
    said = install("tester/tiny")
    folder = models_folder / "tester--tiny"
    assert "MB in" in said
    assert "free in" in said
    assert f"Installed: {folder}" in said
    for path in ("model_index.json", f"unet/{WEIGHTS}", "tokenizer/tokenizer.json"):
        assert filecmp.cmp(folder / path, hub.repos["tester/tiny"] / path, False)
    there = {each.relative_to(folder).as_posix() for each in folder.rglob("*.*")}
    assert not [each for each in there if each.endswith(".bin")]
    assert "tiny.safetensors" not in there
    assert "onnx" not in {each.split("/")[0] for each in there}
    row = ImageModel.objects.get(slug="tester-tiny")
    assert (row.provider, row.enabled, row.label) == ("local", True, "tester / tiny")
    ImageModel.objects.all().delete()
    assert "Already installed" in install("tester/tiny")
    assert ImageModel.objects.filter(slug="tester-tiny").exists()


def test_when_the_connection_drops_once_then_the_rest_comes_by_range(
    hub, models_folder
):
    hub.cuts[WEIGHTS] = [15 * MB]
    install("tester/tiny")
    assert hub.ranges_of(f"unet/{WEIGHTS}") == ["", f"bytes={CHUNK}-"]
    assert not discover((models_folder,)).problems


def test_when_it_breaks_off_then_nothing_is_offered_and_the_next_run_goes_on(
    hub, models_folder, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.cuts[WEIGHTS] = [15 * MB] + [0] * 20
    with pytest.raises(CommandError, match="cannot be reached"):
        install("tester/tiny")
    assert discover((models_folder,)).models == ()
    assert discover((models_folder,)).problems == ()
    part = models_folder / "tester--tiny.partial"
    assert part.is_dir()
    hub.cuts.clear()
    hub.requests.clear()
    said = install("tester/tiny")
    assert "of it here already" in said
    assert hub.ranges_of(f"unet/{WEIGHTS}") == [f"bytes={CHUNK}-"]
    assert not part.exists()
    assert ImageModel.objects.filter(slug="tester-tiny").exists()


def sizes(part):
    return [each.stat().st_size for each in part.rglob(WEIGHTS) if each.stat().st_size]


KILLED = """
import django; django.setup()
from django.core.management import call_command
call_command("install_model", "tester/tiny")
"""


def test_when_the_command_is_killed_then_the_next_run_goes_on(
    hub, models_folder, tmp_path
):
    big = hub.repos["tester/tiny"] / "unet" / WEIGHTS
    hub.cuts[WEIGHTS] = [15 * MB] + [0] * 20  # it retries for seconds: time to kill it
    environment = os.environ | {
        "MODELS_DIR": str(models_folder),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_OFFLINE": "0",
        "MAGICSHOT_HOME": str(tmp_path / "home"),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED], env=environment, stderr=subprocess.DEVNULL
    )
    part = models_folder / "tester--tiny.partial"
    deadline = time.monotonic() + 60
    while hub.cuts[WEIGHTS][:1] == [15 * MB] or not sizes(part):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert (part / COMMIT_FILE).exists()
    (left,) = sizes(part)
    hub.cuts.clear()
    hub.requests.clear()
    install("tester/tiny")
    assert hub.ranges_of(f"unet/{WEIGHTS}") == [f"bytes={left}-"]
    installed = models_folder / "tester--tiny" / "unet" / WEIGHTS
    assert filecmp.cmp(installed, big, False)


def test_when_the_hub_has_moved_on_then_the_old_part_is_not_mixed_in(
    hub, models_folder, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.cuts[WEIGHTS] = [15 * MB] + [0] * 20
    with pytest.raises(CommandError):
        install("tester/tiny")
    hub.cuts.clear()
    hub.commit = "f" * 40
    hub.requests.clear()
    install("tester/tiny")
    assert set(hub.ranges_of(WEIGHTS)) == {""}


def test_when_another_revision_is_asked_for_then_it_says_what_lies_there(hub):
    install("tester/tiny")
    assert "Already installed" in install("tester/tiny", "--revision", "main")
    hub.commit = "f" * 40
    assert "Already installed" in install("tester/tiny")
    with pytest.raises(CommandError, match=r"Another revision lies in .*tester--tiny"):
        install("tester/tiny", "--revision", "main")


def test_when_the_revision_was_not_noted_then_it_says_so(hub, models_folder):
    install("tester/tiny")
    (models_folder / "tester--tiny" / COMMIT_FILE).unlink()
    with pytest.raises(CommandError, match=r"not known which revision lies in .*tiny"):
        install("tester/tiny", "--revision", "main")


def test_when_bytes_arrive_damaged_then_they_are_not_kept(hub, models_folder):
    hub.corrupt.add(WEIGHTS)
    with pytest.raises(CommandError, match="arrived damaged"):
        install("tester/tiny")
    assert not (models_folder / "tester--tiny").exists()
    hub.corrupt.clear()
    install("tester/tiny")


def test_when_the_disk_is_too_full_then_it_is_refused_before_downloading(hub, tmp_path):
    hub.claimed_sizes[f"unet/{WEIGHTS}"] = shutil.disk_usage(tmp_path).free
    with pytest.raises(CommandError, match="disk is too full"):
        install("tester/tiny")
    assert not hub.ranges_of(WEIGHTS)


def test_when_there_are_only_pickles_then_it_is_refused(hub, models_folder):
    (hub.repos["tester/tiny"] / "unet" / WEIGHTS).unlink()
    with pytest.raises(CommandError, match="only as a pickle"):
        install("tester/tiny")
    assert not list(models_folder.iterdir())


def test_when_it_is_no_pipeline_then_it_says_so(hub):
    (hub.repos["tester/tiny"] / "model_index.json").unlink()
    with pytest.raises(CommandError, match=r"not in the diffusers format.*tiny\.safe"):
        install("tester/tiny")


def test_when_the_site_cannot_draw_with_it_then_nothing_stays(hub, models_folder):
    index = hub.repos["tester/tiny"] / "model_index.json"
    told = json.loads(index.read_text()) | {"_class_name": "WanPipeline"}
    index.write_text(json.dumps(told))
    with pytest.raises(CommandError, match="WanPipeline"):
        install("tester/tiny")
    assert not list(models_folder.iterdir())


def test_when_half_precision_is_published_then_only_that_comes(hub, models_folder):
    repo = hub.repos["tester/tiny"]
    for path in list(repo.glob("*/*.safetensors")):
        if path.parent.name != "onnx":
            shutil.copy(path, path.with_name(f"{path.stem}.fp16.safetensors"))
    install("tester/tiny")
    names = {
        each.name for each in (models_folder / "tester--tiny").rglob("*.safetensors")
    }
    assert names == {
        "diffusion_pytorch_model.fp16.safetensors",
        "model.fp16.safetensors",
    }
    (found,) = discover((models_folder,)).models
    assert found.checkpoint.variant == "fp16"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tester/nothing"], "has no model tester/nothing"),
        (["no id at all!"], "is no hub id"),
        (["tester/tiny", "--revision", "v9"], "no such revision"),
    ],
)
def test_when_asked_for_what_is_not_there_then_it_says_so(hub, arguments, words):
    with pytest.raises(CommandError, match=words):
        install(*arguments)


def test_when_it_is_gated_then_it_says_what_to_do(hub):
    hub.gated.add("tester/tiny")
    with pytest.raises(CommandError, match="HF_TOKEN"):
        install("tester/tiny")


def test_when_there_is_no_network_then_it_says_so(hub, settings):
    hub.close()
    settings.HF_ENDPOINT = "http://127.0.0.1:9"
    with pytest.raises(CommandError, match="cannot be reached"):
        install("tester/tiny")
