"""Going through a campaign's whole audience in the background, chunk by chunk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Now

from campaigns.audience import TAKEN, as_figures, judged
from campaigns.models import AudienceType, Campaign, Preflight
from campaigns.preflight import summing
from campaigns.preflight.reading import Reader, person_from, wording_of
from campaigns.variants import variant_of
from campaigns.walking import Window, expected, next_window
from contacts.addresses import AddressError, normalise
from contacts.jobs import JobError
from contacts.models import Job
from plunk.api.errors import Invalid
from plunk.pages.paging import Cursor

#: Contacts of the first chunk, of the largest, and of the smallest one.
_FIRST = 200
_MOST = 5_000
_LEAST = 20
#: So many seconds a chunk is to take: nobody else writes on SQLite meanwhile, and who
#: stops the check waits for it.
_AIM = 0.5
#: After so many seconds a chunk is broken off.
_LONGEST = 2.0
#: Contacts that are read from the database at a time.
_AT_ONCE = 200
_COLUMNS = ("id", "created_at", "email", "data", "subscribed", "verdict")


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
        # What was broken off again and again may get through in smaller pieces.
        size = max(_LEAST, job.position.get("size", _FIRST) >> job.failures)
        try:
            window = next_window(
                self.campaign,
                job.position.get("place", {}),
                size=size,
                until=job.created_at,
            )
            looked_at = self._look_at(window, kept, job, until=began + _LONGEST)
        except Invalid as error:
            raise JobError(f"The audience has no meaning any more. {error}") from error
        took = time.monotonic() - began
        figures = _sum(job.counts, as_figures(list(looked_at.verdicts.items())))
        milliseconds = figures.get("milliseconds", 0) + int(took * 1000)
        job.counts = figures | {"milliseconds": milliseconds}
        job.done += looked_at.contacts
        is_finished = looked_at.next is None
        # Nothing of anybody is kept in a job that is done.
        job.position = (
            {}
            if is_finished
            else {
                "kept": kept,
                "place": looked_at.next,
                "size": next_size(size, looked_at.contacts, took),
            }
        )
        self._write(job.counts, kept, is_finished=is_finished)
        return not is_finished

    def _look_at(
        self, window: Window, kept: dict[str, Any], job: Job, *, until: float
    ) -> _LookedAt:
        """Try a window's mails; no more of them once the clock is at `until`."""
        rows = judged(window.contacts, self.campaign, now=job.created_at)
        rows = rows.order_by("created_at", "pk").values(*_COLUMNS)
        verdicts: dict[str, int] = {}
        for number, row in enumerate(rows.iterator(chunk_size=_AT_ONCE), start=1):
            verdict = row["verdict"]
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
            if verdict == TAKEN:
                self._try_on(row, kept)
            if time.monotonic() > until and self._goes_by_age:
                place = {"after": str(Cursor(row["created_at"], row["id"]))}
                return _LookedAt(verdicts, number, place)
        return _LookedAt(verdicts, window.looked_at, window.next)

    @property
    def _goes_by_age(self) -> bool:
        """Say whether the next chunk can begin after any contact of this one."""
        return self.campaign.audience_type != AudienceType.RECIPIENTS

    def _try_on(self, row: dict[str, Any], kept: dict[str, Any]) -> None:
        person = person_from(row)
        if not _is_address(person.email):
            summing.refuse(kept, person)
        reading = self.reader.read_mail(person)
        summing.add(kept, person, reading, self.reader.language_of(person))

    def _findings(
        self, kept: dict[str, Any], figures: dict[str, int]
    ) -> list[dict[str, Any]]:
        found = summing.findings(kept, figures)
        return [*found, *summing.about_words(wording_of(self.campaign), found)]

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
            "findings": self._findings(kept, figures) if is_finished else [],
            "samples": summing.samples(kept) if is_finished else [],
        }
        if is_finished:
            changes["finished_at"] = Now()
            # Counted on the way, also where a page would not wait for it.
            Campaign.objects.filter(
                pk=self.campaign.pk, version=self.campaign.version
            ).update(audience_count=figures.get("taken", 0), audience_counted_at=Now())
        Preflight.objects.filter(pk=self.preflight.pk).update(**changes)


@dataclass(frozen=True, slots=True)
class _LookedAt:
    """How many contacts came to what, and where the next ones begin."""

    verdicts: dict[str, int]
    contacts: int
    next: dict[str, Any] | None


def next_size(size: int, contacts: int, took: float) -> int:
    """Return how many contacts the next chunk looks at, so that it takes `_AIM`."""
    fits = int(contacts * _AIM / max(took, 0.001))
    return max(_LEAST, min(fits, 4 * size, _MOST))


def _is_address(email: str) -> bool:
    try:
        return normalise(email) == email
    except AddressError:
        return False


def _sum(before: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    names = {**before, **more}
    return {name: before.get(name, 0) + more.get(name, 0) for name in names}
