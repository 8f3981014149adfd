"""The control of the simulator: for tests, and only where settings allow it."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from plunk.simulator import feedback
from plunk.simulator.answers import json_of
from plunk.simulator.certificates import ensure_certificate
from plunk.simulator.errors import AwsError, bad_request
from plunk.simulator.faults import faults
from plunk.simulator.models import PendingFeedback, SimulatedMessage
from plunk.simulator.storing import NotCounted, report

Json = dict[str, Any]


def certificate(request: HttpRequest) -> HttpResponse:
    """Serve the certificate that the notifications' signatures are checked with."""
    return HttpResponse(
        ensure_certificate().read_bytes(), content_type="application/x-pem-file"
    )


@csrf_exempt
def control(request: HttpRequest) -> HttpResponse:
    """Set what goes wrong (POST), and say what does and how often it did (GET).

    Besides the switches of `faults.Switches`, a POST takes `reset` (true), `seed`,
    `redrive` (true) and `emit` ({"message_id", "kind", "detail"}); `detail` replaces
    members of the event, such as `userAgent`.
    """
    if not settings.SIMULATOR_CONTROL:
        raise Http404
    if request.method not in ("GET", "POST"):
        return _answer({"message": "GET or POST."}, status=405)
    try:
        if request.method == "POST":
            _obey(json_of(request))
    except AwsError as error:
        return _answer({"message": error.message}, status=error.status)
    waiting = PendingFeedback.objects.filter(due_at__isnull=False).count()
    given_up = PendingFeedback.objects.filter(due_at=None).count()
    return _answer(
        faults.as_dict()
        | {"feedback": {"waiting": waiting, "given_up": given_up, "url": _url()}}
    )


def _obey(orders: Json) -> None:
    seed, emit = orders.pop("seed", None), orders.pop("emit", None)
    is_reset, is_redrive = orders.pop("reset", False), orders.pop("redrive", False)
    if seed is not None and not isinstance(seed, int):
        raise bad_request("seed is a whole number.")
    if is_reset or seed is not None:
        faults.reset(seed=seed)
    faults.set(orders)
    if is_redrive:
        feedback.redrive()
        feedback.wake()
    if emit is not None:
        _emit(emit)


def _emit(emit: Any) -> None:
    if not isinstance(emit, dict):
        raise bad_request("emit is an object.")
    message_id = str(emit.get("message_id"))[:100].replace("\0", "")
    message = SimulatedMessage.objects.filter(message_id=message_id).first()
    if message is None:
        raise bad_request("emit: there is no such message.")
    detail = emit.get("detail") or {}
    if not isinstance(detail, dict):
        raise bad_request("emit: detail is an object.")
    try:
        report(message=message, kind=str(emit.get("kind")), detail=detail)
    except KeyError as error:
        raise bad_request("emit: there is no such kind of event.") from error
    except NotCounted as error:
        raise bad_request("emit: the mail's set counts no opens or clicks.") from error


def _url() -> str:
    return str(settings.SIMULATOR_FEEDBACK_URL)


def _answer(content: Json, *, status: int = 200) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(content), status=status, content_type="application/json"
    )
