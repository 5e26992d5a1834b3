"""A provider whose offer the tests choose."""

from generators import errors
from generators.capabilities import Capabilities, Size
from generators.contracts import Availability, Lane, ModelSpec
from generators.providers.base import Provider

ABLE = Capabilities(sizes=(Size(width=64, height=64),))


def spec(model_id: str, **fields) -> ModelSpec:
    """Return an entry of the shop, with what is not given made up."""
    values = {
        "provider": "shop",
        "provider_model_id": model_id,
        "slug": model_id,
        "label": model_id.title(),
        "description": "",
        "family": "remote",
        "capabilities": ABLE,
        "price_credits": 2,
    }
    return ModelSpec(**(values | fields))


class ShopProvider(Provider):
    """A provider whose shelf the tests fill."""

    slug = "shop"
    label = "Shop"
    lane = Lane.REMOTE
    is_paid = True
    shelf: tuple[ModelSpec, ...] = ()
    is_open = True

    def availability(self):
        return Availability(
            is_available=self.is_open,
            reason="" if self.is_open else "The shop is shut.",
        )

    def catalog(self):
        if not self.is_open:
            raise errors.NotConfigured(detail="no key")
        return self.shelf

    def submit(self, request, *, on_progress):
        raise errors.NotConfigured
