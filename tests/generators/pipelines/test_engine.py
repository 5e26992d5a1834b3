"""The engine's life: warm weights, memory, cancels, and every way it can die."""

import contextlib
import json
import logging
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

import psutil
import pytest

from generators import errors
from generators.contracts import Progress
from generators.pipelines import protocol
from generators.providers.local.engine_client import EngineClient
from generators.providers.local_diffusers import LocalDiffusersProvider
from tests.fakes import tiny_pipelines
from tests.fakes.shared_engine import kill_if_there
from tests.generators.pipelines.test_drawing import drawn, found, request_for

pytestmark = pytest.mark.long
SLOW = {"num_inference_steps": 100}


@pytest.fixture
def own_engine(local):
    """Make a provider whose engine the test may hurt."""
    engines = []

    def make(**options):
        engine = EngineClient(**({"limit_mb": 0, "idle_seconds": 600} | options))
        engines.append(engine)
        return LocalDiffusersProvider(engine=engine)

    yield make
    for engine in engines:
        engine.close()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def once_drawing(action):
    """Return an ``on_progress`` that acts once, in the middle of drawing."""
    told: list[Progress] = []

    def on_progress(progress):
        if progress.step >= 2 and not told:
            told.append(progress)
            action()
        return True

    return on_progress


def is_running(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


# Death


def test_when_killed_while_drawing_then_it_is_a_lack_of_memory_and_the_next_draws(
    own_engine,
):
    provider = own_engine()
    first = []

    def kill():
        first.append(provider.engine.pid)
        os.kill(provider.engine.pid, signal.SIGKILL)

    with pytest.raises(errors.ResourceExhausted, match="ran out of memory"):
        provider.submit(
            request_for("tiny-sd15", **SLOW), on_progress=once_drawing(kill)
        )
    assert drawn(provider, request_for("tiny-sd15")).images
    assert provider.engine.pid not in first
    assert not is_running(first[0])


def test_when_killed_after_some_pictures_then_those_are_kept(own_engine):
    provider = own_engine()

    def on_progress(progress):
        if progress.fraction > 0.75:
            kill_if_there(provider.engine)
        return True

    request = request_for("tiny-flux", num_images=2, num_inference_steps=40)
    result = provider.submit(request, on_progress=on_progress)
    assert [each.seed for each in result.images] == [7]


def test_when_it_ends_by_itself_then_it_is_unexpected_and_not_called_memory(own_engine):
    provider = own_engine()
    end = once_drawing(lambda: os.kill(provider.engine.pid, signal.SIGTERM))
    with pytest.raises(errors.UnexpectedResponse, match="stopped unexpectedly"):
        provider.submit(request_for("tiny-sd15", **SLOW), on_progress=end)


def test_when_killed_while_idle_then_the_next_order_does_not_notice(own_engine):
    provider = own_engine()
    drawn(provider, request_for("tiny-sd15"))
    os.kill(provider.engine.pid, signal.SIGKILL)
    assert drawn(provider, request_for("tiny-sd15")).images


def test_when_it_hangs_then_it_is_ended_and_another_starts(own_engine):
    provider = own_engine()
    drawn(provider, request_for("tiny-sd15"))
    provider.engine._silence_seconds = 3
    pid = provider.engine.pid
    stop = once_drawing(lambda: os.kill(pid, signal.SIGSTOP))
    with pytest.raises(errors.TimedOut, match="stopped answering"):
        provider.submit(request_for("tiny-sd15", **SLOW), on_progress=stop)
    until(lambda: not is_running(pid))
    provider.engine._silence_seconds = 60
    assert drawn(provider, request_for("tiny-sd15")).images


def test_when_no_step_is_made_for_too_long_then_it_is_ended(own_engine):
    provider = own_engine(stall_seconds=0.0)
    with pytest.raises(errors.TimedOut, match="stopped answering"):
        drawn(provider, request_for("tiny-sd15"))


def test_when_torch_loads_slowly_then_it_shows_signs_of_life_meanwhile(tmp_path):
    (tmp_path / "torch.py").write_text("import time; time.sleep(600)")
    engine = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "generators.pipelines.engine",
            str(os.getpid()),
            "0",
            "9",
        ],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    give_up = threading.Timer(30, engine.kill)
    give_up.start()
    assert engine.stdout
    with engine:
        heard = [protocol.read(engine.stdout) for _ in range(2)]
        engine.kill()
    give_up.cancel()
    assert heard == [protocol.Alive()] * 2


