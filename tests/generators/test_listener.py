"""One open page's listener: what it is told at first, and after the database was away."""

import asyncio

import pytest
from django.db import InterfaceError, connection

from generators import events, stream
from generators.events import Cursor
from tests import factories

pytestmark = pytest.mark.django_db
LONG_AGO = Cursor.parse("2020-01-01T00:00:00+00:00")


def names(told):
    """Return the names of some events."""
    return [message.partition("event: ")[2].partition("\n")[0] for message in told]


def open_page(user, session_key=None):
    """Return the listener of a page that was told nothing yet."""
    return stream.Listener(user=user, session_key=session_key, heard=LONG_AGO)


class AwayAt:
    """Breaks at one query, and at no other."""

    def __init__(self, number):
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        self.left -= 1
        if self.left == 0:
            raise InterfaceError("connection already closed")
        return execute(sql, params, many, context)


def test_the_first_look_tells_the_balance_and_what_is_missed(alice):
    factories.make_job(alice)
    listener = open_page(alice)
    assert names(listener.look()) == ["balance", "job", "balance", "waiting"]
    assert listener.look() == []


def test_a_page_that_missed_too_much_is_told_to_ask(alice, monkeypatch):
    monkeypatch.setattr(events, "MOST_MISSED", 1)
    for _ in range(2):
        factories.make_job(alice)
    listener = open_page(alice)
    assert names(listener.look())[:2] == ["balance", "stale"]


@pytest.mark.parametrize("query", range(1, 8))
def test_a_look_that_failed_is_made_good_by_the_next(alice, query):
    job = factories.make_job(alice)
    listener = open_page(alice)
    with (
        connection.execute_wrapper(AwayAt(query)),
        pytest.raises(InterfaceError),
    ):
        listener.look()
    told = listener.look()
    assert names(told)[:3] == ["balance", "job", "balance"]
    assert str(job.public_id) in told[1]
    assert set(listener.active) == {job.pk}


def test_one_person_cannot_hold_all_streams(alice, bob):
    async def open_many():
        streams = [
            stream.stream(alice, None, session_key=None)
            for _ in range(stream.MOST_STREAMS + 1)
        ]
        firsts = [await anext(each) for each in streams]
        other = stream.stream(bob, None, session_key=None)
        firsts.append(await anext(other))
        with pytest.raises(StopAsyncIteration):
            await anext(streams[-1])
        for each in [*streams, other]:
            await each.aclose()
        return firsts

    told = asyncio.run(open_many())
    assert told[-2] == "retry: 30000\n\n"
    assert set(told[:-2]) | {told[-1]} == {"retry: 2000\n\n"}
    assert not stream._listening


def deactivate(user, client):
    user.is_active = False
    user.save()


def change_password(user, client):
    user.set_password("another horse 8")
    user.save()


def sign_out(user, client):
    client.logout()


@pytest.mark.parametrize("end", [deactivate, change_password, sign_out])
def test_a_page_whose_session_has_ended_is_told_nothing_more(
    client, alice, monkeypatch, end
):
    monkeypatch.setattr(stream, "SESSION_SECONDS", 0.0)
    client.force_login(alice)
    listener = open_page(alice, client.session.session_key)
    assert names(listener.look()) == ["balance"]
    assert not listener.is_over
    end(alice, client)
    factories.make_job(alice, "a secret")
    assert listener.look() == []
    assert listener.is_over


def test_a_stream_ends_with_its_session(alice, monkeypatch):
    monkeypatch.setattr(stream, "SESSION_SECONDS", 0.0)

    async def listen():
        return [news async for news in stream.stream(alice, None, session_key="gone")]

    assert asyncio.run(listen()) == ["retry: 2000\n\n"]
