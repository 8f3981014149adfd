"""Segments that the benches count, of the people of population.py."""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]


def _all_of(*filters: dict[str, Any]) -> Tree:
    return {"logic": "AND", "groups": [{"filters": list(filters)}]}


#: One rule of each kind: metadata, a window, a count, an absence, engagement.
FIVE_RULES = _all_of(
    {"field": "data.plan", "operator": "equals", "value": "pro"},
    {
        "field": "event.login",
        "operator": "triggeredWithin",
        "value": 30,
        "unit": "days",
    },
    {"field": "event.page.viewed", "operator": "triggeredAtLeast", "count": 3},
    {"field": "event.plan.cancelled", "operator": "notTriggered"},
    {"field": "email.opened", "operator": "triggered"},
)
