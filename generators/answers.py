"""What the Create page answers to a press, whichever button was pressed."""

import uuid
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDict
from django_htmx.http import reswap, retarget

from accounts.credit_words import credit_words
from accounts.ledger import InDebt, InsufficientCredits, paying_wallet
from accounts.models import User
from accounts.quotas import rules_of
from accounts.requests import is_htmx, person
from generators import events, examples, forms, stream, validation
from generators.batches import BATCHES_SHOWN, Batch, batch_of, batches_of
from generators.errors import ProviderError
from generators.examples import EXAMPLES
from generators.models import Generation
from generators.refusals import CannotSubmit

STATUS_PAYMENT_REQUIRED = 402
STATUS_INVALID = 422

Refusal = (
    validation.RequestErrors
    | InDebt
    | InsufficientCredits
    | CannotSubmit
    | ProviderError
)
REFUSALS = (
    validation.RequestErrors,
    InDebt,
    InsufficientCredits,
    CannotSubmit,
    ProviderError,
)


def refuse(
    request: HttpRequest, composer: forms.Composer, refusal: Refusal
) -> HttpResponse:
    """Show the form with everything that was typed, errors beside their fields."""
    user = person(request)
    errors, status = _errors_of(refusal, composer)
    composer = composer.with_errors(errors)
    if not is_htmx(request):
        return page_of(request, composer, cursor=events.cursor_now(user), status=status)
    template = "generators/partials/_composer.html"
    response = render(request, template, {"composer": composer}, status=status)
    return retarget(reswap(response, "outerMorph"), "#composer")  # type: ignore[arg-type]


def show_new_batch(request: HttpRequest, generation: Generation) -> HttpResponse:
    """Answer a press: placeholders at once, a fresh token, the new balance."""
    user = person(request)
    stream.nudge(user)
    if not is_htmx(request):
        return redirect("generators:create")
    context = {
        "batch": batch_of(generation),
        "client_token": uuid.uuid4(),
        "balance": paying_wallet(user).balance,
    }
    return render(request, "generators/partials/_new_batch.html", context)


def token_of(request: HttpRequest) -> uuid.UUID:
    """Return the page's token, which makes a double press one generation."""
    try:
        return uuid.UUID(request.POST.get("client_token", ""))
    except ValueError:
        return uuid.uuid4()


def told_price(request: HttpRequest) -> int | None:
    """Return the price of a picture as the page showed it, if it showed one.

    The button of a page without scripts may still show other models' price; then the
    ones beside the models' names in the picker count, which are today's.
    """
    chosen = request.POST.getlist("image_model")
    if set(request.POST.getlist("told_model") or chosen) != set(chosen):
        return None
    each = request.POST.get("told_price", "")
    return int(each) if each.isdecimal() and len(each) < 11 else None


def composer_of(
    user: User,
    typed: MultiValueDict[str, str],
    files: "MultiValueDict[str, UploadedFile[Any]] | None" = None,
    *,
    is_pressed: bool = False,
) -> forms.Composer:
    """Return the form for a person, with what was typed; see ``forms.compose``."""
    return forms.compose(
        user, typed, files=files, rules=rules_of(user), is_pressed=is_pressed
    )


def page_of(
    request: HttpRequest,
    composer: forms.Composer,
    *,
    cursor: events.Cursor,
    status: int = 200,
) -> HttpResponse:
    """Show the Create page with this form."""
    context = batches_context(batches_of(person(request)))
    context |= examples_context() | {"composer": composer, "cursor": str(cursor)}
    context["paying_wallet"] = composer.wallet  # now, for the head of the page shows it
    return render(request, "generators/create.html", context, status=status)


def examples_context() -> dict[str, Any]:
    """Return what the example prompts are drawn from."""
    return {"examples": EXAMPLES, "has_pictures": examples.with_pictures()}


def batches_context(batches: list[Batch]) -> dict[str, Any]:
    """Return what a list of presses is drawn from."""
    is_more = len(batches) == BATCHES_SHOWN
    last = batches[-1].generation.pk if is_more else None
    return {"batches": batches, "before": last}


def _errors_of(
    refusal: Refusal, composer: forms.Composer
) -> tuple[dict[str, str], int]:
    if isinstance(refusal, validation.RequestErrors):
        return refusal.errors, STATUS_INVALID
    if isinstance(refusal, InsufficientCredits):
        words = forms.short_of_credits(
            refusal.needed, refusal.available, num_images=composer.num_images
        )
        return {"credits": words}, STATUS_PAYMENT_REQUIRED
    if isinstance(refusal, InDebt):
        words = (
            f"You owe {credit_words(refusal.debt)}, because a payment was taken back. "
            "Nothing is drawn until they are paid. Ask your admin."
        )
        return {"credits": words}, STATUS_PAYMENT_REQUIRED
    if isinstance(refusal, CannotSubmit):
        return {refusal.field: refusal.user_message}, STATUS_INVALID
    return {"image_model": refusal.user_message}, STATUS_INVALID
