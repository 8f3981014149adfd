"""Is it alive, and is it ready: what probes and operators ask."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from plunk.api.answers import json_answer, timestamp
from plunk.api.models import Heartbeat

logger = logging.getLogger(__name__)

#: A worker writes its heartbeat every 5 seconds.
_SILENT_SECONDS = 30.0
_REDIS_TIMEOUT_SECONDS = 0.5


@csrf_exempt
def health(request: HttpRequest) -> HttpResponse:
    """Answer that this process serves requests; asks nobody else."""
    return json_answer({"status": "ok", "success": True, "time": timestamp()})


@csrf_exempt
def ready(request: HttpRequest) -> HttpResponse:
    """Answer whether database, broker and workers do their part, else 503."""
    parts = {"database": _database(), "broker": _broker(), "worker": _worker()}
    is_ready = all(part["ok"] for part in parts.values())
    return json_answer(
        {"status": "ready" if is_ready else "not ready", "checks": parts},
        status=200 if is_ready else 503,
    )


def beat(name: str = "worker") -> None:
    """Note that a process of this kind is alive."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=Now())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )


def seconds_since(name: str) -> float:
    """Return how long ago a kind of process was alive; 0 if it never was."""
    row = (
        Heartbeat.objects.filter(name=name)
        .annotate(now=Now())
        .values_list("now", F("at"))
        .first()
    )
    return _seconds(*row) if row else 0.0


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        logger.warning("not ready: database", extra={"error": str(error)})
        return {"ok": False, "message": "The database does not answer."}
    return {"ok": True, "message": f"{connection.vendor} answers."}


def _broker() -> dict[str, Any]:
    if settings.IS_EMBEDDED:
        return {"ok": True, "message": "Embedded: none needed."}
    client = Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except RedisError as error:
        logger.warning("not ready: broker", extra={"error": str(error)})
        return {"ok": False, "message": "Redis does not answer."}
    finally:
        client.close()
    return {"ok": True, "message": "Redis answers."}


def _worker() -> dict[str, Any]:
    try:
        row = (
            Heartbeat.objects.filter(name="worker")
            .annotate(now=Now())
            .values_list("now", F("at"))
            .first()
        )
    except Error:
        return {"ok": False, "message": "Unknown: the database does not answer."}
    if row is None:
        return {"ok": False, "message": "No worker has ever been seen."}
    age = _seconds(*row)
    return {
        "ok": age < _SILENT_SECONDS,
        "message": f"A worker was seen {age:.0f} seconds ago.",
        "ageSeconds": round(age, 1),
    }


def _seconds(now: datetime, at: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
