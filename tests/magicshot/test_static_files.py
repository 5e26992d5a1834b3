"""Static files are sent whole, in pieces, by both kinds of server."""

import asyncio
from pathlib import Path

import pytest
from django.conf import settings
from django.test import AsyncClient, Client

from magicshot import static_files

pytestmark = pytest.mark.django_db
NAME = "of-this-test.txt"
CONTENT = bytes(range(256)) * 1000


def put_file(monkeypatch):
    """Put a file where static files are gathered."""
    monkeypatch.setattr(static_files, "PIECE_BYTES", 100_000)
    (Path(settings.STATIC_ROOT) / NAME).write_bytes(CONTENT)
    return f"/{settings.STATIC_URL.strip('/')}/{NAME}"


def test_the_asynchronous_server_sends_pieces_without_a_warning(monkeypatch):
    address = put_file(monkeypatch)

    async def fetch():
        response = await AsyncClient().get(address)
        return response, [piece async for piece in response.streaming_content]

    response, pieces = asyncio.run(fetch())
    assert response.status_code == 200
    assert int(response["Content-Length"]) == len(CONTENT)
    assert [len(piece) for piece in pieces] == [100_000, 100_000, 56_000]
    assert b"".join(pieces) == CONTENT
    response.close()


def test_the_synchronous_server_sends_it_too(monkeypatch):
    response = Client().get(put_file(monkeypatch))
    assert b"".join(response.streaming_content) == CONTENT
    response.close()
