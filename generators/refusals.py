"""Why a press cannot become jobs. Nothing was charged, nothing was kept."""

import datetime as dt

from django.utils import timezone

from accounts.credit_words import price_words


class CannotSubmit(Exception):
    """It cannot become a job; ``user_message`` says why, ``field`` where to mend it."""

    field = "image_model"

    def __init__(self, user_message: str) -> None:
        self.user_message = user_message
        super().__init__(user_message)


class AccountLeaves(CannotSubmit):
    """Their account is to be deleted, which ends what is drawn then."""

    field = "account"

    def __init__(self, due_at: dt.datetime) -> None:
        super().__init__(
            f"Your account will be deleted on {timezone.localtime(due_at):%-d %B}, so "
            "nothing new is drawn. Press “Keep it” above to go on; nothing was charged."
        )


class PriceRose(CannotSubmit):
    """It costs more than the person was told when they pressed."""

    field = "credits"

    def __init__(self, *, told: int, now: int) -> None:
        super().__init__(
            f"The price rose from {price_words(told)} to {price_words(now)}. "
            "Press again to pay it; nothing was charged."
        )


class QuotaReached(CannotSubmit):
    """A quota of the admin's forbids it.

    ``rule`` is the quota's name, ``resets_at`` when it starts anew, if it does.
    """

    def __init__(
        self,
        user_message: str,
        *,
        rule: str,
        field: str = "quota",
        resets_at: dt.datetime | None = None,
    ) -> None:
        super().__init__(user_message)
        self.rule = rule
        self.field = field
        self.resets_at = resets_at
