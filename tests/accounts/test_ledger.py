"""Credits are never lost, never doubled, never below zero."""

import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts import ledger, ledger_audit
from accounts.models import MAX_CREDITS, AppendOnly, CreditEntry, Wallet

pytestmark = pytest.mark.django_db
Kind = CreditEntry.Kind


@pytest.fixture
def wallet(alice, settings) -> Wallet:
    settings.SIGN_UP_CREDITS = 100
    return ledger.wallet_of(alice)


def held(wallet: Wallet) -> tuple[int, int]:
    """Return what the row holds now: balance and reserved."""
    wallet.refresh_from_db()
    return wallet.balance, wallet.reserved


def test_first_wallet_of_a_person_holds_the_grant_once(alice, settings):
    settings.SIGN_UP_CREDITS = 7
    assert ledger.wallet_of(alice).balance == 7
    settings.SIGN_UP_CREDITS = 9
    assert ledger.wallet_of(alice).balance == 7
    assert CreditEntry.objects.get().reference == f"sign-up:{alice.pk}"


def test_without_a_grant_setting_the_wallet_is_empty(alice, settings):
    settings.SIGN_UP_CREDITS = 0
    assert ledger.wallet_of(alice).balance == 0


def test_reserve_sets_aside_and_settle_refunds_the_rest(wallet):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 8, job_id=job_id)
    assert held(wallet) == (92, 8)
    assert ledger.settle(wallet, 6, job_id=job_id) == 2
    assert held(wallet) == (94, 0)
    kinds = CreditEntry.objects.filter(job_id=job_id).values_list("kind", flat=True)
    assert sorted(kinds) == [Kind.REFUND, Kind.RESERVE, Kind.SETTLE]
    assert ledger_audit.audit() == []


def test_refund_gives_back_all_and_only_once(wallet):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 8, job_id=job_id)
    assert ledger.refund(wallet, job_id=job_id) == 8
    assert ledger.refund(wallet, job_id=job_id) == 0
    assert held(wallet) == (100, 0)


def test_refund_of_an_unknown_job_is_nothing(wallet):
    assert ledger.refund(wallet, job_id=uuid.uuid4()) == 0
    assert held(wallet) == (100, 0)


def test_free_job_has_its_receipt_and_still_ends_once(wallet):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 0, job_id=job_id)
    assert ledger.settle(wallet, 0, job_id=job_id) == 0
    kinds = CreditEntry.objects.filter(job_id=job_id).values_list("kind", flat=True)
    assert sorted(kinds) == [Kind.RESERVE, Kind.SETTLE]
    with pytest.raises(ledger.AlreadyEnded):
        ledger.settle(wallet, 0, job_id=job_id)


def test_reserving_more_than_there_is_changes_nothing(wallet):
    with pytest.raises(ledger.InsufficientCredits) as caught:
        ledger.reserve(wallet, 101, job_id=uuid.uuid4())
    assert (caught.value.needed, caught.value.available) == (101, 100)
    assert held(wallet) == (100, 0)


def test_reserving_twice_for_a_job_is_refused(wallet):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 8, job_id=job_id)
    with pytest.raises(IntegrityError):
        ledger.reserve(wallet, 8, job_id=job_id)
    assert held(wallet) == (92, 8)


@pytest.mark.django_db(transaction=True)
def test_reserving_outside_a_transaction_is_refused(wallet):
    with pytest.raises(transaction.TransactionManagementError):
        ledger.reserve(wallet, 1, job_id=uuid.uuid4())


def test_settling_more_than_reserved_is_refused(wallet):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 8, job_id=job_id)
    with pytest.raises(ledger.NotReserved):
        ledger.settle(wallet, 9, job_id=job_id)
    with pytest.raises(ledger.NotReserved):
        ledger.settle(wallet, 0, job_id=uuid.uuid4())
    assert held(wallet) == (92, 8)


@pytest.mark.parametrize("first", ["settle", "refund"])
def test_settling_what_has_ended_is_refused(wallet, first):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 8, job_id=job_id)
    if first == "settle":
        ledger.settle(wallet, 3, job_id=job_id)
    else:
        ledger.refund(wallet, job_id=job_id)
    before = held(wallet)
    with pytest.raises(ledger.AlreadyEnded):
        ledger.settle(wallet, 3, job_id=job_id)
    assert held(wallet) == before


