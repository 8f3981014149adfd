"""From an Authorization header to a project."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from threading import Lock

from django.http import HttpRequest

from plunk.api.errors import InvalidKey, MissingAuth, ProjectDisabled
from plunk.projects.keys import KEY_PATTERN, digest, touch_key
from plunk.projects.models import ApiKey, KeyKind

#: How long a look-up is believed: a revoked key is refused on every process after it.
CACHE_SECONDS = 1.0
_CACHE_SIZE = 10_000
_TOUCH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a project, by one of its keys."""

    key_id: uuid.UUID
    kind: KeyKind
    project_id: uuid.UUID
    project_name: str
    from_name: str
    from_email: str
    reply_to: str
    is_disabled: bool
    double_opt_in: bool


_cache: dict[str, tuple[float, Caller | None]] = {}
_touched: dict[uuid.UUID, float] = {}
_lock = Lock()


def authenticate(request: HttpRequest, *kinds: KeyKind, writes: bool = True) -> Caller:
    """Return whose key the request bears; it must be of one of `kinds`.

    Raises MissingAuth where there is none to read, InvalidKey where it does not open
    this door, ProjectDisabled for a write to a disabled project.
    """
    return caller_of(_bearer(request), *kinds, writes=writes)


def caller_of(value: str, *kinds: KeyKind, writes: bool = True) -> Caller:
    """Return whose key this is, whichever door it came by; raises as above."""
    if not KEY_PATTERN.fullmatch(value):
        raise InvalidKey("This is not an API key: it looks like sk_0123… or pk_0123….")
    caller = _look_up(value)
    if caller is None:
        raise InvalidKey("This API key is unknown or has been revoked.")
    if caller.kind not in kinds:
        raise InvalidKey(_wrong_kind(caller.kind))
    if caller.is_disabled and writes:
        raise ProjectDisabled("This project is disabled.")
    _touch(caller.key_id)
    return caller


def forget_cached_keys() -> None:
    """Drop what this process remembers of keys; another's memory ends by itself."""
    with _lock:
        _cache.clear()
        _touched.clear()


def _bearer(request: HttpRequest) -> str:
    parts = request.META.get("HTTP_AUTHORIZATION", "").split()
    if not parts:
        raise MissingAuth("The Authorization header is missing.")
    scheme, *rest = parts
    if scheme.lower() != "bearer":
        raise MissingAuth("The Authorization header must be 'Bearer <key>'.")
    if not rest:
        raise MissingAuth("The Authorization header holds no key.")
    if len(rest) > 1:
        raise InvalidKey("The Authorization header holds more than one key.")
    return str(rest[0])


def _look_up(value: str) -> Caller | None:
    now = time.monotonic()
    hashed = digest(value)
    known = _cache.get(hashed)
    if known and known[0] > now:
        return known[1]
    caller = _load(hashed)
    with _lock:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[hashed] = (now + CACHE_SECONDS, caller)
    return caller


def _load(hashed: str) -> Caller | None:
    key = (
        ApiKey.objects.usable().select_related("project").filter(digest=hashed).first()
    )
    if key is None:
        return None
    return Caller(
        key_id=key.pk,
        kind=KeyKind(key.kind),
        project_id=key.project_id,
        project_name=key.project.name,
        from_name=key.project.from_name,
        from_email=key.project.from_email,
        reply_to=key.project.reply_to,
        is_disabled=key.project.is_disabled,
        double_opt_in=key.project.double_opt_in,
    )


def _wrong_kind(kind: KeyKind) -> str:
    if kind == KeyKind.PUBLIC:
        return "A public key cannot do this: use a secret key (sk_…)."
    return "A secret key cannot do this: use a public key (pk_…)."


def _touch(key_id: uuid.UUID) -> None:
    now = time.monotonic()
    if now - _touched.get(key_id, -_TOUCH_SECONDS) >= _TOUCH_SECONDS:
        _touched[key_id] = now
        touch_key(key_id=key_id)
