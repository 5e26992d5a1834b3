"""The fakes of remote services, by the slug of the provider that talks to them."""

from tests.fakes.services.black_forest_labs import FakeBlackForestLabs
from tests.fakes.services.google_images import FakeGoogleImages
from tests.fakes.services.ideogram import FakeIdeogram
from tests.fakes.services.openai_compatible import FakeCompatible
from tests.fakes.services.openai_images import FakeOpenAI
from tests.fakes.services.stability import FakeStability
from tests.fakes.wire import FakeService

ALL: dict[str, type[FakeService]] = {
    "black-forest-labs": FakeBlackForestLabs,
    "google": FakeGoogleImages,
    "ideogram": FakeIdeogram,
    "openai": FakeOpenAI,
    "openai-compatible": FakeCompatible,
    "stability": FakeStability,
}
