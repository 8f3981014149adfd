"""What the tests of the campaign endpoints send."""

from __future__ import annotations

from typing import Any

#: A draft of the current generation, and one of the classic one.
BODY: dict[str, Any] = {
    "name": "Spring",
    "subject": "News for {{ name ?? you }}",
    "body": "<p>Hello {{ name ?? you }}</p>",
    "from": "news@example.com",
    "audienceType": "ALL",
}
CLASSIC: dict[str, Any] = {
    "subject": "Hi",
    "body": "<p>Hi</p>",
    "recipients": ["all"],
}
CONDITION = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
    ],
}
