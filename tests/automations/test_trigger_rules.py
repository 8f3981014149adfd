"""The trigger algorithm of the classic generation as it was meant (contract 4.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from automations.definitions import Step, Trigger
from automations.models import Run, TriggerType, Workflow, WorkflowKind
from automations.tracking import record
from contacts.ledger import Act
from contacts.models import Contact, Door
from contacts.segments.scopes import database_now
from contacts.subscriptions import set_subscribed
from plunk.projects.models import Project
from tests.automations.building import live, settle, step
from tests.automations.conftest import Track
from transactional.models import Email, Template

pytestmark = pytest.mark.django_db


def action(
    project: Project,
    template: Template,
    *events: str,
    notevents: tuple[str, ...] = (),
    minutes: int = 0,
    run_once: bool = False,
    **fields: Any,
) -> Workflow:
    """Make what the classic generation calls an action."""
    steps: list[Step] = [step("SEND_EMAIL", template=template)]
    if minutes:
        steps.insert(0, step("DELAY", amount=minutes, unit="minutes"))
    config = {
        "eventNames": list(events),
        "notEventNames": list(notevents),
        "mode": "ALL",
    }
    return live(
        project,
        Trigger(TriggerType.EVENTS, config),
        *steps,
        kind=WorkflowKind.ACTION,
        allow_reentry=not run_once,
        **fields,
    )


def mails() -> int:
    return Email.objects.count()


def test_every_event_has_to_happen(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", "b")

    tracked("a")
    settle()
    assert mails() == 0
    tracked("b")
    settle()

    assert mails() == 1


def test_every_event_has_to_happen_again_after_a_run(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", "b")
    for name in ("a", "b"):
        tracked(name)
        settle()

    tracked("a")
    settle()
    assert mails() == 1
    tracked("b")
    settle()

    assert mails() == 2


def test_events_of_one_moment_count_in_any_order(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", "b", "c")

    for name in ("c", "a", "b"):
        tracked(name)
    settle()

    assert mails() == 1


def test_one_excluding_event_is_enough_for_ever(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", notevents=("paid", "left"))
    tracked("left")

    tracked("a")
    settle()

    assert not Run.objects.exists()


def test_an_excluding_event_during_the_delay_keeps_the_mail_back(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", notevents=("paid",), minutes=30)
    tracked("a")
    settle()

    tracked("paid")
    settle(database_now() + timedelta(hours=1))

    assert mails() == 0
    assert Run.objects.get().exit_reason == "did paid"


def test_run_once_is_once_for_ever(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", run_once=True)

    for _ in range(3):
        tracked("a")
        settle()

    assert mails() == 1


def test_without_run_once_each_event_is_answered(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a")

    for _ in range(3):
        tracked("a")
    settle()

    assert mails() == 3


def test_marketing_to_who_is_not_subscribed_does_not_spend_a_run_once(
    project: Project, newsletter: Template, tracked: Track
) -> None:
    action(project, newsletter, "a", run_once=True)
    contact = Contact.objects.create(
        project=project, email="rita@example.com", subscribed=False
    )
    tracked("a")
    settle()
    assert mails() == 0

    set_subscribed(
        project_id=project.pk,
        contact_id=contact.pk,
        subscribed=True,
        act=Act(Door.DASHBOARD),
    )
    tracked("a")
    settle()

    assert mails() == 1


def test_consent_is_asked_again_when_the_delay_is_over(
    project: Project, newsletter: Template, tracked: Track
) -> None:
    action(project, newsletter, "a", minutes=10)
    contact = tracked("a")
    settle()

    set_subscribed(
        project_id=project.pk,
        contact_id=contact.contact_id,
        subscribed=False,
        act=Act(Door.DASHBOARD),
    )
    settle(database_now() + timedelta(hours=1))

    assert mails() == 0


def test_transactional_mail_goes_to_who_is_not_subscribed(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a")
    Contact.objects.create(project=project, email="rita@example.com", subscribed=False)

    tracked("a")
    settle()

    assert mails() == 1


def test_the_delay_is_in_minutes_from_the_event(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a", minutes=90)
    tracked("a")
    settle()
    run = Run.objects.get()

    settle(run.started_at + timedelta(minutes=89))
    assert mails() == 0
    settle(run.started_at + timedelta(minutes=90))

    assert mails() == 1


def test_of_several_actions_each_is_judged_by_itself(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "a")
    action(project, template, "a", "b")
    action(project, template, "a", notevents=("c",))

    tracked("a")
    settle()

    assert mails() == 2


def test_an_opt_in_begins_an_action(
    project: Project, template: Template, tracked: Track
) -> None:
    action(project, template, "subscribe")
    contact = Contact.objects.create(
        project=project, email="rita@example.com", subscribed=False
    )

    set_subscribed(
        project_id=project.pk,
        contact_id=contact.pk,
        subscribed=True,
        act=Act(Door.DASHBOARD),
    )
    settle()

    assert mails() == 1


def test_another_projects_event_of_that_name_begins_nothing(
    project: Project, template: Template, tracked: Track, other_project: Any
) -> None:
    action(project, template, "a")
    stranger = Contact.objects.create(
        project=other_project.project, email="sam@example.com"
    )

    record(project_id=other_project.project.pk, contact_ids=[stranger.pk], event="a")
    settle()

    assert not Run.objects.exists()
