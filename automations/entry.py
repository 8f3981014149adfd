"""Whether an event, or a request, begins a run for a contact: pure, like `deciding`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from automations.definitions import Trigger

#: A contact enters a workflow at most so often in an hour: two workflows that set each
#: other off would go on for ever.
MOST_AN_HOUR = 100


class Refusal(StrEnum):
    """Why no run begins; empty where one does."""

    NONE = ""
    DISABLED = "disabled"
    ONCE = "has_been_in"
    RUNNING = "is_in"
    EXCLUDED = "did_excluding_event"
    INCOMPLETE = "events_missing"
    OWN_MAIL = "own_mail"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Prior:
    """Earlier runs of the contact, those that were not spent left out."""

    any: bool = False
    running: bool = False
    last_started_at: datetime | None = None
    within_hour: int = 0


@dataclass(frozen=True, slots=True)
class Deeds:
    """When the contact last had which of the trigger's events, by name."""

    last: Mapping[str, datetime]


def refusal(
    trigger: Trigger,
    *,
    enabled: bool,
    allow_reentry: bool,
    prior: Prior,
    deeds: Deeds | None,
    is_own_mail: bool = False,
) -> Refusal:
    """Say why a contact does not enter a workflow now; NONE where it does.

    `deeds` is None where somebody asks for the run, whatever the contact did.
    Contract: `plunk-classic.md` 4.5 as intended, `plunk-next.md` 4.5.
    """
    if not enabled:
        return Refusal.DISABLED
    if is_own_mail:
        return Refusal.OWN_MAIL
    if prior.any and not allow_reentry:
        return Refusal.ONCE
    if prior.running:
        return Refusal.RUNNING
    if prior.within_hour >= MOST_AN_HOUR:
        return Refusal.TOO_OFTEN
    if deeds is None:
        return Refusal.NONE
    if any(name in deeds.last for name in trigger.not_event_names):
        return Refusal.EXCLUDED
    if trigger.needs_all and missing(trigger, prior, deeds):
        return Refusal.INCOMPLETE
    return Refusal.NONE


def missing(trigger: Trigger, prior: Prior, deeds: Deeds) -> list[str]:
    """Return the events that have not happened since the last run, or ever."""
    since = prior.last_started_at
    return [
        name
        for name in trigger.event_names
        if name not in deeds.last or (since and deeds.last[name] <= since)
    ]
