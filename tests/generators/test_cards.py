"""What a card says and shows in each state of its job."""

import pytest

from generators.cards import JobCard
from generators.models import GenerationJob

Status = GenerationJob.Status
Phase = GenerationJob.Phase


@pytest.mark.parametrize(
    ("status", "phase", "progress", "is_shown"),
    [
        (Status.RUNNING, Phase.LOADING, 0.0, False),
        (Status.RUNNING, Phase.DRAWING, 0.0, False),
        (Status.RUNNING, Phase.DRAWING, 0.5, True),
        (Status.RUNNING, Phase.SAVING, 1.0, True),
        (Status.SUCCEEDED, Phase.SAVING, 1.0, False),
    ],
)
def test_the_preview_stays_until_the_picture_is_there(
    status, phase, progress, is_shown
):
    job = GenerationJob(status=status, phase=phase, progress=progress)
    assert JobCard(job=job).has_preview is is_shown
