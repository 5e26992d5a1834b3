"""Writes down what Stripe says now, however many ask at once.

News arrives repeated and in any order, so each makes us ask how things stand. Whoever
asked first may come to write last: what they carry is old, and they ask again. Rows
count their looks for it (``num_looks``).
"""

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

from accounts.models import Purchase, Subscription

Row = TypeVar("Row", Purchase, Subscription)
State = TypeVar("State")


def write_fresh(
    row: Row, ask: Callable[[], State], write: Callable[[Row, State], None]
) -> None:
    """Call ``write`` with the locked row and an answer nobody has overtaken, and save it.

    No transaction is open while Stripe is asked, and each look is counted.
    """
    rows = type(row)._default_manager
    while True:
        seen = rows.values_list("num_looks", flat=True).get(pk=row.pk)
        state = ask()
        with transaction.atomic():
            locked = rows.select_for_update().get(pk=row.pk)
            if locked.num_looks == seen:
                locked.num_looks += 1
                write(locked, state)
                locked.save()
                return
