"""Kombu's Redis transport, with credit that comes back when Redis does not.

Kombu 5.7.0 gives a message's credit back only after Redis took its acknowledgement.
When Redis is killed while a job runs, that fails once and for all; a worker with one
thread then has no credit left, opens no line again, and takes no message ever after.
Losing an acknowledgement does no harm here: a message only says "look".
"""

from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Forgets a message that was dealt with, whether or not Redis heard of it."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message. Raises what Redis raises."""
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject a message. Raises what Redis raises."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """Kombu's channel with our credit."""

    QoS = QoS


class Transport(redis.Transport):
    """Kombu's transport with our channel."""

    Channel: Any = Channel
