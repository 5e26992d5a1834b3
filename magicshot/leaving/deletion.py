"""Deletes accounts whose days are over: what, and in which order.

The order is chosen so that a process killed at any point leaves nothing behind for ever,
for the next pass does it all again: jobs end first, so that nothing comes after; then
files go before the rows that know them, pictures before the person they belong to, and
the person last. Each step may be repeated and says whether it is done; one that is not,
such as a job that a worker still draws, is asked again at the next pass.

What stays is nobody's: the ledger's entries in a wallet without an owner, jobs without
owner, prompt and recipe, an entry in the audit log with the account's key, and for a
year a digest of the address.
"""

import logging
from collections.abc import Callable

from django.db import connection, transaction

from accounts import audit, deletions, erasing, former_addresses
from accounts.billing import closing
from accounts.models import AuditEntry, User, Wallet
from gallery import retention
from gallery.models import Image
from generators import forgetting
from generators.models import Generation, GenerationJob
from magicshot.leaving import exports

Step = Callable[[User], bool]
logger = logging.getLogger(__name__)


def run_due() -> None:
    """Take every deletion that is due as far as it goes now; call it often.

    What goes wrong with one account is logged and keeps no other waiting.
    """
    for user in deletions.due():
        try:
            delete(user)
        except User.DoesNotExist:
            logger.info("Account %d is gone already", user.pk)  # another was quicker
        except Exception:  # the next pass tries again; the others must not wait
            logger.exception("Account %d could not be deleted yet", user.pk)
    _clean_up()
    former_addresses.forget_old()


def delete(user: User) -> bool:
    """Delete one account whose days are over, as far as it goes; say if it is gone."""
    return deletions.begin(user) and all(step(user) for step in steps())


def steps() -> tuple[Step, ...]:
    """Return what is done, in order."""
    return (
        _end_payments,
        forgetting.end_jobs_of,
        _delete_pictures,
        _forget_words,
        _delete_sign_in,
        _delete_person,
    )


def _end_payments(user: User) -> bool:
    """End plans and top-ups, and have Stripe forget the person. Raises StripeError."""
    wallet = Wallet.objects.filter(user=user).first()
    if wallet is not None:
        closing.close(wallet)
    return True


def _delete_pictures(user: User) -> bool:
    exports.remove_all_of(user)
    retention.delete_everything_of(user.pk)
    return True


def _forget_words(user: User) -> bool:
    forgetting.forget_owner(user)
    return True


def _delete_sign_in(user: User) -> bool:
    erasing.erase_sign_in(user)
    return True


def _delete_person(user: User) -> bool:
    """Delete the person's row with what hangs on it, unless something came meanwhile.

    Their row is held: whatever refers to it waits, and then finds nobody.
    """
    key = user.pk
    with transaction.atomic():
        User.objects.select_for_update().get(pk=key)
        for rows in (Image, GenerationJob, Generation):
            if rows.objects.filter(owner=user).exists():
                return False
        erasing.close_wallet(user)
        audit.record(AuditEntry.Action.DELETE, user, is_nameless=True)
        user.delete()
    logger.info("Account %d is deleted", key)
    return True


def _clean_up() -> None:
    """Take deleted words out of the database's own files too."""
    rows = deletions.without_person()
    if not rows.exists():
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_busy, *_) = cursor.fetchone()
            if is_busy:
                return  # somebody reads; the next pass tries again
    rows.delete()
