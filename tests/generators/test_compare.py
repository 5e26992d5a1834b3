"""Several models in one press: each gets what it can use, and the page says so before."""

import html
import re
import time
import uuid

import pytest
from django.urls import reverse

from accounts import ledger
from generators import forms, jobs
from generators.contracts import Lane
from generators.models import Generation, GenerationJob, ImageModel
from tests.gallery.making import make_image

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
THREE = ["fake", "fake-async", "fake-studio"]
Status = GenerationJob.Status


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def press(client, models=THREE, **typed):
    fields = {"prompt": "a red apple", "image_model": models, "num_images": "1"}
    fields |= {"client_token": str(uuid.uuid4())} | typed
    return client.post("/generations/", fields, headers=HTMX)


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def controls(client, models=THREE, **typed) -> str:
    address = reverse("generators:model-controls")
    return text_of(client.get(address, {"image_model": models} | typed))


def work() -> None:
    unfinished = GenerationJob.objects.filter(finished_at=None)
    until = time.monotonic() + 20
    while unfinished.exists() and time.monotonic() < until:
        if not jobs.run_next(Lane.REMOTE, worker="test"):
            time.sleep(0.05)  # the polled one is not due yet


def shown_jobs(page: str) -> list[list[str]]:
    """Return the jobs of each column, as the page groups them."""
    columns = page.split('<section class="group"')[1:]
    found = [re.findall(r'id="job-([0-9a-f-]+)"', column) for column in columns]
    return [jobs for jobs in found if jobs]


def test_when_three_are_chosen_then_one_press_is_a_job_of_each(signed_in, alice):
    page = text_of(press(signed_in, size="384x256"))
    generation = Generation.objects.get()
    slugs = [job.image_model_slug for job in generation.jobs.order_by("pk")]
    assert slugs == THREE
    assert {(job.width, job.height) for job in generation.jobs.all()} == {(384, 256)}
    assert [len(column) for column in shown_jobs(page)] == [1, 1, 1]
    assert "groups--compared" in page
    assert "3 models" in page
    assert ledger.wallet_of(alice).balance == 100 - (2 + 3 + 6)


def test_when_a_model_draws_one_at_a_time_then_its_jobs_lie_together(signed_in):
    page = text_of(press(signed_in, num_images="3"))
    assert [len(column) for column in shown_jobs(page)] == [1, 1, 3]
    assert page.count('viewBox="0 0 256 256"') == 9
    alone = text_of(press(signed_in, ["fake-studio"], num_images="3"))
    assert [len(column) for column in shown_jobs(alone)] == [3]
    assert "groups--compared" not in alone


def test_when_they_are_done_then_each_column_says_its_seconds_and_credits(signed_in):
    press(signed_in, num_images="2")
    work()
    page = text_of(signed_in.get("/"))
    facts = re.findall(r">(\d+ s · \d+ credits?)<", page)
    assert facts == [
        "1 s · 4 credits",
        "1 s · 6 credits",
        "1 s · 6 credits",  # two jobs of one picture each, and their sum
        "1 s · 6 credits",
        "1 s · 12 credits",
    ]


def test_when_one_is_tried_again_then_the_others_stay(signed_in):
    press(signed_in)
    stopped = GenerationJob.objects.get(image_model_slug="fake-async")
    jobs.cancel_job(stopped)
    work()
    address = reverse("generators:job-retry", kwargs={"public_id": stopped.public_id})
    assert signed_in.post(address, headers=HTMX).status_code == 200
    work()
    first, second = Generation.objects.order_by("pk")
    assert second.jobs.get().image_model_slug == "fake-async"
    assert second.jobs.get().status == Status.SUCCEEDED
    page = text_of(signed_in.get("/"))
    older = page[page.index(f"batch-{first.public_id}") :]
    assert [len(column) for column in shown_jobs(older)] == [1, 1, 1]
    assert older.count("1 s · ") == 2


def test_when_a_model_lacks_a_field_then_it_is_used_for_those_that_have_it(signed_in):
    typed = {
        "num_inference_steps": "12",
        "option_quality": "high",
        "negative_prompt": "rain",
        "seed": "7",
    }
    assert press(signed_in, **typed).status_code == 200
    recipes = {job.image_model_slug: job.recipe for job in GenerationJob.objects.all()}
    assert [recipes[slug]["num_inference_steps"] for slug in THREE] == [12, None, None]
    assert [recipes[slug]["negative_prompt"] for slug in THREE] == ["rain", "", ""]
    assert [recipes[slug]["seed"] for slug in THREE] == [7, 7, 7]
    assert {"name": "quality", "value": "high"} in recipes["fake-studio"]["options"]
    assert recipes["fake"]["options"] == []


