"""An admin prices models: nothing senseless is kept, and what is left of it is shown."""

import datetime as dt
import html
import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from generators import catalog, prices
from generators.models import GenerationJob, ImageModel, Price
from generators.terms import MOST_CREDITS, CostRule, PriceRule, Terms
from tests import factories

pytestmark = pytest.mark.django_db
LIST = reverse("admin:generators_imagemodel_changelist")
HIGH = [{"name": "quality", "value": "high"}]


@pytest.fixture
def boss(client, staff):
    """A client signed in as a superuser."""
    client.force_login(staff)
    return client


@pytest.fixture
def studio_model():
    """The model with every control there is."""
    return catalog.find("fake-studio")


@pytest.fixture
def bare():
    """A model without a price."""
    return ImageModel.objects.create(
        slug="bare", provider="fake", provider_model_id="x", label="X", family="remote"
    )


def page(name, row, *more):
    return reverse(f"admin:generators_imagemodel_{name}", args=[row.pk, *more])


def text_of(response):
    return html.unescape(response.content.decode())


def said(response):
    return [str(each) for each in get_messages(response.wsgi_request)]


def typed(**fields):
    usual = {"credits": "7", "rules": "", "costs": "", "valid_from": "", "note": ""}
    return usual | fields


def at(moment):
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


def latest(row):
    return row.prices.latest("valid_from")


def test_when_a_price_is_typed_then_it_is_in_force_with_all_its_terms(
    boss, staff, studio_model
):
    shown = text_of(boss.get(page("new_price", studio_model)))
    assert 'value="6"' in shown
    assert '"usd": 0.2' in shown, "what you pay today is there to be changed"
    rules = json.dumps([{"credits": 25, "options": HIGH}])
    costs = json.dumps([{"usd": 0.21, "options": HIGH}, {"usd": 0.05}])
    data = typed(rules=rules, costs=costs, note="They cost more now")
    response = boss.post(page("new_price", studio_model), data)
    assert response.status_code == 302
    price = catalog.find("fake-studio").price
    assert said(response) == [f"New price: {price}."]
    assert (price.credits, price.made_by, price.note) == (7, staff, data["note"])
    assert price.terms.rules[0].credits == 25
    assert [each.usd for each in price.terms.costs] == [0.21, 0.05]
    assert "New price: 7 credits" in str(LogEntry.objects.latest("pk"))
    shown = text_of(boss.get(page("new_price", studio_model)))
    again = boss.post(page("new_price", studio_model), data)
    assert said(again)[-1] == "That is the price already."
    assert studio_model.prices.count() == 2


def entry_of(row):
    """Return the newest entry about an image model."""
    entries = AuditEntry.objects.filter(target_type="generators.imagemodel")
    return entries.filter(target_pk=str(row.pk)).first()


def test_when_a_price_changes_then_the_log_has_it_before_and_after(
    boss, staff, studio_model
):
    old = latest(studio_model)
    rules = json.dumps([{"credits": 25, "options": HIGH}])
    boss.post(page("new_price", studio_model), typed(rules=rules))
    new = latest(studio_model)
    entry = entry_of(studio_model)
    assert (entry.action, entry.actor) == (AuditEntry.Action.CHANGE, staff)
    assert (entry.before["credits"], entry.after["credits"]) == (6, 7)
    assert (entry.before["rules"], entry.after["rules"]) == (old.rules, new.rules)
    assert entry.reason == f"New price: {new}"
    assert "enabled" not in entry.after
    later = at(timezone.now() + dt.timedelta(days=2))
    boss.post(page("new_price", studio_model), typed(credits="8", valid_from=later))
    newest = latest(studio_model)
    boss.post(page("withdraw_price", studio_model, newest.pk))
    entry = entry_of(studio_model)
    assert (entry.before["credits"], entry.after) == (8, {})
    assert entry.reason == f"Price withdrawn: {newest}"


def test_when_what_is_shown_is_typed_again_then_it_says_the_same(boss, studio_model):
    rules = (PriceRule(credits=0, max_pixels=100), PriceRule(credits=9))
    costs = (CostRule(usd=0, max_pixels=100), CostRule(usd=0.5))
    price = factories.set_price("fake-studio", 3, rules=rules, costs=costs)
    form = boss.get(page("new_price", studio_model)).context["form"]
    names = ("credits", "rules", "costs")
    data = typed(**{name: form[name].value() for name in names})
    assert said(boss.post(page("new_price", studio_model), data)) == [
        "That is the price already."
    ]
    assert latest(studio_model) == price