def test_job_of_one_wallet_cannot_be_settled_from_another(wallet, bob):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 8, job_id=job_id)
    other = ledger.wallet_of(bob)
    with pytest.raises(ledger.NotReserved):
        ledger.settle(other, 8, job_id=job_id)
    assert ledger.refund(other, job_id=job_id) == 0
    assert held(other) == (100, 0)


def test_grant_counts_once_a_reference(wallet, bob):
    assert ledger.grant(wallet, 5, reference="gift:1")
    assert not ledger.grant(wallet, 5, reference="gift:1")
    assert held(wallet) == (105, 0)
    with pytest.raises(ValueError, match="another wallet"):
        ledger.grant(ledger.wallet_of(bob), 5, reference="gift:1")
    with pytest.raises(ValueError, match="reference"):
        ledger.grant(wallet, 5, reference="")


def test_adjusting_moves_both_ways_but_never_below_zero(wallet):
    ledger.adjust(wallet, 10, note="an apology")
    ledger.adjust(wallet, -30, note="a mistake", reference="ticket:1")
    assert held(wallet) == (80, 0)
    with pytest.raises(ledger.InsufficientCredits):
        ledger.adjust(wallet, -81, note="too much")
    with pytest.raises(ValueError, match="reason"):
        ledger.adjust(wallet, 1, note="  ")
    assert held(wallet) == (80, 0)


@pytest.mark.parametrize("credits", [-1, MAX_CREDITS + 1])
def test_amounts_out_of_range_are_refused(wallet, credits):
    with pytest.raises(ValueError, match="out of range"):
        ledger.grant(wallet, credits, reference="x")
    with pytest.raises(ValueError, match="out of range"):
        ledger.reserve(wallet, credits, job_id=uuid.uuid4())
    with pytest.raises(ValueError, match="out of range"):
        ledger.settle(wallet, credits, job_id=uuid.uuid4())
    assert held(wallet) == (100, 0)


def test_entries_are_never_changed_or_deleted(wallet):
    entry = CreditEntry.objects.get()
    entry.amount = 1_000
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        CreditEntry.objects.all().delete()
    with pytest.raises(AppendOnly):
        CreditEntry.objects.update(amount=1)
    assert CreditEntry.objects.get().amount == 100


def test_ledger_outlives_the_person(wallet, alice):
    alice.delete()
    wallet.refresh_from_db()
    assert (wallet.user, wallet.balance) == (None, 100)
    assert ledger_audit.audit() == []


@pytest.mark.parametrize(
    "columns",
    [
        {"kind": Kind.GRANT, "amount": -1},
        {"kind": Kind.RESERVE, "amount": -1, "reserved": 2, "job_id": uuid.uuid4()},
        {"kind": Kind.RESERVE, "amount": -1, "reserved": 1},
        {"kind": Kind.SETTLE, "amount": 1, "reserved": -1, "job_id": uuid.uuid4()},
        {"kind": Kind.GRANT, "amount": 1, "job_id": uuid.uuid4()},
    ],
)
def test_database_refuses_entries_that_make_no_sense(wallet, columns):
    with pytest.raises(IntegrityError), transaction.atomic():
        CreditEntry.objects.create(wallet=wallet, **columns)


def test_database_refuses_a_negative_wallet(wallet):
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.filter(pk=wallet.pk).update(balance=-1)


def test_audit_lists_a_wallet_that_differs(wallet, capsys):
    call_command("audit_ledger")
    assert capsys.readouterr().out == "The ledger adds up.\n"
    Wallet.objects.filter(pk=wallet.pk).update(balance=99, reserved=3)
    found = [(d.what, d.expected, d.found) for d in ledger_audit.audit()]
    assert found == [
        ("balance against its entries", 100, 99),
        ("reserved against its entries", 0, 3),
    ]
    with pytest.raises(CommandError, match="2 differences"):
        call_command("audit_ledger")
    assert f"wallet {wallet.pk}: balance" in capsys.readouterr().out


