"""Makes people, image models and jobs for tests, through the site's own functions."""

import itertools
import uuid

from accounts import ledger
from accounts.models import User
from generators import catalog, jobs, prices
from generators.contracts import GenerationRequest
from generators.models import Generation, GenerationJob, ImageModel, Price
from generators.terms import CostRule, PriceRule, Terms

PAID = "fake"
PAID_POLLED = "fake-async"
LOCAL = "fake-local"
LOCAL_B = "fake-local-b"


def make_person(name: str, *, credits: int = 1000) -> User:
    """Make somebody with that many credits beside the sign-up grant."""
    user = User.objects.create_user(f"{name}@example.org")
    ledger.grant(ledger.wallet_of(user), credits, reference=f"test:{user.pk}")
    return user


def set_price(
    model: str,
    credits: int,
    *,
    rules: tuple[PriceRule, ...] = (),
    costs: tuple[CostRule, ...] | None = None,
) -> Price:
    """Make a version of a price for now; without ``costs`` they stay as they are."""
    image_model = catalog.find(model)
    if costs is None:
        costs = image_model.price.terms.costs if image_model.price else ()
    return prices.add(image_model, Terms(credits=credits, rules=rules, costs=costs))


def make_request(
    image_model: ImageModel, prompt: str = "a red apple", *, num_images: int = 1
) -> GenerationRequest:
    """Build the smallest request the fakes take."""
    return GenerationRequest(
        provider_model_id=image_model.provider_model_id,
        prompt=prompt,
        width=256,
        height=256,
        num_images=num_images,
        seed=7,
    )


def submit(
    user: User,
    prompt: str = "a red apple",
    *models: str,
    num_images: int = 1,
    client_token: uuid.UUID | None = None,
) -> Generation:
    """Press the button once, for some image models (the paid fake by default)."""
    chosen = [catalog.find(slug) for slug in models or (PAID,)]
    requests = [
        (each, make_request(each, prompt, num_images=num_images)) for each in chosen
    ]
    return jobs.submit_generation(
        user=user,
        prompt=prompt,
        requests=requests,
        client_token=client_token or uuid.uuid4(),
    )


def make_job(
    user: User, prompt: str = "a red apple", model: str = PAID, *, num_images: int = 1
) -> GenerationJob:
    """Submit one job and return it."""
    return submit(user, prompt, model, num_images=num_images).jobs.get()


def make_waiting_jobs(
    users: list[User], image_models: list[ImageModel], lane: str, *, each: int = 1
) -> list[GenerationJob]:
    """Put many queued jobs in a lane at once: ``each`` a person, models in turn.

    Turns are dealt as ``jobs.submit_generation`` does; nothing is reserved.
    """
    rows: list[GenerationJob] = []
    dealt = itertools.cycle(image_models)
    for user in users:
        generation = Generation.objects.create(owner=user, prompt="many")
        rows += [
            GenerationJob(
                generation=generation,
                owner=user,
                image_model=next(dealt),
                image_model_slug="many",
                image_model_label="Many",
                provider="fake",
                lane=lane,
                recipe={},
                width=256,
                height=256,
                price_credits=0,
                turn=turn,
            )
            for turn in range(each)
        ]
    return GenerationJob.objects.bulk_create(rows, batch_size=500)