def test_when_a_price_is_looked_at_before_then_nothing_is_kept(
    boss, studio_model, settings
):
    settings.CREDIT_USD = "0.01"
    data = typed(credits="3", costs=json.dumps([{"usd": 0.05}]), preview="")
    response = boss.post(page("new_price", studio_model), data)
    assert response.status_code == 200
    rows = response.context["rows"]
    usual = rows[0]
    assert (usual.before, usual.line.credits) == (6, 3)
    shown = text_of(response)
    assert "Nothing is kept yet." in shown
    assert "loss 67 %" in shown
    assert studio_model.prices.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"credits": ""}, "credits", "This field is required."),
        ({"credits": "-1"}, "credits", "greater than or equal to 0"),
        ({"credits": "1.5"}, "credits", "Enter a whole number."),
        ({"credits": str(MOST_CREDITS + 1)}, "credits", "less than or equal to"),
        ({"credits": "9" * 5000}, "credits", "whole number"),
        ({"credits": "many"}, "credits", "Enter a whole number."),
        ({"rules": "{"}, "rules", "This is no JSON: line 1"),
        ({"rules": "[\n{,\n}]"}, "rules", "This is no JSON: line 2"),
        ({"rules": "9" * 5000}, "rules", "This is no JSON that could be meant."),
        ({"rules": "[" * 15_000}, "rules", "no JSON"),
        ({"rules": "x" * 30_000}, "rules", "at most 20000 characters"),
        ({"rules": "a\0b"}, "rules", "Null characters are not allowed."),
        ({"rules": "{}"}, "rules", "rules: expected a list of rules"),
        ({"rules": "null"}, "rules", "rules: expected a list of rules"),
        (
            {"rules": '[{"credits": 2.5}]'},
            "rules",
            "rules[0].credits: expected a whole",
        ),
        (
            {"rules": '[{"credits": 2}, {"credits": 3}]'},
            "rules",
            "rules[1]: never counts",
        ),
        ({"rules": '[{"usd": 2}]'}, "rules", "rules[0]: unknown usd"),
        ({"costs": "{"}, "costs", "This is no JSON: line 1"),
        ({"costs": "3"}, "costs", "costs: expected a list of rules"),
        ({"costs": "[3]"}, "costs", "costs[0]: expected an object"),
        ({"costs": "[{}]"}, "costs", "costs[0].usd: is missing"),
        ({"costs": '[{"usd": "1"}]'}, "costs", "costs[0].usd: expected a number"),
        ({"costs": '[{"usd": NaN}]'}, "costs", "costs[0].usd: expected a number"),
        (
            {"costs": '[{"usd": 1}, {"usd": -1}]'},
            "costs",
            "costs[1].usd: expected 0 to",
        ),
        ({"costs": '[{"usd": 1e99}]'}, "costs", "costs[0].usd: expected 0 to"),
        ({"costs": '[{"usd": 1, "colour": 2}]'}, "costs", "costs[0]: unknown colour"),
        ({"valid_from": "soon"}, "valid_from", "Enter a valid date/time."),
        ({"valid_from": "2020-01-01T00:00"}, "valid_from", prices.OVER),
        ({"valid_from": "0001-01-01T00:00"}, "valid_from", prices.OVER),
        ({"valid_from": "9999-12-31T23:59"}, "valid_from", prices.TOO_FAR),
        ({"note": "n" * 201}, "note", "at most 200 characters"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_when_a_price_makes_no_sense_then_the_field_is_named_and_nothing_kept(
    boss, studio_model, settings, zone, fields, field, words
):
    settings.TIME_ZONE = zone
    response = boss.post(page("new_price", studio_model), typed(**fields))
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert html.escape(errors[field][0]) in response.content.decode()
    assert studio_model.prices.count() == 1


def test_when_a_price_is_to_come_then_it_is_told_and_can_be_withdrawn(
    boss, studio_model
):
    moment = timezone.now() + dt.timedelta(days=2)
    data = typed(valid_from=at(moment))
    response = boss.post(page("new_price", studio_model), data)
    later = latest(studio_model)
    assert said(response)[-1] == f"New price: {later}."
    assert catalog.find("fake-studio").price.credits == 6
    response = boss.post(page("new_price", studio_model), data | {"credits": "8"})
    assert response.context["form"].errors["valid_from"] == [prices.TAKEN]
    assert later.brief in text_of(boss.get(LIST, {"q": "fake-studio"}))
    address = page("withdraw_price", studio_model, later.pk)
    assert address in text_of(boss.get(page("change", studio_model)))
    assert boss.get(address).status_code == 405
    assert "Withdrawn: 7 credits" in said(boss.post(address))[-1]
    assert boss.post(address).status_code == 404
    assert studio_model.prices.count() == 1


def test_when_a_version_has_begun_or_is_anothers_then_it_is_not_withdrawn(
    boss, studio_model
):
    begun = latest(studio_model)
    response = boss.post(page("withdraw_price", studio_model, begun.pk))
    assert "It has begun meanwhile" in said(response)[-1]
    other = latest(catalog.find("fake"))
    for key in (other.pk, 10**30):
        address = page("withdraw_price", studio_model, key)
        assert boss.post(address).status_code == 404
    assert Price.objects.filter(pk__in=[begun.pk, other.pk]).count() == 2


@pytest.mark.parametrize("key", ["12345", "abc", "9" * 30])
def test_when_there_is_no_such_model_then_it_is_not_found(boss, key):
    for name, more in (("new_price", ()), ("withdraw_price", (1,))):
        address = reverse(f"admin:generators_imagemodel_{name}", args=[key, *more])
        assert boss.post(address, typed()).status_code == 404


def test_when_staff_may_only_look_then_they_price_nothing(client, studio_model, bare):
    hal = User.objects.create_user("hal@example.org", is_staff=True)
    hal.user_permissions.set(Permission.objects.filter(codename="view_imagemodel"))
    client.force_login(hal)
    moment = timezone.now() + dt.timedelta(days=2)
    later = prices.add(studio_model, Terms(credits=9), valid_from=moment)
    shown = text_of(client.get(page("change", studio_model)))
    assert "Versions" in shown
    assert "Withdraw" not in shown
    for address in (
        page("new_price", studio_model),
        page("withdraw_price", studio_model, later.pk),
    ):
        assert client.post(address, typed()).status_code == 403
    client.post(LIST, {"action": "new_prices", "_selected_action": [bare.pk]})
    assert studio_model.prices.count() == 2


def test_when_nobody_is_signed_in_then_no_price_is_shown(client, alice, studio_model):
    address = page("new_price", studio_model)
    assert client.get(address).status_code == 302
    client.force_login(alice)
    assert client.get(address, follow=True).status_code == 403


def offer(**fields):
    return {
        "label": "X",
        "order": "1",
        "aliases-TOTAL_FORMS": "0",
        "aliases-INITIAL_FORMS": "0",
    } | fields


def test_when_a_model_has_no_price_then_it_is_not_enabled(boss, bare):
    address = page("change", bare)
    assert "no price yet" in text_of(boss.get(address))
    prices.add(
        bare, Terms(credits=1), valid_from=timezone.now() + dt.timedelta(hours=1)
    )
    response = boss.post(address, offer(enabled="on"))
    assert response.status_code == 200
    assert "Set a price before enabling this model." in text_of(response)
    bare.refresh_from_db()
    assert not bare.enabled
    prices.add(bare, Terms(credits=0))
    assert boss.post(address, offer(enabled="on")).status_code == 302
    bare.refresh_from_db()
    assert (bare.enabled, bare.price.credits) == (True, 0)


def test_when_a_model_is_retired_then_it_may_be_enabled_to_be_found(boss, bare):
    data = offer(enabled="on", retired="on")
    assert boss.post(page("change", bare), data).status_code == 302
    assert boss.post(page("change", bare), offer(enabled="on")).status_code == 200
    bare.refresh_from_db()
    assert (bare.enabled, bare.retired) == (True, True)


def test_when_it_is_enabled_in_the_list_then_its_price_is_looked_at(boss):
    ImageModel.objects.all().delete()
    row = ImageModel.objects.create(
        slug="x", provider="fake", provider_model_id="x", label="X", family="remote"
    )
    data = {
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": str(row.pk),
        "form-0-enabled": "on",
        "form-0-order": "1",
        "_save": "Save",
    }
    response = boss.post(LIST, data)
    assert response.status_code == 200
    assert "Set a price" in text_of(response)
    prices.add(row, Terms(credits=1))
    assert boss.post(LIST, data).status_code == 302
    row.refresh_from_db()
    assert (row.enabled, row.order) == (True, 1)


def test_when_several_are_chosen_then_all_get_the_price(boss, staff, bare):
    paid = catalog.find("fake-studio")
    chosen = {"action": "new_prices", "_selected_action": [bare.pk, paid.pk]}
    shown = text_of(boss.post(LIST, chosen))
    assert "2 image models" in shown
    assert "X: no price" in shown
    wrong = chosen | {"apply": "", "credits": "-1", "is_switched_on": "on"}
    assert boss.post(LIST, wrong).status_code == 422
    later = at(timezone.now() + dt.timedelta(days=1))
    wrong |= {"credits": "4", "valid_from": later}
    assert "switch them on when" in text_of(boss.post(LIST, wrong))
    data = wrong | {"valid_from": ""}
    assert said(boss.post(LIST, data))[-1] == "2 image models have a new price."
    bare.refresh_from_db()
    assert (bare.enabled, bare.price.terms) == (True, Terms(credits=4))
    terms = catalog.find("fake-studio").price.terms
    assert (terms.credits, len(terms.costs)) == (4, 3), "what you pay stays"
    assert bare.price.made_by == staff
    told = AuditEntry.objects.filter(actor=staff, target_type="generators.imagemodel")
    assert told.count() == 2
    first, again = entry_of(bare), entry_of(paid)
    assert (first.before, first.after["credits"]) == ({"enabled": False}, 4)
    assert first.after["enabled"] is True
    assert (again.before["credits"], again.after["credits"]) == (6, 4)
    assert "enabled" not in again.after, "it was on before"


def test_when_one_of_several_cannot_be_priced_then_none_is(boss, bare):
    paid = catalog.find("fake-studio")
    moment = timezone.now() + dt.timedelta(days=1)
    moment = moment.replace(second=0, microsecond=0)
    prices.add(paid, Terms(credits=9), valid_from=moment)
    data = {
        "action": "new_prices",
        "_selected_action": [bare.pk, paid.pk],
        "apply": "",
        "credits": "4",
        "valid_from": at(moment),
    }
    response = boss.post(LIST, data)
    assert response.status_code == 422
    assert prices.TAKEN in text_of(response)
    assert not bare.prices.exists()


def test_when_a_credit_is_worth_something_then_margins_are_shown(
    boss, studio_model, settings
):
    for worth, words in (("", "CREDIT_USD"), ("0.01", "0 %"), ("0.005", "loss 100 %")):
        settings.CREDIT_USD = worth
        assert words in text_of(boss.get(page("change", studio_model)))
    shown = text_of(boss.get(LIST))
    assert "loss 100 %" in shown
    assert "$0.0600" in shown
    local = catalog.find(factories.LOCAL)
    assert "no cost" not in text_of(boss.get(page("change", local)))


def test_when_the_list_is_long_then_the_database_is_asked_as_often(
    boss, settings, django_assert_max_num_queries
):
    settings.CREDIT_USD = "0.01"
    assert ImageModel.objects.count() > 40
    moment = timezone.now() + dt.timedelta(days=1)
    for row in ImageModel.objects.all():
        prices.add(row, Terms(credits=3), valid_from=moment)
    boss.get(LIST)
    with django_assert_max_num_queries(14):
        boss.get(LIST)


def test_when_a_price_changed_often_then_its_page_tells_the_newest_first(
    boss, studio_model, staff, django_assert_max_num_queries
):
    for credits in range(60):
        prices.add(studio_model, Terms(credits=credits), made_by=staff, note="n")
    with django_assert_max_num_queries(25):
        response = boss.get(page("change", studio_model))
    versions = response.context["versions"]
    assert [each.price.credits for each in versions[:3]] == [59, 58, 57]
    assert versions[0].is_in_force
    assert len(versions) == 50
    assert "in force" in text_of(response)


def test_when_capabilities_are_malformed_then_the_pages_still_open(boss, studio_model):
    ImageModel.objects.filter(pk=studio_model.pk).update(capabilities={"typo": 1})
    for address in (
        LIST,
        page("change", studio_model),
        page("new_price", studio_model),
    ):
        assert boss.get(address).status_code == 200
    data = typed(preview="")
    assert boss.post(page("new_price", studio_model), data).status_code == 200


def test_when_a_job_is_looked_at_then_its_page_and_receipt_tell_the_version(
    boss, alice, bell
):
    job = factories.make_job(alice)
    Price.objects.filter(pk=job.price_id).update(
        valid_from=F("valid_from") - dt.timedelta(days=40)
    )
    job = GenerationJob.objects.select_related("price").get()
    address = reverse("admin:generators_generationjob_change", args=[job.pk])
    assert str(job.price) in text_of(boss.get(address))
    boss.force_login(alice)
    address = reverse("generators:job-receipt", args=[job.public_id])
    began = timezone.localtime(job.price.valid_from)
    words = f"at 2, by the price of {began.day} {began:%B %Y}"
    assert words in text_of(boss.get(address))
