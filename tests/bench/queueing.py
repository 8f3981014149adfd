"""Mails that wait to be delivered, made by the thousand in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import orjson

from tests.bench.bodies import PROFILE, SUBJECT, newsletter
from tests.bench.load import UNIQUE
from tests.stack.installation import SENDER, Installation

_CONTACTS = """
INSERT INTO contacts_contact (id, project_id, email, subscribed, data)
SELECT gen_random_uuid(), %s, 'reader' || i || '@example.org', true, %s::jsonb
FROM generate_series(1, %s) AS i
ON CONFLICT DO NOTHING
"""
_CONTENTS = """
INSERT INTO transactional_content (id, project_id, subject, body, has_attachments)
SELECT md5(%s || i)::uuid, %s, %s, replace(%s, %s, %s || i), false
FROM generate_series(1, %s) AS i
"""
_STREAM = """
INSERT INTO transactional_stream (id, project_id, state, from_domain)
VALUES (%s, %s, 'OPEN', %s)
"""
# Ids in the order of time, as the product makes them.
_EMAILS = """
INSERT INTO transactional_email (
  id, project_id, contact_id, content_id, kind, source, origin_id, lane, to_email,
  from_email, from_name
)
SELECT
  (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7'
    || lpad(to_hex(number), 19, '0'))::uuid,
  project_id, id,
  md5(%(run)s || CASE WHEN %(unique)s THEN number ELSE 1 END)::uuid,
  %(kind)s, %(source)s, %(origin)s, %(lane)s, email, %(sender)s, 'Harness'
FROM (
  SELECT *, row_number() OVER (ORDER BY id) AS number FROM contacts_contact
  WHERE project_id = %(project)s AND email LIKE 'reader%%'
) AS numbered
WHERE number <= %(count)s
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of mail: one content for all of them, or one for each."""

    name: str
    is_unique: bool


CAMPAIGN = Kind("campaign", is_unique=False)
TRANSACTIONAL = Kind("transactional", is_unique=True)


def make_contacts(it: Installation, count: int) -> None:
    """Make the readers that all runs write to."""
    data = orjson.dumps(PROFILE).decode()
    it.database.rows(_CONTACTS, [it.project_id, data, count])
    it.database.rows("ANALYZE contacts_contact")


def queue(it: Installation, kind: Kind, count: int) -> str:
    """Queue so many mails in one transaction; return when, by the database's clock."""
    run = uuid4().hex
    database = it.database
    with database.connection.transaction():
        body = newsletter(unique=UNIQUE)
        contents = count if kind.is_unique else 1
        values = [run, it.project_id, SUBJECT, body, UNIQUE, run, contents]
        database.rows(_CONTENTS, values)
        origin = None if kind.is_unique else uuid4()
        if origin is not None:
            database.rows(_STREAM, [origin, it.project_id, SENDER.partition("@")[2]])
        database.connection.execute(
            _EMAILS.encode(),
            {
                "run": run,
                "unique": kind.is_unique,
                "kind": "TRANSACTIONAL" if kind.is_unique else "MARKETING",
                "source": "API" if kind.is_unique else "CAMPAIGN",
                "origin": origin,
                "lane": 1 if kind.is_unique else 10,
                "sender": SENDER,
                "project": it.project_id,
                "count": count,
            },
        )
    return str(database.value("SELECT clock_timestamp()"))


def unfinished(it: Installation) -> int:
    """Count the mails that are still owed."""
    return int(
        it.database.value(
            "SELECT count(*) FROM transactional_email"
            " WHERE state IN ('QUEUED', 'SENDING', 'IN_DOUBT')"
        )
    )
