from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from contacts.models import Contact
from plunk.pages.paging import ByText, ByTime, Cursor, Order, page
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact

HOSTILE = [
    "x",
    "\x00" * 32,
    "A" * 32,
    "é" * 32,
    "-" * 32,
    "A" * 100_000,
    base64.urlsafe_b64encode(b"\x7f" + b"\xff" * 23).decode(),
    base64.urlsafe_b64encode(b"\xff" * 24).decode(),
    "' OR 1=1 --",
]


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC), uuid4())

    assert Cursor.read(str(cursor)) == cursor


@pytest.mark.parametrize("text", HOSTILE)
def test_a_broken_cursor_shows_the_first_page(
    text: str, client: Client, project: Project, alice: User
) -> None:
    make_contact(project, "ada@example.com")
    client.force_login(alice)

    for path in ("contacts/", "emails/", "activity/"):
        answer = client.get(
            f"/projects/{project.pk}/{path}",
            {"cursor": text, "before": text, "after": text, "q": ""},
        )
        assert answer.status_code == 200


def test_pages_show_every_row_once_though_many_have_the_same_time(
    project: Project,
) -> None:
    for _ in range(12):
        make_contact(project)
    Contact.objects.update(created_at=Contact.objects.earliest("pk").created_at)
    make_contact(project)

    seen: list[UUID] = []
    cursor = ""
    while True:
        found = page(Contact.objects.filter(project=project), cursor=cursor, size=5)
        seen += [row.pk for row in found.rows]
        if found.next is None:
            break
        cursor = str(found.next)

    assert len(seen) == len(set(seen)) == 13


@pytest.mark.parametrize("micros", [0, 1, 999, 1000, 120_000, 123_456])
def test_a_page_goes_on_after_rows_written_by_either_clock(
    project: Project, micros: int
) -> None:
    at = datetime(2026, 11, 22, 12, 0, 5, micros, tzinfo=UTC)
    for number in range(4):
        contact = make_contact(project)
        Contact.objects.filter(pk=contact.pk).update(
            created_at=at - timedelta(seconds=number)
        )
    rows = Contact.objects.filter(project=project)

    first = page(rows, cursor="", size=2)
    second = page(rows, cursor=str(first.next), size=2)

    assert len({row.pk for row in first.rows + second.rows}) == 4


def test_a_cursor_of_another_project_shows_nothing_of_it(
    client: Client, project: Project, alice: User, other_project: NewProject
) -> None:
    foreign = make_contact(other_project.project, "secret@example.com")
    make_contact(project, "ada@example.com")
    foreign.refresh_from_db()
    client.force_login(alice)

    answer = client.get(
        f"/projects/{project.pk}/contacts/",
        {"cursor": str(Cursor(foreign.created_at + timedelta(days=1), foreign.pk))},
    )

    assert b"secret@example.com" not in answer.content
    assert b"ada@example.com" in answer.content


ORDERS: dict[str, Order] = {
    "newest": ByTime(),
    "oldest": ByTime(is_descending=False),
    "changed": ByTime("updated_at"),
    "address": ByText("email"),
    "address-down": ByText("email", is_descending=True),
}


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_shows_each_row_once(name: str, project: Project) -> None:
    order = ORDERS[name]
    at = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
    for number in range(9):
        contact = make_contact(project, f"{number * 7 % 10}+@example.com")
        # Two thirds share a moment, as after an import.
        moment = at + timedelta(milliseconds=500 * (number % 3 // 2))
        Contact.objects.filter(pk=contact.pk).update(
            created_at=moment, updated_at=moment
        )
    rows = Contact.objects.filter(project=project)

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        found = page(rows, cursor=cursor, size=2, order=order)
        seen += [row.email for row in found.rows]
        cursor = found.next

    expected = rows.order_by(*order.columns).values_list("email", flat=True)
    assert seen == list(expected)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ORDERS)
def test_a_broken_cursor_harms_no_order(name: str, text: str, project: Project) -> None:
    make_contact(project, "ada@example.com")

    found = page(Contact.objects.all(), cursor=text, order=ORDERS[name])

    assert found.next is None
