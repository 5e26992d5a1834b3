"""The pages that a person sees: Checkout, the portal, invoices. They need no script."""

import datetime as dt
from html import escape
from pathlib import Path

from tests.fakes.stripe.amounts import shown
from tests.fakes.stripe.store import Document, Store
from tests.fakes.wire import Reply

STYLE = (Path(__file__).parent / "page.css").read_bytes()


def page(title: str, body: str, *, status: int = 200, is_wide: bool = False) -> Reply:
    """Return a page. ``body`` is HTML."""
    kind = ' class="wide"' if is_wide else ""
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Stripe (a fake)</title>
<link rel="stylesheet" href="/page.css">
<link rel="icon" href="data:,">
</head>
<body>
<header>Stripe (a fake)<span>No money moves here.</span></header>
<main{kind}>{body}</main>
</body>
</html>
"""
    return Reply(
        status=status, body=html.encode(), mime_type="text/html; charset=utf-8"
    )


def style() -> Reply:
    """Return the style sheet."""
    return Reply(body=STYLE, mime_type="text/css")


def gone(words: str, *, status: int = 404) -> Reply:
    """Return a page for what is not there, or no longer."""
    return page(
        "Not here", f"<section><h1>{escape(words)}</h1></section>", status=status
    )


def redirect(address: str) -> Reply:
    """Send a browser to an address."""
    return Reply(status=303, headers={"Location": address})


def day(at: int | None) -> str:
    """Write a day, as 3 Aug 2026."""
    if at is None:
        return "never"
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return f"{moment.day} {moment:%b %Y}"


def button(name: str, words: str, *, is_first: bool = False) -> str:
    """Return a button that sends its name as ``action``."""
    kind = ' class="first"' if is_first else ""
    return (
        f'<button name="action" value="{escape(name)}"{kind}>{escape(words)}</button>'
    )


def _rows(store: Store, session: Document) -> str:
    rows = [
        f"<tr><td>{escape(item['description'])} × {item['quantity']}</td>"  # noqa: RUF001
        f'<td class="amount">{shown(item["amount_subtotal"], item["currency"])}</td>'
        "</tr>"
        for item in store.hidden[session["id"]]["line_items"]
    ]
    details, currency = session["total_details"], session["currency"]
    for name, words, sign in (
        ("amount_discount", "Promotion", -1),
        ("amount_tax", "Tax", 1),
    ):
        if amount := details[name]:
            rows.append(
                f"<tr><td>{words}</td>"
                f'<td class="amount">{shown(sign * amount, currency)}</td></tr>'
            )
    rows.append(
        '<tr class="total"><td>Total</td>'
        f'<td class="amount">{shown(session["amount_total"], currency)}</td></tr>'
    )
    return "".join(rows)


def _promotion(session: Document) -> str:
    if not session["allow_promotion_codes"]:
        return ""
    return (
        '<form method="post" class="beside"><label for="code">Promotion code</label>'
        '<input id="code" name="code" autocomplete="off">'
        f"{button('promote', 'Apply')}</form>"
    )


def checkout(
    store: Store, session: Document, said: str = "", *, status: int = 200
) -> Reply:
    """Return the page where a session is paid. ``said`` is what went wrong."""
    is_subscription = session["mode"] == "subscription"
    title = "Subscribe" if is_subscription else "Pay"
    known = store.documents.get(session["customer"] or "", {}).get("email")
    email = known or session["customer_email"] or ""
    fixed = " readonly" if known else ""
    wrong = f'<p class="bad" role="alert">{escape(said)}</p>' if said else ""
    cancel = (
        f'<a class="button" href="{escape(session["cancel_url"])}">Cancel</a>'
        if session["cancel_url"]
        else ""
    )
    return page(
        title,
        f"""<section>
<h1>{title} Fake &amp; Co.</h1>{wrong}
<table>{_rows(store, session)}</table>{_promotion(session)}
<form method="post">
<label for="email">Email</label>
<input id="email" name="email" type="email" value="{escape(email)}"{fixed}>
<p class="soft">Card 4242 4242 4242 4242, 12/34</p>
{button("pay", "Pay", is_first=True)}
{button("transfer", "Pay later by bank transfer")}
{button("decline", "Decline card")}
</form>{cancel}
</section>""",
        status=status,
    )


def portal(store: Store, session: Document) -> Reply:
    """Return the customer's page: subscriptions, and the way back."""
    customer = session["customer"]
    parts = [
        _subscription(each)
        for each in store.all("subscription", customer=customer)
        if each["status"] != "canceled"
    ] or ['<p class="soft">You have no subscription.</p>']
    invoices = "".join(
        f'<tr><td><a href="{escape(each["hosted_invoice_url"])}">'
        f"{escape(each['number'])}</a></td><td>{day(each['created'])}</td>"
        f"<td>{escape(each['status'])}</td>"
        f'<td class="amount">{shown(each["total"], each["currency"])}</td></tr>'
        for each in reversed(store.all("invoice", customer=customer))
        if each["number"]
    )
    back = (
        f'<a class="button" href="{escape(session["return_url"])}">Back</a>'
        if session["return_url"]
        else ""
    )
    listed = f"<section><h2>Invoices</h2><table>{invoices}</table></section>"
    return page(
        "Your subscription",
        f"<section><h1>Your subscription</h1>{''.join(parts)}</section>"
        f"{listed if invoices else ''}{back}",
    )


def _subscription(subscription: Document) -> str:
    item = subscription["items"]["data"][0]
    price = item["price"]
    cost = shown(price["unit_amount"] * item["quantity"], price["currency"])
    ends = subscription["cancel_at"]
    until = day(ends or item["current_period_end"])
    words = f"It ends on {until}." if ends else f"It renews on {until}."
    action = (
        button("keep", "Don't cancel")
        if ends
        else button("cancel", "Cancel subscription")
    )
    own = escape(subscription["id"])
    return (
        f"<p><strong>{cost} every {escape(price['recurring']['interval'])}</strong>, "
        f'{escape(subscription["status"])}. {words}</p><form method="post">'
        f'<input type="hidden" name="subscription" value="{own}">{action}</form>'
    )


def paper(title: str, document: Document) -> Reply:
    """Return a receipt or an invoice, to be looked at."""
    amount = document.get("total", document.get("amount", 0))
    return page(
        title,
        f"<section><h1>{escape(title)}</h1><table>"
        f"<tr><td>Number</td><td>{escape(document.get('number') or document['id'])}"
        f"</td></tr><tr><td>Date</td><td>{day(document['created'])}</td></tr>"
        f"<tr><td>Status</td><td>{escape(document['status'])}</td></tr>"
        '<tr class="total"><td>Total</td>'
        f"<td>{shown(amount, document['currency'])}</td></tr></table></section>",
    )
