"""The scheduler of sweeps, which keeps still while nobody works them off.

A broker that gathered a sweep a second while every worker was away would keep the first
of them busy for minutes. Celery's own remedy, an `expires`, is a moment by this
machine's clock that each worker holds against its own: one whose clock is ahead would
throw away every sweep, in silence. So what waits is counted instead.
"""

from __future__ import annotations

from typing import Any

from celery import beat
from kombu.exceptions import ChannelError

#: So many tasks of a queue may wait before a sweep is left out: the next is due soon.
MOST_WAITING = 100
#: A sweep as rare as this is sent all the same, for much longer.
_RARE_SECONDS = 60.0
_MOST_WAITING_FOR_RARE = 10 * MOST_WAITING


class Scheduler(beat.Scheduler):
    """Sends what is due to whoever takes it."""

    def apply_async(
        self, entry: Any, producer: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Send a due entry, unless too much waits before it; whoever calls sees to a
        broker that is away.
        """
        is_rare = entry.schedule.run_every.total_seconds() >= _RARE_SECONDS
        most = _MOST_WAITING_FOR_RARE if is_rare else MOST_WAITING
        if self._waiting(entry, producer) >= most:
            return None
        return super().apply_async(entry, producer, *args, **kwargs)

    def _waiting(self, entry: Any, producer: Any) -> int:
        queue = self.app.amqp.router.route({}, entry.task)["queue"].name
        try:
            return int(producer.channel.queue_declare(queue, passive=True)[1])
        except ChannelError:
            # Redis knows no empty queues.
            return 0
