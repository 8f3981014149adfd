"""What waits in the broker: counted, so that no task has to expire.

A broker that gathered wake-ups while every worker was away would keep the first of them
busy for minutes. Celery's own remedy, an `expires`, is a moment by the sender's clock
that each worker holds against its own: one whose clock is ahead would throw away
everything, and take it from the others, in silence.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import ChannelError

#: So many tasks of a queue may wait before a wake-up is left out: enough wait already.
MOST_WAITING = 100


def waiting(app: Celery, task: str, producer: Any) -> int:
    """Return how many tasks wait in a task's queue; raises what the broker does."""
    queue = app.amqp.router.route({}, task)["queue"].name
    try:
        return int(producer.channel.queue_declare(queue, passive=True)[1])
    except ChannelError:
        # Redis knows no empty queues.
        return 0
