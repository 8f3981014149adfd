"""Runs of a benchmark, made in SQL; their bound, and what must have come of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.stack.installation import Installation

_PEOPLE = """
CREATE TABLE bench_people AS
SELECT
  (row_number() OVER (ORDER BY id) - 1)::bigint AS place, id, email,
  data->>'plan' = 'pro' AS is_pro
FROM contacts_contact WHERE email LIKE 'reader%'
"""
_RUNS = """
INSERT INTO automations_run (
  id, project_id, workflow_id, version_id, contact_id, entry_id, state, step_id,
  arrived_at, started_at, due_at, until_at, steps
)
SELECT
  gen_random_uuid(), %(project)s, %(workflow)s, %(version)s, people.id,
  gen_random_uuid(), 'WAITING', %(first)s, at - interval '1 day',
  at - interval '1 day', at, at, 2
FROM generate_series(0, %(count)s - 1) AS i
JOIN bench_people AS people ON people.place = i %% %(people)s
CROSS JOIN LATERAL (
  SELECT now() + %(after)s * interval '1 s' + i * %(apart)s * interval '1 s'
) AS due(at)
"""
_BEHIND = """
INSERT INTO automations_visit (
  id, run_id, number, step_id, state, started_at, until_at, completed_at
)
SELECT
  gen_random_uuid(), run.id, taken.number, taken.step_id, taken.state, run.started_at,
  CASE WHEN taken.number = 2 THEN run.until_at END,
  CASE WHEN taken.number = 1 THEN run.started_at END
FROM automations_run AS run
CROSS JOIN (
  VALUES (1, %(start)s::uuid, 'COMPLETED'), (2, %(first)s::uuid, 'WAITING')
) AS taken(number, step_id, state)
WHERE run.workflow_id = %(workflow)s
"""
_TALLIED = """
INSERT INTO automations_steptally (workflow_id, step_id, outcome, passed)
VALUES
  (%(workflow)s, %(start)s, '', %(count)s),
  (%(workflow)s, %(first)s, '@here', %(count)s)
