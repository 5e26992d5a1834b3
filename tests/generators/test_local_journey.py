"""From a press of the button to a picture in the gallery, drawn on this machine."""

import io
import os
import subprocess
import sys
import uuid

import pytest
from PIL import Image as Pillow

from accounts import ledger
from gallery.files import open_file
from gallery.models import Image
from generators import catalog, jobs, moves, validation
from generators.contracts import Lane
from generators.models import GenerationJob
from generators.providers import registry
from generators.providers.local_diffusers import LocalDiffusersProvider
from tests import factories
from tests.fakes.shared_engine import KilledMidway

Status = GenerationJob.Status
SLUGS = ["tiny-sd15", "tiny-sdxl", "tiny-sd3", "tiny-flux", "tiny-single-xl"]


@pytest.fixture
def site(transactional_db, local, shared_engine):
    """The catalogue with the tiny models, and the registry's provider on our engine."""
    registry.close_all()
    provider().engine = shared_engine
    catalog.fill()
    yield
    registry.close_all()


def provider() -> LocalDiffusersProvider:
    """The one that jobs run on."""
    local = registry.get(registry.LOCAL)
    assert isinstance(local, LocalDiffusersProvider)
    return local


def press(person, slug, **given):
    model = catalog.find(slug)
    request = validation.build_request(model, prompt="a red apple", **given)
    return jobs.submit_generation(
        user=person,
        prompt=request.prompt,
        requests=[(model, request)],
        client_token=uuid.uuid4(),
    ).jobs.get()


@pytest.mark.parametrize("slug", SLUGS)
def test_when_a_job_runs_then_its_pictures_are_in_the_gallery(site, slug):
    person = factories.make_person("ann")
    before = ledger.wallet_of(person).balance
    job = press(person, slug, num_images=2, seed=11)
    assert jobs.run_next(Lane.LOCAL, worker="test")
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED, job.failure_detail
    images = list(Image.objects.filter(job_id=job.public_id).order_by("position"))
    assert [each.seed for each in images] == [11, 12]
    assert {each.image_model_slug for each in images} == {slug}
    original = open_file(images[0].file.path)
    assert Pillow.open(io.BytesIO(original)).size == (64, 64)
    wallet = ledger.wallet_of(person)
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.reserved) == (before - 2, 0)
    assert provider().loaded_models()[-1].startswith(slug)


def test_when_the_engine_is_killed_then_the_job_fails_in_words_and_costs_nothing(
    site, shared_engine
):
    person = factories.make_person("ann")
    before = ledger.wallet_of(person).balance
    job = press(person, "tiny-sd15", num_inference_steps=100)
    local = provider()
    local.engine = KilledMidway(limit_mb=0, idle_seconds=600)
    for tries in range(1, moves.MAX_ATTEMPTS + 1):
        job.refresh_from_db()
        assert (job.status, job.attempts) == (Status.QUEUED, tries - 1)
        GenerationJob.objects.filter(pk=job.pk).update(next_action_at=None)
        assert jobs.run_next(Lane.LOCAL, worker="test")
    job.refresh_from_db()
    assert job.status == Status.FAILED
    assert job.failure_kind == GenerationJob.FailureKind.OUT_OF_MEMORY
    wallet = ledger.wallet_of(person)
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.reserved) == (before, 0)
    local.engine = shared_engine
    again = press(person, "tiny-sd15")
    assert jobs.run_next(Lane.LOCAL, worker="test")
    again.refresh_from_db()
    assert again.status == Status.SUCCEEDED


FRESH = """
import asyncio, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
from magicshot.asgi import application
from django.core.management import call_command
call_command("migrate", verbosity=0)
from accounts.models import User
from django.test import AsyncClient
person = User.objects.create_user("ann@example.org", "ann's password")
async def visit():
    client = AsyncClient()
    await client.aforce_login(person)
    page = await client.get("/")
    assert page.status_code == 200, page.status_code
    return page.content.decode()
page = asyncio.run(visit())
assert "tiny sd15" in page, page[:2000]
heavy = {"torch", "diffusers", "transformers", "torchvision", "huggingface_hub"}
print(sorted(heavy & set(sys.modules)))
"""


def test_when_the_create_page_is_served_then_no_torch_was_loaded(tiny_models, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        env=os.environ
        | {
            "MAGICSHOT_HOME": str(tmp_path),
            "MODELS_DIR": str(tiny_models),
            "ALLOWED_HOSTS": "testserver",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
