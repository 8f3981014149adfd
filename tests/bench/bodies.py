"""What the load is made of: the requests' bodies and the mails' content."""

from __future__ import annotations

import json

from tests.bench.load import ADDRESS, UNIQUE
from tests.stack.installation import SENDER

PROFILE = {"firstName": "Ada", "plan": "pro", "city": "Berlin", "visits": 17}
SUBJECT = "News for {{firstName}} in {{city}}"
SENTENCE = (
    "The river takes its time where the meadow is wide, and whoever walks beside it "
    "learns to do the same before the evening comes. "
)


def track_body() -> str:
    """Return a body for `POST /v1/track`, its address marked."""
    return _json({"event": "signed-up", "email": ADDRESS, "data": PROFILE})


def send_body() -> str:
    """Return a body of some 2 KB for `POST /v1/send`, with a mark to make it unique."""
    markup = "<h1>Thank you, {{firstName}}</h1><p>" + UNIQUE + "</p><p>"
    return _json(
        {
            "to": ADDRESS,
            "subject": "Your receipt, {{firstName}}",
            "body": f"{markup}{SENTENCE * 14}</p>",
            "from": SENDER,
            "data": {"firstName": "Ada"},
        }
    )


def newsletter(unique: str = "") -> str:
    """Return 4.4 KB of HTML with variables and 20 links."""
    links = "".join(
        f'<p style="margin:0 0 12px"><a href="https://www.example.com/stories/{i}'
        f'?ref=newsletter">Story number {i}</a> {SENTENCE[: 60 + i]}</p>\n'
        for i in range(20)
    )
    body = (
        '<div style="font-family:sans-serif"><h1>Hello {{firstName ?? friend}}</h1>\n'
        f"<p>{unique}</p><p>You are on the {{{{plan}}}} plan in {{{{city}}}}.</p>\n"
        f"{links}<p>This mail went to {{{{email}}}}.</p></div>\n"
    )
    filler = SENTENCE * 8
    return body + f"<p>{filler[: max(0, 4400 - len(body) - 7)]}</p>"


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
