"""The Create page: its form, its refusals, and what it shows to whom."""

import html
import re
import uuid
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import ledger
from accounts.models import CreditEntry
from generators import catalog, examples, jobs
from generators.contracts import Lane
from generators.models import Generation, GenerationJob, ImageModel
from tests import factories
from tests.generators.live_site import found

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
CREATE = "/generations/"


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def press(client, *, headers=HTMX, **typed):
    fields = {"prompt": "a red apple", "image_model": "fake", "num_images": "1"}
    fields |= {"client_token": str(uuid.uuid4())} | typed
    return client.post(CREATE, fields, headers=headers)


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def test_when_a_stranger_comes_then_they_see_the_landing_page(client, staff):
    page = text_of(client.get("/"))
    assert "Say it.<br>See it." in page
    assert reverse("account_signup") in page
    assert "data-composer" not in page


def test_when_sign_up_is_closed_then_the_landing_page_offers_none(
    client, staff, settings
):
    settings.SIGN_UP = "closed"
    page = text_of(client.get("/"))
    assert "Say it.<br>See it." in page
    assert reverse("account_signup") not in page


def test_when_no_example_was_drawn_then_its_words_stand_alone(
    signed_in, client, staff, settings, monkeypatch, tmp_path
):
    monkeypatch.setattr(examples, "FOLDER", Path("img/none"))
    page = text_of(signed_in.get("/"))
    assert 'data-example="a red apple"' in page
    assert "<img" not in page
    drawn = tmp_path / "img" / "drawn"
    drawn.mkdir(parents=True)
    for example in examples.EXAMPLES:
        (drawn / f"{example.name}.webp").touch()
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, tmp_path]
    finders.get_finder.cache_clear()
    monkeypatch.setattr(examples, "FOLDER", Path("img/drawn"))
    assert text_of(signed_in.get("/")).count("/static/img/drawn/") == 4
    signed_in.logout()
    page = text_of(client.get("/"))
    assert page.count("/static/img/drawn/") == 4
    assert "drawn by Spark" in page
    finders.get_finder.cache_clear()


def test_when_the_page_opens_then_it_offers_every_model_with_its_price(signed_in):
    page = text_of(signed_in.get("/?image_model=fake"))
    assert 'data-value="fake-async"' in page
    assert "Test card, polled" in page
    assert "3 credits" in page
    assert re.search(r"Generate<span[^>]*>2 credits</span>", page)
    assert re.search(r"data-balance>100</span><span[^>]*> credit", page)


def test_when_a_page_is_served_then_nothing_in_it_needs_an_open_policy(signed_in):
    press(signed_in)
    failed = factories.make_job(Generation.objects.get().owner, "!refuse")
    jobs.run_next(Lane.REMOTE, worker="test")
    jobs.run_next(Lane.REMOTE, worker="test")
    failed.refresh_from_db()
    assert failed.status == GenerationJob.Status.FAILED
    response = signed_in.get("/")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    page = text_of(response)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_when_pressed_then_placeholders_in_the_final_ratio_come_back(signed_in, alice):
    response = press(signed_in, num_images="3", size="384x256")
    page = text_of(response)
    job = GenerationJob.objects.get(owner=alice)
    assert response.status_code == 200
    assert page.count('viewBox="0 0 384 256"') == 3
    assert f'id="job-{job.public_id}"' in page
    assert "Waiting" in page
    assert 'hx-swap-oob="innerHTML:[data-balance]">94<' in page
    assert job.num_images == 3


def test_when_pressed_twice_with_one_token_then_it_is_one_generation(signed_in, alice):
    token = str(uuid.uuid4())
    first = press(signed_in, client_token=token)
    second = press(signed_in, client_token=token)
    batch = r'id="batch-([0-9a-f-]+)"'
    assert found(batch, text_of(first)) == found(batch, text_of(second))
    assert Generation.objects.count() == 1
    assert ledger.wallet_of(alice).balance == 98


