"""A database full of people, for `python -m tests.bench audience`.

Run as `python -m tests.bench.seeding` with the installation's environment and the sizes
as JSON on the command line. On PostgreSQL rows go in by COPY, with the indexes away and
built once; foreign keys are not checked, because the rows are right by construction.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import django
import psycopg
from psycopg import sql

from tests.bench.population import Population, Row, Size
from tests.stack.processes import environment, python

OWNER = "bench@example.com"
MARK = "made by tests.bench seed, which may drop it when told to"
_BATCH = 20_000

_CONTACTS = (
    "id project_id email subscribed consent_source consent_at confirmed_at data"
    " created_at updated_at"
)
_OCCURRENCES = "id project_id event_id contact_id data created_at"
_MAILS = (
    "id project_id contact_id content_id kind source origin_id to_email from_email"
    " from_name state lane due_at attempt message_id created_at sent_at delivered_at"
    " bounced_at opened_at clicked_at opens clicks"
)


class AlreadyThere(Exception):
    """The database holds something; nothing was changed."""


def seed(*, where: dict[str, str], size: Size, number: int, again: bool) -> None:
    """Make the database that `where` names (`DATABASE_URL` or `DATA_DIR`) and fill it.

    Raises AlreadyThere unless it is new, or was made by this function and is to be
    made `again`.
    """
    if url := where.get("DATABASE_URL"):
        _create(url, again=again)
    told = {"contacts": size.contacts, "events": size.events, "mails": size.mails}
    command = python("-m", "tests.bench.seeding", json.dumps(told | {"seed": number}))
    os.execve(command[0], command, bench_environment(where))


def bench_environment(where: dict[str, str]) -> dict[str, str]:
    """Return the environment of an installation without a broker."""
    fixed = {"JWT_SECRET": "a secret of the benches " * 3, "LOG_LEVEL": "WARNING"}
    return environment(**fixed, PLUNK_SIMULATOR=0, **where)


def _create(url: str, *, again: bool) -> None:
    name = psycopg.conninfo.conninfo_to_dict(url).get("dbname")
    server = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = %s",
            [name],
        ).fetchone()
        if found and not (again and found[0] == MARK):
            raise AlreadyThere(f"{name} exists; --again makes it anew if it is ours")
        database = sql.Identifier(str(name))
        drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(database)
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        mark = sql.SQL("COMMENT ON DATABASE {} IS {}")
        connection.execute(mark.format(database, sql.Literal(MARK)))


def main(told: dict[str, int]) -> None:
    """Migrate the database and fill it, saying what takes how long."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    from django.db import connection

    from plunk.running.preparing import prepare

    prepare()
    size = Size(told["contacts"], told["events"], told["mails"])
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    population = Population(
        size, project_id=_project().hex, seed=told["seed"], until=until
    )
    writer = _copy if connection.vendor == "postgresql" else _insert
    with _unhindered():
        for table, columns, rows in _tables(population):
            began = time.monotonic()
            written = writer(table, columns.split(), rows)
            print(f"{table}: {written:,} rows, {time.monotonic() - began:.0f} s")
    _finish()


def _project() -> UUID:
    from contacts.models import Contact
    from plunk.projects.creating import create_project
    from plunk.projects.models import User

    if Contact.objects.exists():
        raise SystemExit("There are contacts already; seed an empty database.")
    owner = User.objects.create_user(OWNER, None)
    return create_project(name="Bench", owner=owner).project.pk


def _tables(it: Population) -> Iterator[tuple[str, str, Iterable[Row]]]:
    named = "id project_id name"
    yield "contacts_contact", _CONTACTS, it.contacts()
    yield "automations_event", f"{named} created_at updated_at", it.events()
    yield "automations_occurrence", _OCCURRENCES, it.occurrences()
    contents = "id project_id subject body has_attachments"
    yield "transactional_content", contents, it.contents()
    yield "transactional_email", _MAILS, it.mails()
    topics = f"{named} description is_opt_out position created_at"
    yield "contacts_topic", topics, it.topics()
    choices = "topic_id contact_id is_joined changed_at"
    yield "contacts_topicchoice", choices, it.topic_choices()
    changes = "id project_id contact_id kind door reason text created_at"
    yield "contacts_consentchange", changes, it.consent_changes()
    suppressions = "id project_id email reason source created_at"
    yield "contacts_suppression", suppressions, it.suppressions()
    members = "id segment_id contact_id entered_at"
    yield "contacts_segmentmembership", members, it.memberships(_segments(it))


def _segments(it: Population) -> str:
    """Make one segment by a rule and one by hand; return the id of the second."""
    from contacts.models import Segment, SegmentType
    from tests.bench.questions import FIVE_RULES

    Segment.objects.create(
        project_id=it.project_id, name="Five rules", condition=FIVE_RULES
    )
    by_hand = Segment.objects.create(
        project_id=it.project_id,
        name="By hand",
        type=SegmentType.STATIC,
        member_count=len(range(7, it.size.contacts, 20)),
    )
    return by_hand.pk.hex


def _copy(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    from django.db import connection

    names = ", ".join(columns)
    written = 0
    with (
        connection.cursor() as cursor,
        cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
            written += 1
    return written


def _insert(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    from django.db import connection, transaction

    marks = ", ".join("?" for _ in columns)
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    written, rows = 0, iter(rows)
    while batch := list(islice(rows, _BATCH)):
        with transaction.atomic():
            raw: Any = connection.connection
            raw.executemany(statement, batch)
        written += len(batch)
    return written


@contextmanager
def _unhindered() -> Iterator[None]:
    """Take PostgreSQL's plain indexes and its triggers away for the block."""
    from django.db import connection

    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET timezone = 'UTC'")
        cursor.execute("SET statement_timeout = 0; SET maintenance_work_mem = '512MB'")
        cursor.execute(_PLAIN_INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        began = time.monotonic()
        for _, definition in indexes:
            cursor.execute(definition)
        print(f"{len(indexes)} indexes, {time.monotonic() - began:.0f} s")


_PLAIN_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public'
  AND tablename ~ '^(contacts|automations|transactional)_'
  AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


def _finish() -> None:
    """Leave statistics as autovacuum would; on SQLite the product keeps none either."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
