"""Every registered provider can be made, has its suite, and its file reads."""

import importlib
import pkgutil
from pathlib import Path

import pytest

from generators.errors import NotConfigured
from generators.providers import catalog_file, registry
from tests.generators import providers as suites
from tests.generators.providers.contract import ProviderContract


def _subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_when_a_provider_is_registered_then_it_has_its_contract_suite():
    for module in pkgutil.iter_modules(suites.__path__):
        importlib.import_module(f"{suites.__name__}.{module.name}")
    suites_found = _subclasses(ProviderContract)
    tested = {getattr(suite, "slug", "") for suite in suites_found}
    assert set(registry.all_slugs()) <= tested


def test_when_asked_by_slug_then_the_provider_of_that_slug_comes_once():
    for slug in registry.all_slugs():
        provider = registry.get(slug)
        assert provider.slug == slug
        assert registry.get(slug) is provider


def test_when_the_setting_is_off_then_there_is_no_fake(settings):
    settings.FAKE_PROVIDER = False
    assert not {registry.FAKE, registry.FAKE_LOCAL} & set(registry.all_slugs())
    with pytest.raises(NotConfigured, match="not part of this site"):
        registry.get(registry.FAKE)


def test_when_closed_then_the_next_one_is_fresh():
    before = registry.get(registry.FAKE)
    registry.close_all()
    assert registry.get(registry.FAKE) is not before


def test_when_a_catalogue_file_lies_there_then_it_reads():
    for path in Path(catalog_file.__file__).with_name("catalogs").glob("*.json"):
        specs = catalog_file.read(path.stem)
        assert specs
        assert all(spec.provider == path.stem for spec in specs)
