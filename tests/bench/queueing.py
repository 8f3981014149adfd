"""Mails that wait to be delivered: campaigns of the product's, others made in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery

from tests.bench.bodies import (
    FIELDS,
    LETTER_SUBJECT,
    PROFILE,
    SUBJECT,
    letter,
    newsletter,
)
from tests.bench.launching import ask, launch, wait_until_frozen
from tests.bench.load import UNIQUE
from tests.bench.readers import all_of, make_contacts, rule
from tests.stack.installation import SENDER, Installation

DELIVER = "transactional.tasks.deliver"
_CONTENTS = """
INSERT INTO transactional_content (id, project_id, subject, body, has_attachments)
SELECT md5(%s || i)::uuid, %s, %s, replace(%s, %s, %s || i), false
FROM generate_series(1, %s) AS i
"""
# Ids in the order of time, as the product makes them.
_EMAILS = """
INSERT INTO transactional_email (
  id, project_id, contact_id, content_id, kind, source, lane, to_email, from_email,
  from_name
)
SELECT
  (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7'
    || lpad(to_hex(number), 19, '0'))::uuid,
  project_id, id,
  md5(%(run)s || number)::uuid, 'TRANSACTIONAL', 'API', 1, email, %(sender)s, 'Harness'
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


def make_readers(it: Installation, kind: Kind, count: int) -> None:
    """Make the readers that all runs write to; our own links count their clicks."""
    make_contacts(it, count, data=PROFILE if kind.is_unique else FIELDS)
    it.database.rows("UPDATE projects_project SET tracker = 'OWN'")


def write_down(it: Installation, kind: Kind, count: int) -> str:
    """Have a worker write a campaign's mails down, which wait; return its id.

    Of other mails nothing happens before they are released.
    """
    if kind.is_unique:
        return ""
    campaign = launch(
        it,
        subject=LETTER_SUBJECT,
        body=letter(),
        fields={
            "from_email": SENDER,
            "from_name": "Harness",
            "audience_type": "FILTERED",
            "condition": all_of(rule("data.number", "lessThanOrEqual", value=count)),
        },
        hold=True,
    )
    wait_until_frozen(it, campaign, seconds=300)
    return campaign


def release(it: Installation, campaign: str, count: int) -> Any:
    """Let mails go as the product does; return when, by the database's clock."""
    if campaign:
        ask(it, do="resume", campaign=campaign)
        return it.database.value(
            "SELECT created_at FROM campaigns_campaignevent"
            " WHERE campaign_id = %s AND kind = 'RESUMED'",
            [campaign],
        )
    _queue(it, count)
    Celery(broker=it.redis.url).send_task(DELIVER, ignore_result=True)
    return it.database.value("SELECT clock_timestamp()")


def _queue(it: Installation, count: int) -> None:
    """Queue so many mails, each with its own content, in one transaction."""
    run = uuid4().hex
    database = it.database
    with database.connection.transaction():
        body = newsletter(unique=UNIQUE)
        values = [run, it.project_id, SUBJECT, body, UNIQUE, run, count]
        database.rows(_CONTENTS, values)
        params = {
            "run": run,
            "sender": SENDER,
            "project": it.project_id,
            "count": count,
        }
        database.connection.execute(_EMAILS.encode(), params)


def unfinished(it: Installation) -> int:
    """Count the mails that are still owed."""
    return int(
        it.database.value(
            "SELECT count(*) FROM transactional_email"
            " WHERE state IN ('QUEUED', 'SENDING', 'IN_DOUBT')"
        )
    )
