"""What the load is made of: the requests' bodies and the mails' content."""

from __future__ import annotations

import json

from tests.bench.load import ADDRESS, UNIQUE
from tests.stack.installation import SENDER

PROFILE = {"firstName": "Ada", "plan": "pro", "city": "Berlin", "visits": 17}
SUBJECT = "News for {{firstName}} in {{city}}"
#: What a letter says of its reader, and how long it is.
FIELDS = {f"field{number}": f"value of field{number} & more" for number in range(10)}
LETTER_SUBJECT = "News for {{field0}}"
LETTER_SIZE = 20_000
LINK = "https://www.example.com/stories/{}?a=1&amp;b=2"
LINKS = 5
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


def letter() -> str:
    """Return 20,000 characters of HTML with ten variables and five links."""
    pieces = [f"<p>Hello {{{{ {name} }}}}, {SENTENCE}</p>\n" for name in FIELDS]
    pieces += [
        f'<p><a href="{LINK.format(number)}">Story</a> {SENTENCE}</p>\n'
        for number in range(LINKS)
    ]
    body = "".join(pieces)
    filler = f"<p>{SENTENCE}</p>\n"
    return body + filler * ((LETTER_SIZE - len(body)) // len(filler))


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
