"""Asking for a check, and saying where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from campaigns.errors import WrongState
from campaigns.models import EDITABLE, Campaign, Preflight
from campaigns.readiness import check_ready
from campaigns.variants import variant_of
from contacts import jobs
from contacts.models import Job, JobKind, JobState
from plunk.api.strictjson import write
from plunk.projects.models import User
from transactional.presets import preset_of


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a campaign, as it stands now."""

    preflight: Preflight
    #: The campaign was changed since it began.
    is_stale: bool

    @property
    def job(self) -> Job | None:
        return self.preflight.job

    @property
    def is_running(self) -> bool:
        return self.job is not None and self.job.state in (
            JobState.WAITING,
            JobState.ACTIVE,
        )

    @property
    def is_finished(self) -> bool:
        return self.preflight.finished_at is not None

    @property
    def problem(self) -> str:
        """Why it ended without a result; empty where it did not."""
        if self.is_finished or self.is_running:
            return ""
        if self.job is None or self.job.state == JobState.CANCELLED:
            return "It was stopped."
        return self.job.failed_reason or "It ended without a result."

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.is_finished:
            return 1.0
        if self.job is None or not self.job.total:
            return 0.0
        return min(1.0, self.job.done / self.job.total)

    @property
    def seconds_left(self) -> float | None:
        """How long it will take, as fast as it was; None where that is unknown."""
        if self.job is None or not self.job.done or not self.job.total:
            return None
        spent: float = self.job.counts.get("milliseconds", 0) / 1000
        return spent * max(0, self.job.total - self.job.done) / self.job.done

    def count(self, level: str) -> int:
        return sum(one["level"] == level for one in self.preflight.findings)


@transaction.atomic
def start(campaign: Campaign, *, user: User | None = None) -> Check:
    """Begin to check a campaign, anew where one was checked before.

    Raises WrongState once it was launched, and what `check_ready` raises where what
    every mail needs is missing.
    """
    row = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if row.state not in EDITABLE:
        raise WrongState("The campaign has been launched: there is nothing to check.")
    check_ready(campaign)
    before = Preflight.objects.select_related("job").filter(campaign=campaign).first()
    if before is not None and before.job is not None:
        jobs.cancel(before.job)
    preflight, _ = Preflight.objects.update_or_create(
        campaign=campaign,
        defaults={
            "fingerprint": fingerprint(campaign),
            "figures": {},
            "findings": [],
            "samples": [],
            "started_at": Now(),
            "finished_at": None,
        },
    )
    preflight.job = jobs.begin(
        project_id=campaign.project_id,
        kind=JobKind.PREFLIGHT,
        parameters={"preflight": str(preflight.pk)},
        user=user,
    )
    preflight.save(update_fields=["job"])
    preflight.refresh_from_db()
    return Check(preflight, is_stale=False)


def current(campaign: Campaign) -> Check | None:
    """Return the last check of a campaign, if there was one."""
    found = Preflight.objects.select_related("job").filter(campaign=campaign).first()
    if found is None:
        return None
    return Check(found, is_stale=found.fingerprint != fingerprint(campaign))


def cancel(check: Check) -> bool:
    """Stop a check; return False where it had ended already."""
    return check.job is not None and jobs.cancel(check.job)


def fingerprint(campaign: Campaign) -> str:
    """Return what changes with everything that a check looks at.

    The contacts themselves do: a check tells of the moment in which it was made.
    """
    variant = variant_of(campaign, 1)
    project = campaign.project
    preset = preset_of(project)
    left_out = campaign.excluded_segments.order_by("pk").values_list("pk", "updated_at")
    parts: list[Any] = [
        *(campaign.version, campaign.kind, campaign.audience_type),
        *(str(campaign.segment_id), str(campaign.topic_id), campaign.condition),
        str(campaign.segment.updated_at) if campaign.segment else "",
        *(variant.subject, variant.preheader, variant.body, variant.style),
        *(preset.language, repr(preset.look)),
        *(campaign.from_email or project.from_email, campaign.from_name),
        *(project.from_name, project.name),
        [f"{pk} {changed}" for pk, changed in left_out],
    ]
    return sha256(write(parts)).hexdigest()
