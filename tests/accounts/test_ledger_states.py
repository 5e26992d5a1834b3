"""Any order of ledger calls leaves the books straight: 10,000 of them."""

import uuid

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts import ledger, ledger_audit
from accounts.models import CreditEntry, User, Wallet

AMOUNTS = st.integers(min_value=0, max_value=60)


class Ledger(RuleBasedStateMachine):
    """Compares the ledger with a dict of open reservations and a balance."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        user = User.objects.create_user(f"{uuid.uuid4()}@example.org")
        self.wallet = ledger.wallet_of(user)
        self.balance = self.wallet.balance
        self.debt = 0
        self.open: dict[uuid.UUID, int] = {}
        self.ended: set[uuid.UUID] = set()

    @rule(target=jobs, credits=AMOUNTS)
    def reserve(self, credits):
        job_id = uuid.uuid4()
        if self.debt:
            with pytest.raises(ledger.InDebt) as owing:
                ledger.reserve(self.wallet, credits, job_id=job_id)
            assert owing.value.debt == self.debt
        elif credits > self.balance:
            with pytest.raises(ledger.InsufficientCredits) as caught:
                ledger.reserve(self.wallet, credits, job_id=job_id)
            assert caught.value.available == self.balance
            assert caught.value.needed == credits
        else:
            ledger.reserve(self.wallet, credits, job_id=job_id)
            self.balance -= credits
            self.open[job_id] = credits
        return job_id

    @rule(job_id=jobs, credits=AMOUNTS)
    def settle(self, job_id, credits):
        reserved = self.open.get(job_id)
        if reserved is None or credits > reserved:
            expected = ledger.AlreadyEnded if job_id in self.ended else None
            with pytest.raises(expected or ledger.NotReserved):
                ledger.settle(self.wallet, credits, job_id=job_id)
            return
        assert ledger.settle(self.wallet, credits, job_id=job_id) == reserved - credits
        self._add(reserved - credits)
        self._end(job_id)

    @rule(job_id=jobs)
    def refund(self, job_id):
        reserved = self.open.get(job_id, 0)
        assert ledger.refund(self.wallet, job_id=job_id) == reserved
        self._add(reserved)
        if job_id in self.open:
            self._end(job_id)

    @rule(credits=AMOUNTS, reference=st.sampled_from("abc"))
    def grant(self, credits, reference):
        reference = f"{self.wallet.pk}:{reference}"
        is_new = not CreditEntry.objects.filter(reference=reference).exists()
        assert ledger.grant(self.wallet, credits, reference=reference) == is_new
        self._add(credits * is_new)

    @rule(credits=AMOUNTS, reference=st.sampled_from("abcd"))
    def purchase(self, credits, reference):
        reference, is_new = self._new("purchase", reference)
        assert ledger.purchase(self.wallet, credits, reference=reference) == is_new
        self._add(credits * is_new)

    @rule(credits=AMOUNTS, reference=st.sampled_from("abcd"))
    def expire(self, credits, reference):
        reference, is_new = self._new("expire", reference)
        taken = ledger.expire(self.wallet, credits, reference=reference)
        if is_new:
            assert taken == min(credits, self.balance)
            self.balance -= taken

    @rule(credits=AMOUNTS, reference=st.sampled_from("abcd"))
    def dispute(self, credits, reference):
        reference, is_new = self._new("dispute", reference, "taken:")
        assert ledger.take_back(self.wallet, credits, reference=reference) == is_new
        if is_new:
            taken = min(credits, self.balance)
            self.balance -= taken
            self.debt += credits - taken

    @rule(credits=AMOUNTS, reference=st.sampled_from("ef"))
    def win_a_dispute(self, credits, reference):
        reference, is_new = self._new("dispute", reference, "returned:")
        assert ledger.give_back(self.wallet, credits, reference=reference) == is_new
        self._add(credits * is_new)

    @rule(credits=st.integers(min_value=-60, max_value=60))
    def adjust(self, credits):
        if self.balance + credits < 0:
            with pytest.raises(ledger.InsufficientCredits):
                ledger.adjust(self.wallet, credits, note="test")
        else:
            ledger.adjust(self.wallet, credits, note="test")
            self._add(credits)

    @invariant()
    def books_are_straight(self):
        wallet = Wallet.objects.get(pk=self.wallet.pk)
        assert (wallet.balance, wallet.reserved, wallet.debt) == (
            self.balance,
            sum(self.open.values()),
            self.debt,
        )

    def teardown(self):
        assert ledger_audit.audit() == []

    def _new(self, kind, reference, prefix=""):
        """Return a reference of this wallet's, and whether it was not used yet."""
        reference = f"{self.wallet.pk}:{kind}:{reference}"
        kept = f"{prefix}{reference}"
        entries = CreditEntry.objects.filter(kind=kind, reference=kept)
        return reference, not entries.exists()

    def _add(self, credits):
        """Income pays what is owed first, with all that the balance holds."""
        self.balance += credits
        paid = min(self.debt, self.balance)
        self.balance -= paid
        self.debt -= paid

    def _end(self, job_id):
        del self.open[job_id]
        self.ended.add(job_id)


@pytest.mark.django_db
def test_any_order_of_calls_keeps_the_books_straight():
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
