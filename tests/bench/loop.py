"""The bound for delivery: loops that send the same mails and know no database.

`python -m tests.bench.loop` is one process of one of two kinds (`LOOP_KIND`):
`hand-written` compiles, renders, builds MIME and signs with no more than it needs, and
`product's parts` calls the product's own rendering and its connections to SES. Each
takes its share of the mails, so many at once, and prints one line of JSON.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import http.client
import itertools
import json
import os
import re
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread, local
from urllib.parse import urlsplit
from uuid import uuid4

from inscriptis import get_text

from tests.bench.bodies import (
    FIELDS,
    LETTER_SUBJECT,
    LINK,
    LINKS,
    PROFILE,
    SUBJECT,
    letter,
    newsletter,
)
from tests.bench.load import UNIQUE
from tests.stack.installation import SENDER

#: Sends so many mails, so many of them at once.
Send = Callable[[int, int], None]

_PATH = "/v2/email/outbound-emails"
_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)[^{}]*\}\}")
_FOOTER = '<p><a href="{{link}}">Unsubscribe</a></p><img src="{{pixel}}">'
_threads = local()


def main() -> None:
    """Send this process's share, starting when it is told to."""
    count, width = int(os.environ["LOOP_COUNT"]), int(os.environ["LOOP_WIDTH"])
    make = hand_written if os.environ["LOOP_KIND"] == "hand-written" else from_product
    send_all = make(os.environ["AWS_ENDPOINT_URL"], os.environ["LOOP_CONTENT"])
    time.sleep(max(0.0, float(os.environ["LOOP_START_AT"]) - time.time()))
    began, cpu_before = time.time(), time.process_time()
    send_all(count, width)
    figures = {
        "began": began,
        "ended": time.time(),
        "cpu_seconds": time.process_time() - cpu_before,
    }
    print(json.dumps(figures))


