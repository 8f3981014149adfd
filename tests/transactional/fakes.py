"""A stand-in for SES where a test is about what we do with its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

from transactional.ses import Answer, Outcome

Reply = Callable[[str], Answer]


@dataclass(slots=True)
class FakeSes:
    """Keeps what it was given, and answers what `reply` says for the recipient."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    reply: Reply | None = None
    _ids: Any = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def send_raw(
        self,
        *,
        to_email: str,
        raw: bytes,
        tags: dict[str, str],
        configuration_set: str = "",
    ) -> Answer:
        with self._lock:
            self.calls.append(
                {"to": to_email, "raw": raw, "tags": tags, "set": configuration_set}
            )
            number = next(self._ids)
        if self.reply:
            return self.reply(to_email)
        return Answer(Outcome.ACCEPTED, message_id=f"fake-{number:06}")
