"""The scheduler of sweeps, which keeps still while nobody works them off."""

from __future__ import annotations

from typing import Any

from celery import beat

from plunk.queues import MOST_WAITING, waiting

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
        if waiting(self.app, entry.task, producer) >= most:
            return None
        return super().apply_async(entry, producer, *args, **kwargs)
