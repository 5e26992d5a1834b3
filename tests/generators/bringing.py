"""People who bring pictures for a model with packaged weights, and what comes of it."""

import html
import io
import uuid

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Pillow

from gallery.files import open_file
from gallery.models import Image
from generators import jobs
from generators.contracts import Lane

HTMX = {"HX-Request": "true"}


def scene(width=60, height=40):
    """A smooth picture in which each place has a colour of its own."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Pillow.fromarray(np.dstack([across, down, across * 0]).astype(np.uint8))


def file_of(picture, kind="PNG", **options):
    """A picture, or a file's bytes, as a browser sends it."""
    content = picture
    if not isinstance(picture, bytes):
        out = io.BytesIO()
        picture.save(out, kind, **options)
        content = out.getvalue()
    return SimpleUploadedFile("a.png", content, content_type="image/png")


def cut_short():
    """A PNG whose end is missing."""
    out = io.BytesIO()
    Pillow.effect_noise((90, 90), 90).save(out, "PNG")
    return out.getvalue()[:3000]


def press(client, image_model, **fields):
    """Press the button without words."""
    typed = {
        "prompt": "",
        "image_model": image_model,
        "num_images": "1",
        "client_token": str(uuid.uuid4()),
    }
    return client.post("/generations/", typed | fields, headers=HTMX)


def words_of(response):
    return html.unescape(response.content.decode())


def work():
    """Do all that waits in the local lane."""
    while jobs.run_next(Lane.LOCAL, worker="test"):
        pass


def result():
    """The newest picture that was made, opened."""
    image = Image.objects.filter(kind=Image.Kind.GENERATED).latest("pk")
    return Pillow.open(io.BytesIO(open_file(image.file.path)))
