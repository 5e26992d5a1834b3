"""Gives people things to take along and to leave behind."""

import os

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import ledger
from accounts.models import Invitation, User
from gallery import storage, uploads
from gallery.models import Image
from gallery.storage import ImageRecipe, Parent
from gallery.tagging import add_tags
from generators import endings, jobs
from generators.contracts import Lane
from generators.failures import Failure
from generators.models import GenerationJob, PromptRule
from generators.prompt_checks import PromptRefused
from tests import factories
from tests.gallery.making import make_image, picture, prepared

SECRET = "TOPSECRETOFTHEAPP"


def drawn(user: User, prompt: str, *, num_images: int = 1) -> GenerationJob:
    """Press the button and let a worker draw it."""
    job = factories.make_job(user, prompt, num_images=num_images)
    while jobs.run_next(Lane.REMOTE, worker="test"):
        pass
    job.refresh_from_db()
    return job


def failed(user: User, prompt: str, words: str) -> GenerationJob:
    """Press the button and let it come to nothing."""
    job = factories.make_job(user, prompt)
    rows = GenerationJob.objects.filter(pk=job.pk)
    rows.update(status=GenerationJob.Status.RUNNING)
    kind = GenerationJob.FailureKind.REFUSED
    endings.fail(rows, job, Failure(kind=kind, message=words, detail=words))
    return job


def uploaded(user: User, shade: int, *, is_mask: bool = False) -> Image:
    """Bring a picture along."""
    mode = "L" if is_mask else "RGB"
    ready = uploads.prepare(picture(mode=mode, shade=shade), is_mask=is_mask)
    with transaction.atomic():
        return uploads.add(ready, owner=user)


def made_from(user: User, parent: Image, shade: int, **recipe: str) -> Image:
    """Make a picture of another one."""
    with transaction.atomic():
        parents = [Parent(image=parent, role="init")]
        return storage.add(prepared(shade, **recipe), owner=user, parents=parents)


def large(user: User, megabytes: int) -> Image:
    """Keep a file of noise that stands for a large picture."""
    noise = os.urandom(megabytes * 1_000_000)
    ready = storage.write(
        noise,
        (b"small", b"large"),
        image_format="PNG",
        size=(10, 10),
        recipe=ImageRecipe(prompt="noise"),
    )
    with transaction.atomic():
        return storage.add(ready, owner=user)


def furnish(user: User, word: str) -> None:
    """Give somebody one of everything, all of it bearing a word of their own."""
    drawn(user, f"a {word} on a hill", num_images=2)
    failed(user, f"a broken {word}", f"The service said: no {word} here.")
    image = make_image(user, 11, prompt=f"{word} alone", negative_prompt=f"no {word}")
    add_tags(image, f"{word} tag")
    made_from(user, image, 12, prompt=f"{word} again")
    uploaded(user, 13)
    uploaded(user, 14, is_mask=True)
    trashed = make_image(user, 15, prompt=f"old {word}")
    Image.objects.filter(pk=trashed.pk).trash()
    _refused(user, word)
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": True}
    )
    EmailAddress.objects.create(user=user, email=f"{word}.other@example.org")
    data = {"secret": SECRET, "name": f"key of {word}"}
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data)
    Invitation.objects.create(email=user.email, accepted_by=user)
    ledger.grant(ledger.wallet_of(user), 50, reference=f"test:{user.pk}", note="Fair")


def _refused(user: User, word: str) -> None:
    PromptRule.objects.get_or_create(phrase="forbiddenword")
    with pytest.raises(PromptRefused):
        factories.submit(user, f"{word} forbiddenword")
