"""A chunk of an import on PostgreSQL: one COPY and two statements."""

from __future__ import annotations

from typing import Any

import orjson

from contacts.importing.rows import Incoming
from contacts.importing.writing import Order, Outcome
from contacts.models import MAX_DATA_LENGTH, Door
from plunk.ids import new_id_text
from plunk.postgresql import copy_in, fetch_all

# One for each session: a temporary table for each chunk would bloat the catalogue.
_TABLE = """
CREATE TEMPORARY TABLE IF NOT EXISTS import_row (
  id uuid NOT NULL,
  email text NOT NULL,
  data jsonb NOT NULL,
  wanted boolean,
  has_no boolean NOT NULL
)
"""
_COPY = "COPY import_row (id, email, data, wanted, has_no) FROM STDIN"

# Rows are locked in the order of their addresses, those that are new and those that
# are not, as contacts/upserting.py does it: two statements never wait in a circle.
# A conflict only locks; the next statement weighs what changes.
_MAKE = """
WITH made AS (
  INSERT INTO contacts_contact AS c (
    id, project_id, email, subscribed, consent_source, confirmed_at, import_id, data
  )
  SELECT
    id, %(project_id)s, email,
    COALESCE(wanted, %(subscribe_new)s) AND NOT %(asks)s, %(door)s,
    CASE WHEN COALESCE(wanted, %(subscribe_new)s) AND %(confirms)s THEN now() END,
    %(job_id)s, NULLIF(data, '{}'::jsonb)
  FROM import_row
  ORDER BY email
  ON CONFLICT (project_id, email) DO UPDATE SET email = excluded.email WHERE false
  RETURNING id
)
SELECT
  count(*),
  CASE WHEN %(asks)s THEN array_agg(id) FILTER (WHERE id IN (
    SELECT id FROM import_row WHERE COALESCE(wanted, %(subscribe_new)s)
  )) END
FROM made
"""

# Weighs those who were there before; `key` is null for those who would be new.
_WEIGHED = """
known AS MATERIALIZED (
  SELECT
    r.email, COALESCE(c.id, md5(r.email)::uuid) AS key, c.id,
    COALESCE(c.data, '{{}}'::jsonb) AS current,
    COALESCE(c.data, '{{}}'::jsonb) || r.data AS merged,
    c.subscribed OR c.snoozed_until IS NOT NULL AS may_end,
    NOT c.subscribed AS may_begin,
    r.wanted, r.has_no,
    COALESCE(c.import_id = %(job_id)s, false) AS is_own,
    %(resubscribe)s OR COALESCE(
      c.import_id = %(job_id)s AND c.consent_source = %(door)s, false
    ) AS may_subscribe
  FROM import_row r
  {join} contacts_contact c
    ON c.project_id = %(project_id)s AND c.email = r.email AND c.id <> r.id
),
weighed AS MATERIALIZED (
  SELECT
    known.*,
    is_own OR seen.key IS NOT NULL AS is_met,
    length(merged::text) > %(max_length)s AS is_too_big,
    merged IS DISTINCT FROM current AS differs,
    may_end AND (
      wanted IS FALSE OR (has_no AND NOT may_subscribe)
    ) AS unsubscribes,
    may_begin AND wanted IS TRUE AND may_subscribe AS subscribes
  FROM known
  LEFT JOIN contacts_importseen seen
    ON seen.job_id = %(job_id)s AND seen.key = known.key
),
remembered AS (
  INSERT INTO contacts_importseen (job_id, key)
  SELECT %(job_id)s, key FROM weighed WHERE NOT is_met AND NOT (
    is_too_big AND id IS NOT NULL
  )
)
"""
_COUNTED = """
SELECT
  count(*) FILTER (WHERE id IS NULL AND NOT is_met),
  count(*) FILTER (WHERE id IS NOT NULL AND NOT is_met AND NOT is_too_big
    AND (differs OR subscribes OR unsubscribes)),
  count(*) FILTER (WHERE id IS NOT NULL AND NOT is_met AND NOT is_too_big
    AND NOT (differs OR subscribes OR unsubscribes)),
  count(*) FILTER (WHERE is_met AND NOT (is_too_big AND id IS NOT NULL)),
  array_agg(email) FILTER (WHERE is_too_big AND id IS NOT NULL),
  array_agg(id) FILTER (WHERE subscribes AND NOT is_too_big),
  array_agg(id) FILTER (WHERE unsubscribes AND NOT is_too_big)
FROM weighed
"""
_CHANGED = """
changed AS (
  UPDATE contacts_contact c SET data = merged, updated_at = now()
  FROM weighed WHERE c.id = weighed.id AND differs AND NOT is_too_big
)
"""
_WRITE = f"WITH {_WEIGHED.format(join='JOIN')}, {_CHANGED} {_COUNTED}"
_TRY_OUT = f"WITH {_WEIGHED.format(join='LEFT JOIN')} {_COUNTED}"
# Without statistics of the temporary table a plan may read all contacts for each chunk.
_BY_INDEX = """
SELECT set_config('enable_hashjoin', %(state)s, true),
  set_config('enable_mergejoin', %(state)s, true)
"""

#: Half a second of the database's work, and some megabytes of memory.
_CHUNK_ROWS = 10_000
_FLAGS = {None: "\\N", True: "t", False: "f"}


class PostgresWriter:
    chunk_rows = _CHUNK_ROWS

    def prepare(self, people: dict[str, Incoming]) -> bytes:
        """Return the rows as COPY reads them (its text format)."""
        dumps, flags = orjson.dumps, _FLAGS
        return "".join(
            [
                f"{new_id_text()}\t{person.email}\t"
                + dumps(person.data).decode().replace("\\", "\\\\")
                + f"\t{flags[person.subscribed]}\t{flags[person.has_no]}\n"
                for person in people.values()
            ]
        ).encode()

    def write(self, order: Order, people: dict[str, Incoming], ready: bytes) -> Outcome:
        params = _load(order, ready)
        ((created, to_ask),) = fetch_all(_MAKE, params, replan=True)
        outcome = Outcome(created=created, to_ask=to_ask or [])
        if created < len(people):
            _weigh(_WRITE, params, outcome)
        return outcome

    def try_out(
        self, order: Order, people: dict[str, Incoming], ready: bytes
    ) -> Outcome:
        outcome = Outcome()
        _weigh(_TRY_OUT, _load(order, ready), outcome)
        return outcome


def _load(order: Order, ready: bytes) -> dict[str, Any]:
    """Bring a chunk to the server; return the parameters of what follows."""
    fetch_all(_TABLE, {})
    fetch_all("TRUNCATE import_row", {})
    copy_in(_COPY, ready)
    return {
        "project_id": order.project_id,
        "job_id": order.job_id,
        "door": Door.IMPORT.value,
        "subscribe_new": order.options.subscribe_new,
        "resubscribe": order.options.resubscribe,
        "asks": order.asks,
        "confirms": order.confirms,
        "max_length": MAX_DATA_LENGTH,
    }


def _weigh(sql: str, params: dict[str, Any], outcome: Outcome) -> None:
    fetch_all(_BY_INDEX, {"state": "off"})
    ((created, updated, unchanged, met, too_big, begins, ends),) = fetch_all(
        sql, params, replan=True
    )
    fetch_all(_BY_INDEX, {"state": "on"})
    outcome.created += created
    outcome.updated, outcome.unchanged, outcome.duplicates = updated, unchanged, met
    outcome.too_big = too_big or []
    outcome.to_unsubscribe = ends or []
    if params["asks"]:
        outcome.to_ask += begins or []
    else:
        outcome.to_subscribe = begins or []
