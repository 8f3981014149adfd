"""Several at once: whoever comes first decides, everybody learns what holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from automations.models import Occurrence
from contacts.asking import ask
from contacts.confirming import confirm, expire_due, remind_due
from contacts.erasing import erase
from contacts.ledger import Act
from contacts.models import (
    ChangeKind,
    Confirmation,
    ConsentChange,
    Contact,
    Door,
    SuppressionReason,
    Topic,
)
from contacts.snoozing import wake_due
from contacts.subscriptions import set_subscribed
from contacts.suppressions import suppress
from contacts.topics import set_topic
from plunk.projects.models import Project
from tests.conftest import Api
from tests.pages.rows import make_contact
from transactional.models import Email, Source

pytestmark = pytest.mark.django_db(transaction=True)


def all_at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run works in threads that start together; raises what one of them raises."""
    ready = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            ready.wait(timeout=30)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(run, work) for work in works]]


def kinds() -> list[str]:
    entries = ConsentChange.objects.order_by("created_at", "pk")
    return list(entries.values_list("kind", flat=True))


def news(name: str) -> int:
    return Occurrence.objects.filter(event__name=f"contact.{name}").count()


def yes(contact: Contact) -> bool:
    return confirm(
        project_id=contact.project_id, contact_id=contact.pk, act=Act(Door.PAGE)
    )


def no(contact: Contact) -> bool:
    return set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=False,
        act=Act(Door.PAGE),
    )


def test_yes_and_no_at_once_come_to_one_of_them(project: Project) -> None:
    contact = make_contact(project, subscribed=False)
    ask(project_id=project.pk, contact_ids=[contact.pk], act=Act(Door.API))

    all_at_once(*[partial(yes, contact)] * 5, *[partial(no, contact)] * 5)

    contact.refresh_from_db()
    words = [kind for kind in kinds() if kind != ChangeKind.ASKED]
    flips = [kind for kind in words if kind == ChangeKind.CONFIRMED]
    assert contact.subscribed == (words[-1] == ChangeKind.CONFIRMED)
    assert bool(contact.confirmed_at) == contact.subscribed
    assert news("subscribed") == len(flips)
    assert news("subscribed") - news("unsubscribed") == int(contact.subscribed)
    assert not Confirmation.objects.exists()


def test_of_many_who_confirm_one_tells_it(project: Project) -> None:
    contact = make_contact(project, subscribed=False)

    done = all_at_once(*[partial(yes, contact)] * 8)

    assert sum(done) == 1
    assert kinds() == [ChangeKind.CONFIRMED]
    assert news("subscribed") == 1


def test_whoever_leaves_as_the_pause_ends_is_out(project: Project) -> None:
    contacts = [
        make_contact(project, subscribed=False, snoozed_until=Now()) for _ in range(6)
    ]

    all_at_once(wake_due, wake_due, *[partial(no, each) for each in contacts])

    assert not Contact.objects.filter(subscribed=True).exists()
    assert not Contact.objects.filter(snoozed_until__isnull=False).exists()
    assert wake_due() == 0
    assert news("subscribed") == news("unsubscribed")


def test_of_many_who_ask_one_gets_a_mail_sent(project: Project, api: Api) -> None:
    Project.objects.update(double_opt_in=True)
    body = {"email": "dana@example.com", "event": "signed-up", "subscribed": True}

    answers = all_at_once(*[partial(api.post, "/v1/track", body)] * 8)

    assert {answer.status_code for answer in answers} == {200}
    assert Confirmation.objects.count() == 1
    assert Email.objects.filter(source=Source.CONSENT).count() == 1
    assert Occurrence.objects.filter(event__name="signed-up").count() == 8


def test_sweeps_beside_answers_remind_nobody_twice(project: Project) -> None:
    contacts = [make_contact(project, subscribed=False) for _ in range(12)]
    ids = [each.pk for each in contacts]
    ask(project_id=project.pk, contact_ids=ids, act=Act(Door.API))
    Confirmation.objects.update(remind_at=F("remind_at") - timedelta(days=3))

    all_at_once(
        *[remind_due] * 3, expire_due, *[partial(yes, each) for each in contacts[:4]]
    )

    reminded = ConsentChange.objects.filter(kind=ChangeKind.REMINDED)
    told = list(reminded.values_list("contact", flat=True))
    assert len(told) == len(set(told))
    assert set(ids[4:]) <= set(told)
    assert Contact.objects.filter(subscribed=True).count() == 4
    assert Email.objects.count() == 12 + len(told)


def test_of_many_who_suppress_one_row_stays(project: Project) -> None:
    contact = make_contact(project)
    work = partial(
        suppress,
        project_id=project.pk,
        email=contact.email,
        reason=SuppressionReason.BOUNCE,
    )

    all_at_once(*[work] * 6)

    assert project.suppressions.count() == 1


def test_of_many_who_leave_a_topic_one_tells_it(project: Project) -> None:
    contact = make_contact(project)
    topic = Topic.objects.create(project=project, name="News")
    work = partial(
        set_topic,
        project_id=project.pk,
        contact_id=contact.pk,
        topic_id=topic.pk,
        is_joined=False,
        act=Act(Door.PAGE),
    )

    assert sum(all_at_once(*[work] * 6)) == 1

    assert kinds() == [ChangeKind.TOPIC_LEFT]


def test_events_and_mails_beside_an_erasure_are_lost_or_somebody_elses(
    project: Project, api: Api
) -> None:
    contact = make_contact(project, "dana@example.com")
    event = {"email": "dana@example.com", "event": "seen"}
    mail = {"to": "dana@example.com", "subject": "S", "body": "B"}

    answers = all_at_once(
        *[partial(api.post, "/v1/track", event)] * 4,
        *[partial(api.post, "/v1/send", mail)] * 4,
        *[partial(erase, project_id=project.pk, contact_ids=[contact.pk])] * 2,
    )

    assert {answer.status_code for answer in answers[:8]} == {200}
    assert sum(answers[8:]) == 1
    assert not Contact.objects.filter(pk=contact.pk).exists()
    assert not Occurrence.objects.filter(contact_id=contact.pk).exists()
    assert not Email.objects.filter(contact_id=contact.pk).exists()
