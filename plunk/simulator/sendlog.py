"""The record of every send call, written before its answer.

One JSON object a line, only ever appended: what a test compares with what the caller
believes it has sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import orjson
from django.conf import settings

from plunk.simulator.mail import Mail

_lock = Lock()


def write(*, mail: Mail, outcome: str, message_id: str | None, answer: str) -> None:
    """Append one call's line, if `SIMULATOR_LOG` names a file."""
    if not settings.SIMULATOR_LOG:
        return
    line = orjson.dumps(
        {
            "time": datetime.now(UTC),
            "outcome": outcome,
            "answer": answer,
            "message_id": message_id,
            "tags": mail.tags,
            "sender": mail.sender,
            "recipients": mail.recipients,
            "sha256": sha256(mail.raw).hexdigest(),
            "length": len(mail.raw),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
    with _lock:
        # Unbuffered: it is the kernel's when this returns, whatever becomes of us.
        _open(settings.SIMULATOR_LOG).write(line)


@lru_cache(maxsize=1)
def _open(path: str) -> BinaryIO:
    return Path(path).open("ab", buffering=0)
