"""Several who write and send the same campaign at the same moment (H1, H4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from campaigns.models import Campaign, Recipient, Run, Variant
from contacts.models import ConsentChange, Contact
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.campaigns.api.bodies import BODY, CLASSIC
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.conftest import Api
from tests.transactional.fakes import FakeSes
from transactional.models import Content, Email

pytestmark = pytest.mark.django_db(transaction=True)

#: Sessions at once.
THREADS = 6
Crowd = Callable[[list[Callable[[], Any]]], list[Any]]


@pytest.fixture
def crowd(new_project: NewProject) -> Iterator[Crowd]:
    """Return what does many things at once, each in a database session of its own."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield lambda works: list(pool.map(lambda one: one(), works))
        everyone = Barrier(THREADS)
        list(pool.map(_leave, [everyone] * THREADS))


def _leave(everyone: Barrier) -> None:
    """Close the sessions of one thread, once each thread is here."""
    everyone.wait()
    connections.close_all()


def apart(api: Api) -> Api:
    return Api(Client(), api.key)


def test_twenty_clicks_are_one_launch(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes, crowd: Crowd
) -> None:
    people(project, 3)
    campaign = make_campaign()
    current = f"/api/campaigns/{campaign.pk}/send"
    classic = {"id": str(campaign.pk), "live": True}

    answers = crowd(
        [lambda: apart(api).post(current, {})] * 10
        + [lambda: apart(api).post("/v1/campaigns/send", classic)] * 10
    )
    work()

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert Run.objects.count() == 1
    assert sorted(call["to"] for call in ses.calls) == [
        f"r{number}@example.com" for number in range(3)
    ]


def test_a_change_is_sent_or_refused(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes, crowd: Crowd
) -> None:
    """H4: words and recipients go out together, as they were before or after."""
    people(project, 4)
    campaign = make_campaign(audience_type="RECIPIENTS", subject="Before")
    first = Contact.objects.get(email="r0@example.com")
    Recipient.objects.create(campaign=campaign, contact=first)
    path = f"/api/campaigns/{campaign.pk}"
    after = {"subject": "After", "recipients": ["r2@example.com", "new@example.com"]}

    changed, sent, *_ = crowd(
        [
            lambda: apart(api).send("PUT", path, after),
            lambda: apart(api).post(f"{path}/send", {}),
        ]
    )
    work()

    assert (sent.status_code, changed.status_code) in {(200, 200), (200, 409)}
    is_after = changed.status_code == 200
    assert Variant.objects.get().subject == ("After" if is_after else "Before")
    assert {row.subject for row in Content.objects.all()} == {
        "After" if is_after else "Before"
    }
    got = set(Email.objects.values_list("to_email", flat=True))
    assert got == (set(after["recipients"]) if is_after else {"r0@example.com"})


def test_the_same_new_addresses_become_contacts_once(api: Api, crowd: Crowd) -> None:
    addresses = [f"p{number}@example.com" for number in range(50)]
    body = CLASSIC | {"recipients": addresses}
    backwards = BODY | {"recipients": addresses[::-1], "audienceType": None}

    answers = crowd(
        [lambda: apart(api).post("/v1/campaigns", body)] * 4
        + [lambda: apart(api).post("/api/campaigns", backwards)] * 4
    )

    assert {answer.status_code for answer in answers} == {200, 201}
    assert (Contact.objects.count(), ConsentChange.objects.count()) == (50, 50)
    assert Recipient.objects.count() == 8 * 50


def test_of_two_editors_one_is_told(
    api: Api, make_campaign: MakeCampaign, crowd: Crowd
) -> None:
    path = f"/api/campaigns/{make_campaign().pk}"

    answers = crowd(
        [
            lambda: apart(api).send("PUT", path, {"name": "Mine", "version": 1}),
            lambda: apart(api).send("PUT", path, {"name": "Yours", "version": 1}),
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert Campaign.objects.get().version == 2
