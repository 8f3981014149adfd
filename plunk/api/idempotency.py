"""`Idempotency-Key`: the same request twice is answered twice and done once.

The key's row is written in the transaction that does the work, so a repetition finds
either both or neither, whatever crashed in between.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.http import HttpRequest

from plunk.api.errors import BadRequest, Conflict, IdempotencyKeyReused
from plunk.api.models import IdempotencyKey
from plunk.api.strictjson import write
from plunk.erasing import Forgotten, rows_in_chunks
from plunk.projects.models import KeyKind

_PRINTABLE = re.compile(r"^[\x20-\x7e]{1,255}$")
#: Begins what is stored of a public key's requests; no client can send it.
_PUBLIC = "\x01public:"


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, and whether it is one that was given before."""

    body: Any
    is_replay: bool = False
    status: int = 200


def read_key(request: HttpRequest, *, kind: KeyKind) -> str | None:
    """Return the request's key as it is stored; raises BadRequest if it is malformed.

    Public keys have a name space of their own: whoever takes one from a browser could
    use up the keys that the project's server will send, which are easily guessed.
    """
    value = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if value is None:
        return None
    if not _PRINTABLE.fullmatch(value):
        raise BadRequest(
            "The Idempotency-Key must have 1 to 255 printable ASCII characters."
        )
    if kind == KeyKind.PUBLIC:
        # Hashed, because with the prefix it may be longer than the column.
        return _PUBLIC + hashlib.sha256(value.encode()).hexdigest()
    return str(value)


def once(
    *,
    project_id: UUID,
    key: str | None,
    request: str,
    body: dict[str, Any],
    work: Callable[[], Any],
) -> Answer:
    """Return what `work` returns, or what it returned when the key was first used.

    That is a body, or an Answer where the status is not 200.

    `request` is method and path in one canonical spelling. Raises
    IdempotencyKeyReused where the key stands for another request, and Conflict while
    the first one is still being worked on.
    """
    if key is None:
        return _answer(work())
    fingerprint = _fingerprint(request, body)
    with transaction.atomic():
        _lock(project_id, key)
        row = IdempotencyKey.objects.filter(
            project_id=project_id, key=key, expires_at__gt=Now()
        ).first()
        if row is not None:
            return _replay(row, fingerprint)
        answer = _answer(work())
        _remember(project_id, key, request, fingerprint, answer)
        return answer


def _answer(result: Any) -> Answer:
    return result if isinstance(result, Answer) else Answer(result)


def _fingerprint(request: str, body: dict[str, Any]) -> str:
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(request.encode() + b"\n" + canonical).hexdigest()


def _lock(project_id: UUID, key: str) -> None:
    """Let one request at a time work on a key; SQLite's transaction is alone anyway."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)",
            [
                zlib.crc32(project_id.bytes) - 2**31,
                zlib.crc32(key.encode()) - 2**31,
            ],
        )
        (is_ours,) = cursor.fetchone() or (False,)
    if not is_ours:
        raise Conflict(
            "The first request with this Idempotency-Key is still being worked on.",
            code=IdempotencyKeyReused.code,
            headers={"Retry-After": "1"},
        )


def _replay(row: IdempotencyKey, fingerprint: str) -> Answer:
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused(
            f"This Idempotency-Key was used for another request ({row.request})."
        )
    return Answer(orjson.loads(row.response), is_replay=True, status=row.status)


def _remember(
    project_id: UUID, key: str, request: str, fingerprint: str, answer: Answer
) -> None:
    row = IdempotencyKey(
        project_id=project_id,
        key=key,
        request=request,
        fingerprint=fingerprint,
        response=write(answer.body).decode(),
        status=answer.status,
        created_at=Now(),
        expires_at=Now() + settings.IDEMPOTENCY_KEY_TTL,
    )
    # One statement, which also takes over a key whose time is over.
    IdempotencyKey.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["project", "key"],
        update_fields=[
            "request",
            "fingerprint",
            "response",
            "status",
            "created_at",
            "expires_at",
        ],
    )


def scrub(forgotten: Forgotten) -> None:
    """Forget the answers that name somebody who was erased.

    The keys stay, so that a repetition is still not done twice; what it is answered
    then says no more than that it was a success.
    """
    rows = IdempotencyKey.objects.filter(
        project_id=forgotten.project_id, created_at__lte=forgotten.until
    )
    for pk, key, response in rows_in_chunks(rows, "key", "response"):
        if forgotten.stands_in(key):
            rows.filter(pk=pk).delete()
        elif forgotten.stands_in(response):
            rows.filter(pk=pk).update(response='{"success":true}')


def forget_expired(*, batch: int = 5000) -> int:
    """Delete keys past their time, in batches; return how many."""
    deleted = 0
    while True:
        ids = list(
            IdempotencyKey.objects.filter(expires_at__lte=Now())
            .order_by("expires_at")
            .values_list("pk", flat=True)[:batch]
        )
        # Asked again: a key may have been taken over since its id was read.
        expired = IdempotencyKey.objects.filter(pk__in=ids, expires_at__lte=Now())
        deleted += expired.delete()[0]
        if len(ids) < batch:
            return deleted
