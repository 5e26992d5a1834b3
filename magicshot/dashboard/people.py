"""People as the page names them: who took, who keeps much, who is near a limit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from magicshot.dashboard import amounts
from magicshot.dashboard.charts import Bar, measured
from magicshot.dashboard.figures import TOP, Amount
from magicshot.dashboard.limits import Near
from magicshot.dashboard.storage import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class NearLine:
    """Somebody near a limit, and how near."""

    bar: Bar
    title: str
    whose: str


def takers(rows: Sequence[Amount]) -> list[Bar]:
    """List who took the most credits."""
    names = _names(int(row.key) for row in rows)
    return measured(
        [
            _bar(
                int(row.key),
                names,
                value=row.credits,
                words=amounts.counted(row.credits, "credit"),
                note=amounts.counted(row.num_pictures, "picture"),
            )
            for row in rows
        ]
    )


def keepers(rows: Sequence[Shelf]) -> list[Bar]:
    """List whose pictures take the most room."""
    most = rows[:TOP]
    names = _names(row.owner for row in most)
    return measured(
        [
            _bar(
                row.owner,
                names,
                value=row.num_bytes,
                words=amounts.size(row.num_bytes),
                note=amounts.counted(row.num_images, "picture"),
            )
            for row in most
        ]
    )


def near(rows: Sequence[Near]) -> list[NearLine]:
    """List who is near a limit; a bar is full at the limit."""
    names = _names(row.owner for row in rows)
    return [
        NearLine(
            bar=_bar(
                row.owner,
                names,
                value=row.used.used,
                words=f"{row.used.used:,} of {row.used.rule.limit:,}",
                percent=min(100, row.percent),
            ),
            title=row.title,
            whose=row.used.rule.scope_words,
        )
        for row in rows
    ]


def _bar(owner: int, names: Mapping[int, str], **facts: object) -> Bar:
    """Return somebody's line, which leads to their page."""
    address = reverse("admin:accounts_user_change", args=[owner])
    name = names.get(owner, "somebody who left")
    return Bar(name=name, address=address, **facts)  # type: ignore[arg-type]


def _names(keys: Iterable[int]) -> dict[int, str]:
    rows = User.objects.filter(pk__in=set(keys))
    return dict(rows.values_list("pk", "email"))
