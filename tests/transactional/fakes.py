"""A stand-in for SES where a test is about what we do with its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

from transactional.calling import NOT_TRIED, Call, tags_of
from transactional.ses import Answer, Outcome
from transactional.tracking.resolving import configuration_set

Reply = Callable[[str], Answer]


@dataclass(slots=True)
class FakeSes:
    """Keeps what it was given, and answers what `reply` says for the recipient."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    reply: Reply | None = None
    _ids: Any = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def lines(self) -> FakeLines:
        """Stand in for `transactional.lines.lines`."""
        return FakeLines(self)

    def answer(self, call: Call) -> Answer:
        composed = call.composed
        mail = composed.mail
        with self._lock:
            self.calls.append(
                {
                    "to": mail.to_email,
                    "raw": composed.raw,
                    "tags": tags_of(mail),
                    "set": configuration_set(composed.counter),
                }
            )
            number = next(self._ids)
        if self.reply:
            return self.reply(mail.to_email)
        return Answer(Outcome.ACCEPTED, message_id=f"fake-{number:06}")


@dataclass(frozen=True, slots=True)
class FakeLines:
    """Connections whose other side answers at once."""

    ses: FakeSes

    def put(self, call: Call) -> None:
        call.answer(self.ses.answer(call) if call.may_begin() else NOT_TRIED)

    def turn(self, seconds: float = 0.0) -> None:
        """There is nothing to wait for."""
