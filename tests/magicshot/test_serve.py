"""How the run command serves the site."""

import pytest
from asgiref.sync import async_to_sync
from django.utils.deprecation import MiddlewareMixin
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from magicshot.serve import server_config


def test_nobody_is_believed_about_where_a_visitor_comes_from():
    config = server_config()
    config.load()
    assert not isinstance(config.loaded_app, ProxyHeadersMiddleware)


@pytest.mark.django_db(transaction=True)
def test_no_middleware_changes_threads_by_itself(async_client, alice, monkeypatch):
    def changes(self: MiddlewareMixin, request: object) -> None:
        raise AssertionError(f"{self} runs on the event loop")

    monkeypatch.setattr(MiddlewareMixin, "__acall__", changes)
    async_client.force_login(alice)
    assert async_to_sync(async_client.get)("/").status_code == 200
