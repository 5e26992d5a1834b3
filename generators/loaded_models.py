"""Which image models this process holds in memory, so that their jobs go first."""

from collections.abc import Collection

from generators.contracts import Lane
from generators.models import ImageModel
from generators.providers import registry


def loaded_models(lane: str) -> Collection[int]:
    """Return the primary keys of the image models this process has in memory."""
    if lane != Lane.LOCAL:
        return ()
    providers = (registry.get(slug) for slug in registry.all_slugs())
    loaded = {
        each.slug: each.loaded_models() for each in providers if each.lane == lane
    }
    return [
        pk
        for slug, models in loaded.items()
        if models
        for pk in ImageModel.objects.filter(
            provider=slug, provider_model_id__in=models
        ).values_list("pk", flat=True)
    ]
