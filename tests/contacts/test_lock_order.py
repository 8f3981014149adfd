"""Whoever locks several contacts does so in the order of their addresses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations.models import Occurrence
from automations.tracking import track
from contacts import choosing
from contacts.asking import ask
from contacts.erasing import erase
from contacts.ledger import Act
from contacts.links import unsubscribe_url
from contacts.models import Confirmation, Contact, Door
from contacts.subscriptions import locked, set_all_subscribed
from plunk.postgresql import past_deadlocks
from plunk.projects.models import Project
from tests.conftest import Api
from tests.pages.rows import make_contact
from transactional.models import Domain

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 15


def deadlock() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = psycopg.errors.DeadlockDetected("deadlock detected")
    return error


def failing(times: int, error: Exception, work: Any) -> Any:
    """Return what raises an error some times, and then does its work."""
    left = [error] * times

    def once_more(*args: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return work(*args, **named)

    return once_more


@pytest.fixture
def crossed(project: Project) -> list[Contact]:
    """Contacts whose ids are in the opposite order of their addresses."""
    return [make_contact(project, f"{letter}@example.com") for letter in "dcba"]


def test_locks_go_by_address(project: Project, crossed: list[Contact]) -> None:
    ids = [contact.pk for contact in crossed]

    with transaction.atomic():
        rows = locked(project_id=project.pk, contact_ids=ids)

    assert [row.pk for row in rows] == ids[::-1]


def test_mails_and_bulk_changes_of_the_same_contacts_never_wait_in_a_circle(
    project: Project, crossed: list[Contact], api: Api
) -> None:
    Domain.objects.create(
        project=project, name="example.org", verified_at=project.created_at
    )
    ids = [contact.pk for contact in crossed]
    mail = {
        "to": [contact.email for contact in crossed],
        "from": "me@example.org",
        "subject": "Hello",
        "body": "Hello",
        "subscribed": True,
    }

    def mails() -> set[int]:
        try:
            client = Api(Client(), api.key)
            answers = [client.post("/v1/send", mail) for _ in range(ROUNDS)]
            return {answer.status_code for answer in answers}
        finally:
            connection.close()

    def changes() -> None:
        try:
            for _ in range(ROUNDS):
                set_all_subscribed(
                    project_id=project.pk,
                    contact_ids=ids,
                    subscribed=False,
                    act=Act(Door.API),
                )
        finally:
            connection.close()

    with (
        # Nobody mends it behind our back.
        patch("plunk.api.endpoints.past_deadlocks", lambda work: work()),
        ThreadPoolExecutor(2) as pool,
    ):
        sent, changed = pool.submit(mails), pool.submit(changes)

        assert sent.result() == {200}
        changed.result()


def test_erasure_takes_the_contact_before_what_others_change_with_it(
    project: Project,
) -> None:
    """A job does it within one transaction, where a deleted row is a locked one."""
    contact = make_contact(project, "ada@example.com", subscribed=False)
    act = Act(Door.API)
    ask(project_id=project.pk, contact_ids=[contact.pk], act=act)

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        erase(project_id=project.pk, contact_ids=[contact.pk])

    statements = [query["sql"] for query in queries]
    taken = next(i for i, sql in enumerate(statements) if '"email" AS "email"' in sql)
    gone = [i for i, sql in enumerate(statements) if 'FROM "contacts_confirm' in sql]
    assert min(gone) > taken
    assert not Confirmation.objects.exists()


def test_what_lost_a_deadlock_is_done_again() -> None:
    assert past_deadlocks(failing(2, deadlock(), lambda: "done")) == "done"


def test_not_for_ever() -> None:
    with pytest.raises(OperationalError):
        past_deadlocks(failing(3, deadlock(), lambda: "done"))


def test_other_trouble_of_the_database_is_not_tried_again() -> None:
    with pytest.raises(OperationalError):
        past_deadlocks(failing(1, OperationalError("gone"), lambda: "done"))


def test_an_event_that_lost_a_deadlock_is_recorded_once(api: Api) -> None:
    second = failing(1, deadlock(), track)

    with patch("automations.api.views.track", second):
        answer = api.post("/v1/track", {"email": "ada@example.com", "event": "seen"})

    assert answer.status_code == 200
    assert Occurrence.objects.filter(event__name="seen").count() == 1


def test_somebody_who_leaves_is_out_whoever_was_in_the_way(
    project: Project, client: Client
) -> None:
    contact = make_contact(project, "ada@example.com")
    url = unsubscribe_url(project_id=project.pk, contact_id=contact.pk)
    path = "/unsubscribe/" + url.rpartition("/")[2]

    with patch.object(choosing, "leave", failing(2, deadlock(), choosing.leave)):
        answer = client.post(path, {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    contact.refresh_from_db()
    assert not contact.subscribed
