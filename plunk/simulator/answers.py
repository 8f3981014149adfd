"""How AWS answers: XML for its query API, JSON for its REST API, errors in both."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from plunk.simulator import feedback
from plunk.simulator.connections import cut
from plunk.simulator.errors import AnswerLost, AwsError
from plunk.simulator.mail import clean

#: A message of 40 MB, with what base64 and a form make more of it.
BODY_LIMIT = 64 * 1024 * 1024
SES_NAMESPACE = "http://ses.amazonaws.com/doc/2010-12-01/"
SNS_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 +Credential=([^/,\s]*)/")

View = Callable[..., HttpResponse]
Json = dict[str, Any]


def rest(view: Callable[..., Json]) -> View:
    """Serve a view of the REST API, which returns the JSON object to answer."""

    @csrf_exempt
    @wraps(view)
    def serve(request: HttpRequest, **kwargs: str) -> HttpResponse:
        feedback.start()
        try:
            _check_signature(request)
            return _rest_answer(view(request, **kwargs))
        except AwsError as error:
            response = _rest_answer({"message": error.message}, status=error.status)
            response["x-amzn-ErrorType"] = error.code
            return response
        except AnswerLost as lost:
            return _no_answer(request, is_cut=lost.is_cut)

    return serve


def query(view: Callable[[HttpRequest], tuple[str, str]]) -> View:
    """Serve the query API; the view returns the action's name and its result as XML."""

    @csrf_exempt
    @wraps(view)
    def serve(request: HttpRequest) -> HttpResponse:
        feedback.start()
        request_id = str(uuid4())
        try:
            _check_signature(request)
            action, result = view(request)
        except AwsError as error:
            return _query_error(error, request_id)
        except AnswerLost as lost:
            return _no_answer(request, is_cut=lost.is_cut)
        namespace = SNS_NAMESPACE if action == "ConfirmSubscription" else SES_NAMESPACE
        return _xml(
            f'<{action}Response xmlns="{namespace}">'
            f"<{action}Result>{result}</{action}Result>"
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
            f"</{action}Response>",
            request_id,
        )

    return serve


def element(name: str, content: str | float) -> str:
    """Return one XML element around plain content."""
    return f"<{name}>{escape(_printable(str(content)))}</{name}>"


def body_of(request: HttpRequest) -> bytes:
    """Read the request's body, as far as SES would."""
    body: bytes = request.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise AwsError(
            "RequestEntityTooLargeException", "The request is too large.", status=413
        )
    return body


def json_of(request: HttpRequest) -> Json:
    """Read the request's JSON object; an empty body is an empty object."""
    body = body_of(request)
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "The body is not a JSON object.")
    return value


def _check_signature(request: HttpRequest) -> None:
    """Refuse who does not know our access key id, before any of the body is read.

    The id is the secret here: it is made from the installation's own, and the signature
    is not computed again (SigV4 puts the id into `Credential=`).
    """
    found = _CREDENTIAL.match(request.META.get("HTTP_AUTHORIZATION", ""))
    if not found:
        raise AwsError(
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token",
            query_code="MissingAuthenticationToken",
            status=403,
        )
    if not constant_time_compare(found[1], settings.AWS_ACCESS_KEY_ID):
        raise AwsError(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            query_code="InvalidClientTokenId",
            status=403,
        )


def _rest_answer(content: Json, *, status: int = 200) -> HttpResponse:
    response = HttpResponse(
        orjson.dumps(content), status=status, content_type="application/json"
    )
    response["x-amzn-RequestId"] = str(uuid4())
    return response


def _query_error(error: AwsError, request_id: str) -> HttpResponse:
    # The query API knows few statuses: throttling, for one, is a 400.
    status = error.status if error.status in (403, 413) or error.status >= 500 else 400
    blame = "Sender" if status < 500 else "Receiver"
    parts = {"Type": blame, "Code": error.query_code, "Message": error.message}
    content = "".join(element(name, text) for name, text in parts.items())
    return _xml(
        f'<ErrorResponse xmlns="{SES_NAMESPACE}"><Error>{content}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>",
        request_id,
        status=status,
    )


def _xml(content: str, request_id: str, *, status: int = 200) -> HttpResponse:
    response = HttpResponse(content, status=status, content_type="text/xml")
    response["x-amzn-RequestId"] = request_id
    return response


def _no_answer(request: HttpRequest, *, is_cut: bool) -> HttpResponse:
    """Answer as a broken road to SES does: without AWS's id, or not at all."""
    if is_cut:
        cut(request)
    return HttpResponse(
        "<html><body><h1>502 Bad Gateway</h1></body></html>", status=502
    )


def _printable(text: str) -> str:
    """Drop the control characters that XML 1.0 has no way to write."""
    return "".join(c for c in clean(text) if c >= " " or c in "\t\n\r")
