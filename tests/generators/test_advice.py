"""What a failed job's card tells to do next."""

import pytest

from generators import advice, catalog
from generators.models import GenerationJob, ImageModel
from tests import factories

pytestmark = pytest.mark.django_db
STOPPED = "The drawing engine was stopped by the system."


def advice_on_memory(user, *, num_images=1, message=STOPPED, sides=(256,)):
    """Return the advice for a 256 pixel job that did not fit, by a model of those sizes."""
    row = catalog.find(factories.LOCAL)
    sizes = [{"width": side, "height": side} for side in sides]
    row.capabilities = row.capabilities | {"sizes": sizes, "size_range": None}
    row.save()
    job = factories.make_job(user, model=factories.LOCAL, num_images=num_images)
    job.failure_kind = GenerationJob.FailureKind.OUT_OF_MEMORY
    job.failure_message = message
    job.image_model = row
    return advice.about(job, other_models=list(ImageModel.objects.all()))


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"num_images": 2}, "Ask for fewer pictures"),
        ({"sides": (128, 256)}, "Choose a smaller shape"),
        ({"num_images": 2, "sides": (128, 256)}, "Choose a smaller shape"),
    ],
    ids=["fewer", "smaller", "both"],
)
def test_what_could_be_smaller_is_to_be_edited(alice, change, label):
    told = advice_on_memory(alice, **change)
    assert (told.step, told.step_label) == (advice.Step.EDIT, label)


def test_what_cannot_be_smaller_is_to_be_tried_again(alice):
    told = advice_on_memory(alice, sides=(256, 512))
    assert (told.step, told.step_label) == (advice.Step.RETRY, "Try again")
    assert told.more == STOPPED


def test_what_cannot_be_smaller_is_not_told_to_be(alice):
    assert "smaller" not in advice_on_memory(alice, message="").more