def in_threads(send: Callable[[int], None]) -> Send:
    """Return what sends mails by number, each in one of so many threads."""

    def send_all(count: int, width: int) -> None:
        numbers = itertools.count()

        def work() -> None:
            while (number := next(numbers)) < count:
                send(number)

        pool = [Thread(target=work) for _ in range(width)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()

    return send_all


def hand_written(url: str, content: str) -> Send:
    """Return what sends with as little as possible, from threads."""
    parts = urlsplit(url)
    is_unique = content == "unique"
    fixed = None if is_unique else _compiled(_with_links(letter()) + _FOOTER)
    subject = _PLACEHOLDER.split(SUBJECT if is_unique else LETTER_SUBJECT)
    known = {key: str(it) for key, it in (PROFILE if is_unique else FIELDS).items()}
    signed = [f"link{number}" for number in range(LINKS)]

    def send(number: int) -> None:
        pieces = fixed or _compiled(newsletter(unique=f"{UNIQUE}{number}"))
        address = f"reader{number}@example.org"
        values = {**known, "email": address}
        if not is_unique:
            for name in (*signed, "link", "pixel"):
                values[name] = _counted(name, address)
        raw = _message(address, subject, pieces, values)
        payload = json.dumps(
            {
                "Destination": {"ToAddresses": [address]},
                "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}},
                "EmailTags": [{"Name": "plunk_email", "Value": str(uuid4())}],
            }
        ).encode()
        if not hasattr(_threads, "connection"):
            _threads.connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        _threads.connection.request(
            "POST", _PATH, payload, _signed(parts.netloc, payload)
        )
        response = _threads.connection.getresponse()
        assert response.status == 200, response.status
        json.loads(response.read())["MessageId"]

    return in_threads(send)


def from_product(_url: str, content: str) -> Send:
    """Return what renders and sends with the product's code, from one thread."""
    import django

    django.setup()
    from transactional.calling import Call, now
    from transactional.claiming import Claimed
    from transactional.composing import Composed, compose_one, prepare
    from transactional.lines import Lines
    from transactional.manuscripts import Look
    from transactional.models import Content
    from transactional.presets import Preset
    from transactional.recording import Attempt
    from transactional.ses import Outcome

    is_unique = content == "unique"
    fixed = Content(id=uuid4(), subject=LETTER_SUBJECT, body=letter())

    preset = Preset(Look("Harness"), "en", "ENABLED", "OWN", "")

    def composed(number: int) -> Composed:
        found = fixed
        if is_unique:
            body = newsletter(unique=f"{UNIQUE}{number}")
            found = Content(id=uuid4(), subject=SUBJECT, body=body)
        mail = Claimed(
            id=uuid4(),
            project_id=uuid4(),
            contact_id=uuid4(),
            content_id=found.pk,
            kind="TRANSACTIONAL" if is_unique else "MARKETING",
            source="CAMPAIGN",
            template_id=None,
            origin_id=None,
            tracks=None,
            to_email=f"reader{number}@example.org",
            to_name="",
            from_email=SENDER,
            from_name="Harness",
            reply_to="",
            headers=None,
            variables=None,
            attempt=1,
            data=PROFILE if is_unique else dict(FIELDS),
            subscribed=True,
            is_suppressed=False,
            is_disabled=False,
        )
        return compose_one(mail, prepare(mail, found, preset))

    def send_all(count: int, width: int) -> None:
        lines = Lines(width)
        done: deque[Attempt] = deque()
        answered = 0
        for number in range(count):
            lines.put(Call(composed(number), now() + 60, done))
            lines.turn()
            while number + 1 - answered >= 2 * width or done:
                if not done:
                    lines.turn(1)
                while done:
                    attempt = done.popleft()
                    assert attempt.answer.outcome is Outcome.ACCEPTED, attempt.answer
                    answered += 1
        while answered + len(done) < count:
            lines.turn(1)

    return send_all


Pieces = tuple[list[str], list[str]]


def _compiled(body: str) -> Pieces:
    """Split HTML and its text into literals (even) and names (odd)."""
    return _PLACEHOLDER.split(body), _PLACEHOLDER.split(get_text(body))


def _with_links(body: str) -> str:
    """Let links lead past us, each with a place for what signs it."""
    for number in range(LINKS):
        body = body.replace(LINK.format(number), f"{{{{link{number}}}}}")
    return body


def _counted(name: str, address: str) -> str:
    """Return a link that nobody else can make, as long as the product's are."""
    token = hmac.digest(b"secret", f"{name}{address}".encode(), "sha256")
    signed = base64.urlsafe_b64encode(token + token[:16]).decode()
    return f"http://127.0.0.1/t/c/{signed}?u=https%3A//www.example.com/stories/{name}"


def _message(
    address: str, subject: list[str], pieces: Pieces, values: dict[str, str]
) -> bytes:
    markup = _filled(pieces[0], {key: html.escape(it) for key, it in values.items()})
    text = _filled(pieces[1], values)
    boundary = uuid4().hex
    unsubscribe = (
        f"List-Unsubscribe: <{values['link']}>\r\n" if "link" in values else ""
    )
    return (
        f"From: Harness <{SENDER}>\r\nTo: {address}\r\n{unsubscribe}"
        f"Subject: {_filled(subject, values)}\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;"
        f' boundary="{boundary}"\r\n\r\n'
        f"{_part(boundary, 'plain', text)}{_part(boundary, 'html', markup)}"
        f"--{boundary}--\r\n"
    ).encode()


def _filled(pieces: list[str], values: dict[str, str]) -> str:
    return "".join(
        values.get(piece, "") if index % 2 else piece
        for index, piece in enumerate(pieces)
    )


def _part(boundary: str, kind: str, text: str) -> str:
    encoded = base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")
    return (
        f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
    )


def _signed(host: str, payload: bytes) -> dict[str, str]:
    """Sign as AWS wants it (Signature Version 4)."""
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/us-east-1/ses/aws4_request"
    hashed = hashlib.sha256(payload).hexdigest()
    names = "content-type;host;x-amz-date"
    canonical = (
        f"POST\n{_PATH}\n\ncontent-type:application/json\nhost:{host}\n"
        f"x-amz-date:{at}\n\n{names}\n{hashed}"
    )
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n"
    text += hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4harness"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Amz-Date": at,
        "Authorization": f"AWS4-HMAC-SHA256 Credential=harness/{scope},"
        f" SignedHeaders={names}, Signature={signature}",
    }


if __name__ == "__main__":
    main()
