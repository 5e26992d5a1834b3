"""What is quoted is set aside to the credit, and what is settled is never more."""

import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from accounts import ledger, ledger_audit
from accounts.receipts import receipts_of
from gallery.models import Image
from generators import catalog, connections, endings, jobs, quotes, validation
from generators.capabilities import ImageRole, Size
from generators.deliveries import Delivery
from generators.failures import Failure
from generators.inputs import Input
from generators.models import Connection, GenerationJob, ImageModel
from generators.operations import Given
from generators.providers import registry
from generators.terms import CostRule, PriceRule
from generators.validation import RequestErrors
from tests import factories
from tests.gallery.making import make_image, prepared

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell")]
START = Size(width=1024, height=1024)


def quote_of(image_model, request, *, num_inputs=0):
    able = catalog.capabilities_of(image_model)
    return quotes.quote(image_model, able, request, num_inputs=num_inputs)


def test_when_quoted_then_it_tells_all_there_is_to_tell():
    costs = (CostRule(usd=0.053),)
    price = factories.set_price(factories.PAID, 6, costs=costs)
    model = catalog.find(factories.PAID)
    found = quote_of(model, factories.make_request(model, num_images=3))
    assert (found.credits, found.num_images, found.total) == (6, 3, 18)
    assert (found.usd_micros, found.price) == (159_000, price)


def test_when_no_cost_is_known_then_none_is_told():
    model = catalog.find(factories.PAID)
    assert quote_of(model, factories.make_request(model)).usd_micros is None


def test_when_a_model_has_no_price_then_there_is_no_quote():
    model = catalog.find(factories.PAID)
    model.price = None
    with pytest.raises(ValueError, match="no price"):
        quote_of(model, factories.make_request(model))


@pytest.fixture
def shelf(alice):
    """Every reviewed image model, usable, and some with rules of an admin's."""
    for slug in registry.remote_slugs():
        way = Connection(provider=slug, label="Own", base_url="http://127.0.0.1:9/v1")
        connections.set_key(way, "key")
        way.save()
    rows = ImageModel.objects.filter(retired=False).exclude(price=None)
    rows.update(enabled=True, sunset_date=None)
    found = list(rows.filter(provider__in=registry.remote_slugs()))
    assert len(found) > 40
    for row in found[::3]:
        terms = row.price.terms
        small = PriceRule(
            credits=7, credits_per_extra_megapixel=2, credits_per_input_image=1
        )
        of_small = (replace(small, max_pixels=2_000_000),)
        factories.set_price(row.slug, terms.credits, rules=of_small)
    ledger.grant(ledger.wallet_of(alice), 10**9, reference="test")
    return list(rows.filter(provider__in=registry.remote_slugs()))


def given_pictures(draw, able, operation):
    """Draw which pictures are given: those that are needed, and some of the others."""
    roles = [ImageRole.INIT] * operation.needs_init_image
    if operation.needs_mask or (operation.takes_mask and draw(st.booleans())):
        roles += [ImageRole.MASK] * able.has_mask
    for role, most in (
        (ImageRole.REFERENCE, able.max_reference_images),
        (ImageRole.STYLE, able.max_style_images),
    ):
        roles += [role] * draw(st.integers(0, min(most, 3)))
    return [Given(role=role, size=START) for role in roles]


def option_values(draw, able, operation):
    """Draw a value for each choice; a text where one is required."""
    found = {}
    for spec in able.options_of(operation):
        if spec.values and draw(st.booleans()):
            found[spec.name] = draw(st.sampled_from(spec.values))
        elif spec.is_required and not spec.default:
            found[spec.name] = spec.values[0] if spec.values else "an owl"
    return found


def admitted(draw, image_model):
    """Draw a request that the site admits, and the roles of its pictures."""
    able = catalog.capabilities_of(image_model)
    operation = draw(st.sampled_from(able.operations))
    pictures = given_pictures(draw, able, operation)
    size = None
    if able.sizes and operation not in able.sized_by_image:
        size = draw(st.sampled_from(able.sizes))
    try:
        request = validation.build_request(
            image_model,
            prompt="an owl" if able.reads_prompt(operation) else "",
            num_images=draw(st.integers(1, able.max_images)),
            size=size,
            operation=operation,
            options=option_values(draw, able, operation),
            pictures=pictures,
        )
    except RequestErrors as refusal:
        assume(not refusal.errors)  # what only the provider rules out
    return request, [each.role for each in pictures]


def end(job, num_delivered, ready):
    """Deliver so many of a job's pictures, or fail it."""
    rows = GenerationJob.objects.filter(pk=job.pk)
    rows.update(status=GenerationJob.Status.RUNNING)
    if not num_delivered:
        kind = GenerationJob.FailureKind.REFUSED
        return endings.fail(rows, job, Failure(kind=kind, message="No."))
    recipes = [
        replace(ready.recipe, job_id=job.public_id, position=place)
        for place in range(num_delivered)
    ]
    pictures = [replace(ready, recipe=recipe) for recipe in recipes]
    delivery = Delivery(pictures=pictures, model_seconds=1, provider_request_id="")
    return endings.succeed(rows, job, delivery)


@rules(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_when_anything_admitted_is_pressed_then_no_credit_more_than_quoted_is_taken(
    shelf, alice, data
):
    image_model = data.draw(st.sampled_from(shelf), label="image model")
    request, roles = admitted(data.draw, image_model)
    most = st.integers(0, request.num_images)
    deliveries = data.draw(st.lists(most, min_size=10, max_size=10), label="delivered")
    quote = quote_of(image_model, request, num_inputs=len(roles))
    picture = Image.objects.first() or make_image(alice)
    wallet = ledger.wallet_of(alice)
    before = wallet.balance
    generation = jobs.submit_generation(
        user=alice,
        prompt="an owl",
        requests=[(image_model, request)],
        client_token=uuid.uuid4(),
        inputs=[[Input(image=picture, role=role) for role in roles]],
        told_credits=quote.total,
    )
    made = list(generation.jobs.all())
    wallet.refresh_from_db()
    assert before - wallet.balance == quote.total
    assert {job.price for job in made} == {quote.price}
    taken, ready = 0, prepared()
    for job, most_delivered in zip(made, deliveries, strict=False):
        delivered = min(most_delivered, job.num_images)
        assert end(job, delivered, ready)
        receipt = receipts_of([job.public_id])[job.public_id]
        assert receipt.reserved == quote.credits * job.num_images
        assert receipt.settled == quote.credits * delivered <= receipt.reserved
        assert receipt.open == 0
        taken += receipt.settled
    assert taken <= quote.total
    wallet.refresh_from_db()
    assert (before - wallet.balance, wallet.reserved) == (taken, 0)
    assert ledger_audit.audit() == []
