"""Who goes in, and who does not: the rules alone, and the two that depend on runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automations import entry
from automations.definitions import Trigger
from automations.entry import MOST_AN_HOUR, Deeds, Prior, Refusal, refusal
from automations.models import Run, TriggerType
from contacts.segments.scopes import database_now
from plunk.projects.models import Project
from tests.automations.building import live, on, settle, step
from tests.automations.conftest import Track
from transactional.models import Template

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONFIG = {"eventNames": ["a", "b"], "notEventNames": ["out"]}
ALL = Trigger(TriggerType.EVENTS, {**CONFIG, "mode": "ALL"})
ANY = Trigger(TriggerType.EVENTS, {**CONFIG, "mode": "ANY"})
BOTH = {"a": NOON, "b": NOON}
BEFORE = Prior(any=True, last_started_at=NOON - HOUR)


@pytest.mark.parametrize(
    ("trigger", "prior", "deeds", "more", "why"),
    [
        (ALL, Prior(), BOTH, {}, Refusal.NONE),
        (ALL, Prior(), BOTH, {"enabled": False}, Refusal.DISABLED),
        (ALL, Prior(), BOTH, {"is_own_mail": True}, Refusal.OWN_MAIL),
        (ALL, Prior(), {"a": NOON}, {}, Refusal.INCOMPLETE),
        (ANY, Prior(), {"a": NOON}, {}, Refusal.NONE),
        # Once, or again with both since the last time.
        (ALL, BEFORE, BOTH, {"allow_reentry": False}, Refusal.ONCE),
        (ALL, BEFORE, BOTH, {}, Refusal.NONE),
        (ALL, BEFORE, {"a": NOON, "b": NOON - HOUR}, {}, Refusal.INCOMPLETE),
        (ANY, BEFORE, {"a": NOON, "b": NOON - HOUR}, {}, Refusal.NONE),
        # What keeps out does so whenever it happened, also without all of the others.
        (ALL, Prior(), {**BOTH, "out": NOON - HOUR}, {}, Refusal.EXCLUDED),
        (ALL, Prior(), {"a": NOON, "out": NOON}, {}, Refusal.EXCLUDED),
        (ANY, BEFORE, {"a": NOON, "out": NOON - 2 * HOUR}, {}, Refusal.EXCLUDED),
        # By hand the rules of re-entry count alone.
        (ALL, Prior(), None, {}, Refusal.NONE),
        (ALL, BEFORE, None, {"allow_reentry": False}, Refusal.ONCE),
        (ALL, Prior(any=True, running=True), None, {}, Refusal.RUNNING),
        (ALL, Prior(any=True, running=True), BOTH, {}, Refusal.RUNNING),
        (ALL, Prior(True, within_hour=MOST_AN_HOUR - 1), BOTH, {}, Refusal.NONE),
        (ALL, Prior(True, within_hour=MOST_AN_HOUR), BOTH, {}, Refusal.TOO_OFTEN),
        (ALL, Prior(True, within_hour=MOST_AN_HOUR), None, {}, Refusal.TOO_OFTEN),
    ],
)
def test_the_rules_of_entry(
    trigger: Trigger,
    prior: Prior,
    deeds: dict[str, datetime] | None,
    more: dict[str, Any],
    why: Refusal,
) -> None:
    asked = {"enabled": True, "allow_reentry": True, **more}
    happened = None if deeds is None else Deeds(deeds)

    assert refusal(trigger, prior=prior, deeds=happened, **asked) is why


@pytest.mark.django_db
@pytest.mark.parametrize("is_one_batch", [False, True])
def test_a_contact_goes_in_so_often_an_hour_and_no_more(
    project: Project,
    tracked: Track,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_one_batch: bool,
) -> None:
    monkeypatch.setattr(entry, "MOST_AN_HOUR", 3)
    live(project, on("asked"), step("EXIT"), allow_reentry=True)

    for _ in range(5):
        tracked("asked")
        if not is_one_batch:
            settle()
    settle()

    assert Run.objects.count() == 3
    # An hour later the door is open again.
    Run.objects.update(started_at=database_now() - HOUR)
    tracked("asked")
    settle()
    assert Run.objects.count() == 4


@pytest.mark.django_db
def test_whoever_tries_a_step_again_is_not_let_in_once_more_until_it_is_done(
    project: Project, template: Template, tracked: Track
) -> None:
    mail = step("SEND_EMAIL", template=template)
    live(project, on("asked"), mail, allow_reentry=True)
    Template.objects.update(from_email="no address")
    tracked("asked")
    settle()

    tracked("asked")
    settle()
    assert Run.objects.count() == 1

    Template.objects.update(from_email="")
    settle(database_now() + timedelta(seconds=2))
    tracked("asked")
    settle()
    assert Run.objects.count() == 2
