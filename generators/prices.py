"""Versions of prices: how one is made, begins and is withdrawn. Their only writer.

``ImageModel.price`` is the version in force. It only moves to a later one: in the
transaction that makes a version for now, or by the reconciler once one's time has come.
"""

import datetime as dt
from typing import Final

from django.db import transaction
from django.db.models import F, Prefetch, Q, QuerySet

from accounts.models import User
from generators import clock
from generators.models import ImageModel, Price
from generators.terms import Terms

FARTHEST: Final = dt.timedelta(days=3660)
"""A version that begins later than this is a slip of the pen."""

OVER: Final = "This moment has passed. Leave it empty for a price from now on."
TOO_FAR: Final = "This is more than ten years away."
TAKEN: Final = "Another version begins at this very moment. Withdraw it first."


class CannotPrice(Exception):
    """No such version can be made; ``user_message`` says why."""

    def __init__(self, user_message: str) -> None:
        self.user_message = user_message
        super().__init__(user_message)


def add(
    image_model: ImageModel,
    terms: Terms,
    *,
    valid_from: dt.datetime | None = None,
    made_by: User | None = None,
    note: str = "",
) -> Price:
    """Make a version: in force at once, or from a moment to come.

    Raises ``CannotPrice`` for a moment that has passed, is years away or has a version.
    """
    with transaction.atomic():
        # One after another: of two versions made at once, the second replaces the first.
        held = ImageModel.objects.select_for_update(of=("self",)).select_related(
            "price"
        )
        row = held.get(pk=image_model.pk)
        now = clock.read()
        if valid_from is not None:
            _refuse_moment(row, valid_from, now)
        price = Price.objects.create(
            image_model=row,
            credits=terms.credits,
            rules=[each.to_json() for each in terms.rules],
            costs=[each.to_json() for each in terms.costs],
            valid_from=valid_from or _at_once(row, now),
            made_by=made_by,
            note=note,
        )
        if valid_from is None:
            ImageModel.objects.filter(pk=row.pk).update(price=price)
            image_model.price = price
    return price


def withdraw(price: Price) -> bool:
    """Take back a version that has not begun; answer whether it was taken back."""
    with transaction.atomic():
        models = ImageModel.objects.select_for_update()
        models.get(pk=price.image_model_id)  # so that it does not begin meanwhile
        rows = Price.objects.filter(pk=price.pk, valid_from__gt=clock.Now())
        num_deleted, _ = rows.delete()
    return num_deleted > 0


def begin_due() -> None:
    """Put those versions in force whose time has come."""
    late = Q(image_model__price=None) | Q(
        valid_from__gt=F("image_model__price__valid_from")
    )
    due = Price.objects.filter(late, valid_from__lte=clock.Now())
    keys = set(due.values_list("image_model", flat=True))
    if not keys:
        return
    with transaction.atomic():
        locked = ImageModel.objects.select_for_update().filter(pk__in=keys)
        for row in locked.order_by("pk"):
            latest = due.filter(image_model=row).order_by("-valid_from").first()
            if latest is not None:  # nobody else was quicker
                ImageModel.objects.filter(pk=row.pk).update(price=latest)


def with_those_to_come(rows: QuerySet[ImageModel]) -> QuerySet[ImageModel]:
    """Fetch with each model, in one query, its versions to come: as ``to_come``."""
    later = Price.objects.filter(valid_from__gt=clock.Now()).order_by("valid_from")
    return rows.prefetch_related(Prefetch("prices", later, to_attr="to_come"))


def last_of_each() -> dict[int, Price]:
    """Return the version of each image model that begins last, by the model's key."""
    rows = Price.objects.order_by("image_model", "valid_from")
    return {price.image_model_id: price for price in rows}


def _refuse_moment(row: ImageModel, valid_from: dt.datetime, now: dt.datetime) -> None:
    if valid_from <= now:
        raise CannotPrice(OVER)
    if valid_from > now + FARTHEST:
        raise CannotPrice(TOO_FAR)
    if row.prices.filter(valid_from=valid_from).exists():
        raise CannotPrice(TAKEN)


def _at_once(row: ImageModel, now: dt.datetime) -> dt.datetime:
    """Return now; behind the version in force, should the clock have gone back."""
    if row.price is None:
        return now
    return max(now, row.price.valid_from + dt.timedelta(microseconds=1))
