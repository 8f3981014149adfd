"""Tell the processes of a Celery worker that they are to stop.

A warm shutdown waits for the tasks that run, but a prefork child never hears of it:
only the parent gets the SIGTERM. A task that drains a queue would go on until it is
killed. So parent and children share a pipe, and its end says "stop": the parent closes
it when it is told to. (Children of a parent that was killed are killed by the kernel;
Celery asks for that.)
"""

from __future__ import annotations

import logging
import os
import signal
from threading import Thread
from typing import Any

from celery import signals

from plunk.lifecycle import stopping

logger = logging.getLogger(__name__)

#: Reading and writing end, in the parent and, as copies, in its children.
_pipe: tuple[int, int] | None = None


def announce_stop() -> None:
    """Send `stopping`; a receiver that fails does not keep the others from it."""
    for receiver, answer in stopping.send_robust(sender=None):
        if isinstance(answer, Exception):
            logger.error(
                "did not hear of the stop",
                extra={"receiver": repr(receiver)},
                exc_info=answer,
            )


@signals.worker_init.connect
def _open(**_: Any) -> None:
    global _pipe
    _pipe = os.pipe()


@signals.worker_process_init.connect
def _watch(**_: Any) -> None:
    """Start a child's watch over the pipe, once its own copy of the far end is gone."""
    global _pipe
    if _pipe is None:
        return
    reading, writing = _pipe
    _pipe = None
    os.close(writing)
    # Whoever signals the whole group means this process too: it ends like the others.
    signal.signal(signal.SIGTERM, _finish_first)
    Thread(target=_wait, args=(reading,), name="stop-watch", daemon=True).start()


def _finish_first(*_: Any) -> None:
    """Stop gently at the first SIGTERM, at once at the second."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=announce_stop, name="stop", daemon=True).start()


def _wait(reading: int) -> None:
    os.read(reading, 1)
    announce_stop()


@signals.worker_shutting_down.connect
def _close(**_: Any) -> None:
    """Tell the children, and the pools that work in this process.

    This runs in a signal handler, which may have interrupted a holder of the very lock
    that a receiver wants: hence the thread.
    """
    global _pipe
    if _pipe is not None:
        for end in _pipe:
            os.close(end)
        _pipe = None
    Thread(target=announce_stop, name="stop", daemon=True).start()
