"""The filesystem transport, and the settings of each broker."""

import os
import threading

import pytest
import redis.exceptions
from kombu import Connection, Exchange, Queue

from magicshot.broker import broker_settings
from tests.chaos import servers


def settings_for(url, home, prefix=""):
    return broker_settings(url, home=home, queue_prefix=prefix, reconcile_seconds=15)


@pytest.fixture
def connect(tmp_path):
    options = settings_for("filesystem://", tmp_path)
    opened = []

    def connect():
        connection = Connection(
            "filesystem://",
            transport=options["CELERY_BROKER_TRANSPORT"],
            transport_options=options["CELERY_BROKER_TRANSPORT_OPTIONS"],
        )
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.release()


def lane(channel, name):
    queue = Queue(name, Exchange(""), routing_key=name)(channel)
    queue.declare()
    return queue


def test_messages_come_once_in_order_to_their_own_queue(connect):
    sender, taker = connect(), connect()
    with sender.Producer() as producer:
        for number in range(3):
            producer.publish({"n": number}, exchange="", routing_key="local")
        producer.publish({"n": 9}, exchange="", routing_key="other.local")
    queue = lane(taker.default_channel, "local")
    assert queue.queue_declare().message_count == 3
    taken = [queue.get(no_ack=True).payload["n"] for _ in range(3)]
    assert taken == [0, 1, 2]
    assert queue.get() is None
    assert lane(taker.default_channel, "other.local").get().payload == {"n": 9}


def test_takers_never_see_a_message_half_written_nor_twice(connect, tmp_path):
    total, taken, lock = 300, [], threading.Lock()

    def take(queue):
        empty = 0
        while empty < 200 and len(taken) < total:
            message = queue.get(no_ack=True)
            if message is None:
                empty += 1
                threading.Event().wait(0.005)
                continue
            with lock:
                taken.append(message.payload["n"])

    takers = [
        threading.Thread(target=take, args=(lane(connect().default_channel, "local"),))
        for _ in range(3)
    ]
    for thread in takers:
        thread.start()
    with connect().Producer() as producer:
        for number in range(total):
            message = {"n": number, "padding": "x" * 5000}
            producer.publish(message, exchange="", routing_key="local")
    for thread in takers:
        thread.join()
    assert sorted(taken) == list(range(total))
    assert [path for path in (tmp_path / "broker").rglob("*") if path.is_file()] == []


def test_a_message_that_was_not_acknowledged_comes_back(connect):
    with connect().Producer() as producer:
        producer.publish({"n": 1}, exchange="", routing_key="local")
    first = connect()
    assert lane(first.default_channel, "local").get().payload == {"n": 1}
    first.default_channel.close()
    assert lane(connect().default_channel, "local").get().payload == {"n": 1}


def test_what_a_killed_process_held_is_cleared_later(connect, tmp_path):
    connect().default_channel.close()
    taken = tmp_path / "broker" / "taken"
    (taken / "old.local.msg").write_text("{}")
    (taken / "new.local.msg").write_text("{}")
    os.utime(taken / "old.local.msg", (0, 0))
    connect().default_channel.close()
    assert [path.name for path in taken.iterdir()] == ["new.local.msg"]


def test_each_broker_has_its_options(tmp_path):
    files = settings_for("filesystem://", tmp_path)
    assert files["CELERY_BROKER_TRANSPORT_OPTIONS"]["polling_interval"] == 0.05
    assert (tmp_path / "broker").stat().st_mode & 0o077 in (0, 0o055)
    redis = settings_for("redis://localhost/1", tmp_path)
    options = redis["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["unacked_restore_interval"] == 1
    assert options["unacked_restore_throttle"] == 1
    assert redis["CELERY_BROKER_TRANSPORT"] == "magicshot.redis_broker:Transport"
    rabbit = settings_for("amqp://localhost", tmp_path, prefix="two.")
    assert rabbit["CELERY_BROKER_TRANSPORT_OPTIONS"] == {}
    assert [queue.name for queue in rabbit["CELERY_TASK_QUEUES"]] == [
        "two.local",
        "two.remote",
    ]


@pytest.mark.services
@pytest.mark.parametrize("end", ["ack", "reject"])
def test_when_redis_dies_before_it_hears_of_an_end_then_more_is_taken(tmp_path, end):
    with servers.running(servers.Redis()) as server:
        options = settings_for(server.url, tmp_path)
        with Connection(
            server.url,
            transport=options["CELERY_BROKER_TRANSPORT"],
            transport_options=options["CELERY_BROKER_TRANSPORT_OPTIONS"],
        ) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=1)
            queue = lane(channel, "lane")
            connection.Producer(channel).publish("look", routing_key="lane")
            message = queue.get()
            assert message is not None
            assert not channel.qos.can_consume()
            server.stop()
            with pytest.raises(redis.exceptions.ConnectionError):
                getattr(message, end)()
            assert channel.qos.can_consume()
