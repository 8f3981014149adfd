"""Freezing an audience: from a rule to one mail for each contact, chunk by chunk.

A chunk is one transaction: its mails, the figures and the place where the next chunk
begins. Whoever is killed leaves nothing half-done, and mails of a chunk that comes
again are there already (`email_origin_once`). On PostgreSQL a chunk is one statement.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from campaigns import again
from campaigns.audience import TAKEN, as_figures, judged
from campaigns.models import (
    AudienceType,
    Campaign,
    CampaignEvent,
    EventKind,
    Run,
    RunKind,
    RunState,
    Variant,
)
from campaigns.variants import draft_of, variant_of
from campaigns.walking import Window, expected, next_window
from contacts.jobs import JobError
from contacts.models import Contact, Job, JobState
from plunk.api.errors import Invalid
from plunk.postgresql import is_postgresql
from transactional.contents import content_of
from transactional.models import Content, Email, Lane, Source

#: How many contacts a chunk looks at; more where few of them are meant.
_WINDOW = 20_000
_MOST = 100_000
#: The same where rows go through Python.
_PORTABLE_WINDOW = 2_000
#: The least, where chunks break off.
_LEAST = 500
#: So often a chunk is done again at once because a contact was erased under it.
_TRIES = 5


class FreezeWorker:
    """Writes the mails of one run; a worker of `contacts.jobs`."""

    def __init__(self, job: Job) -> None:
        run = (
            Run.objects.select_related("campaign", "campaign__segment")
            .select_related("campaign__topic")
            .filter(pk=job.parameters["run"])
            .first()
        )
        if run is None:
            raise JobError("The campaign was deleted.")
        self.run = run
        self.campaign: Campaign = run.campaign
        is_of_segment = self.campaign.audience_type == AudienceType.SEGMENT
        is_first = run.kind == RunKind.FIRST
        if is_first and is_of_segment and self.campaign.segment is None:
            raise JobError("The campaign’s segment was deleted.")

    def step(self, job: Job) -> bool:
        """Write the mails of one chunk; see `contacts.jobs.Worker`."""
        self.run.refresh_from_db(fields=["state", "figures"])
        if self.run.state != RunState.FREEZING:
            return False
        if job.total is None:
            job.total = self._expected()
        try:
            window = self._window(job.position, failures=job.failures)
            figures = self._frozen(window)
        except Invalid as error:
            raise JobError(f"The audience has no meaning any more. {error}") from error
        self._add(figures)
        job.done += window.looked_at
        job.counts = self.run.figures
        if window.next is None:
            self._finish()
            return False
        job.position = window.next | {"size": self._next_size(job, figures)}
        return True

    def _expected(self) -> int:
        """Return how many contacts all chunks together will look at."""
        if self.run.kind != RunKind.FIRST:
            return self._earlier().count()
        return expected(self.campaign)

    # -- which contacts ----------------------------------------------------------------

    def _window(self, position: dict[str, Any], *, failures: int) -> Window:
        size = position.get("size", _WINDOW if is_postgresql() else _PORTABLE_WINDOW)
        # What took too long, or too much, may get through in smaller pieces.
        size = max(min(size, _LEAST), size >> failures)
        if self.run.kind != RunKind.FIRST:
            return self._window_of_mails(position, size)
        until = self.run.frozen_for
        return next_window(self.campaign, position, size=size, until=until)

    def _earlier(self) -> QuerySet[Email]:
        return Email.objects.filter(origin_id=self.campaign.pk, run__lt=self.run.number)

    def _window_of_mails(self, position: dict[str, Any], size: int) -> Window:
        """Go along the contacts with mails of earlier runs, in the order of their ids.

        Each is met once, however many mails it has and wherever these get meanwhile.
        """
        rows = self._earlier()
        if after := position.get("contact"):
            rows = rows.filter(contact__gt=after)
        ordered = rows.order_by("origin_id", "contact_id", "run")
        places = list(ordered.values_list("contact_id", flat=True)[:size])
        is_last = len(places) < size
        following = None if is_last else {"contact": str(places[-1])}
        contacts = self._unserved(rows, places)
        return Window(contacts, len(places), following)

    def _unserved(self, rows: QuerySet[Email], places: list[UUID]) -> QuerySet[Contact]:
        """Return the contacts up to a place who need another mail.

        Those who have a mail of this run already do, too: the mail is there.
        """
        if not places:
            return Contact.objects.none()
        campaign, kind = self.campaign, RunKind(self.run.kind)
        mails = again.among(rows.filter(contact__lte=places[-1]), kind)
        unserved = again.unserved(mails, campaign.pk, kind, self._earlier())
        return Contact.objects.filter(
            project_id=campaign.project_id, pk__in=unserved.values("contact")
        )

    def _next_size(self, job: Job, figures: dict[str, int]) -> int:
        """Look at more contacts at a time while few of them are meant."""
        if not is_postgresql():
            return _PORTABLE_WINDOW
        size: int = job.position.get("size", _WINDOW)
        if figures["named"] < size // 4:
            return min(2 * size, _MOST)
        return _WINDOW

    # -- their mails -------------------------------------------------------------------

    def _frozen(self, window: Window) -> dict[str, int]:
        """Write the mails of a window; return how many contacts came to what."""
        contacts = judged(window.contacts, self.campaign, now=self.run.frozen_for)
        rows = contacts.order_by().values_list("pk", "email", "verdict")
        write = _write_postgresql if is_postgresql() else _write_portable
        for attempt in range(_TRIES):
            try:
                with transaction.atomic():
                    found = write(rows, self.run, self.campaign, self._content())
                    if is_postgresql():
                        # An erased contact is noticed now and not at the commit.
                        connection.check_constraints()
                    return as_figures(found)
            except IntegrityError:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError

    def _content(self) -> UUID:
        """Return the content of the run's mails; written again if it lost its last."""
        variant = variant_of(self.campaign, self.run.number)
        content = content_of(self.campaign.project_id, draft_of(variant))
        Content.objects.bulk_create([content], ignore_conflicts=True)
        if variant.content_id != content.pk:
            Variant.objects.filter(pk=variant.pk).update(content=content.pk)
        return content.pk

    def _add(self, figures: dict[str, int]) -> None:
        sums = self.run.figures
        for name, count in figures.items():
            sums[name] = sums.get(name, 0) + count
        # Cancelled meanwhile, nothing of this chunk may stay.
        mine = Run.objects.filter(pk=self.run.pk, state=RunState.FREEZING)
        if not mine.update(figures=sums):
            raise JobError("The campaign was cancelled.")

    def _finish(self) -> None:
        Run.objects.filter(pk=self.run.pk).update(
            state=RunState.SENDING, frozen_at=Now()
        )
        CampaignEvent.objects.create(
            campaign=self.campaign,
            kind=EventKind.FROZEN,
            detail={"run": self.run.number, **self.run.figures},
        )


