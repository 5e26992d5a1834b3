"""Times in buckets, so that the percentiles of a month are read from a few rows.

Twenty buckets make a factor of ten: each is 12 % wide, and a percentile read from them
is at most 12 % off.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import F, FloatField, Func, IntegerField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Floor, Greatest, Ln

BUCKETS_A_DECADE: Final = 20
SHORTEST_SECONDS: Final = 0.01
"""Whatever is shorter counts as this long."""

Buckets = Mapping[int, int]


class _Seconds(Func):
    """The seconds from the second moment to the first, by the database."""

    arity = 2
    output_field = FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXTRACT(EPOCH FROM (%(expressions)s))::float8"
        return self.as_sql(
            compiler, connection, template=template, arg_joiner=" - ", **context
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "86400.0 * (JULIANDAY(%(expressions)s))"
        joiner = ") - JULIANDAY("
        return self.as_sql(
            compiler, connection, template=template, arg_joiner=joiner, **context
        )


def bucket(start: str, end: str) -> Combinable:
    """Return an expression for the bucket of the time between two columns' moments."""
    seconds = Greatest(_Seconds(F(end), F(start)), Value(SHORTEST_SECONDS))
    per_e_fold = Value(BUCKETS_A_DECADE / math.log(10))
    return Cast(Floor(Ln(seconds) * per_e_fold), IntegerField())


def added(parts: Iterable[Mapping[Any, int]]) -> Buckets:
    """Return buckets that hold what all of these hold; JSON made their keys texts."""
    together: Counter[int] = Counter()
    for part in parts:
        together.update({int(number): count for number, count in part.items()})
    return together


def percentile(buckets: Buckets, share: float) -> float | None:
    """Return the seconds that a share of the times, 0 to 1, do not exceed.

    ``None`` without any times.
    """
    wanted, below = share * sum(buckets.values()), 0.0
    for number in sorted(buckets):
        inside = buckets[number]
        if inside and below + inside >= wanted:
            place = number + (wanted - below) / inside
            return float(10 ** (place / BUCKETS_A_DECADE))
        below += inside
    return None
