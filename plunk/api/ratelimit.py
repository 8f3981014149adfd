"""How many API requests a project may make: a fixed window, shared through Redis.

Public and secret keys are counted apart: a public key stands in every browser, and
whoever takes it from there must not be able to stop the mail of the project's servers.

A limit protects the installation from a runaway client; it must never be what takes the
installation down. While Redis does not answer, every process counts for itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from uuid import UUID

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from plunk.api.errors import RateLimited
from plunk.projects.models import KeyKind

logger = logging.getLogger(__name__)

_REDIS_TIMEOUT_SECONDS = 0.2
#: How long we leave a Redis alone that did not answer.
_PAUSE_SECONDS = 5.0
#: The part of a limit that a process takes at once.
_SHARE = 100
_MOST_HELD = 10_000


@dataclass(slots=True)
class _Breaker:
    closed_again_at: float = 0.0


@dataclass(slots=True)
class _Held:
    """Requests of a project that this process has taken and not used yet."""

    left: int
    reset_at: float
    remaining: int


_breaker = _Breaker()
_all_held: dict[str, _Held] = {}
_lock = Lock()
#: Two first requests at once must not make limiters that know nothing of each other.
_making = Lock()


@cache
def _make_local() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


def _local() -> FixedWindowRateLimiter:
    with _making:
        return _make_local()


def _shared() -> FixedWindowRateLimiter:
    with _making:
        return _make_shared()


@cache
def _make_shared() -> FixedWindowRateLimiter:
    # redis-py would try three times more, which a hung server makes a second of.
    pool = ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    storage: Storage = RedisStorage(settings.REDIS_URL, connection_pool=pool)
    return FixedWindowRateLimiter(storage)


def limit_requests(project_id: UUID, *, kind: KeyKind) -> dict[str, str]:
    """Count a request with a kind of key; return the RateLimit headers of its answer.

    Raises RateLimited, with `Retry-After` in seconds, when it was one too many.
    """
    limit = settings.API_RATE_LIMIT_PER_MINUTE
    if not limit:
        return {}
    allowed, reset_at, remaining = _count(limit, f"{project_id}:{kind.value}")
    seconds = max(1, round(reset_at - time.time()))
    headers = {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(max(0, remaining)),
        "RateLimit-Reset": str(seconds),
    }
    if not allowed:
        raise RateLimited(
            f"This project may make {limit} requests a minute with its "
            f"{kind.label.lower()} keys.",
            headers=headers | {"Retry-After": str(seconds)},
        )
    return headers


def limit_visitors(limits: Mapping[str, int]) -> None:
    """Count a request without a key against limits a minute, by what each counts.

    Such as `{"203.0.113.7": 60, "contact 0190…": 20}`. Raises RateLimited at the first
    that is used up. Switched off with the limit of the keys.
    """
    if not settings.API_RATE_LIMIT_PER_MINUTE:
        return
    for subject, limit in limits.items():
        item = RateLimitItemPerMinute(limit)
        key = f"visitor:{subject}"
        allowed, reset_at, _ = _hit(_limiter(), item, key, 1)
        if not allowed:
            seconds = max(1, round(reset_at - time.time()))
            raise RateLimited(
                f"This may be done {limit} times a minute.",
                headers={"Retry-After": str(seconds)},
            )


def _count(limit: int, key: str) -> tuple[bool, float, int]:
    """Use up one request; return whether there was one, when the window ends, the rest.

    A process takes them by the hundredth part of the limit, so that most requests ask
    nobody. What it holds when the window ends is lost: never more than 1 % a process.
    """
    with _lock:
        held = _all_held.get(key)
        if held and held.left and time.time() < held.reset_at:
            held.left -= 1
            return True, held.reset_at, held.remaining + held.left
    item = RateLimitItemPerMinute(limit)
    limiter = _limiter()
    for cost in sorted({max(1, limit // _SHARE), 1}, reverse=True):
        allowed, reset_at, remaining = _hit(limiter, item, key, cost)
        if allowed:
            _hold(key, _Held(cost - 1, reset_at, remaining))
            return True, reset_at, remaining + cost - 1
    return False, reset_at, 0


def _limiter() -> FixedWindowRateLimiter:
    is_shared = settings.REDIS_URL and time.monotonic() >= _breaker.closed_again_at
    return _shared() if is_shared else _local()


def _hold(key: str, held: _Held) -> None:
    with _lock:
        if len(_all_held) >= _MOST_HELD:
            _all_held.clear()
        _all_held[key] = held


def _hit(
    limiter: FixedWindowRateLimiter, item: RateLimitItemPerMinute, key: str, cost: int
) -> tuple[bool, float, int]:
    try:
        allowed = limiter.hit(item, key, cost=cost)
        reset_at, remaining = limiter.get_window_stats(item, key)
    except RedisError as error:
        _breaker.closed_again_at = time.monotonic() + _PAUSE_SECONDS
        logger.warning("rate limit without Redis", extra={"error": str(error)})
        return _hit(_local(), item, key, cost)
    return allowed, reset_at, remaining
