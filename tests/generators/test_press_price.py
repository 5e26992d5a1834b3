"""The price on the button is by the settings as they are, and is what is charged."""

import html
import re
import uuid

import pytest
from django.urls import reverse

from accounts import ledger
from generators.capabilities import OptionValue
from generators.models import Generation, GenerationJob
from generators.terms import CostRule, PriceRule
from tests import factories
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
STUDIO = {"image_model": "fake-studio"}


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def price(client, **typed) -> int:
    page = text_of(client.get(reverse("generators:press-price"), STUDIO | typed))
    told = re.search(r'name="told_price" value="(\d+)"', page)
    assert told is not None
    return int(told[1])


def press(client, *, headers=HTMX, **typed):
    fields = {"prompt": "a red apple", "client_token": str(uuid.uuid4())} | STUDIO
    return client.post("/generations/", fields | typed, headers=headers)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({}, 6),
        ({"option_quality": "low"}, 2),
        ({"option_quality": "high"}, 20),
        ({"option_quality": "no such"}, 6),
        ({"size": "384x256"}, 6),
        ({"own_size": "1024x1536"}, 8),  # a further megapixel begun
        ({"own_size": "1024x1536", "option_quality": "high"}, 25),
        ({"own_size": "nonsense"}, 6),
        ({"given": ["init:640x480"]}, 7),
        ({"given": ["init:640x480", "reference:", "mask:640x480"]}, 9),
        ({"given": ["init:2000x1500"]}, 11),  # sized by it: three megapixels
        ({"given": ["nonsense", "init"]}, 7),
    ],
)
def test_the_price_follows_the_settings_and_is_what_is_charged(
    signed_in, alice, typed, expected
):
    assert price(signed_in, **typed) == expected
    if not {"given", "own_size"} & typed.keys() and "no such" not in str(typed):
        response = press(signed_in, **typed, told_price=str(expected))
        assert response.status_code == 200
        assert ledger.wallet_of(alice).balance == 100 - expected


def test_when_pictures_of_the_gallery_are_given_then_they_count(signed_in, alice):
    image = make_image(alice, size=(300, 200))
    given = {"init_image": str(image.public_id)}
    assert price(signed_in, **given) == 7
    assert press(signed_in, **given, told_price="6").status_code == 422
    response = press(signed_in, **given, told_price="7", num_images="2")
    assert response.status_code == 200
    assert ledger.wallet_of(alice).balance == 100 - 14
    assert [job.price_credits for job in GenerationJob.objects.all()] == [7, 7]


def test_when_there_is_no_script_then_the_dearer_price_is_shown_before_it_is_paid(
    signed_in, alice
):
    page = text_of(signed_in.get("/", STUDIO))
    assert re.search(r"Generate<span[^>]*>6 credits</span>", page)
    assert 'name="told_price" value="6"' in page
    dearer = {"option_quality": "high", "told_price": "6", "told_model": "fake-studio"}
    response = press(signed_in, headers={}, **dearer)
    page = text_of(response)
    assert response.status_code == 422
    assert "rose from 6 credits to 20 credits" in page
    assert re.search(r"Generate<span[^>]*>20 credits</span>", page)
    assert re.search(r'<option value="high" selected', page)
    assert not Generation.objects.exists()
    told = re.search(r'name="told_price" value="(\d+)"', page)
    assert told is not None
    dearer["told_price"] = told[1]
    assert press(signed_in, headers={}, **dearer).status_code == 302
    assert ledger.wallet_of(alice).balance == 80


def test_when_the_price_is_the_same_for_all_settings_then_none_is_asked_for(signed_in):
    assert "data-price-by-settings" not in text_of(signed_in.get("/?image_model=fake"))
    page = text_of(signed_in.get("/?image_model=fake-studio"))
    assert "data-price-by-settings" in page
    factories.set_price("fake-studio", 6, costs=(CostRule(usd=0.06),))
    page = text_of(signed_in.get("/?image_model=fake-studio"))
    assert "data-price-by-settings" not in page
    per_picture = CostRule(usd=0.06, usd_per_input_image=0.01)
    factories.set_price("fake-studio", 6, costs=(per_picture,))
    page = text_of(signed_in.get("/?image_model=fake-studio"))
    assert "data-price-by-settings" in page


def test_when_a_rule_names_the_price_of_some_settings_then_the_button_says_it(
    signed_in, alice
):
    high = (OptionValue(name="quality", value="high"),)
    rule = PriceRule(credits=30, credits_per_input_image=2, options=high)
    factories.set_price("fake-studio", 6, rules=(rule,), costs=())
    assert price(signed_in, option_quality="high") == 30
    assert price(signed_in, option_quality="high", given=["init:640x480"]) == 32
    assert price(signed_in, option_quality="low") == 6, "no rule and no cost says more"
    assert "data-price-by-settings" in text_of(signed_in.get("/", STUDIO))
    assert press(signed_in, option_quality="high", told_price="30").status_code == 200
    assert ledger.wallet_of(alice).balance == 70


def test_when_a_price_begins_while_the_page_is_open_then_it_is_shown_before_it_is_paid(
    signed_in, alice
):
    shown = price(signed_in)
    dearer = factories.set_price("fake-studio", 9)
    response = press(signed_in, told_price=str(shown))
    assert response.status_code == 422
    assert "rose from 6 credits to 9 credits" in text_of(response)
    assert not Generation.objects.exists()
    assert press(signed_in, told_price="9").status_code == 200
    assert GenerationJob.objects.get().price == dearer


def test_when_a_dear_job_is_tried_again_then_its_own_price_is_told(signed_in, alice):
    press(signed_in, prompt="a bird", option_quality="high")
    job = GenerationJob.objects.get()
    address = reverse("generators:job-cancel", kwargs={"public_id": job.public_id})
    signed_in.post(address, headers=HTMX)
    page = text_of(signed_in.get("/"))
    assert "Draw it after all · 20 credits" in page
    again = reverse("generators:job-retry", kwargs={"public_id": job.public_id})
    told = {"told_price": "20"}
    assert signed_in.post(again, told, headers=HTMX).status_code == 200
    assert ledger.wallet_of(alice).balance == 80


def test_when_nobody_is_signed_in_then_no_price_is_told(client):
    response = client.get(reverse("generators:press-price"), STUDIO)
    assert response.status_code == 302
