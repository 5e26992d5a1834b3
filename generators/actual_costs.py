"""Which told costs are kept on a job as what it really cost the operator."""

import logging

from generators.contracts import Cost

MOST_USD_MICROS = 10**12
"""A million dollars: no job costs as much, and days of such still add up."""

logger = logging.getLogger(__name__)


def micros_of(cost: Cost | None) -> int | None:
    """Return an exact cost in millionths of a dollar, ``None`` for anything else.

    One that makes no sense is dropped: it must not stand in a paid picture's way.
    """
    if cost is None or not cost.is_exact:
        return None
    if not 0 <= cost.usd_micros <= MOST_USD_MICROS:
        logger.warning("A service told a senseless cost: %.60s", cost.usd_micros)
        return None
    return cost.usd_micros
