"""What happens to every request: an id, a line in the log, and the right door."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from plunk.api.endpoints import unknown_route
from plunk.logs import ACCESS_LOGGER, redact

logger = logging.getLogger(ACCESS_LOGGER)

_API_PATH = re.compile(r"^/(?:(?:api|v1|webhooks)(?:/|$)|(?:health|ready)/?$)")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestMiddleware:
    """Give the request an id, the caller's own if it has a sane one, and log it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if logger.isEnabledFor(logging.INFO):
            # The path only: a query string can carry addresses or tokens.
            logger.info(
                "request",
                extra={
                    "request": {
                        "method": request.method,
                        "path": redact(request.path[:400])[:200],
                        "status": response.status_code,
                        "ms": round((time.perf_counter() - started) * 1000, 1),
                    }
                },
            )
        return response


class ApiMiddleware:
    """Answer API requests here, past everything that only pages need.

    No session, cookie or CSRF token ever reaches an endpoint: a key is all that counts.
    On the API's own host, where `API_URI` names one, the API stands at the root.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.META.get("HTTP_HOST", "").partition(":")[0].lower()
        # The dot of a fully qualified name: Django, too, takes it for the same host.
        if settings.API_HOST and host.removesuffix(".") == settings.API_HOST:
            return self._answer(request, "plunk.api.root_urls")
        if _API_PATH.match(request.path_info):
            return self._answer(request, "plunk.api.door_urls")
        return self.get_response(request)

    def _answer(self, request: HttpRequest, urlconf: str) -> HttpResponse:
        request.get_host()  # refuses a host that is not ours
        request.urlconf = urlconf
        try:
            match = resolve(request.path_info, urlconf)
        except Resolver404:
            # Such as a line break, which no pattern's dot takes for a character.
            return unknown_route(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return response
