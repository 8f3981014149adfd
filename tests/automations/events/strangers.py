"""How a stranger would ask the endpoints of events for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Api


def _tracked(**given: Any) -> dict[str, Any]:
    return {"name": "taken", "data": {"a": 1}, **given}


#: By the name of the address; see tests/test_strangers.py.
ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    "api_events": lambda api, it: [
        api.get("/api/events"),
        api.get("/api/events", eventName="bought"),
    ],
    "api_event_track": lambda api, it: [
        api.post("/api/events/track", _tracked(contactId=str(it.contact.pk))),
        api.post("/api/events/track", _tracked(emailId=str(it.things["email_id"]))),
    ],
    "api_event_stats": lambda api, it: [api.get("/api/events/stats")],
    "api_event_names": lambda api, it: [api.get("/api/events/names")],
    "api_events_of_contact": lambda api, it: [
        api.get(f"/api/events/contact/{it.contact.pk}")
    ],
    "api_event_usage": lambda api, it: [api.get("/api/events/bought/usage")],
    "api_event": lambda api, it: [api.send("DELETE", "/api/events/bought")],
    "classic_events": lambda api, it: [
        api.send("DELETE", "/v1/events", {"id": str(it.things["event_id"])})
    ],
    "classic_event": lambda api, it: [
        api.send("DELETE", f"/v1/events/{it.things['event_id']}")
    ],
}
