"""How the run command serves the site."""

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from magicshot.serve import server_config


def test_nobody_is_believed_about_where_a_visitor_comes_from():
    config = server_config()
    config.load()
    assert not isinstance(config.loaded_app, ProxyHeadersMiddleware)
