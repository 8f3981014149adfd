"""Events that commit in another order than they happened, on two real connections."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction

from automations.definitions import Trigger
from automations.models import Arrival, Occurrence, Run, TriggerType
from automations.tracking import record
from contacts.models import Contact
from plunk.postgresql import is_postgresql
from plunk.projects.models import Project
from tests.automations.building import live, settle, step
from tests.automations.conftest import Track
from transactional.models import Template

pytestmark = pytest.mark.django_db(transaction=True)

ALL = Trigger(
    TriggerType.EVENTS,
    {"eventNames": ["paid", "signed-up"], "notEventNames": ["left"], "mode": "ALL"},
)


def _elsewhere(*work: Callable[[], Any]) -> None:
    """Do things one after another on a connection of their own."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            for one in work:
                one()
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def _overtaken(project: Project, event: str, *meanwhile: Callable[[], Any]) -> None:
    """Record an event, do other things from end to end, and only then commit it."""
    contact_id = Contact.objects.values_list("pk", flat=True).get()
    with transaction.atomic():
        record(project_id=project.pk, contact_ids=[contact_id], event=event)
        _elsewhere(*meanwhile)


def _names() -> list[str]:
    rows = Occurrence.objects.order_by("created_at")
    return list(rows.values_list("event__name", flat=True))


@pytest.mark.parametrize("is_reentry", [False, True])
@pytest.mark.parametrize("is_late", [False, True])
def test_two_events_that_commit_in_inverted_order_begin_one_run(
    project: Project,
    template: Template,
    tracked: Track,
    *,
    is_reentry: bool,
    is_late: bool,
) -> None:
    if not is_postgresql():
        pytest.skip("elsewhere one transaction waits for the other")
    mail = step("SEND_EMAIL", template=template)
    workflow = live(project, ALL, mail, allow_reentry=is_reentry)
    tracked("other")

    # The engine looks at the event that happened later before the other is committed,
    # or, having been late, at both of them at once.
    looks = [] if is_late else [settle]
    _overtaken(project, "paid", lambda: tracked("signed-up", size=3), *looks)
    assert _names() == ["other", "paid", "signed-up"]
    settle()

    run = Run.objects.get(workflow=workflow)
    occurrence = Occurrence.objects.get(pk=run.entry_id)
    assert (occurrence.event.name, run.context) == ("signed-up", {"size": 3})
    assert run.started_at == occurrence.created_at
    assert not Arrival.objects.exists()

    # Both are spent by that run: the next needs both once more.
    tracked("paid")
    settle()
    assert Run.objects.count() == 1
    tracked("signed-up")
    settle()
    assert Run.objects.count() == (2 if is_reentry else 1)


def test_what_keeps_a_contact_out_does_so_for_an_overtaken_event(
    project: Project, template: Template, tracked: Track
) -> None:
    if not is_postgresql():
        pytest.skip("elsewhere one transaction waits for the other")
    live(project, ALL, step("SEND_EMAIL", template=template))

    tracked("other")

    _overtaken(
        project,
        "paid",
        lambda: tracked("left"),
        lambda: tracked("signed-up"),
        settle,
    )
    settle()

    assert not Run.objects.exists()
