"""One endpoint of the API: everything between a request and the function that answers.

Authentication comes before the body is read, and the rate limit before it is parsed, so
that a stranger or a runaway client costs next to nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from plunk.api import idempotency
from plunk.api.answers import error_answer, json_answer
from plunk.api.errors import (
    ApiError,
    BadRequest,
    MethodNotAllowed,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from plunk.api.keys import Caller, authenticate, forget_cached_keys
from plunk.api.ratelimit import limit_requests
from plunk.api.strictjson import read_object
from plunk.postgresql import past_deadlocks
from plunk.projects.models import KeyKind

logger = logging.getLogger(__name__)

BODY_LIMIT = 2 * 1024 * 1024


class InternalError(ApiError):
    status = 500
    code = "INTERNAL_SERVER_ERROR"
    suggestion = "Try again; if it stays, give the operator the request id."


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in: who asks, and what."""

    caller: Caller
    body: dict[str, Any]
    #: Method and path in one spelling, whichever door and slash the client used.
    name: str
    idempotency_key: str | None


Handler = Callable[[Call], idempotency.Answer]
View = Callable[..., HttpResponse]


def post_endpoint(
    path: str,
    *,
    keys: tuple[KeyKind, ...],
    body_limit: int = BODY_LIMIT,
    is_public: bool = False,
) -> Callable[[Handler], View]:
    """Make a view of a handler that answers `POST path` with status 200.

    `body_limit` is in bytes; `is_public` lets browsers of any origin call it, without
    credentials.
    """

    def decorate(handler: Handler) -> View:
        @csrf_exempt
        def view(request: HttpRequest) -> HttpResponse:
            if is_public and request.method == "OPTIONS":
                return _with_cors(HttpResponse(status=204))
            response = guarded(lambda: _answer(request))
            return _with_cors(response) if is_public else response

        def _answer(request: HttpRequest) -> HttpResponse:
            if request.method != "POST":
                allowed = ("OPTIONS", "POST") if is_public else ("POST",)
                raise MethodNotAllowed(str(request.method), allowed)
            caller = authenticate(request, *keys)
            structlog.contextvars.bind_contextvars(project_id=str(caller.project_id))
            headers = limit_requests(caller.project_id, kind=caller.kind)
            key = idempotency.read_key(request, kind=caller.kind)
            require_json(request)
            body = read_object(read_bytes(request, body_limit))
            call = Call(caller, body, f"POST {path}", key)
            try:
                answer = past_deadlocks(lambda: handler(call))
            except IntegrityError:
                # The project may have been deleted while its key was still believed.
                forget_cached_keys()
                authenticate(request, *keys)
                # Or something was erased in the very moment in which it was found: what
                # a handler does is one transaction, and may be done again.
                answer = past_deadlocks(lambda: handler(call))
            if answer.is_replay:
                headers = headers | {"Idempotent-Replayed": "true"}
            return json_answer(answer.body, headers=headers)

        view.__name__ = handler.__name__
        view.__doc__ = handler.__doc__
        return view

    return decorate


@csrf_exempt
def unknown_route(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer a path under the API that nothing serves."""
    return error_answer(UnknownRoute("There is no such endpoint."))


class UnknownRoute(ApiError):
    status = 404
    code = "RESOURCE_NOT_FOUND"


def guarded(work: Callable[[], HttpResponse]) -> HttpResponse:
    """Turn whatever goes wrong into the contract's error body."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the last door
        return answer_of_failure(error)


def answer_of_failure(error: Exception, *, is_classic: bool = False) -> HttpResponse:
    """Return the error body for whatever went wrong; nothing internal is in it."""
    if isinstance(error, ApiError):
        return error_answer(error, is_classic=is_classic)
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("database unavailable", extra={"error": str(error)})
        return error_answer(Unavailable(), is_classic=is_classic)
    is_refusal = isinstance(error, DatabaseError)
    logger.error(
        "database refused a statement" if is_refusal else "unexpected error",
        exc_info=error,
    )
    sorry = InternalError("Something went wrong on our side.")
    return error_answer(sorry, is_classic=is_classic)


def require_json(request: HttpRequest) -> None:
    """Raise UnsupportedMediaType unless the body is said to be plain JSON."""
    content_type = request.content_type or ""
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise UnsupportedMediaType("The body must be JSON (application/json).")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("A compressed body is not read.")


def read_bytes(request: HttpRequest, limit: int) -> bytes:
    """Return the body, of whatever type; raises TooLarge past `limit` bytes."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdigit()):
        raise BadRequest("The Content-Length is not a number.")
    if len(declared) > 15 or int(declared) > limit:
        raise _too_large(limit)
    try:
        if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
            # Django reads no further than Content-Length says, which is missing here.
            raw: bytes = request.META["wsgi.input"].read(limit + 1)
        else:
            raw = request.read(limit + 1)
            if len(raw) < int(declared):
                raise BadRequest("The body is shorter than its Content-Length.")
    except (UnreadablePostError, OSError) as error:
        raise BadRequest("The body ended before it was complete.") from error
    if len(raw) > limit:
        raise _too_large(limit)
    return raw


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have {limit // 1024} KiB.")


def _with_cors(response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = (
        "Authorization, Content-Type, Idempotency-Key"
    )
    response["Access-Control-Expose-Headers"] = (
        "X-Request-ID, Retry-After, Idempotent-Replayed, "
        "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
    )
    response["Access-Control-Max-Age"] = "86400"
    return response
