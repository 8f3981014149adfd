from __future__ import annotations

from typing import Any

from automations.events.naming import read_name
from automations.tracking import Tracked, Tracking, track
from contacts.addresses import normalise
from contacts.data import read_data
from plunk.api.answers import timestamp
from plunk.api.endpoints import Call, post_endpoint
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer, once
from plunk.projects.models import KeyKind


@post_endpoint("/v1/track", keys=(KeyKind.PUBLIC, KeyKind.SECRET), is_public=True)
def track_event(call: Call) -> Answer:
    """Record an event of a contact; a browser may, with the public key."""
    return once(
        project_id=call.caller.project_id,
        key=call.idempotency_key,
        request=call.name,
        body=call.body,
        work=lambda: _answer(track(_read(call))),
    )


def _read(call: Call) -> Tracking:
    fields = Fields(call.body)
    email = fields.value("email")
    address = fields.convert("email", email, normalise) if email is not None else None
    fields.require("email", email)
    event = read_name(fields, "event")
    subscribed = fields.boolean("subscribed")
    data = read_data(fields)
    fields.finish()
    return Tracking(
        project_id=call.caller.project_id,
        email=address or "",
        event=event,
        data=data,
        subscribed=subscribed,
        may_resubscribe=call.caller.kind == KeyKind.SECRET,
        double_opt_in=call.caller.double_opt_in,
    )


def _answer(tracked: Tracked) -> dict[str, Any]:
    data = {
        "contact": str(tracked.contact_id),
        "event": str(tracked.event_id),
        "timestamp": timestamp(),
    }
    return {"success": True, "data": data, **data}