def test_audit_lists_jobs_that_do_not_add_up(wallet, bob):
    other = ledger.wallet_of(bob)
    half, over, orphan, mixed = (uuid.UUID(int=n) for n in range(1, 5))

    def write(kind, job_id, amount, reserved, wallet=wallet):
        CreditEntry.objects.create(
            kind=kind, job_id=job_id, amount=amount, reserved=reserved, wallet=wallet
        )

    write(Kind.RESERVE, half, -8, 8)
    write(Kind.SETTLE, half, 0, -5)
    write(Kind.RESERVE, over, -8, 8)
    write(Kind.SETTLE, over, 0, -8)
    write(Kind.REFUND, over, 8, -8)
    write(Kind.REFUND, orphan, 2, -2)
    write(Kind.RESERVE, mixed, -4, 4)
    write(Kind.SETTLE, mixed, 0, -4, other)
    by_job: dict[object, set[str]] = {}
    for difference in ledger_audit.audit():
        by_job.setdefault(difference.job_id, set()).add(difference.what)
    assert by_job[half] == {"open after the job's end"}
    assert by_job[over] == {"open after the job's end"}
    assert "reservations of the job" in by_job[orphan]
    assert by_job[mixed] == {"one wallet a job"}


def test_a_payment_taken_back_leaves_a_debt_that_blocks_until_it_is_paid(wallet):
    assert ledger.purchase(wallet, 50, reference="cs_1")
    with transaction.atomic():
        job_id = uuid.uuid4()
        ledger.reserve(wallet, 130, job_id=job_id)
    assert ledger.take_back(wallet, 50, reference="dp_1", note="Disputed")
    assert not ledger.take_back(wallet, 50, reference="dp_1"), "counts once"
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.reserved, wallet.debt) == (0, 130, 30)
    with pytest.raises(ledger.InDebt) as caught:
        ledger.reserve(wallet, 0, job_id=uuid.uuid4())
    assert caught.value.debt == 30
    ledger.settle(wallet, 130, job_id=job_id)
    ledger.purchase(wallet, 40, reference="cs_2")
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.debt) == (10, 0)
    ledger.reserve(wallet, 10, job_id=uuid.uuid4())
    assert ledger_audit.audit() == []


def test_a_dispute_that_is_won_gives_the_credits_back_once(wallet):
    ledger.take_back(wallet, 130, reference="dp_1")
    for _ in range(2):
        ledger.give_back(wallet, 130, reference="dp_1:won")
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.debt) == (100, 0)
    assert ledger_audit.audit() == []


def test_no_more_expires_than_there_is_and_only_once(wallet):
    assert ledger.expire(wallet, 130, reference="monthly:1") == 100
    assert ledger.expire(wallet, 130, reference="monthly:1") == 100
    assert held(wallet) == (0, 0)


@pytest.mark.parametrize("change", [ledger.purchase, ledger.expire, ledger.take_back])
def test_what_counts_once_needs_a_reference_of_its_own_wallet(wallet, bob, change):
    with pytest.raises(ValueError, match="reference"):
        change(wallet, 1, reference="")
    for credits in (-1, MAX_CREDITS + 1):
        with pytest.raises(ValueError, match="out of range"):
            change(wallet, credits, reference="x")
    change(wallet, 1, reference="x")
    with pytest.raises(ValueError, match="another wallet"):
        change(ledger.wallet_of(bob), 1, reference="x")


@pytest.mark.parametrize("end", ["settle", "refund"])
def test_what_a_job_gives_back_pays_what_is_owed(wallet, end):
    job_id = uuid.uuid4()
    ledger.reserve(wallet, 100, job_id=job_id)
    ledger.take_back(wallet, 50, reference="dp_1")
    if end == "settle":
        ledger.settle(wallet, 40, job_id=job_id)
    else:
        ledger.refund(wallet, job_id=job_id)
    wallet.refresh_from_db()
    assert wallet.debt == 0
    assert wallet.balance == (10 if end == "settle" else 50)
    assert ledger_audit.audit() == []