def test_when_there_is_no_script_then_a_press_leads_back_to_the_page(signed_in):
    response = press(signed_in, headers={})
    assert response.status_code == 302
    page = text_of(signed_in.get(response["Location"]))
    assert "a red apple" in page
    assert "tile--waiting" in page
    cancel = found(r'action="(/jobs/[^"]+/cancel/)"', page)
    assert signed_in.post(cancel).status_code == 302
    assert "Canceled" in text_of(signed_in.get("/"))


def test_when_there_is_no_script_then_another_model_can_be_drawn(signed_in):
    response = press(
        signed_in, headers={}, image_model="fake-local", redraw="1", prompt="a bird"
    )
    page = text_of(response)
    assert 'name="num_inference_steps"' in page
    assert ">a bird</textarea>" in page
    assert not Generation.objects.exists()


BAD = [
    ("prompt", "", "Describe the picture you want."),
    ("prompt", " \n ", "Describe the picture you want."),
    ("prompt", "\u200b \u2060", "Describe the picture you want."),
    ("prompt", "x" * 1_000_000, "1,000,000 characters long"),
    ("prompt", "nul \0 here", "NUL character"),
    ("num_images", "0", "whole number from 1"),
    ("num_images", "9999", "whole number from 1"),
    ("num_images", "two", "whole number from 1"),
    ("size", "257x257", "is not a size of this model"),
    ("size", "0x0", "is not a size of this model"),
    ("size", "huge", "is not a size of this model"),
    ("seed", "-1", "whole number from 0"),
    ("seed", "9" * 400, "whole number from 0"),
    ("seed", "1e3", "whole number from 0"),
    ("num_inference_steps", "0", "from 1 to 50"),
    ("num_inference_steps", "nan", "from 1 to 50"),
    ("guidance_scale", "NaN", "from 0 to 20"),
    ("guidance_scale", "inf", "from 0 to 20"),
    ("scheduler", "magic", "is not a scheduler"),
    ("image_model", "no-such-model", "is not a model of this site"),
    ("image_model", "", "Choose a model."),
    ("image_model", "nul\0", "is not a model of this site"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD)
@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no-script"])
def test_when_input_is_bad_then_the_form_says_so_and_nothing_is_taken(
    signed_in, alice, field, value, message, headers
):
    typed = {"image_model": "fake-local", "prompt": "keep these words", field: value}
    response = press(signed_in, headers=headers, **typed)
    page = text_of(response)
    assert response.status_code == 422
    assert message in page
    assert f'id="{field}-error"' in page
    assert f'aria-describedby="{field}-error"' in page
    if field != "prompt":
        assert ">keep these words</textarea>" in page
    assert not Generation.objects.exists()
    assert ledger.wallet_of(alice).balance == 100
    if headers:
        assert response["HX-Retarget"] == "#composer"
        assert page.lstrip().startswith("<form")


LEFT_OVER = [
    ("negative_prompt", "cat", "Leave out: This model has no negative prompt."),
    ("strength", "nan", "Strength: This model has no strength."),
    ("guidance_scale", "1e400", "Guidance: This model has no guidance."),
    ("scheduler", "x", "Scheduler: This model has no choice of scheduler."),
    ("option_quality", "high", "Quality: This model has no such option."),
    ("option_zzz<b>", "1", "“zzz<b>”: This model has no such option."),
]


@pytest.mark.parametrize(("field", "value", "words"), LEFT_OVER)
@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no-script"])
def test_when_a_setting_is_left_over_from_another_model_then_it_is_named_once(
    signed_in, field, value, words, headers
):
    row = ImageModel.objects.get(slug="fake")
    row.capabilities |= {"has_negative_prompt": False, "options": [], "schedulers": []}
    row.capabilities |= {"guidance_scale": None, "strength": None}
    row.save()
    response = press(signed_in, headers=headers, **{field: value})
    page = text_of(response)
    assert response.status_code == 422
    general = found(r'(?s)id="composer-errors" role="alert">(.*?)</div>', page)
    assert f'<p class="field__error">{words} Press again to do without it.' in general
    assert '<details class="advanced" data-menu open' not in page, "nothing is in it"
    assert field not in re.findall(r'name="([^"]*)"', page)
    assert not Generation.objects.exists()


def test_when_a_drawn_setting_is_wrong_then_it_is_said_at_its_field_only(signed_in):
    typed = {"image_model": "fake-local", "guidance_scale": "NaN"}
    page = text_of(press(signed_in, **typed))
    assert page.count('class="field__error"') == 1
    assert '<p class="field__error" id="guidance_scale-error">' in page
    assert '<details class="advanced" data-menu open' in page


@pytest.mark.parametrize("change", [{"enabled": False}, {"retired": True}])
def test_when_a_model_was_switched_off_meanwhile_then_it_is_refused_by_name(
    signed_in, change
):
    ImageModel.objects.filter(slug="fake").update(**change)
    response = press(signed_in)
    assert response.status_code == 422
    assert "Test card" in text_of(response)
    assert 'id="image_model-error"' in text_of(response)
    assert not Generation.objects.exists()


def test_when_a_body_is_beyond_all_reason_then_no_500_and_nothing_is_taken(
    signed_in,
):
    response = press(signed_in, prompt="x" * 3_000_000)
    assert response.status_code == 400
    assert "Nothing was sent" in text_of(response)
    assert not Generation.objects.exists()


def test_when_credits_are_short_then_the_answer_says_how_many(signed_in, alice):
    ledger.adjust(ledger.wallet_of(alice), -97, note="spent")
    response = press(signed_in, num_images="4")
    assert response.status_code == 402
    assert "This costs 8 credits and you have 3." in text_of(response)
    assert ">a red apple</textarea>" in text_of(response)
    assert not CreditEntry.objects.filter(kind="reserve").exists()
    page = text_of(signed_in.get("/?image_model=fake&num_images=2"))
    button = found(r"(<button[^>]*composer__go[^>]*>)", page)
    assert " disabled" in button
    assert "This costs 4 credits and you have 3." in page


def test_when_no_model_can_be_used_then_the_button_says_why(signed_in):
    ImageModel.objects.update(enabled=False)
    page = text_of(signed_in.get("/"))
    assert "No model can be used right now." in page
    assert " disabled" in found(r"(<button[^>]*composer__go[^>]*>)", page)


def test_when_another_model_is_chosen_then_its_controls_are_drawn(signed_in):
    address = reverse("generators:model-controls")
    typed = {"image_model": "fake-local", "num_images": "99", "size": "384x256"}
    page = text_of(signed_in.get(address, typed))
    able = catalog.capabilities_of(catalog.find("fake-local"))
    for name in ("negative_prompt", "seed", "num_inference_steps", "guidance_scale"):
        assert f'name="{name}"' in page
    assert all(f'value="{scheduler}"' in page for scheduler in able.schedulers)
    assert f'value="{able.max_images}"' in page  # 99 is more than it draws
    assert re.search(r'value="384x256" checked', page)
    bare = ImageModel.objects.get(slug="fake")
    bare.capabilities = {"sizes": [{"width": 256, "height": 256}]}
    bare.save()
    page = text_of(signed_in.get(address, {"image_model": "fake"}))
    assert "advanced" not in page
    assert 'max="1"' in page


def test_when_models_are_retired_or_unusable_then_the_picker_says_so(signed_in):
    old = ImageModel.objects.get(slug="fake-async")
    old.retired = True
    old.successor = ImageModel.objects.get(slug="fake")
    old.save()
    ImageModel.objects.filter(slug="fake-local").update(sunset_date="2020-01-31")
    page = text_of(signed_in.get("/"))
    gone = page[page.index("Retired models") :]
    assert "Test card, polled" in gone
    assert "retired; Test card takes over" in gone
    assert re.search(r'data-pick="fake">Choose Test card<', gone)
    assert "ended on 31 January 2020" in page
    card = found(r'(<li[^>]*data-value="fake-local"[^>]*>)', page)
    assert 'aria-disabled="true"' in card


def test_when_a_recipe_is_used_again_then_the_form_holds_it(signed_in, alice):
    press(signed_in, prompt="a bird", size="384x256", num_images="2", seed="7")
    job = GenerationJob.objects.get(owner=alice)
    page = text_of(signed_in.get(f"/?job={job.public_id}&image_model=fake-local"))
    assert ">a bird</textarea>" in page
    assert re.search(r'value="384x256" checked', page)
    assert re.search(r'name="seed"[^>]*value="7"', page)
    assert re.search(r'value="fake-local" selected', page)
    jobs.run_next(Lane.REMOTE, worker="test")
    image = alice.images.first()
    page = text_of(signed_in.get(f"/?image={image.public_id}"))
    assert ">a bird</textarea>" in page
    assert re.search(r'name="seed"[^>]*value=""', page)  # a new picture, not the same


def test_when_ids_are_not_ones_own_then_everything_answers_404(client, alice, bob):
    job = factories.make_job(alice)
    jobs.run_next(Lane.REMOTE, worker="test")
    image = alice.images.get()
    client.force_login(bob)
    card = reverse("generators:job-card", kwargs={"public_id": job.public_id})
    batch = job.generation.public_id
    for address in (
        card,
        f"{card}preview/",
        reverse("generators:generation-detail", kwargs={"public_id": batch}),
        f"/?job={job.public_id}",
        f"/?image={image.public_id}",
        "/?job=nonsense",
    ):
        assert client.get(address).status_code == 404, address
    for action in ("cancel", "retry"):
        assert client.post(f"{card}{action}/").status_code == 404
    assert str(job.public_id) not in text_of(client.get("/"))
    assert str(job.public_id) not in text_of(client.get("/generations/earlier/"))


@pytest.mark.parametrize(
    "address",
    ["/model-controls/", "/generations/earlier/", f"/jobs/{uuid.UUID(int=1)}/"],
)
def test_when_nobody_is_signed_in_then_live_parts_ask_for_it(client, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_when_an_ended_job_is_tried_again_then_a_new_batch_comes_back(signed_in, alice):
    job = factories.make_job(alice, "a bird !refuse")
    jobs.run_next(Lane.REMOTE, worker="test")
    address = reverse("generators:job-retry", kwargs={"public_id": job.public_id})
    token = str(uuid.uuid4())
    for _ in range(2):
        response = signed_in.post(address, {"client_token": token}, headers=HTMX)
        assert response.status_code == 200
    newest = Generation.objects.latest("pk")
    assert f"batch-{newest.public_id}" in text_of(response)
    assert Generation.objects.count() == 2
    ledger.adjust(ledger.wallet_of(alice), -98, note="spent")
    response = signed_in.post(address, headers=HTMX)
    assert response.status_code == 402
    assert ">a bird !refuse</textarea>" in text_of(response)


def test_when_the_price_rose_meanwhile_then_the_new_one_is_shown_and_not_charged(
    signed_in, alice
):
    page = text_of(signed_in.get("/?image_model=fake"))
    shown = found(r'name="told_price" value="(\d+)"', page)
    assert shown == str(catalog.find("fake").price.credits)
    factories.set_price("fake", 5)
    response = press(signed_in, num_images="2", told_price=shown)
    page = text_of(response)
    assert response.status_code == 422
    assert "rose from 4 credits to 10 credits" in page
    assert re.search(r"Generate<span[^>]*>10 credits</span>", page)
    assert 'name="told_price" value="5"' in page
    assert not Generation.objects.exists()
    assert ledger.wallet_of(alice).balance == 100
    assert press(signed_in, num_images="2", told_price="5").status_code == 200
    assert ledger.wallet_of(alice).balance == 90
    factories.set_price("fake", 1)
    assert press(signed_in, told_price="5").status_code == 200  # a lower one is fine


def test_when_another_model_is_chosen_without_script_then_its_own_price_counts(
    signed_in, alice
):
    shown = {"told_price": "0", "told_model": "fake-local"}
    assert press(signed_in, image_model="fake", **shown).status_code == 200
    price = catalog.find("fake").price.credits
    assert ledger.wallet_of(alice).balance == 100 - price


def test_when_the_price_of_a_second_try_rose_then_its_button_says_so(signed_in, alice):
    job = factories.make_job(alice, "a bird !refuse", num_images=2)
    jobs.cancel_job(job)
    address = reverse("generators:job-retry", kwargs={"public_id": job.public_id})
    page = text_of(signed_in.get("/"))
    assert "Draw it after all · 4 credits" in page
    factories.set_price("fake", 5)
    for headers in (HTMX, {}):
        response = signed_in.post(address, {"told_price": "2"}, headers=headers)
        assert response.status_code == 422
        assert "rose from 4 credits to 10 credits" in text_of(response)
        assert "Draw it after all · 10 credits" in text_of(response)
    assert Generation.objects.count() == 1
    assert ledger.wallet_of(alice).balance == 100
    assert signed_in.post(address, {"told_price": "5"}, headers=HTMX).status_code == 200
    assert ledger.wallet_of(alice).balance == 90


def test_when_there_are_many_cards_then_the_database_is_asked_no_more_often(
    signed_in, alice, django_assert_max_num_queries
):
    for prompt in ("a bird !refuse", "a red apple"):
        factories.make_job(alice, prompt)
        jobs.run_next(Lane.REMOTE, worker="test")
    factories.make_job(alice, model=factories.LOCAL)
    with CaptureQueriesContext(connection) as few:
        signed_in.get("/")
    for prompt in ("a bird !refuse", "a red apple"):
        for _ in range(3):
            factories.make_job(alice, prompt)
            jobs.run_next(Lane.REMOTE, worker="test")
    for _ in range(3):
        factories.make_job(alice, model=factories.LOCAL)
    with django_assert_max_num_queries(len(few)):
        signed_in.get("/")


def test_when_a_job_has_not_ended_then_it_cannot_be_tried_again(signed_in, alice):
    job = factories.make_job(alice)
    address = reverse("generators:job-retry", kwargs={"public_id": job.public_id})
    response = signed_in.post(address, headers=HTMX)
    assert response.status_code == 422
    assert "has not ended" in text_of(response)


def test_when_there_are_many_batches_then_earlier_ones_are_a_press_away(
    signed_in, alice
):
    for number in range(13):
        factories.submit(alice, f"picture number {number}.")
    page = text_of(signed_in.get("/"))
    assert "picture number 12." in page
    assert "picture number 0." not in page
    address = found(r'href="(/generations/earlier/\?before=\d+)"', page)
    assert "picture number 0." in text_of(signed_in.get(address, headers=HTMX))
    assert "Back to Create" in text_of(signed_in.get(address))


@pytest.mark.parametrize("status", [404, 403])
def test_when_something_is_refused_then_the_page_is_in_our_look(client, status):
    address = {404: "/no/such/page/", 403: "/events/"}[status]
    response = client.get(address)
    assert response.status_code == status
    if status == 404:
        assert "Nothing here" in text_of(response)
        assert "css/tokens.css" in text_of(response)


def test_when_the_csrf_proof_is_missing_then_the_page_says_what_to_do(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post(CREATE, {"prompt": "a red apple"})
    assert response.status_code == 403
    assert "This form has grown old" in text_of(response)
    assert not Generation.objects.exists()


def test_when_a_press_names_no_model_then_it_is_the_last_one(signed_in, alice):
    factories.submit(alice, "an owl", factories.LOCAL)
    assert press(signed_in, image_model=[]).status_code == 200
    assert GenerationJob.objects.latest("pk").image_model_slug == factories.LOCAL


def test_when_a_press_names_a_model_by_an_alias_then_it_is_that_one(signed_in):
    image_model = catalog.find(factories.LOCAL)
    image_model.aliases.create(name="the old name")
    assert press(signed_in, image_model="the old name").status_code == 200
    assert GenerationJob.objects.get().image_model == image_model


def test_when_a_press_names_a_model_nobody_may_choose_then_it_says_so(signed_in):
    ImageModel.objects.filter(slug=factories.LOCAL).update(retired=True)
    answer = press(signed_in, image_model=factories.LOCAL)
    assert answer.status_code == 422
    assert "has been retired" in text_of(answer)
    assert not GenerationJob.objects.exists()
