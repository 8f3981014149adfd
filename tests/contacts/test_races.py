"""Two hundred who meet the same new contact at the same moment: Shows 4, E and F."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from automations.models import Event, Occurrence
from contacts import jobs
from contacts.models import ConsentChange, Contact, Job, JobState
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 200
#: Sessions at once; the server of the tests has a hundred for everybody.
THREADS = 16
Crowd = Callable[[list[Callable[[], Any]]], list[Any]]


@pytest.fixture
def crowd(new_project: NewProject) -> Iterator[Crowd]:
    """Return what does many things at once, each in a database session of its own."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield lambda works: list(pool.map(lambda work: work(), works))
        everyone = Barrier(THREADS)
        list(pool.map(_leave, [everyone] * THREADS))


def _leave(everyone: Barrier) -> None:
    """Close the sessions of one thread, once each thread is here."""
    everyone.wait()
    connections.close_all()


def spelled(number: int) -> str:
    """Return the address in one of its case variants."""
    letters = "ann@example.com"
    return "".join(
        letter.upper() if number >> place & 1 else letter
        for place, letter in enumerate(letters)
    )


def track(key: str, number: int) -> Any:
    return Api(Client(), key).post(
        "/v1/track",
        {
            "event": f"event {number % 7}",
            "email": spelled(number),
            "data": {f"k{number % 10}": number, "last": number},
        },
    )


def create(key: str, number: int) -> Any:
    return Api(Client(), key).post(
        "/api/contacts", {"email": spelled(number), "data": {f"c{number % 5}": number}}
    )


def classic(key: str, number: int) -> Any:
    return Api(Client(), key).post("/v1/contacts", {"email": spelled(number)})


def bring(key: str, number: int) -> Any:
    rows = [f"{spelled(number + step)},{number}" for step in range(5)]
    text = "\n".join(["email,imported", *rows, f"other{number}@example.com,1"])
    file = SimpleUploadedFile("people.csv", text.encode())
    return Client().post(
        "/api/contacts/import", {"file": file}, HTTP_AUTHORIZATION=f"Bearer {key}"
    )


def work(_key: str, _number: int) -> None:
    for _ in range(20):
        jobs.work(seconds=1)


def test_all_of_them_meet_one_contact(
    crowd: Crowd, new_project: NewProject, project: Project
) -> None:
    key = new_project.secret.value
    doors = [track, track, track, create, track, classic, bring, work]
    some = [
        (door, number)
        for number in range(CROWD // 4)
        for door in doors
        if door is track or number % 3 == 0
    ]

    answers = crowd([partial(door, key, number) for door, number in some])
    crowd([partial(work, key, 0)] * 2)

    told = Counter(
        (door.__name__, answer.status_code)
        for (door, _), answer in zip(some, answers, strict=True)
        if answer
    )
    others = len(range(0, CROWD // 4, 3))
    assert told["track", 200] == CROWD
    assert told["create", 200] + told["create", 201] == others
    assert told["create", 201] <= 1
    assert told["classic", 200] + told["classic", 409] == others
    assert told["bring", 202] == others
    contact = Contact.objects.get(project=project, email="ann@example.com")
    assert Occurrence.objects.filter(contact=contact).count() == CROWD
    assert Event.objects.filter(name__startswith="event-").count() == 7
    assert contact.data is not None
    assert {f"k{number}" for number in range(10)} <= contact.data.keys()
    assert {f"c{number}" for number in range(5)} <= contact.data.keys()
    assert {"imported", "last"} <= contact.data.keys()
    imports = Job.objects.filter(project=project)
    assert {job.state for job in imports} == {JobState.COMPLETED}
    assert sum(job.counts["duplicates"] for job in imports) == 4 * others
    assert sum(job.counts["rejected"] for job in imports) == 0
    assert Contact.objects.count() == 1 + others


def test_of_two_hundred_who_make_it_one_makes_it_new(
    crowd: Crowd, new_project: NewProject
) -> None:
    key = new_project.secret.value

    answers = crowd([partial(create, key, number) for number in range(CROWD)])

    told = Counter(answer.status_code for answer in answers)
    assert told == {201: 1, 200: CROWD - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert ConsentChange.objects.count() == 1


def test_a_flip_back_and_forth_is_told_as_often_as_it_happened(
    crowd: Crowd, new_project: NewProject
) -> None:
    key = new_project.secret.value
    create(key, 0)

    answers = crowd(
        [partial(flip, key, number, subscribed=number % 2 == 0) for number in range(60)]
    )

    assert {answer.status_code for answer in answers} == {200}
    kinds = Counter(ConsentChange.objects.values_list("kind", flat=True))
    subscribed = Contact.objects.get().subscribed
    assert kinds["SUBSCRIBED"] - kinds["UNSUBSCRIBED"] == int(subscribed)
    flips = Occurrence.objects.filter(event__name__startswith="contact.").count()
    assert flips == kinds.total() - 1


def flip(key: str, number: int, *, subscribed: bool) -> Any:
    return Api(Client(), key).post(
        "/api/contacts", {"email": spelled(number), "subscribed": subscribed}
    )


def test_one_of_twenty_gets_the_address_that_all_change_to(
    crowd: Crowd, new_project: NewProject, project: Project
) -> None:
    made = Contact.objects.bulk_create(
        Contact(project=project, email=f"c{number}@example.com") for number in range(20)
    )

    answers = crowd(
        [partial(rename, new_project.secret.value, contact.pk) for contact in made]
    )

    told = Counter(answer.status_code for answer in answers)
    assert told == {200: 1, 409: 19}


def rename(key: str, pk: object) -> Any:
    body = {"email": "ann@example.com"}
    return Api(Client(), key).send("PATCH", f"/api/contacts/{pk}", body)
