"""A worker whose clock is wrong; the database's is right.

`python -m tests.faults.skewed SECONDS CELERY-ARGUMENTS…` sets the clock of this process
and its children ahead by so many seconds, or behind, and runs Celery in it. What only
goes forward (`time.monotonic`) stays as it is, as on a machine whose clock is off.
"""

from __future__ import annotations

import os
import sys
import time

import time_machine


def main(seconds: float) -> None:
    """Move the clock, and become a worker."""
    # Before anything of the product or of Celery is imported: all see the same time.
    time_machine.travel(time.time() + seconds, tick=True).start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    from plunk.celery import app

    app.worker_main(sys.argv[2:])


if __name__ == "__main__":
    main(float(sys.argv[1]))
