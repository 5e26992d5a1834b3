"""The place in the form for pictures to work on, and what to do with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generators.capabilities import ImageRole, Operation
from generators.form_pictures import Picture
from generators.operations import FIELDS, LABELS, ROLE_LABELS, possible, usable_roles
from generators.shares import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with the pictures of one field."""

    field: str
    label: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a picture can be for: its field, and how many files that takes."""

    role: ImageRole

    @property
    def label(self) -> str:
        """Return what people choose."""
        return ROLE_LABELS[self.role]

    @property
    def field(self) -> str:
        """Return the field of such pictures."""
        return FIELDS[self.role]

    @property
    def takes_many(self) -> bool:
        """Say whether there may be several of it."""
        return self.role in {ImageRole.REFERENCE, ImageRole.STYLE}

    @property
    def is_usual(self) -> bool:
        """Say whether a picture may become this without being asked for."""
        return self.role is not ImageRole.MASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that can be done with the pictures given."""

    operation: Operation
    is_chosen: bool

    @property
    def label(self) -> str:
        """Return what people choose."""
        return LABELS[self.operation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tray:
    """The pictures of the form, as the chosen models can use them."""

    shares: Sequence[Share]
    pictures: Sequence[Picture]
    errors: Mapping[str, str]

    @property
    def roles(self) -> list[Role]:
        """Return what a picture can be for."""
        usable = {role for share in self.shares for role in usable_roles(share.able)}
        return [Role(role=role) for role in ROLE_LABELS if role in usable]

    @property
    def is_offered(self) -> bool:
        """Say whether any of the models works on pictures, or some were given."""
        return bool(self.pictures or self.roles)

    @property
    def is_open(self) -> bool:
        """Say whether there is something in it to see."""
        return bool(self.pictures or self.problems or self.needs_start)

    @property
    def needs_start(self) -> bool:
        """Say whether a model can do nothing without a picture."""
        return any(
            share.able.operations
            and all(each.needs_init_image for each in share.able.operations)
            for share in self.shares
        )

    @property
    def rows(self) -> list[Picture]:
        """Return those of the gallery; files are only known to the browser."""
        return [each for each in self.pictures if each.image is not None]

    @property
    def has_lost_files(self) -> bool:
        """Say whether files came that a page without scripts cannot show again."""
        return any(each.file is not None for each in self.pictures)

    @property
    def actions(self) -> list[Action]:
        """Return what can be done with the pictures given, if there is a choice."""
        found = dict.fromkeys(
            operation
            for share in self.shares
            for operation in possible(
                share.able, [each.role for each in share.own_pictures]
            )
        )
        if len(found) < 2:
            return []
        chosen = next(iter(self.shares)).operation
        return [Action(operation=each, is_chosen=each is chosen) for each in found]

    @property
    def problems(self) -> list[Problem]:
        """Return what is wrong with the pictures, by field."""
        return [
            Problem(field=field, label=ROLE_LABELS[role], words=self.errors[field])
            for role, field in FIELDS.items()
            if field in self.errors
        ]
