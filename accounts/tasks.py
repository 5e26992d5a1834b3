"""What accounts do by the clock."""

import logging

from celery import shared_task

from accounts import impersonation, ledger_audit

logger = logging.getLogger(__name__)


@shared_task(name="accounts.audit_ledger")
def audit_ledger() -> None:
    """Log every figure of the ledger that does not add up, as an error each."""
    for difference in ledger_audit.audit():
        logger.error("The ledger does not add up: %s", difference)


@shared_task(name="accounts.end_looks")
def end_looks() -> None:
    """End the looks of admins who went away without a word."""
    impersonation.end_overdue()
