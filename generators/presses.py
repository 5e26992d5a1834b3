"""From a press of the page's button to a generation: its models, its pictures, its price.

Pictures that came as files are kept only with the press: what is refused leaves none.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.models import User
from gallery import uploads
from gallery.clean_text import clean
from gallery.files import StorageFailed
from gallery.models import Image
from gallery.storage import BrokenPicture, PreparedImage
from generators import inputs, jobs, prompt_checks, validation
from generators.bytes_in_flight import bytes_to_decode, gate
from generators.capabilities import ImageRole, Size
from generators.contracts import GenerationRequest
from generators.form_pictures import Picture
from generators.forms import MOST_MODELS, Composer
from generators.inputs import Input
from generators.models import Generation, ImageModel, JobInput
from generators.shares import Share
from generators.validation import RequestErrors

MOST_TITLE_CHARS: Final = 1000
TOO_MANY_MODELS: Final = f"Compare at most {MOST_MODELS} models at once."


@dataclass(frozen=True, kw_only=True)
class Press:
    """One press by one person. ``told_price`` is what the page showed for a picture."""

    user: User
    composer: Composer
    client_token: uuid.UUID
    told_price: int | None

    def submit(self) -> Generation:
        """Check it, keep its pictures and submit its jobs: all of it or nothing.

        Raises RequestErrors, and what ``jobs.submit_generation`` raises.
        """
        made = Generation.objects.filter(
            owner=self.user, client_token=self.client_token
        )
        if (first := made.first()) is not None:
            return first
        shares = self._shares()
        requests = self._requests(shares)
        if any(picture.file is not None for picture in self.composer.given.pictures):
            # Here already: below, its verdict would go with the transaction it refuses.
            asked = [request for _, request in requests]
            has_pictures = any(share.own_pictures for share in shares)
            prompt_checks.look(self.user, asked, has_pictures=has_pictures)
        with _kept(self.composer.given.pictures) as ready:
            _refuse_heavy(shares, ready)
            return self._submitted(shares, requests, ready)

    def _shares(self) -> list[Share]:
        """Return the chosen models' shares; those that cannot be chosen say why."""
        names = self.composer.slugs or [""]
        if len(names) > MOST_MODELS:
            raise RequestErrors({"image_model": TOO_MANY_MODELS})
        of_model = {share.image_model.pk: share for share in self.composer.shares}
        of_name = {
            each.image_model.slug: each.image_model for each in of_model.values()
        }
        wanted = [of_name.get(each) or validation.find_model(each) for each in names]
        for image_model in wanted:
            if image_model.pk not in of_model:  # found, but not among the choices
                validation.build_request(image_model, prompt="")
                words = (
                    f"{image_model.label} cannot be chosen here. Choose another one."
                )
                raise RequestErrors({"image_model": words})
        return [of_model[pk] for pk in dict.fromkeys(each.pk for each in wanted)]

    def _requests(
        self, shares: Sequence[Share]
    ) -> list[tuple[ImageModel, GenerationRequest]]:
        """Return the checked requests, or raise all that is wrong, by field."""
        found, errors = [], self.composer.given.errors_of_press
        for share in shares:
            try:
                request = validation.build_typed(share.image_model, share.typed)
            except RequestErrors as refusal:
                for name, words in refusal.errors.items():
                    errors.setdefault(name, _of_model(share, words))
            else:
                found.append((share.image_model, request))
        if errors:
            raise RequestErrors(errors)
        return found

    def _submitted(
        self,
        shares: Sequence[Share],
        requests: Sequence[tuple[ImageModel, GenerationRequest]],
        ready: dict[Picture, PreparedImage],
    ) -> Generation:
        told = None
        if self.told_price is not None:
            told = self.told_price * requests[0][1].num_images
        typed = clean(self.composer.values.get("prompt", ""))[:MOST_TITLE_CHARS]
        read = (request.prompt for _, request in requests if request.prompt)
        with transaction.atomic() if ready else nullcontext():
            transaction.on_commit(ready.clear)  # from then on they are the gallery's
            images = {
                picture: uploads.add(prepared, owner=self.user)
                for picture, prepared in ready.items()
            }
            generation = jobs.submit_generation(
                user=self.user,
                prompt=next(read, typed),
                requests=requests,
                client_token=self.client_token,
                inputs=[_inputs(share, images) for share in shares],
                told_credits=told,
                rules=self.composer.rules,
            )
            if images and not _uses(generation, images.values()):
                transaction.set_rollback(True)  # the same press was quicker elsewhere
                _discard(ready)
        return generation


@contextmanager
def _kept(pictures: Sequence[Picture]) -> Iterator[dict[Picture, PreparedImage]]:
    """Write the files that came, one after the other; remove them if it is refused.

    Those in the gallery are no longer among them: what fails after that keeps them.
    """
    ready: dict[Picture, PreparedImage] = {}
    try:
        for picture in pictures:
            if picture.file is not None:
                ready[picture] = _prepared(picture, picture.file)
        yield ready
    except BaseException:
        _discard(ready)
        raise


def _prepared(picture: Picture, file: "UploadedFile[Any]") -> PreparedImage:
    size = picture.size or Size(width=0, height=0)
    pixels = size.width * size.height
    try:
        with gate.hold(bytes_to_decode(file.size or 0, pixels)):
            file.seek(0)
            content = file.read()
            return uploads.prepare(content, is_mask=picture.role is ImageRole.MASK)
    except (BrokenPicture, StorageFailed) as error:
        raise RequestErrors({picture.field: error.user_message}) from error


def _discard(ready: Mapping[Picture, PreparedImage]) -> None:
    for prepared in ready.values():
        uploads.discard(prepared)


def _refuse_heavy(
    shares: Sequence[Share], ready: Mapping[Picture, PreparedImage]
) -> None:
    """Refuse pictures whose bytes are more than a model takes, before any charge."""
    for share in shares:
        roles = [picture.role for picture in share.own_pictures]
        limits = inputs.limits_of_each(share.able, roles)
        for picture in share.own_pictures:
            file = ready.get(picture) or (picture.image and picture.image.file)
            if file and not inputs.fits(file, role=picture.role, limits=limits):
                words = _of_model(share, inputs.TOO_LARGE)
                raise RequestErrors({picture.field: words})


def _inputs(share: Share, images: Mapping[Picture, Image]) -> list[Input]:
    found = ((images.get(each) or each.image, each.role) for each in share.own_pictures)
    return [Input(image=image, role=role) for image, role in found if image]


def _uses(generation: Generation, images: Iterable[Image]) -> bool:
    used = JobInput.objects.filter(job__generation=generation)
    return used.filter(image__in=list(images)).exists()


def _of_model(share: Share, words: str) -> str:
    return f"{share.image_model.label}: {words}" if share.is_compared else words
