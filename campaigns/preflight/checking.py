"""Going through a campaign's whole audience in the background, chunk by chunk."""

from __future__ import annotations

import time
from typing import Any

from django.db.models.functions import Now

from campaigns.audience import TAKEN, as_figures, judged
from campaigns.freezing import variant_of
from campaigns.models import Campaign, Preflight
from campaigns.preflight import summing
from campaigns.preflight.reading import Reader, person_from
from campaigns.walking import expected, next_window
from contacts.addresses import AddressError, normalise
from contacts.jobs import JobError
from contacts.models import Job
from plunk.api.errors import Invalid

#: Contacts of a chunk: a second of work, more or less.
_WINDOW = 5_000
_COLUMNS = ("id", "email", "data", "subscribed", "verdict")


class PreflightWorker:
    """Checks one campaign; a worker of `contacts.jobs`."""

    def __init__(self, job: Job) -> None:
        preflight = (
            Preflight.objects.select_related(
                "campaign__project", "campaign__segment", "campaign__topic"
            )
            .filter(pk=job.parameters["preflight"], job=job)
            .first()
        )
        if preflight is None:
            raise JobError("It was asked for anew, or the campaign was deleted.")
        self.preflight = preflight
        self.campaign: Campaign = preflight.campaign
        self.reader = Reader(self.campaign, variant_of(self.campaign, 1))

    def step(self, job: Job) -> bool:
        """Check the recipients of one chunk; see `contacts.jobs.Worker`."""
        began = time.monotonic()
        if job.total is None:
            job.total = expected(self.campaign)
        kept = job.position.get("kept") or summing.begun()
        place = job.position.get("place", {})
        try:
            window = next_window(
                self.campaign, place, size=_WINDOW, until=job.created_at
            )
            verdicts = self._look_at(window.contacts, kept, job)
        except Invalid as error:
            raise JobError(f"The audience has no meaning any more. {error}") from error
        figures = _sum(job.counts, as_figures(list(verdicts.items())))
        figures["milliseconds"] = figures.get("milliseconds", 0) + int(
            (time.monotonic() - began) * 1000
        )
        job.counts = figures
        job.done += window.looked_at
        job.position = {"kept": kept, "place": window.next}
        self._write(figures, kept, is_finished=window.next is None)
        return window.next is not None

    def _look_at(self, contacts: Any, kept: dict[str, Any], job: Job) -> dict[str, int]:
        rows = judged(contacts, self.campaign, now=job.created_at)
        verdicts: dict[str, int] = {}
        for row in rows.order_by("created_at", "pk").values(*_COLUMNS):
            verdict = row["verdict"]
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
            if verdict == TAKEN:
                self._try_on(row, kept)
        return verdicts

    def _try_on(self, row: dict[str, Any], kept: dict[str, Any]) -> None:
        person = person_from(row)
        if not _is_address(person.email):
            summing.refuse(kept, person)
        reading = self.reader.read_mail(person)
        summing.add(kept, person, reading, self.reader.language_of(person))

    def _write(
        self, figures: dict[str, int], kept: dict[str, Any], *, is_finished: bool
    ) -> None:
        read = max(kept["read"], 1)
        shown = figures | {
            "checked": kept["read"],
            "largest": kept["largest"]["size"],
            "average": kept["bytes"] // read,
            "clipped": kept["clipped"],
            "invalid": kept["invalid"]["count"],
        }
        changes: dict[str, Any] = {
            "figures": shown,
            "findings": summing.findings(kept, figures) if is_finished else [],
            "samples": summing.samples(kept) if is_finished else [],
        }
        if is_finished:
            changes["finished_at"] = Now()
        Preflight.objects.filter(pk=self.preflight.pk).update(**changes)


def _is_address(email: str) -> bool:
    try:
        return normalise(email) == email
    except AddressError:
        return False


def _sum(before: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    names = {**before, **more}
    return {name: before.get(name, 0) + more.get(name, 0) for name in names}
