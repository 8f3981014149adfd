"""Runs and visits written in a few statements, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection

from automations import tallies
from automations.engine.journeys import Journey
from automations.models import Run, Visit
from automations.tallies import Note
from plunk.api.strictjson import write as as_json
from plunk.postgresql import fetch_all, is_postgresql

#: What the engine changes of a run, and the type each has on PostgreSQL.
_RUN = {
    "state": "text",
    "step_id": "uuid",
    "arrived_at": "timestamptz",
    "due_at": "timestamptz",
    "until_at": "timestamptz",
    "awaited_id": "uuid",
    "steps": "int",
    "context": "jsonb",
    "failures": "int",
    "error": "text",
    "exit_reason": "text",
    "is_only": "bool",
    "completed_at": "timestamptz",
}
_VISIT = {
    "state": "text",
    "outcome": "text",
    "seen": "jsonb",
    "output": "jsonb",
    "error": "text",
    "completed_at": "timestamptz",
}


def write(journeys: Sequence[Journey]) -> None:
    """Write journeys down, within the transaction that has their runs locked."""
    made = [visit for journey in journeys for visit in journey.made]
    written = {visit.pk for visit in made}
    ended = [visit for journey in journeys for visit in journey.ended]
    later = {visit.pk: visit for visit in ended if visit.pk in written}
    # A wait that ended in the batch in which it began is written as it ended.
    _insert_visits([later.get(visit.pk, visit) for visit in made])
    _update_visits([visit for visit in ended if visit.pk not in written])
    _update_runs([journey.run for journey in journeys])
    notes: Counter[Note] = Counter()
    for journey in journeys:
        notes.update(journey.notes)
    tallies.note(notes)


def _arrays(columns: dict[str, str]) -> str:
    return ", ".join(
        f"%({name})s::{'text' if kind == 'jsonb' else kind}[]"
        + ("::jsonb[]" if kind == "jsonb" else "")
        for name, kind in columns.items()
    )


def _sql(table: str, columns: dict[str, str]) -> str:
    sets = ", ".join(f"{name} = given.{name}" for name in columns)
    return (
        f"UPDATE {table} AS row SET {sets} "  # noqa: S608 - constants only
        f"FROM unnest(%(ids)s::uuid[], {_arrays(columns)}) "
        f"AS given(id, {', '.join(columns)}) "
        "WHERE row.id = given.id"
    )


#: What is written of a new visit, beside its id and what a later one changes.
_NEW_VISIT = {
    "run_id": "uuid",
    "number": "int",
    "step_id": "uuid",
    **_VISIT,
    "started_at": "timestamptz",
    "until_at": "timestamptz",
}
_NEW_VISITS_SQL = (
    f"INSERT INTO automations_visit (id, {', '.join(_NEW_VISIT)}) "  # noqa: S608
    f"SELECT * FROM unnest(%(ids)s::uuid[], {_arrays(_NEW_VISIT)})"
)
_RUNS_SQL = _sql("automations_run", _RUN)
_VISITS_SQL = _sql("automations_visit", _VISIT)


def _insert_visits(visits: Sequence[Visit]) -> None:
    if is_postgresql():
        # Of a row that the ORM makes, most of the time is the ORM's.
        _send(_NEW_VISITS_SQL, _NEW_VISIT, visits)
    else:
        Visit.objects.bulk_create(visits, batch_size=500)


def _update_runs(runs: Sequence[Run]) -> None:
    if is_postgresql():
        _send(_RUNS_SQL, _RUN, runs)
    else:
        Run.objects.bulk_update(runs, _names(_RUN), batch_size=_batch(_RUN))


def _update_visits(visits: Sequence[Visit]) -> None:
    if is_postgresql():
        _send(_VISITS_SQL, _VISIT, visits)
    else:
        Visit.objects.bulk_update(visits, _names(_VISIT), batch_size=_batch(_VISIT))


def _names(columns: dict[str, str]) -> list[str]:
    # Of a relation, `bulk_update` wants the name without `_id`.
    return [name.replace("awaited_id", "awaited") for name in columns]


def _batch(columns: dict[str, str]) -> int:
    most = connection.features.max_query_params or 999
    return max(1, most // (3 * len(columns)) - 1)


def _send(
    sql: str, columns: dict[str, str], rows: Sequence[Run] | Sequence[Visit]
) -> None:
    if not rows:
        return
    params: dict[str, list[object]] = {"ids": [row.pk for row in rows]}
    for name, kind in columns.items():
        values = [getattr(row, name) for row in rows]
        if kind == "jsonb":
            values = [
                None if value is None else as_json(value).decode() for value in values
            ]
        params[name] = values
    fetch_all(sql, params)
