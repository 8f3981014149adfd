from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from plunk.api.answers import json_answer
from plunk.api.endpoints import guarded, read_bytes
from plunk.api.errors import ECHO_LIMIT, Forbidden, MethodNotAllowed
from plunk.api.strictjson import read_object
from webhooks.receiving import receive
from webhooks.signatures import verified

logger = logging.getLogger(__name__)

#: SNS's messages end at 256 KiB; JSON's escapes can double one.
BODY_LIMIT = 512 * 1024


@csrf_exempt
def receive_sns(request: HttpRequest) -> HttpResponse:
    """Take in what SNS posts, whose content type is text/plain."""
    return guarded(lambda: _answer(request))


def _answer(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        raise MethodNotAllowed(str(request.method), ["POST"])
    fields = read_object(read_bytes(request, BODY_LIMIT))
    try:
        envelope = verified(fields)
    except Forbidden as error:
        # Forged, or a topic that SNS_TOPIC_ARNS lacks: an operator has to see it.
        logger.warning(
            "notification refused",
            extra={
                "reason": error.message,
                "topic_arn": str(fields.get("TopicArn"))[:ECHO_LIMIT],
            },
        )
        raise
    return json_answer({"success": True, "status": receive(envelope)})