PARENT = """
import os, sys, time
from generators.providers.local.engine_client import EngineClient
from generators.pipelines.protocol import Checkpoint
engine = EngineClient(limit_mb=0, idle_seconds=600)
engine.load(Checkpoint(model_id="x", label="x", path="/nowhere", family="sd15",
                       pipeline_class="StableDiffusionPipeline", float_elements=1))
print(engine.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_when_its_parent_is_killed_then_it_ends_too(is_stopped):
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout
    with parent, parent.stdout:
        pid = int(parent.stdout.readline())
        if is_stopped:
            time.sleep(0.5)
            os.kill(pid, signal.SIGSTOP)  # its own threads cannot notice
        parent.kill()
    until(lambda: not is_running(pid), seconds=20)


def test_when_closed_while_drawing_then_it_ends_at_once(own_engine):
    provider = own_engine()
    drawn(provider, request_for("tiny-sd15"))
    pid = provider.engine.pid

    def close():
        threading.Thread(target=provider.engine.close).start()

    started = time.monotonic()
    with pytest.raises(errors.ProviderError):
        provider.submit(
            request_for("tiny-sd15", **SLOW), on_progress=once_drawing(close)
        )
    until(lambda: not is_running(pid), seconds=5)
    assert time.monotonic() - started < 10


# Canceling


def test_when_canceled_while_drawing_then_it_stops_after_that_step(local):
    seen = []

    def on_progress(progress):
        seen.append(progress)
        return progress.step < 3

    with pytest.raises(errors.GenerationCanceled):
        local.submit(request_for("tiny-sd15", **SLOW), on_progress=on_progress)
    assert seen[-1].step == 3
    started = time.monotonic()
    full = drawn(local, request_for("tiny-sd15", num_inference_steps=2))
    assert time.monotonic() - started < 5 + full.model_seconds


def test_when_canceled_between_steps_then_the_answer_comes_within_a_tenth(local):
    asked: list[float] = []

    def on_progress(progress):
        if progress.step >= 1 and not asked:
            asked.append(time.monotonic())
        return not (asked and time.monotonic() - asked[0] > 0)

    with pytest.raises(errors.GenerationCanceled):
        local.submit(request_for("tiny-sd15", **SLOW), on_progress=on_progress)
    assert time.monotonic() - asked[0] < 2  # a step and 100 ms, on a busy machine


# Memory


def test_when_a_model_is_too_large_then_it_is_refused_before_loading(own_engine):
    provider = own_engine(limit_mb=1)
    with pytest.raises(errors.ResourceExhausted, match="lends 1 MB") as got:
        drawn(provider, request_for("tiny-sd15"))
    assert "tiny sd15 needs about" in got.value.user_message
    assert provider.loaded_models() == ()


def test_when_a_checkpoint_would_fill_the_machine_then_it_is_not_even_opened(
    own_engine, tiny_models, settings, tmp_path
):
    folder = tmp_path / "giants" / "giant"
    shutil.copytree(tiny_models / "tiny-sd15", folder)
    elements = 200 * 10**9
    header = json.dumps(
        {"w": {"dtype": "F16", "shape": [elements], "data_offsets": [0, 2 * elements]}}
    ).encode()
    with (folder / "unet" / "diffusion_pytorch_model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2 * elements)  # sparse: takes no disk
    settings.MODELS_DIR = tmp_path / "giants"
    provider = own_engine()
    with pytest.raises(errors.ResourceExhausted, match=r"800\.0 GB"):
        drawn(provider, request_for("giant"))  # reading it would outlast the test


def test_when_models_are_used_in_turn_then_they_stay_warm(own_engine):
    provider = own_engine()
    for model_id in ("tiny-sd15", "tiny-flux", "tiny-sd15"):
        drawn(provider, request_for(model_id))
    assert provider.loaded_models() == ("tiny-flux", "tiny-sd15")


def test_when_the_memory_is_full_then_the_longest_unused_goes(own_engine):
    local = own_engine()
    needs = {
        model_id: 4 * found(local, model_id).checkpoint.float_elements
        for model_id in ("tiny-sd15", "tiny-flux", "tiny-sd3")
    }
    working = 64 * 64 * 32 * 4 * 3
    limit = sum(needs.values()) + working - min(needs.values()) // 2
    provider = own_engine(limit_mb=limit // 2**20)
    for model_id in ("tiny-sd15", "tiny-flux", "tiny-sd15", "tiny-sd3"):
        drawn(provider, request_for(model_id))
    assert provider.loaded_models() == ("tiny-sd15", "tiny-sd3")


def test_when_idle_then_the_weights_are_let_go(own_engine):
    provider = own_engine(idle_seconds=0.5)
    drawn(provider, request_for("tiny-sd15"))
    until(lambda: provider.loaded_models() == (), seconds=10)
    assert provider.engine.pid is not None
    assert drawn(provider, request_for("tiny-sd15")).images


def test_when_preloaded_then_the_model_is_warm_before_the_first_order(own_engine):
    provider = own_engine()
    provider.preload()
    first = provider.catalog()[0].provider_model_id
    until(lambda: provider.loaded_models() == (first,))


def test_when_the_files_change_then_the_stale_weights_are_not_used(
    own_engine, settings, tmp_path
):
    settings.MODELS_DIR = tmp_path / "changing"
    folder = settings.MODELS_DIR / "it"
    tiny_pipelines.save("flux", folder, seed=1)
    provider = own_engine()
    before = drawn(provider, request_for("it")).images[0].content.read()
    tiny_pipelines.save("flux", folder, seed=2)
    assert drawn(provider, request_for("it")).images[0].content.read() != before


# Trouble in words


def test_when_the_parts_do_not_fit_then_it_says_so_and_goes_on(
    own_engine, settings, tiny_models, tmp_path, caplog
):
    settings.MODELS_DIR = tmp_path / "damaged"
    folder = settings.MODELS_DIR / "tiny-sd15"
    shutil.copytree(tiny_models / "tiny-sd15", folder)
    config = folder / "unet" / "config.json"
    told = json.loads(config.read_text()) | {"block_out_channels": [16, 64]}
    config.write_text(json.dumps(told))
    shutil.copytree(tiny_models / "tiny-flux", settings.MODELS_DIR / "tiny-flux")
    provider = own_engine()
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(errors.UnexpectedResponse, match="seem to be damaged") as got,
    ):
        drawn(provider, request_for("tiny-sd15", prompt="my secret wish"))
    assert got.value.detail
    assert drawn(provider, request_for("tiny-flux")).images
    assert "secret wish" not in got.value.detail + caplog.text


def test_when_a_prompt_is_long_and_odd_then_it_draws_and_no_log_quotes_it(
    own_engine, caplog
):
    provider = own_engine()
    words = "zebra 🦓 ünïcode \x01 " * 50
    with caplog.at_level(logging.DEBUG):
        assert drawn(provider, request_for("tiny-sd15", prompt=words)).images
        assert drawn(provider, request_for("tiny-sd3", prompt=words)).images
        provider.close()
    assert "zebra" not in caplog.text
    assert "torchvision" not in caplog.text
    assert not [each for each in caplog.records if "engine" in each.name]
