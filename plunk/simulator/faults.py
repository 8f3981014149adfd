"""What goes wrong on purpose: this process's switches, and what they decide."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from random import Random
from threading import Lock
from typing import Any

from plunk.simulator.errors import AwsError, bad_request

#: Each refusal, in the order in which they are looked at; nothing is accepted.
REFUSALS: dict[str, AwsError] = {
    "suspended": AwsError(
        "AccountSuspendedException", "The account's ability to send is suspended."
    ),
    "paused": AwsError(
        "SendingPausedException",
        "Email sending is paused for this account.",
        query_code="AccountSendingPausedException",
    ),
    "not_verified": AwsError(
        "MailFromDomainNotVerifiedException",
        "The MAIL FROM domain of the identity is not verified.",
    ),
    "quota": AwsError(
        "LimitExceededException",
        "Daily message quota exceeded.",
        query_code="Throttling",
    ),
    "throttle": AwsError(
        "TooManyRequestsException",
        "Maximum sending rate exceeded.",
        query_code="Throttling",
        status=429,
    ),
    "rejected": AwsError("MessageRejected", "The message was rejected."),
    "e500_before": AwsError(
        "InternalServiceErrorException",
        "An internal error occurred.",
        query_code="InternalFailure",
        status=500,
    ),
}
#: What becomes of the answer of a call that was carried out.
LOSSES = ("e500_after", "drop_after", "hang")
_PERCENTS = (*REFUSALS, *LOSSES, "feedback_duplicate")
_STATUSES = ("SUCCESS", "PENDING", "FAILED")
_LARGEST_AMOUNT = 1e9


@dataclass(slots=True)
class Switches:
    """What the control reads and sets: percents (0 to 100), amounts and yes or no.

    `hang` accepts the mail and answers only after `hang_seconds`.
    """

    suspended: float = 0
    paused: float = 0
    not_verified: float = 0
    quota: float = 0
    throttle: float = 0
    rejected: float = 0
    e500_before: float = 0
    e500_after: float = 0
    drop_after: float = 0
    hang: float = 0
    hang_seconds: float = 60
    latency_ms: float = 0
    feedback: bool = True
    feedback_duplicate: float = 0
    feedback_delay_seconds: float = 0
    max_send_rate: float = 200
    max_24_hour: float = 1_000_000
    enforce_rate: bool = False
    unverified_domains: list[str] = field(default_factory=list)
    identity_status: str = "SUCCESS"
    signature_version: str = ""


class Faults:
    """The switches of this process, its dice and its counters."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def reset(self, *, seed: int | None = None) -> None:
        """Let everything go well again and count from zero."""
        with self._lock:
            self.switches = Switches()
            self._counters: Counter[str] = Counter()
            self._dice = Random(seed)  # noqa: S311 - faults, not secrets
            self._allowance = 1.0
            self._refilled_at = time.monotonic()

    def set(self, changes: dict[str, Any]) -> None:
        """Set switches by name, all or none; raises AwsError for nonsense."""
        known = {entry.name: entry.default for entry in fields(Switches)}
        for name in changes:
            if name not in known:
                raise bad_request(f"There is no switch {name[:60]!r}.")
        checked = {name: _checked(name, value) for name, value in changes.items()}
        with self._lock:
            for name, value in checked.items():
                setattr(self.switches, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return all switches and counters."""
        with self._lock:
            return {"state": asdict(self.switches), "counters": dict(self._counters)}

    def count(self, name: str, by: int = 1) -> None:
        """Count something that happened."""
        with self._lock:
            self._counters[name] += by

    def counted(self, name: str) -> int:
        """Return how often something happened."""
        with self._lock:
            return self._counters[name]

    def hits(self, name: str) -> bool:
        """Throw the dice for one of the switches that are a percent."""
        percent: float = getattr(self.switches, name)
        if percent in (0, 100):
            return percent == 100
        with self._lock:
            return self._dice.random() * 100 < percent

    def refusal(self, *, sender_domain: str, recipients: int) -> str:
        """Return the name of the refusal this call meets; empty if none."""
        for name in REFUSALS:
            if self.hits(name):
                return name
        if sender_domain in self.switches.unverified_domains:
            return "not_verified"
        if self.switches.enforce_rate and not self._has_allowance(recipients):
            return "throttle"
        return ""

    def loss(self) -> str:
        """Return the name of what happens to this call's answer; empty if nothing."""
        return next((name for name in LOSSES if self.hits(name)), "")

    def _has_allowance(self, recipients: int) -> bool:
        """Take `recipients` from a bucket that holds one second's worth."""
        rate = self.switches.max_send_rate
        with self._lock:
            now = time.monotonic()
            earned = (now - self._refilled_at) * rate
            self._allowance = min(max(rate, 1.0), self._allowance + earned)
            self._refilled_at = now
            if self._allowance < recipients:
                return False
            self._allowance -= recipients
            return True


def _checked(name: str, value: Any) -> Any:
    if name in _PERCENTS:
        return _amount(name, 100 if value is True else value, 100)
    match name:
        case "feedback" | "enforce_rate":
            if not isinstance(value, bool):
                raise bad_request(f"{name} is true or false.")
            return value
        case "unverified_domains":
            if not isinstance(value, list) or not all(
                isinstance(v, str) for v in value
            ):
                raise bad_request(f"{name} is a list of domains.")
            return [domain.lower() for domain in value]
        case "identity_status":
            return _one_of(name, value, _STATUSES)
        case "signature_version":
            return _one_of(name, value, ("", "1", "2"))
    return _amount(name, value, _LARGEST_AMOUNT)


def _amount(name: str, value: Any, largest: float) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value <= largest:
        raise bad_request(f"{name} is a number from 0 to {largest:g}.")
    return value


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise bad_request(f"{name} is one of {', '.join(map(repr, choices))}.")
    return str(value)


faults = Faults()
