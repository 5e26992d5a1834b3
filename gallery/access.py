"""Whose images a request may touch."""

import uuid

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.requests import person
from gallery.models import Image


def image_of(request: HttpRequest, public_id: uuid.UUID) -> Image:
    """Return this person's image, in the trash or not; raise Http404 for any other."""
    images = Image.objects.visible_to(person(request)).select_related("file")
    image: Image = get_object_or_404(images, public_id=public_id)
    return image
