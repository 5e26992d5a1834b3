"""Whose images a request may touch."""

import uuid
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from gallery.models import Image

if TYPE_CHECKING:
    from accounts.models import User


def person(request: HttpRequest) -> "User":
    """Return who is signed in; views call it behind ``login_required``."""
    return cast("User", request.user)


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment, not for a whole page."""
    return bool(getattr(request, "htmx", False))


def image_of(request: HttpRequest, public_id: uuid.UUID) -> Image:
    """Return this person's image, in the trash or not; raise Http404 for any other."""
    images = Image.objects.visible_to(person(request)).select_related("file")
    image: Image = get_object_or_404(images, public_id=public_id)
    return image
