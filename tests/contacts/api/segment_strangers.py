"""How a stranger would ask the segment endpoints for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Api


def _condition(it: Any) -> dict[str, Any]:
    """Return a condition that asks for who is in alice's segment."""
    field = f"segment.{it.things['segment_id']}"
    rule = {"field": field, "operator": "notMemberOfSegment"}
    return {"logic": "AND", "groups": [{"filters": [rule]}]}


def _one(it: Any) -> str:
    return f"/api/segments/{it.things['segment_id']}"


ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    "api_segments": lambda api, it: [
        api.get("/api/segments"),
        api.get("/api/segments", limit=10),
        api.post("/api/segments", {"name": "x", "condition": _condition(it)}),
    ],
    "api_segment": lambda api, it: [
        api.get(_one(it)),
        api.send("PATCH", _one(it), {"name": "taken"}),
        api.send("PATCH", _one(it), {"condition": _condition(it)}),
        api.send("DELETE", _one(it)),
    ],
    "api_segment_contacts": lambda api, it: [
        api.get(f"{_one(it)}/contacts"),
        api.get(f"{_one(it)}/contacts", page=1),
    ],
    "api_segment_members": lambda api, it: [
        api.send(
            method,
            f"{_one(it)}/members",
            {"emails": ["ann@example.com"], "contactIds": [str(it.contact.pk)]},
        )
        for method in ("POST", "DELETE")
    ],
    "api_segment_compute": lambda api, it: [api.post(f"{_one(it)}/compute", {})],
    "api_segment_refresh": lambda api, it: [api.post(f"{_one(it)}/refresh", {})],
}