def test_when_not_all_have_a_control_then_it_names_those_that_do(signed_in):
    page = controls(signed_in)
    steps = page[page.index('for="num_inference_steps"') :].partition("</label>")[0]
    assert "Only Test card" in steps
    quality = page[page.index('for="option_quality"') :].partition("</label>")[0]
    assert "Only Test studio" in quality
    seed = page[page.index('for="seed"') :].partition("</label>")[0]
    assert "Only" not in seed
    assert 'data-most="2147483647"' in page  # the smallest of the three


def test_when_values_are_wrong_for_one_then_it_is_named(signed_in, alice):
    typed = {"negative_prompt": "x" * 4001, "option_quality": "best"}
    response = press(signed_in, **typed)
    page = text_of(response)
    assert response.status_code == 422
    assert "Test card: This is 4,001 characters long" in page
    assert "Test studio: “best” is not one of these: low, medium, high." in page
    assert page.count('aria-selected="true"') == 3
    assert not Generation.objects.exists()
    assert ledger.wallet_of(alice).balance == 100


def test_when_only_one_has_a_value_then_the_others_keep_to_their_own(signed_in):
    other = ImageModel.objects.get(slug="fake-async")
    other.capabilities["options"] = [
        {"name": "quality", "label": "Quality", "values": ["hd"], "default": "hd"}
    ]
    other.save()
    page = controls(signed_in, option_quality="high")
    assert re.search(r'<option value="high" selected', page)
    assert "Test card, polled keeps to its own quality." in page
    assert "data-price-by-settings" in controls(signed_in, ["fake", "fake-async"])
    assert press(signed_in, option_quality="high").status_code == 200
    assert press(signed_in, option_quality="hd").status_code == 200
    chosen = [
        [each["value"] for each in job.recipe["options"] if each["name"] == "quality"]
        for job in GenerationJob.objects.order_by("pk")
    ]
    assert chosen == [[], ["hd"], ["high"], [], ["hd"], ["medium"]]
    blank = controls(signed_in)
    assert re.search(r'<option value="" selected>The model\'s own<', blank)


def test_when_a_number_is_beyond_one_model_then_it_keeps_to_its_own_and_says_so(
    signed_in,
):
    other = ImageModel.objects.get(slug="fake-async")
    narrow = {"minimum": 1, "maximum": 4, "default": 2, "step": 1}
    other.capabilities |= {
        "has_seed": True,
        "max_seed": 99,
        "num_inference_steps": narrow,
        "guidance_scale": narrow,
    }
    other.save()
    models = ["fake-async", "fake"]
    typed = {"seed": "1234", "num_inference_steps": "12", "guidance_scale": "4.5"}
    page = controls(signed_in, models, **typed)
    for words in ("seed", "steps", "guidance"):
        note = f"Test card, polled keeps to its own {words}; yours is out of its range."
        assert note in page
    assert re.search(r'min="1" max="50"', page), "the widest range can be chosen"
    assert press(signed_in, models, **typed).status_code == 200
    narrow_one, wide_one = GenerationJob.objects.order_by("pk")
    names = ("seed", "num_inference_steps", "guidance_scale")
    assert [narrow_one.recipe[name] for name in names] == [None, 2, 2]
    assert [wide_one.recipe[name] for name in names] == [1234, 12, 4.5]


def test_when_a_number_is_beyond_all_of_them_then_the_error_names_model_and_field(
    signed_in,
):
    page = text_of(press(signed_in, ["fake", "fake-async"], seed="-1"))
    assert 'id="seed-error">Test card: The seed must be' in page
    assert not Generation.objects.exists()


def test_when_an_options_number_is_beyond_one_model_then_it_keeps_to_its_own(signed_in):
    option = {"name": "grow_mask", "label": "Grow the mask", "default": "5"}
    for slug, most in (("fake", 100), ("fake-async", 20)):
        row = ImageModel.objects.get(slug=slug)
        numbers = {"minimum": 0, "maximum": most, "default": 5, "step": 1}
        row.capabilities["options"] = [option | {"numbers": numbers}]
        row.save()
    models = ["fake", "fake-async"]
    page = controls(signed_in, models, option_grow_mask="50")
    assert "Test card, polled keeps to its own grow the mask." in page
    assert press(signed_in, models, option_grow_mask="50").status_code == 200
    jobs_made = GenerationJob.objects.order_by("pk")
    values = [job.recipe["options"][0]["value"] for job in jobs_made]
    assert values == ["50", "5"]