def is_stuck(run: Run) -> bool:
    """Say whether a run is being frozen, and nobody does it any more."""
    ends = (JobState.FAILED, JobState.CANCELLED, JobState.COMPLETED)
    return run.state == RunState.FREEZING and (run.job is None or run.job.state in ends)


# Ids of version 7, made where the rows are: random, with the time in front and the
# version's and variant's bits in place.
_NEW_ID = """
encode(
  set_bit(set_bit(overlay(
    uuid_send(gen_random_uuid())
    PLACING substring(
      int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3
    ) FROM 1 FOR 6
  ), 52, 1), 53, 1), 'hex'
)::uuid
"""
_FREEZE_SQL = f"""
WITH found AS MATERIALIZED ({{found}}),
frozen AS (
  INSERT INTO transactional_email (
    id, project_id, contact_id, content_id, kind, source, origin_id, run, lane,
    to_email, from_email, from_name, reply_to, tracks
  )
  SELECT
    {_NEW_ID}, %s, found.id, %s, %s, %s, %s, %s, %s, found.email, %s, %s, %s, %s
  FROM found
  WHERE found.verdict = %s
  ON CONFLICT (origin_id, contact_id, run) WHERE origin_id IS NOT NULL DO NOTHING
)
SELECT verdict, count(*) FROM found GROUP BY verdict
"""  # noqa: S608 - constants, and what Django compiles


def _write_postgresql(
    rows: QuerySet[Contact, Any], run: Run, campaign: Campaign, content_id: UUID
) -> list[tuple[Any, ...]]:
    try:
        found, params = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return []
    values = (
        *(campaign.project_id, content_id, campaign.kind, Source.CAMPAIGN.value),
        *(campaign.pk, run.number, Lane.CAMPAIGN.value),
        *(run.from_email, run.from_name, run.reply_to, campaign.tracks, TAKEN),
    )
    named_found = f"SELECT * FROM ({found}) AS row(id, email, verdict)"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(_FREEZE_SQL.format(found=named_found), (*params, *values))
        found_rows: list[tuple[Any, ...]] = cursor.fetchall()
        return found_rows


def _write_portable(
    rows: QuerySet[Contact, Any], run: Run, campaign: Campaign, content_id: UUID
) -> list[tuple[Any, ...]]:
    counts: dict[str, int] = {}
    mails: list[Email] = []
    for contact_id, email, verdict in rows:
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict == TAKEN:
            mails.append(
                Email(
                    project_id=campaign.project_id,
                    contact_id=contact_id,
                    content_id=content_id,
                    kind=campaign.kind,
                    source=Source.CAMPAIGN,
                    origin_id=campaign.pk,
                    run=run.number,
                    lane=Lane.CAMPAIGN,
                    to_email=email,
                    from_email=run.from_email,
                    from_name=run.from_name,
                    reply_to=run.reply_to,
                    tracks=campaign.tracks,
                )
            )
    Email.objects.bulk_create(mails, ignore_conflicts=True, batch_size=500)
    return list(counts.items())
