"""The desk of the fake: one page to play the bank, the card's owner, and time."""

from collections.abc import Callable
from functools import partial
from html import escape

from tests.fakes.stripe import disputes, fulfilling, refunds, renewals, subscriptions
from tests.fakes.stripe.amounts import shown
from tests.fakes.stripe.errors import Refused
from tests.fakes.stripe.pages import button, page
from tests.fakes.stripe.store import Document, Store
from tests.fakes.wire import Reply

SHOWN = 50


def show(store: Store, said: str = "") -> Reply:
    """Return the page."""
    wrong = f'<p class="bad" role="alert">{escape(said)}</p>' if said else ""
    tables = (
        _table("Bank transfers on their way", "No transfer waits.", _transfers(store)),
        _table("Payments", "Nobody has paid yet.", _charges(store)),
        _table("Disputes", "Nothing is disputed.", _disputes(store)),
        _table("Subscriptions", "Nobody has subscribed yet.", _subscriptions(store)),
    )
    return page("The desk", wrong + "".join(tables), is_wide=True)


def _table(title: str, nothing: str, rows: list[str]) -> str:
    body = (
        f'<table class="desk">{"".join(rows[:SHOWN])}</table>'
        if rows
        else f'<p class="soft">{nothing}</p>'
    )
    return f"<section><h2>{title}</h2>{body}</section>"


def _row(document: Document, words: str, *buttons: str) -> str:
    own = f'<input type="hidden" name="id" value="{escape(document["id"])}">'
    forms = "".join(f'<form method="post">{own}{each}</form>' for each in buttons)
    return (
        f"<tr><td>{escape(document['id'][:20])}…</td><td>{words}</td>"
        f'<td class="act">{forms}</td></tr>'
    )


def _money(document: Document) -> str:
    return f"{shown(document['amount'], document['currency'])}, {document['status']}"


def waiting(store: Store) -> list[Document]:
    """Return the completed sessions whose bank transfer is on its way."""
    return [
        session
        for session in store.all("checkout.session", status="complete")
        if (intent := store.hidden[session["id"]].get("intent"))
        and store.documents[intent]["status"] == "processing"
    ]


def _transfers(store: Store) -> list[str]:
    return [
        _row(
            session,
            shown(session["amount_total"], session["currency"]),
            button("arrive", "It arrives"),
            button("bounce", "It fails"),
        )
        for session in reversed(waiting(store))
    ]


def _charges(store: Store) -> list[str]:
    rows = []
    for charge in reversed(store.all("charge")):
        left = charge["amount"] - charge["amount_refunded"]
        can = charge["status"] == "succeeded" and left and not charge["disputed"]
        words = _money(charge)
        if charge["amount_refunded"]:
            back = shown(charge["amount_refunded"], charge["currency"])
            words += f", {back} refunded"
        if charge["disputed"]:
            words += ", disputed"
        buttons = (
            (
                button("refund", "Refund"),
                button("halve", "Refund half"),
                button("dispute", "Dispute"),
            )
            if can
            else ()
        )
        rows.append(_row(charge, words, *buttons))
    return rows


def _disputes(store: Store) -> list[str]:
    return [
        _row(
            dispute,
            _money(dispute),
            *(
                (button("win", "We win"), button("lose", "We lose"))
                if dispute["status"] == "needs_response"
                else ()
            ),
        )
        for dispute in reversed(store.all("dispute"))
    ]


def _subscriptions(store: Store) -> list[str]:
    rows = []
    for subscription in reversed(store.all("subscription")):
        price = subscription["items"]["data"][0]["price"]
        cost = shown(price["unit_amount"], price["currency"])
        buttons = (
            ()
            if subscription["status"] in subscriptions.ENDED
            else (
                button("renew", "Next period, paid"),
                button("fail", "Next period, card declined"),
                button("end", "End now"),
            )
        )
        rows.append(_row(subscription, f"{cost}, {subscription['status']}", *buttons))
    return rows


def act(store: Store, action: str, wanted: str) -> str:
    """Do what a button of the desk says; return what went wrong, or nothing."""
    document = store.documents.get(wanted, {})
    done = _ACTIONS.get((document.get("object"), action))
    if done is None:
        return "The desk has no such button."
    try:
        done(store, document)
    except Refused as refused:
        return str(refused)
    return ""


def _refund_half(store: Store, charge: Document) -> None:
    left = charge["amount"] - charge["amount_refunded"]
    refunds.give_back(store, charge, amount=max(left // 2, 1))


def _end(store: Store, subscription: Document) -> None:
    subscriptions.not_ended(subscription)
    subscriptions.end(store, subscription, reason="cancellation_requested")


_ACTIONS: dict[tuple[str | None, str], Callable[[Store, Document], object]] = {
    ("checkout.session", "arrive"): partial(fulfilling.settle, succeeds=True),
    ("checkout.session", "bounce"): partial(fulfilling.settle, succeeds=False),
    ("charge", "refund"): refunds.give_back,
    ("charge", "halve"): _refund_half,
    ("charge", "dispute"): disputes.open_one,
    ("dispute", "win"): partial(disputes.close, won=True),
    ("dispute", "lose"): partial(disputes.close, won=False),
    ("subscription", "renew"): partial(renewals.advance, paid=True),
    ("subscription", "fail"): partial(renewals.advance, paid=False),
    ("subscription", "end"): _end,
}
