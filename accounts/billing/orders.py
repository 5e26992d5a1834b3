"""How far an order is. It only goes forward, in whatever order the news arrive."""

from typing import Final

from accounts.models import Order

Kind = Order.Kind
Status = Order.Status

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
