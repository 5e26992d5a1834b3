"""What a request costs now: what the button shows, the press sets aside, and who asks."""

from dataclasses import dataclass
from fractions import Fraction

from generators import pricing
from generators.capabilities import Capabilities
from generators.contracts import GenerationRequest
from generators.cost_words import MICROS
from generators.models import ImageModel, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What one request to one image model costs, by the version of its price in force.

    ``credits`` are of each of its ``num_images`` pictures. ``usd``, what one costs the
    operator, is for staff alone; ``None`` where no cost is known.
    """

    price: Price
    credits: int
    num_images: int
    usd: Fraction | None

    @property
    def total(self) -> int:
        """Return the credits of all its pictures: exactly what a press sets aside."""
        return self.credits * self.num_images

    @property
    def usd_micros(self) -> int | None:
        """Return what all its pictures cost the operator, in millionths of a dollar."""
        return None if self.usd is None else round(self.usd * self.num_images * MICROS)


def quote(
    image_model: ImageModel,
    able: Capabilities,
    request: GenerationRequest,
    *,
    num_inputs: int = 0,
) -> Quote:
    """Return what a request costs, with so many pictures to work on.

    ``able`` are the model's capabilities. Raises ``ValueError`` for a model without a
    price in force.
    """
    price = image_model.price
    if price is None:
        raise ValueError(f"{image_model} has no price")
    terms = price.terms
    return Quote(
        price=price,
        credits=pricing.credits_of(terms, able, request, num_inputs=num_inputs),
        num_images=request.num_images,
        usd=pricing.usd_of(terms, request, num_inputs=num_inputs),
    )
