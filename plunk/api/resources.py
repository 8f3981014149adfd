"""Resources of the API: one address, a method for each HTTP method it answers.

Built on REST framework's APIView with the doors of this API in its hooks: keys, rate
limit, strict JSON and the error bodies of both generations are the same as those of the
hot endpoints in `plunk.api.endpoints`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

import structlog
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from plunk.api import idempotency
from plunk.api.answers import json_answer
from plunk.api.endpoints import (
    BODY_LIMIT,
    answer_of_failure,
    read_bytes,
    require_json,
)
from plunk.api.errors import ApiError, MethodNotAllowed, NotFound
from plunk.api.keys import Caller, authenticate
from plunk.api.ratelimit import limit_requests
from plunk.api.strictjson import read_object
from plunk.projects.models import KeyKind

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class _Json(DefaultContentNegotiation):
    """Answer JSON, whatever the client says it would rather have."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0] if parsers else None

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: Any = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class Resource(APIView):
    """The base of every resource.

    A handler finds who asks in `caller`, the JSON body in `body`, and returns
    `answer(…)`; what it raises of `plunk.api.errors` becomes the error body. `classic`
    resources have that generation's.
    """

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    content_negotiation_class = _Json
    metadata_class = None

    keys: ClassVar[tuple[KeyKind, ...]] = (KeyKind.SECRET,)
    is_classic: ClassVar[bool] = False
    body_limit: ClassVar[int] = BODY_LIMIT

    caller: Caller
    _headers: dict[str, str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let nobody in without a key, and nobody too often."""
        self._headers = {}
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        self.caller = authenticate(
            self.django_request, *self.keys, writes=request.method not in _SAFE
        )
        structlog.contextvars.bind_contextvars(project_id=str(self.caller.project_id))
        self._headers = limit_requests(self.caller.project_id, kind=self.caller.kind)

    @property
    def django_request(self) -> HttpRequest:
        request: HttpRequest = self.request._request  # noqa: SLF001 - REST framework's own name for it
        return request

    @cached_property
    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent; empty where nothing was."""
        raw = read_bytes(self.django_request, self.body_limit)
        if not raw:
            return {}
        require_json(self.django_request)
        return read_object(raw)

    @property
    def query(self) -> dict[str, str]:
        """Return the query string's parameters, the last of each name."""
        return self.django_request.GET.dict()

    def answer(
        self,
        body: Any,
        *,
        status: int = 200,
        is_replay: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Return a success."""
        replayed = {"Idempotent-Replayed": "true"} if is_replay else {}
        return json_answer(
            body,
            status=status,
            headers={**self._headers, **replayed, **(headers or {})},
        )

    def stream(self, chunks: Iterable[bytes]) -> StreamingHttpResponse:
        """Return a success whose JSON is written while it is sent."""
        response = StreamingHttpResponse(chunks, content_type="application/json")
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        for name, value in self._headers.items():
            response[name] = value
        return response

    def nothing(self) -> HttpResponse:
        """Return 204, the success without a body."""
        response = HttpResponse(status=204)
        del response["Content-Type"]
        for name, value in self._headers.items():
            response[name] = value
        return response

    def once(self, name: str, work: Callable[[], Any]) -> HttpResponse:
        """Answer what `work` returns (a body, or an `idempotency.Answer` with a status
        of its own), and the same again where the Idempotency-Key comes back.

        `name` is method and path in one spelling, whatever door the client used.
        """
        done = idempotency.once(
            project_id=self.caller.project_id,
            key=idempotency.read_key(self.django_request, kind=self.caller.kind),
            request=name,
            body=self.body,
            work=work,
        )
        return self.answer(done.body, status=done.status, is_replay=done.is_replay)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise MethodNotAllowed(request.method, self.allowed_methods)

    @property
    def allowed_methods(self) -> list[str]:
        return [method for method in super().allowed_methods if method != "OPTIONS"]

    def handle_exception(self, exc: Exception) -> Any:
        return answer_of_failure(_ours(exc), is_classic=self.is_classic)

    def finalize_response(
        self, request: Any, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Leave the answer as it is: it is bytes already."""
        return response


def _ours(error: Exception) -> Exception:
    """Return an error of Django or REST framework as one of the API's."""
    if isinstance(error, Http404):
        return NotFound("There is no such thing.")
    if isinstance(error, exceptions.APIException) and error.status_code < 500:
        return _Refused(str(error.detail), status=error.status_code)
    return error


class _Refused(ApiError):
    """What REST framework refuses before a handler is asked."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc]