def test_when_a_shape_is_missing_then_the_nearest_is_drawn_and_said(signed_in):
    ImageModel.objects.filter(slug="fake-async").update(
        capabilities={
            "sizes": [{"width": 512, "height": 512}, {"width": 900, "height": 300}]
        }
    )
    models = ["fake", "fake-async"]
    page = controls(signed_in, models, size="384x256")
    assert 'data-drawn="384x256 512x512"' in page
    assert "Test card, polled draws 1:1, the nearest it has." in page
    assert "the nearest it has" not in controls(signed_in, models, size="256x256")
    assert press(signed_in, models, size="384x256").status_code == 200
    sizes = GenerationJob.objects.order_by("pk").values_list("width", "height")
    assert list(sizes) == [(384, 256), (512, 512)]


def test_when_a_model_takes_no_pictures_then_it_draws_without_and_says_so(
    signed_in, alice
):
    image = make_image(alice, size=(300, 200))
    given = {"init_image": str(image.public_id)}
    page = controls(signed_in, ["fake", "fake-studio"], **given)
    assert "Test card does without the start picture." in page
    assert 'data-drawn="256x256 300x200"' in page
    assert press(signed_in, ["fake", "fake-studio"], **given).status_code == 200
    plain, changed = GenerationJob.objects.order_by("pk")
    assert (plain.num_inputs, changed.num_inputs) == (0, 1)
    assert plain.recipe["operation"] == "text-to-image"
    assert (changed.width, changed.height) == (300, 200)
    work()
    assert {job.status for job in GenerationJob.objects.all()} == {Status.SUCCEEDED}


def test_when_they_draw_different_counts_then_all_draw_what_each_can(signed_in):
    page = controls(signed_in, num_images="8")
    assert 'max="4"' in page  # Test studio draws no more
    response = press(signed_in, num_images="8")
    assert "Test studio: This must be a whole number from 1 to 4." in text_of(response)


def test_when_the_price_is_told_then_it_is_the_sum_and_what_is_charged(
    signed_in, alice
):
    page = controls(signed_in, option_quality="high", num_images="2")
    told = re.search(r'name="told_price" value="(\d+)"', page)
    assert told is not None
    assert int(told[1]) == 2 + 3 + 20
    assert re.search(r"Generate<span[^>]*>50 credits</span>", page)
    typed = {"option_quality": "high", "num_images": "2", "told_model": THREE}
    assert press(signed_in, told_price="24", **typed).status_code == 422
    assert press(signed_in, told_price=told[1], **typed).status_code == 200
    assert ledger.wallet_of(alice).balance == 50


def test_when_one_is_unusable_then_the_button_names_it(signed_in):
    ImageModel.objects.filter(slug="fake-async").update(sunset_date="2020-01-31")
    page = controls(signed_in)
    assert "Test card, polled: Test card, polled ended on" in page
    assert press(signed_in).status_code == 422
    assert not Generation.objects.exists()


def test_when_a_name_is_unknown_or_repeated_then_it_is_said_or_taken_once(signed_in):
    assert "is not a model of this site" in text_of(press(signed_in, ["fake", "nope"]))
    assert press(signed_in, ["fake", "fake"]).status_code == 200
    assert GenerationJob.objects.count() == 1
    many = [*THREE, "fake-local", "fake-local-b", "fake-enlarge", "a", "b", "c"]
    assert forms.MOST_MODELS == 8
    assert "at most 8 models" in text_of(press(signed_in, many))


def test_when_a_comparison_is_used_again_then_all_its_models_are_chosen(signed_in):
    press(signed_in, num_images="2", size="384x256", option_quality="low")
    page = text_of(signed_in.get("/"))
    link = re.search(r'href="(/\?generation=[0-9a-f-]+)"', page)
    assert link is not None
    form = text_of(signed_in.get(link[1]))
    assert form.count('aria-selected="true"') == 3
    assert re.search(r'name="num_images"[^>]*value="2"', form)
    assert re.search(r'value="384x256" checked', form)
    assert text_of(signed_in.get("/")).count('aria-selected="true"') == 3, "kept"


def test_when_a_press_is_not_ones_own_then_it_is_not_used_again(signed_in, bob, client):
    press(signed_in)
    client.force_login(bob)
    address = f"/?generation={Generation.objects.get().public_id}"
    assert client.get(address).status_code == 404
