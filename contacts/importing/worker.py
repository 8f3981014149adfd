"""Does imports for contacts/jobs.py: a chunk of rows is one transaction.

While the database writes a chunk, a thread reads and checks the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any
from uuid import UUID

from contacts import jobs
from contacts.asking import ask
from contacts.importing.mapping import Column, Options
from contacts.importing.rows import Chunk, Rejected, RowReader, rejected
from contacts.importing.source import Source
from contacts.importing.statistics import renew_statistics
from contacts.importing.writing import TOO_BIG, Order, Outcome, Writer, writer
from contacts.ledger import Act
from contacts.models import Door, ImportPiece, Job, RejectedRow
from contacts.subscriptions import set_all_subscribed
from contacts.suppressions import release, suppressed

#: So many rejected rows are kept to be looked at; beyond it they are only counted.
MAX_REJECTED = 100_000
_BATCH = 500


class ImportWorker:
    """Imports, or tries out, the file of one job from its position on."""

    def __init__(self, job: Job) -> None:
        given, position = job.parameters, job.position
        self._is_dry = bool(given.get("is_dry"))
        columns = [Column.read(column) for column in given["columns"]]
        self._writer = writer()
        self._reader = RowReader(
            columns=columns,
            delimiter=given["delimiter"],
            chunk_rows=self._writer.chunk_rows,
        )
        self._source = Source(
            job_id=UUID(given.get("source") or str(job.pk)),
            count=given["pieces"],
            piece=position["piece"],
            offset=position["offset"],
        )
        self._last = Chunk(
            number=position["row"],
            mended=position.get("mended", 0),
            is_cut=position.get("is_cut", False),
        )
        self._order = Order(
            project_id=job.project_id,
            job_id=job.pk,
            options=Options.read(given["options"]),
            asks=given["asks"],
            confirms=given["confirms"],
        )
        self._user = job.user
        self._used = 0
        self._ahead: _Reading | None = None

    def step(self, job: Job) -> bool:
        """Import a chunk within the open transaction; return whether there is more."""
        chunk, ready, position, used = self._take()
        has_more = not self._is_at_end
        if has_more:
            self._ahead = self._read_ahead()
        outcome = self._write(job, chunk, ready)
        _count(job, chunk, outcome)
        _keep_rejected(job, chunk.rejected)
        job.position = position
        job.done += used
        if not has_more:
            job.done = job.total or job.done
            if not self._is_dry:
                ImportPiece.objects.filter(job=job).delete()
                renew_statistics(job)
        return has_more

    @property
    def _is_at_end(self) -> bool:
        return self._source.is_all and not self._source.text

    def _take(self) -> tuple[Chunk, Any, dict[str, Any], int]:
        """Return the next chunk, where the one after it begins, and the bytes of it."""
        ahead = self._ahead or self._read_ahead()
        chunk, ready = ahead.result()
        self._ahead, self._last = None, chunk
        used, self._used = self._source.used - self._used, self._source.used
        position = {
            **self._source.position,
            "row": chunk.number,
            "mended": chunk.mended,
            "is_cut": chunk.is_cut,
        }
        return chunk, ready, position, used

    def _read_ahead(self) -> _Reading:
        """Begin to read the next chunk; the database is asked here and not there."""
        self._source.fill()
        return _Reading(self._reader, self._source, self._last, self._writer)

    def _write(self, job: Job, chunk: Chunk, ready: Any) -> Outcome:
        if self._is_dry:
            outcome = self._writer.try_out(self._order, chunk.people, ready)
            released = len(self._suppressed(chunk, outcome))
        else:
            outcome = self._writer.write(self._order, chunk.people, ready)
            released = self._release(self._suppressed(chunk, outcome))
            self._flip(outcome)
        jobs.count(job, released=released)
        for email in outcome.too_big:
            person = chunk.people[email]
            chunk.rejected.append(rejected(person.number, TOO_BIG, person.cells, email))
        return outcome

    def _suppressed(self, chunk: Chunk, outcome: Outcome) -> list[str]:
        """Return whose suppression is to end: asked for, and without a no in the file.

        Nothing where nobody asked for it.
        """
        if not self._order.options.release_suppressed:
            return []
        meant = chunk.people.keys() - outcome.too_big
        willing = sorted(
            email for email in meant if chunk.people[email].subscribed is not False
        )
        found: list[str] = []
        for start in range(0, len(willing), _BATCH):
            batch = willing[start : start + _BATCH]
            found += sorted(suppressed(self._order.project_id, batch))
        return found

    def _release(self, emails: list[str]) -> int:
        return sum(
            release(
                project_id=self._order.project_id,
                email=email,
                user=self._user,
                reason=self._order.options.reason,
            )
            for email in emails
        )

    def _flip(self, outcome: Outcome) -> None:
        """Change consent through the ledger, with the news, a thousand at a time."""
        options = self._order.options
        act = Act(
            Door.IMPORT,
            reason=options.reason,
            user_id=self._user.pk if self._user else None,
            origin_id=self._order.job_id,
        )
        for subscribed, ids in (
            (False, outcome.to_unsubscribe),
            (True, outcome.to_subscribe),
        ):
            for batch in _batches(ids):
                set_all_subscribed(
                    project_id=self._order.project_id,
                    contact_ids=batch,
                    subscribed=subscribed,
                    act=act,
                    double_opt_in=self._order.asks,
                )
        for batch in _batches(outcome.to_ask):
            ask(project_id=self._order.project_id, contact_ids=batch, act=act)


class _Reading(Thread):
    """The reading of one chunk, in a thread of its own."""

    def __init__(
        self, reader: RowReader, source: Source, before: Chunk, target: Writer
    ) -> None:
        super().__init__(name="import", daemon=True)
        self._given = (reader, source, before, target)
        self._chunk: tuple[Chunk, Any] | None = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        reader, source, before, target = self._given
        try:
            chunk = reader.read(source, before)
            self._chunk = chunk, target.prepare(chunk.people)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error

    def result(self) -> tuple[Chunk, Any]:
        """Wait for the chunk."""
        self.join()
        if self._chunk is None:
            raise self._error or RuntimeError("nothing was read")
        return self._chunk


def _count(job: Job, chunk: Chunk, outcome: Outcome) -> None:
    jobs.count(
        job,
        rows=chunk.rows,
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        duplicates=chunk.duplicates + outcome.duplicates,
        rejected=len(chunk.rejected),
        subscribed=len(outcome.to_subscribe),
        unsubscribed=len(outcome.to_unsubscribe),
        asked=len(outcome.to_ask),
    )


def _keep_rejected(job: Job, rows: list[Rejected]) -> None:
    """Keep the rows that were not imported; their reasons never repeat an address."""
    room = MAX_REJECTED - (job.counts["rejected"] - len(rows))
    for row in rows:
        jobs.note_error(job, row=row.number, error=row.reason)
    RejectedRow.objects.bulk_create(
        [
            RejectedRow(
                job=job,
                number=row.number,
                reason=row.reason,
                email=row.email,
                cells=row.cells,
            )
            for row in rows[: max(0, room)]
        ],
        batch_size=_BATCH,
    )


def _batches(ids: list[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
