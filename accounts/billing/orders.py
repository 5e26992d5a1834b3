"""How far an order is. It only goes forward, in whatever order the news arrive."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from accounts.billing.findings import Suspicious
from accounts.models import Order

Kind = Order.Kind
Status = Order.Status

NEEDS_A_LOOK: Final = (
    "Your payment arrived, but something about it needs a look. Your admin has been told; "
    "nothing is lost."
)

_BEFORE: Final = {
    Status.PENDING: (Status.OPEN,),
    Status.EXPIRED: (Status.OPEN, Status.PENDING),
    Status.FAILED: (Status.OPEN, Status.PENDING),
    # Money that came after all counts, whatever was thought before.
    Status.PAID: (Status.OPEN, Status.PENDING, Status.EXPIRED, Status.FAILED),
}


def move(order: Order, status: Status, *, failure: str = "") -> bool:
    """Bring an order forward; say whether that was news."""
    before = Order.objects.filter(pk=order.pk, status__in=_BEFORE[status])
    return before.update(status=status, failure=failure[:200]) == 1


@contextmanager
def noting_trouble(order: Order) -> Iterator[None]:
    """Note on an order that its payment does not fit, so that its page can say so."""
    try:
        yield
    except Suspicious:
        Order.objects.filter(pk=order.pk).update(failure=NEEDS_A_LOOK)
        raise
