"""The zip of everything of one person's, written piece by piece.

However many pictures there are, one at a time is in memory. Names in the zip are made of
dates and of the pictures' own keys; no word that anybody typed is in one.
"""

import datetime as dt
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from accounts.csv_file import csv_lines
from accounts.models import User
from gallery.downloads import EXTENSIONS
from gallery.files import StorageFailed, open_file
from gallery.large_files import PIECE_BYTES
from gallery.models import Image
from generators.patience import let_go_of_database
from generators.statement import rows_of_file
from magicshot.leaving import account_record, readme, records
from magicshot.leaving.statements import statements_of

MOST_UNREADABLE: Final = 10
"""So many pictures in a row that cannot be read are a storage that is away."""

MISSING: Final = "its file is missing on the site"
DAMAGED: Final = "its file is damaged; it is here as it was found"
UNREADABLE: Final = "its file could not be read on the site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A picture that is not in the zip as it should be, and why."""

    name: str
    words: str


def write(
    user: User, file: BinaryIO, *, on_picture: Callable[[int], None]
) -> list[Trouble]:
    """Write the zip; return which pictures it lacks, or holds damaged.

    ``on_picture`` is told how many are in, and may raise to break off. Raise
    StorageFailed where one picture after the other cannot be read.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        pictures = _Pictures(_Archive(packed))
        with tempfile.TemporaryFile() as recipes:
            for piece in _array(pictures.add_all(user, on_picture)):
                recipes.write(piece)
            recipes.seek(0)
            pieces = iter(lambda: recipes.read(PIECE_BYTES), b"")
            pictures.archive.add_pieces("pictures.json", pieces)
        _add_words(pictures.archive, user)
        lacking = [(trouble.name, trouble.words) for trouble in pictures.troubles]
        words = readme.text(num_pictures=pictures.num_added, lacking=lacking)
        pictures.archive.add_pieces("README.txt", [words.encode()])
    return pictures.troubles


def _add_words(archive: "_Archive", user: User) -> None:
    archive.add_pieces("generations.json", _array(records.generations_of(user)))
    refused = records.refused_prompts_of(user)
    archive.add_pieces("refused_prompts.json", _array(refused))
    for name, lines in statements_of(user):
        rows = csv_lines(rows_of_file(lines))
        archive.add_pieces(name, (_utf8(row) for row in rows))
    archive.add_pieces("account.json", [_json(account_record.of(user))])


class _Pictures:
    """Puts pictures into the zip, and remembers what was wrong with some."""

    def __init__(self, archive: "_Archive") -> None:
        self.archive = archive
        self.num_added = 0
        self.troubles: list[Trouble] = []
        self._unreadable_in_a_row = 0

    def add_all(
        self, user: User, on_picture: Callable[[int], None]
    ) -> Iterator[dict[str, Any]]:
        """Add every picture's original; yield its recipe, with its name in the zip."""
        for count, image in enumerate(records.images_of(user), 1):
            name = self._name(image)
            is_in = self._add(image, name)
            yield records.of_image(image, name if is_in else None)
            on_picture(count)

    def _add(self, image: Image, name: str) -> bool:
        let_go_of_database()
        try:
            content = open_file(image.file.path)
        except FileNotFoundError:
            self._note(name, MISSING)
            return False
        except StorageFailed:
            self._unreadable_in_a_row += 1
            if self._unreadable_in_a_row >= MOST_UNREADABLE:
                raise
            self._note(name, UNREADABLE)
            return False
        self._unreadable_in_a_row = 0
        if hashlib.sha256(content).hexdigest() != image.file.content_hash:
            self._note(name, DAMAGED)
        self.archive.add(name, content, created_at=image.created_at)
        self.num_added += 1
        return True

    def _note(self, name: str, words: str) -> None:
        self.troubles.append(Trouble(name=name, words=words))

    def _name(self, image: Image) -> str:
        """Return a name that no other picture has; trash lies in a folder of its own."""
        folder = "trash" if image.trashed_at else "pictures"
        day = timezone.localdate(image.created_at)
        extension = EXTENSIONS[image.file.mime_type]
        short = f"{folder}/{day}-{image.public_id.hex[:8]}.{extension}"
        whole = f"{folder}/{day}-{image.public_id.hex}.{extension}"
        return whole if self.archive.has(short) else short


class _Archive:
    """Files in a zip that only their owner may read once they are unpacked."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed

    def has(self, name: str) -> bool:
        """Say whether a file of that name is in it."""
        return name in self._packed.NameToInfo

    def add(self, name: str, content: bytes, *, created_at: dt.datetime) -> None:
        """Add a picture as it is: it does not get smaller."""
        self._packed.writestr(_entry(name, created_at), content)

    def add_pieces(self, name: str, pieces: Iterable[bytes]) -> None:
        """Add a file of words, compressed, as its pieces come."""
        entry = _entry(name, timezone.now())
        entry.compress_type = zipfile.ZIP_DEFLATED
        with self._packed.open(entry, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)


def _array(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield a JSON array, row by row."""
    before = b"[\n"
    for row in rows:
        yield before + _json(row)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _json(row: Mapping[str, Any]) -> bytes:
    text = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
    return _utf8(text)


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")  # half a character breaks no export


def _entry(name: str, moment: dt.datetime) -> zipfile.ZipInfo:
    local = timezone.localtime(moment)
    entry = zipfile.ZipInfo(name, local.timetuple()[:6])
    entry.external_attr = 0o600 << 16
    return entry
