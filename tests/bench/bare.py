"""The bound for requests: bare WSGI functions under the product's own gunicorn.

`answer` gives the product's answer byte for byte and does nothing else. `track` and
`send` do so after reading the body and running the product's one statement, its text
imported, through psycopg.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable
from threading import local
from typing import Any
from uuid import UUID

import django
import orjson
import psycopg
from django.conf import settings

Start = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
django.setup()

_ANSWER = orjson.loads(os.environ["BARE_ANSWER"])
_BODY = base64.b64decode(_ANSWER["body"])
_HEADERS = [(name, value) for name, value in _ANSWER["headers"]]
_PROJECT = UUID(os.environ["BARE_PROJECT"])
_threads = local()


def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer at once."""
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start("200 OK", _HEADERS)
    return [_BODY]


def track(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer after the statement of `POST /v1/track`."""
    from automations.tracking import _TRACK_SQL
    from contacts.models import Door
    from contacts.upserting import Person, contact_params
    from plunk.ids import new_id

    body = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    params = contact_params(
        project_id=_PROJECT,
        people=[Person(body["email"], body["data"])],
        subscribed_when_new=True,
        door=Door.TRACK,
    )
    params |= {
        "event": body["event"],
        "event_id": new_id(),
        "occurrence_id": new_id(),
        "data": orjson.dumps(body["data"]).decode(),
    }
    _fetch(_TRACK_SQL, params)
    start("200 OK", _HEADERS)
    return [_BODY]


def send(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer after the statement of `POST /v1/send`."""
    from contacts.models import Door
    from contacts.upserting import Person, contact_params
    from plunk.ids import new_id
    from transactional.contents import Draft, content_id
    from transactional.outbox import _ACCEPT_SQL

    body = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    draft = Draft(body["subject"], body["body"])
    params = contact_params(
        project_id=_PROJECT,
        people=[Person(body["to"], body["data"])],
        subscribed_when_new=False,
        door=Door.SEND,
    )
    params |= {
        "content_id": content_id(_PROJECT, draft),
        "subject": draft.subject,
        "preheader": draft.preheader,
        "body": draft.body,
        "text": draft.text,
        "style": str(draft.style),
        "has_attachments": False,
        "template_id": None,
        "template_version": None,
        "tracks": None,
        "kind": "TRANSACTIONAL",
        "source": "API",
        "from_email": body["from"],
        "from_name": "Harness",
        "reply_to": "",
        "headers": None,
        "variables": orjson.dumps(body["data"]).decode(),
        "email_ids": [new_id()],
        "names": [""],
    }
    _fetch(_ACCEPT_SQL, params)
    start("200 OK", _HEADERS)
    return [_BODY]


def _fetch(sql: str, params: dict[str, Any]) -> None:
    connection = getattr(_threads, "connection", None)
    if connection is None:
        connection = psycopg.connect(settings.DATABASE_URL, autocommit=True)
        _threads.connection = connection
    with connection.cursor() as cursor:
        cursor.execute(sql.encode(), params)
        cursor.fetchall()