"""
#: What the engine writes for such runs, each table at once.
_BOUND = (
    """
    UPDATE contacts_contact SET
      data = data || '{"stage": "customer"}'::jsonb, updated_at = now()
    WHERE id IN (
      SELECT people.id FROM bench_people AS people
      JOIN automations_run AS run ON run.contact_id = people.id
      WHERE run.workflow_id = %(workflow)s AND is_pro
    )
    """,
    """
    UPDATE automations_visit AS visit SET
      state = 'COMPLETED', completed_at = now(),
      seen = jsonb_build_object('until', visit.until_at)
    FROM automations_run AS run
    WHERE run.workflow_id = %(workflow)s AND visit.run_id = run.id AND number = 2
    """,
    """
    INSERT INTO automations_visit (
      id, run_id, number, step_id, state, outcome, seen, started_at, until_at,
      completed_at
    )
    SELECT
      gen_random_uuid(), run.id, taken.number,
      CASE taken.number
        WHEN 3 THEN %(asks)s::uuid
        WHEN 4 THEN CASE WHEN is_pro THEN %(change)s::uuid ELSE %(mail)s::uuid END
        ELSE %(last)s::uuid
      END,
      CASE WHEN taken.number = 5 THEN 'WAITING' ELSE 'COMPLETED' END,
      CASE WHEN taken.number <> 3 THEN '' WHEN is_pro THEN 'yes' ELSE 'no' END,
      CASE WHEN taken.number = 3 THEN '{"data.plan": "pro"}'::jsonb END,
      run.until_at,
      CASE WHEN taken.number = 5 THEN run.until_at + interval '30 days' END,
      CASE WHEN taken.number < 5 THEN now() END
    FROM automations_run AS run
    JOIN bench_people AS people ON people.id = run.contact_id
    CROSS JOIN generate_series(3, 5) AS taken(number)
    WHERE run.workflow_id = %(workflow)s
    """,
    """
    INSERT INTO transactional_email (
      id, project_id, contact_id, content_id, template_id, template_version, kind,
      source, lane, origin_id, to_email, from_email, from_name, reply_to
    )
    SELECT
      gen_random_uuid(), sample.project_id, people.id, sample.content_id,
      sample.template_id, sample.template_version, sample.kind, sample.source,
      sample.lane, visit.id, people.email, sample.from_email, sample.from_name,
      sample.reply_to
    FROM automations_run AS run
    JOIN bench_people AS people ON people.id = run.contact_id AND NOT is_pro
    JOIN automations_visit AS visit ON visit.run_id = run.id AND visit.number = 4
    CROSS JOIN (
      SELECT * FROM transactional_email WHERE source = 'WORKFLOW' LIMIT 1
    ) AS sample
    WHERE run.workflow_id = %(workflow)s
    """,
    """
    UPDATE automations_run SET
      step_id = %(last)s, arrived_at = until_at, steps = 5,
      due_at = until_at + interval '30 days', until_at = until_at + interval '30 days'
    WHERE workflow_id = %(workflow)s
    """,
    """
    INSERT INTO automations_steptally (workflow_id, step_id, outcome, passed)
    SELECT %(workflow)s, visit.step_id, outcome, count(*)
    FROM automations_visit AS visit
    JOIN automations_run AS run ON run.id = visit.run_id
    WHERE run.workflow_id = %(workflow)s AND number BETWEEN 2 AND 4
    GROUP BY visit.step_id, outcome
    """,
    """
    INSERT INTO automations_steptally (workflow_id, step_id, outcome, passed)
    VALUES
      (%(workflow)s, %(first)s, '@here', - %(count)s::bigint),
      (%(workflow)s, %(last)s, '@here', %(count)s)
    """,
    """
    INSERT INTO automations_steptally (workflow_id, step_id, outcome, passed)
    SELECT %(workflow)s, visit.step_id, '@mailed', count(*)
    FROM transactional_email AS email
    JOIN automations_visit AS visit ON visit.id = email.origin_id
    JOIN automations_run AS run ON run.id = visit.run_id
    WHERE run.workflow_id = %(workflow)s
    GROUP BY visit.step_id
    """,
)
_CAME_OF = """
SELECT
  (SELECT count(*) FROM automations_run
    WHERE workflow_id = %(workflow)s AND state = 'WAITING' AND step_id = %(last)s
    AND steps = 5 AND failures = 0),
  (SELECT count(*) FROM automations_visit JOIN automations_run AS run
    ON run.id = run_id WHERE workflow_id = %(workflow)s),
  (SELECT count(*) FROM transactional_email AS email
    JOIN automations_visit AS visit ON visit.id = email.origin_id
    JOIN automations_run AS run ON run.id = visit.run_id
    WHERE workflow_id = %(workflow)s),
  (SELECT count(*) FROM automations_run AS run
    JOIN contacts_contact AS contact ON contact.id = run.contact_id
    WHERE workflow_id = %(workflow)s AND data->>'stage' = 'customer')
"""
_DIFFERING = """
WITH rows AS (
  SELECT step_id, outcome, count(*) AS number FROM automations_visit
  JOIN (SELECT id FROM automations_run WHERE workflow_id = %(workflow)s) AS run
    ON run.id = run_id
  WHERE state <> 'WAITING' GROUP BY step_id, outcome
  UNION ALL
  SELECT step_id, '@here', count(*) FROM automations_run
  WHERE workflow_id = %(workflow)s AND state IN ('RUNNING', 'WAITING') GROUP BY step_id
  UNION ALL
  SELECT step_id, '@mailed', count(*) FROM automations_visit
  JOIN (SELECT id FROM automations_run WHERE workflow_id = %(workflow)s) AS run
    ON run.id = run_id
  JOIN transactional_email AS email ON email.origin_id = automations_visit.id
  GROUP BY step_id
), noted AS (
  SELECT step_id, outcome, sum(passed) AS number FROM automations_steptally
  WHERE workflow_id = %(workflow)s GROUP BY step_id, outcome
)
SELECT step_id, outcome, COALESCE(rows.number, 0), COALESCE(noted.number, 0)
FROM rows FULL JOIN noted USING (step_id, outcome)
WHERE COALESCE(rows.number, 0) <> COALESCE(noted.number, 0)
"""
_LATE = """
SELECT
  percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (
    ORDER BY extract(epoch FROM visit.completed_at - visit.until_at)
  )
