from __future__ import annotations

from typing import Any

from plunk.api.answers import timestamp
from plunk.api.endpoints import Call, post_endpoint
from plunk.api.idempotency import Answer, once
from plunk.projects.models import KeyKind
from transactional.api.reading import read_order
from transactional.outbox import Accepted, accept

#: Ten megabytes of attachments are fourteen in base64; the body comes on top.
SEND_BODY_LIMIT = 20 * 1024 * 1024


@post_endpoint("/v1/send", keys=(KeyKind.SECRET,), body_limit=SEND_BODY_LIMIT)
def send(call: Call) -> Answer:
    """Queue a mail to one or several recipients."""
    return once(
        project_id=call.caller.project_id,
        key=call.idempotency_key,
        request=call.name,
        body=call.body,
        # Read within, so that a repetition is answered as the first time, whatever
        # has become of template and domain since.
        work=lambda: _answer(accept(read_order(call))),
    )


def _answer(mails: list[Accepted]) -> dict[str, Any]:
    """Return the body that clients of both generations find their members in."""
    data = {
        "emails": [
            {
                "contact": {"id": str(mail.contact_id), "email": mail.address},
                "email": str(mail.id),
            }
            for mail in mails
        ],
        "timestamp": timestamp(),
    }
    return {"success": True, "data": data, **data}
