"""The statements of an export: the person's own wallet, and what others paid for them."""

from collections.abc import Iterator
from itertools import chain

from accounts.models import User, Wallet
from accounts.statement import Line, all_lines
from generators.models import GenerationJob


def statements_of(user: User) -> Iterator[tuple[str, Iterator[Line]]]:
    """Yield names and lines: one's own, and of groups' what one's own jobs took."""
    for wallet in Wallet.objects.filter(user=user):
        yield "statement.csv", all_lines(wallet)
    jobs = GenerationJob.objects.filter(owner=user)
    others = Wallet.objects.filter(pk__in=jobs.values("wallet")).exclude(user=user)
    shared = [
        all_lines(
            wallet, jobs=jobs.filter(wallet=wallet).values_list("public_id", flat=True)
        )
        for wallet in others.order_by("pk")
    ]
    if shared:
        yield "statement_of_group.csv", chain.from_iterable(shared)
