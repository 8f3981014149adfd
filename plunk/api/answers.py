"""Success and error bodies in the one form that both generations of clients read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpResponse

from plunk.api.errors import ECHO_LIMIT, ApiError, Invalid
from plunk.api.strictjson import write


def timestamp(moment: datetime | None = None) -> str:
    """Return a moment, now if none, as ISO 8601 in UTC with milliseconds and `Z`."""
    moment = moment or datetime.now(UTC)
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def json_answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return `body` as JSON."""
    raw = write(body)
    response = HttpResponse(raw, status=status, content_type="application/json")
    # Without it the server would send the answer in chunks.
    response["Content-Length"] = str(len(raw))
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def error_answer(error: ApiError, *, is_classic: bool = False) -> HttpResponse:
    """Return the error body of the contract for `error`.

    Typed clients of the classic generation read `error` as a string, so that on the
    routes of that generation alone the details have another name.
    """
    message = _shortened(error.message)
    detail: dict[str, Any] = {
        "code": error.code,
        "message": message,
        "statusCode": error.status,
        "requestId": structlog.contextvars.get_contextvars().get("request_id", ""),
    }
    if isinstance(error, Invalid):
        detail["errors"] = [
            item.as_dict()
            | {
                "field": _shortened(item.field, ECHO_LIMIT),
                "message": _shortened(item.message),
            }
            for item in error.errors[:100]
        ]
    if error.suggestion:
        detail["suggestion"] = error.suggestion
    if is_classic:
        body: dict[str, Any] = {
            "code": error.status,
            "error": HTTPStatus(error.status).phrase,
            "message": message,
            "time": int(time.time() * 1000),
            "success": False,
            "timestamp": timestamp(),
            "requestId": detail["requestId"],
            "details": detail,
        }
        return json_answer(body, status=error.status, headers=error.headers)
    body = {
        "success": False,
        "error": detail,
        "timestamp": timestamp(),
        # What clients of the classic generation read.
        "code": error.status,
        "message": message,
        "time": int(time.time() * 1000),
    }
    return json_answer(body, status=error.status, headers=error.headers)


def _shortened(text: str, limit: int = ECHO_LIMIT + 100) -> str:
    """Echo no more than the contract allows, and nothing that is not Unicode text."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"
