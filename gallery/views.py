"""The pages of the gallery, and what is done on them."""

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.looking import only_by_oneself
from accounts.requests import is_htmx, person
from accounts.sign_in import sign_in_required
from gallery import pages, retention, tagging
from gallery.access import image_of
from gallery.browser_time import in_browser_time
from gallery.curves import loss_curve
from gallery.models import Image, ImageTag, Tag
from gallery.recipes import recipe_lines
from gallery.storage import delete_forever


@sign_in_required
@require_safe
@in_browser_time
def gallery_list(request: HttpRequest) -> HttpResponse:
    """Show a page of the person's pictures, newest first; htmx gets only its tiles."""
    user = person(request)
    tag_name = request.GET.get("tag", "").strip()
    tag = _tag(request, tag_name)
    if tag_name and tag is None:
        page = pages.GalleryPage(places=[], older=None)
    else:
        key = pages.read_key(request.GET.get("before", ""))
        page = pages.gallery_page(user, before=key, tag=tag)
    context = {"page": page, "tag": tag_name, "is_first": "before" not in request.GET}
    if is_htmx(request):
        return render(request, "gallery/partials/_page.html", context)
    context |= {
        "tags": pages.tags_of(page.images),
        "undo": _just_trashed(request),
    }
    return render(request, "gallery/gallery_list.html", context)


@sign_in_required
@require_safe
@in_browser_time
def image_detail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show one picture large, with its recipe and what lies around it."""
    image = image_of(request, public_id)
    user = person(request)
    tag = _tag(request, request.GET.get("tag", "").strip())
    context = {
        "image": image,
        "lines": recipe_lines(image),
        "curve": loss_curve(image.losses),
        "beside": pages.neighbours(user, image, tag=tag),
        "tag": tag.name if tag else "",
        "siblings": pages.siblings(user, image),
        "parents": pages.parents(user, image),
        "children": pages.children(user, image),
        "links": _links(image),
    }
    return render(request, "gallery/image_detail.html", context)


@sign_in_required
@require_safe
@in_browser_time
def trash_list(request: HttpRequest) -> HttpResponse:
    """Show what lies in the trash and when it goes."""
    key = pages.read_key(request.GET.get("before", ""))
    page = pages.trash_page(person(request), before=key)
    context = {
        "page": page,
        "is_first": "before" not in request.GET,
        "trash_days": settings.TRASH_DAYS,
    }
    template = "partials/_trash_page" if is_htmx(request) else "trash_list"
    return render(request, f"gallery/{template}.html", context)


@sign_in_required
@require_POST
def image_trash(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Put a picture into the trash; its tile stays as a way back."""
    image = image_of(request, public_id)
    Image.objects.filter(pk=image.pk).trash()
    if is_htmx(request):
        image.refresh_from_db(fields=["trashed_at"])
        return _tile(request, image)
    return redirect(f"{reverse('gallery:gallery-list')}?undo={image.public_id}")


@sign_in_required
@require_POST
def image_restore(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take a picture out of the trash."""
    image = image_of(request, public_id)
    Image.objects.filter(pk=image.pk).restore()
    image.trashed_at = None
    if is_htmx(request):
        return _tile(request, image)
    return redirect("gallery:image-detail", image.public_id)


@only_by_oneself
@sign_in_required
@require_POST
def image_delete(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Delete a picture of the trash for ever."""
    image = image_of(request, public_id)
    delete_forever(Image.objects.filter(pk=image.pk))
    if is_htmx(request):
        return HttpResponse()
    return redirect("gallery:trash-list")


@only_by_oneself
@sign_in_required
@require_POST
def trash_empty(request: HttpRequest) -> HttpResponse:
    """Delete the whole trash for ever."""
    retention.empty_trash(person(request).pk)
    return redirect("gallery:trash-list")


@sign_in_required
@require_POST
def tag_add(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Tag a picture with what was typed; 422 with the reason where it cannot be kept."""
    image = image_of(request, public_id)
    typed = request.POST.get("tags", "")
    try:
        tagging.add_tags(image, typed)
    except tagging.BadTag as error:
        context = {"image": image, "links": _links(image)}
        context |= {"error": str(error), "typed": typed}
        return render(request, "gallery/partials/_tags.html", context, status=422)
    return _tags(request, image)


@sign_in_required
@require_POST
def tag_remove(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take a tag off a picture."""
    image = image_of(request, public_id)
    tagging.remove_tag(image, request.POST.get("tag", ""))
    return _tags(request, image)


def _tags(request: HttpRequest, image: Image) -> HttpResponse:
    if not is_htmx(request):
        return redirect("gallery:image-detail", image.public_id)
    context = {"image": image, "links": _links(image)}
    return render(request, "gallery/partials/_tags.html", context)


def _tile(request: HttpRequest, image: Image) -> HttpResponse:
    context = {"image": image, "is_back": image.trashed_at is None}
    return render(request, "gallery/partials/_tile.html", context)


def _links(image: Image) -> list[ImageTag]:
    links = image.tag_links.select_related("tag")
    return list(links.order_by("source", "tag__name"))


def _tag(request: HttpRequest, name: str) -> Tag | None:
    try:
        normal = tagging.normalise(name)
    except tagging.BadTag:
        return None
    return Tag.objects.filter(owner=person(request), name=normal).first()


def _just_trashed(request: HttpRequest) -> Image | None:
    try:
        public_id = uuid.UUID(request.GET.get("undo", ""))
    except ValueError:
        return None
    images = Image.objects.visible_to(person(request)).trashed()
    return images.filter(public_id=public_id).first()
