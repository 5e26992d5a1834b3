"""The pictures that came with the form: of the gallery by their ids, or as files.

Files are looked at here, not kept: what is wrong with one is told beside its field.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from gallery.decoding import UPLOADS, BrokenPicture, upright_size
from gallery.models import Image
from generators.capabilities import ImageRole, Size
from generators.inputs import GONE
from generators.operations import FIELDS, ROLE_LABELS, Given
from generators.typed_values import read_size

if TYPE_CHECKING:
    from accounts.models import User

GIVEN: Final = "given"
"""What each file is for and its size, ``init:640x480``: a redraw sends no files."""

MOST_PICTURES: Final = 40
"""More files than any model takes are not even looked at."""

TOO_MANY: Final = "These are too many pictures."
_NOT_READ: Final = "The picture did not arrive whole. Try again."
NOT_ARRIVED: Final = "A picture did not arrive. Add it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the form: of the gallery, a file, or only known to be chosen."""

    role: ImageRole
    size: Size | None = None
    image: Image | None = None
    file: "UploadedFile[Any] | None" = None

    @property
    def given(self) -> Given:
        """Return what a request is checked by."""
        return Given(role=self.role, size=self.size)

    @property
    def field(self) -> str:
        """Return the field it came in."""
        return FIELDS[self.role]

    @property
    def role_label(self) -> str:
        """Return what people choose for it."""
        return ROLE_LABELS[self.role]

    @property
    def is_announced(self) -> bool:
        """Say whether it is only known to be chosen: nothing of it came."""
        return self.image is None and self.file is None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPictures:
    """All pictures of the form, and what is wrong with some, by field."""

    pictures: tuple[Picture, ...] = ()
    errors: Mapping[str, str]

    @property
    def errors_of_press(self) -> dict[str, str]:
        """Return what is wrong where the pictures are needed, not only their sizes."""
        announced = {each.field for each in self.pictures if each.is_announced}
        return {**dict.fromkeys(announced, NOT_ARRIVED), **self.errors}


def read(
    user: "User",
    typed: MultiValueDict[str, str],
    files: "MultiValueDict[str, UploadedFile[Any]] | None" = None,
) -> FormPictures:
    """Read the pictures of a form, those with the same role in the order they came."""
    files = files or MultiValueDict()
    errors: dict[str, str] = {}
    of_role = {
        role: [*_of_gallery(user, role, typed, errors), *_of_files(role, files, errors)]
        for role in ImageRole
    }
    for role, sizes in _announced(typed.getlist(GIVEN)).items():
        came = len(files.getlist(FIELDS[role]))
        of_role[role] += [Picture(role=role, size=size) for size in sizes[came:]]
    return FormPictures(
        pictures=tuple(each for found in of_role.values() for each in found),
        errors=errors,
    )


def _of_gallery(
    user: "User",
    role: ImageRole,
    typed: MultiValueDict[str, str],
    errors: dict[str, str],
) -> Iterator[Picture]:
    field = FIELDS[role]
    asked = [text for text in typed.getlist(field) if text][:MOST_PICTURES]
    ids = [_uuid(text) for text in asked]
    rows = Image.objects.visible_to(user).filter(public_id__in=[*filter(None, ids)])
    found = {row.public_id: row for row in rows.select_related("file")} if ids else {}
    for public_id in ids:
        image = found.get(public_id) if public_id else None
        if image is None:
            errors.setdefault(field, GONE)
            continue
        size = Size(width=image.file.width, height=image.file.height)
        yield Picture(role=role, size=size, image=image)


def _of_files(
    role: ImageRole,
    files: "MultiValueDict[str, UploadedFile[Any]]",
    errors: dict[str, str],
) -> Iterator[Picture]:
    field = FIELDS[role]
    given: Sequence[UploadedFile[Any]] = files.getlist(field)
    if len(given) > MOST_PICTURES:
        errors[field] = TOO_MANY
        return
    for file in given:
        size: Size | None = None
        try:
            size = _look(file)
        except BrokenPicture as broken:
            errors.setdefault(field, _named(file, given, broken.user_message))
        yield Picture(role=role, size=size, file=file)


def _look(file: "UploadedFile[Any]") -> Size:
    if (file.size or 0) > UPLOADS.max_bytes:  # before it is read into memory
        raise BrokenPicture("The picture is larger than 20 MB.")
    try:
        file.seek(0)
        width, height = upright_size(file.read())
    except OSError as error:
        raise BrokenPicture(_NOT_READ) from error
    return Size(width=width, height=height)


def _named(
    file: "UploadedFile[Any]", given: "Sequence[UploadedFile[Any]]", words: str
) -> str:
    """Say which of several files it is about."""
    name = (file.name or "")[:60]
    return f"{name}: {words}" if len(given) > 1 and name else words


def _announced(texts: Sequence[str]) -> dict[ImageRole, list[Size | None]]:
    of_role: dict[ImageRole, list[Size | None]] = {}
    for text in texts[:MOST_PICTURES]:
        role, _, size = text.partition(":")
        if role in list(ImageRole):
            of_role.setdefault(ImageRole(role), []).append(read_size(size))
    return of_role


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
