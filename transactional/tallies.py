"""What became of the mails of campaigns, in figures, without counting them.

PostgreSQL takes a second to count a million. There, triggers note every change
(EmailTally), and what is asked for is the sum of the notes: exact, in every transaction
as of what it sees, and without a row that everybody waits for. Elsewhere the mails are
counted, of which there are fewer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from uuid import UUID

from django.db.models import Aggregate, Count, Q, Sum

from plunk.postgresql import fetch_all, is_postgresql
from transactional.models import (
    TALLIED,
    TALLIED_BESIDE,
    TALLIED_STATES,
    Email,
    EmailTally,
    Source,
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many mails of an origin there are, and how many came to what.

    The first seven say where mails are that have not been taken by SES, each in one of
    them; the others are deeds, of which a mail may have several. `opened` and `clicked`
    are by people, `machine_opened` and `machine_clicked` are mails that machines alone
    looked at. `mails` is all of them.
    """

    queued: int = 0
    sending: int = 0
    in_doubt: int = 0
    failed: int = 0
    skipped: int = 0
    suppressed: int = 0
    cancelled: int = 0
    mails: int = 0
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    opened: int = 0
    clicked: int = 0
    machine_opened: int = 0
    machine_clicked: int = 0
    possible_duplicates: int = 0
    unsubscribed: int = 0

    @property
    def unfinished(self) -> int:
        return self.queued + self.sending + self.in_doubt

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in _NAMES))


_NAMES = tuple(field.name for field in fields(Tally))


def tallies(origin_ids: Collection[UUID]) -> dict[UUID, Tally]:
    """Return the figures of each origin; one or two statements for any number."""
    found = dict.fromkeys(origin_ids, Tally())
    for (origin_id, _), tally in _by_run(origin_ids).items():
        found[origin_id] += tally
    return found


def tallies_of_runs(origin_id: UUID) -> dict[int, Tally]:
    """Return the figures of each run of an origin that has mails."""
    return {run: tally for (_, run), tally in _by_run([origin_id]).items()}


def note(*, origin_id: UUID, run: int, unsubscribed: int) -> None:
    """Note what mails do not say themselves, in the open transaction."""
    EmailTally.objects.create(origin_id=origin_id, run=run, unsubscribed=unsubscribed)


def _by_run(origin_ids: Collection[UUID]) -> dict[tuple[UUID, int], Tally]:
    noted = EmailTally.objects.filter(origin_id__in=origin_ids)
    names = TALLIED if is_postgresql() else TALLIED_BESIDE
    sums = {f"sum_of_{name}": Sum(name) for name in names}
    rows = noted.order_by().values_list("origin_id", "run").annotate(**sums)
    found = {
        (row[0], row[1]): Tally(**dict(zip(names, map(int, row[2:]), strict=True)))
        for row in rows
    }
    if not is_postgresql():
        for key, tally in _counted(origin_ids).items():
            found[key] = found.get(key, Tally()) + tally
    return found


def _state(state: str) -> Count:
    return Count("pk", filter=Q(state=state))


def _did(column: str) -> Count:
    return Count("pk", filter=Q((f"{column}__isnull", False)))


def _counted(origin_ids: Collection[UUID]) -> dict[tuple[UUID, int], Tally]:
    """Count the mails themselves; what the triggers' statements count elsewhere."""
    mails = Email.objects.filter(source=Source.CAMPAIGN, origin_id__in=origin_ids)
    rows = mails.order_by().values_list("origin_id", "run").annotate(**_COUNTS)
    found: dict[tuple[UUID, int], Tally] = {}
    for origin_id, run, *figures in rows:
        if origin_id is not None:
            found[origin_id, run] = Tally(**dict(zip(_COUNTED, figures, strict=True)))
    return found


_COUNTS: dict[str, Aggregate] = {
    "count_of_mails": Count("pk"),
    **{f"count_of_{name}": _state(name.upper()) for name in TALLIED_STATES},
    **{
        f"count_of_{name}": _did(f"{name}_at")
        for name in ("sent", "delivered", "bounced", "complained", "opened", "clicked")
    },
    "count_of_machine_opened": Count(
        "pk", filter=Q(opened_at=None, machine_opens__gt=0)
    ),
    "count_of_machine_clicked": Count(
        "pk", filter=Q(clicked_at=None, machine_clicks__gt=0)
    ),
    "count_of_possible_duplicates": Sum("possible_duplicates"),
}
_COUNTED = tuple(name.removeprefix("count_of_") for name in _COUNTS)


_COLUMNS = ", ".join(TALLIED)
_SUMS = ", ".join(f"sum({name})" for name in TALLIED)
#: One statement: whoever adds up meanwhile sees either the notes or their sum, and of
#: two who fold the same notes one waits and then finds none of them.
_FOLD_SQL = f"""
WITH several AS (
  SELECT origin_id, run FROM transactional_emailtally
  GROUP BY origin_id, run HAVING count(*) > 1
),
gone AS (
  DELETE FROM transactional_emailtally AS t USING several AS s
  WHERE t.origin_id = s.origin_id AND t.run = s.run
  RETURNING t.*
)
INSERT INTO transactional_emailtally (origin_id, run, {_COLUMNS})
SELECT origin_id, run, {_SUMS} FROM gone GROUP BY origin_id, run
"""  # noqa: S608 - constants only


def fold() -> None:
    """Replace the notes of each run by their sum, so that adding up stays short."""
    if is_postgresql():
        fetch_all(_FOLD_SQL, {})