FROM automations_visit AS visit JOIN automations_run AS run ON run.id = run_id
WHERE workflow_id = %(workflow)s AND number = 2
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A workflow whose runs are made here: its ids by name."""

    ids: dict[str, str]

    def params(self, **more: Any) -> dict[str, Any]:
        return {**self.ids, **more}


def number_people(it: Installation) -> None:
    """Write down which contacts the runs belong to, and in which order."""
    connection = it.database.connection
    connection.execute(_PEOPLE.encode())
    connection.execute(b"CREATE UNIQUE INDEX ON bench_people (place)")
    connection.execute(b"VACUUM (ANALYZE) bench_people")


def make_runs(
    it: Installation, way: Way, count: int, *, after: float, apart: float = 0
) -> None:
    """Make runs that wait, the first until so many seconds after the commit begins.

    They become visible at once, with their visits and their tallies.
    """
    people = it.database.value("SELECT count(*) FROM bench_people")
    params = way.params(count=count, after=after, apart=apart, people=people)
    connection = it.database.connection
    with connection.transaction():
        for statement in (_RUNS, _BEHIND, _TALLIED):
            connection.execute(statement.encode(), params)


def write_bound(it: Installation, way: Way, count: int) -> tuple[float, float | None]:
    """Write by a statement a table what the engine writes; return wall and CPU time."""
    with psycopg.connect(it.database.url, autocommit=True) as connection:
        cpu, began = it.database.cpu_seconds(), time.monotonic()
        with connection.transaction():
            for statement in _BOUND:
                connection.execute(statement.encode(), way.params(count=count))
        seconds, after = time.monotonic() - began, it.database.cpu_seconds()
    if cpu is None or after is None:
        return seconds, None
    return seconds, after - cpu


def left(it: Installation, way: Way) -> bool:
    """Say whether runs are still at the first delay or under way."""
    cursor = it.database.connection.execute(
        b"SELECT EXISTS (SELECT FROM automations_run WHERE version_id = %(version)s"
        b" AND state IN ('WAITING', 'RUNNING') AND step_id <> %(last)s)",
        way.params(),
    )
    return bool((cursor.fetchone() or (False,))[0])


def check(it: Installation, way: Way, count: int) -> None:
    """Stop unless every run went its way once, and all figures say so."""
    connection = it.database.connection
    found = connection.execute(_CAME_OF.encode(), way.params()).fetchone()
    people = it.database.value("SELECT count(*) FROM bench_people")
    pros = it.database.value(
        "SELECT count(*) FROM generate_series(0, %s - 1) AS i"
        " JOIN bench_people ON place = i %% %s WHERE is_pro",
        [count, people],
    )
    if found is None or found[:3] != (count, 5 * count, count - pros):
        raise SystemExit(f"runs, visits, mails: {found}, of {count} with {pros} pros")
    if found[3] != pros:
        raise SystemExit(f"{found[3]} contacts were changed, not {pros}")
    differing = connection.execute(_DIFFERING.encode(), way.params()).fetchall()
    if differing:
        raise SystemExit(f"tallies and rows differ: {differing}")


def lateness(it: Installation, way: Way) -> list[float]:
    """Return how late runs were, in seconds: the median, p95 and the latest."""
    row = it.database.connection.execute(_LATE.encode(), way.params()).fetchone()
    return [float(value) for value in (row or ([],))[0]]
