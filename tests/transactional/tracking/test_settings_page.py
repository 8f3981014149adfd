from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from transactional.domains.nameservice import Outcome, Question, Reply
from transactional.models import Domain
from transactional.tracking import pointing
from transactional.tracking.pointing import Pointing, look

APP = "app.plunk.example"
HOST = "click.acme.example"
CHOICE = {"tracking": "MARKETING_ONLY", "tracker": "OWN", "tracking_host": ""}

pytestmark = pytest.mark.django_db


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> dict[Question, Reply]:
    """Answer questions with what a test puts in; nothing is there otherwise."""
    records: dict[Question, Reply] = {}

    def ask_all(questions: Any, *, seconds: float) -> dict[Question, Reply]:
        return {it: records.get(it, Reply(Outcome.ABSENT)) for it in questions}

    monkeypatch.setattr(pointing, "ask_all", ask_all)
    return records


@pytest.fixture(autouse=True)
def elsewhere(settings: Settings) -> None:
    settings.APP_URI = f"https://{APP}"


@pytest.fixture
def page(client: Client, alice: User, project: Project) -> str:
    client.force_login(alice)
    return reverse("settings_tracking", args=[project.pk])


def found(*values: str) -> Reply:
    return Reply(Outcome.FOUND, values)


def strict(settings: Settings, project: Project, name: str = "acme.example") -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Domain.objects.create(project=project, name=name, verified_at=timezone.now())


def test_what_an_admin_chooses_is_saved(
    client: Client, page: str, project: Project
) -> None:
    answer = client.post(page, CHOICE | {"tracking_host": "  Click.ACME.example. "})

    assert answer.status_code == 302
    project.refresh_from_db()
    assert (project.tracking, project.tracker) == ("MARKETING_ONLY", "OWN")
    assert project.tracking_host == HOST
    assert "Saved." in client.get(page).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"tracking": "SOMETIMES"},
        {"tracking": ""},
        {"tracker": "GOOGLE"},
        {"tracking_host": "https://click.acme.example"},
        {"tracking_host": "click.acme.example/path"},
        {"tracking_host": "click.acme.example:8000"},
        {"tracking_host": "203.0.113.7"},
        {"tracking_host": "[::1]"},
        {"tracking_host": "localhost"},
        {"tracking_host": "127.0.0.1"},
        {"tracking_host": "click"},
        {"tracking_host": "a b.example"},
        {"tracking_host": "click.acme.example\r\nX: y"},
        {"tracking_host": "click\x00.acme.example"},
        {"tracking_host": "\ufffd.example"},
        {"tracking_host": "x" * 300},
        {"tracking_host": "click.gmail.com"},
        {"tracking_host": "testserver"},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_lost(
    client: Client, page: str, project: Project, wrong: dict[str, str]
) -> None:
    answer = client.post(page, CHOICE | wrong)

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    project.refresh_from_db()
    assert (project.tracking, project.tracking_host) == ("ENABLED", "")


def test_the_installations_own_host_is_nobodys(
    client: Client, page: str, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, APP]

    answer = client.post(page, CHOICE | {"tracking_host": APP})

    assert "own host" in answer.content.decode()


def test_a_host_must_belong_to_a_verified_domain(
    client: Client,
    page: str,
    project: Project,
    other_project: NewProject,
    settings: Settings,
    dns: dict[Question, Reply],
) -> None:
    dns[HOST, "CNAME"] = found(APP)
    strict(settings, other_project.project)
    Domain.objects.create(project=project, name="acme.example")

    answer = client.post(page, CHOICE | {"tracking_host": HOST})
    assert "verified domain" in answer.content.decode()

    Domain.objects.filter(project=project).update(verified_at=timezone.now())
    assert client.post(page, CHOICE | {"tracking_host": HOST}).status_code == 302
    for foreign in ("evilacme.example", "acme.example.evil.example", "example"):
        answer = client.post(page, CHOICE | {"tracking_host": foreign})
        assert answer.status_code == 200


def test_a_host_that_leads_elsewhere_is_not_used_by_mistake(
    client: Client,
    page: str,
    project: Project,
    settings: Settings,
    dns: dict[Question, Reply],
) -> None:
    strict(settings, project)
    dns[HOST, "A"] = found("198.51.100.7")

    answer = client.post(page, CHOICE | {"tracking_host": HOST})
    content = answer.content.decode()
    assert "does not show that it leads here" in content
    assert 'name="is_sure"' in content
    project.refresh_from_db()
    assert project.tracking_host == ""

    sure = CHOICE | {"tracking_host": HOST, "is_sure": "on"}
    assert client.post(page, sure).status_code == 302
    # What is in use already can be saved beside other changes.
    again = CHOICE | {"tracking_host": HOST, "tracking": "ENABLED"}
    assert client.post(page, again).status_code == 302


def test_without_a_second_set_there_is_nothing_to_choose(
    client: Client, page: str, project: Project, settings: Settings
) -> None:
    settings.SES_CONFIGURATION_SET_NO_TRACKING = ""

    content = client.get(page).content.decode()
    assert "SES_CONFIGURATION_SET_NO_TRACKING" in content
    assert 'value="DISABLED"' not in content
    assert 'value="OWN"' not in content

    for wrong in ({"tracking": "DISABLED", "tracker": "SES"}, CHOICE):
        answer = client.post(page, CHOICE | wrong)
        assert answer.status_code == 200
        assert "errorlist" in answer.content.decode()
    project.refresh_from_db()
    assert (project.tracking, project.tracker) == ("ENABLED", "SES")


def test_a_member_sees_and_changes_nothing(
    client: Client, page: str, bob: User, project: Project
) -> None:
    client.force_login(bob)

    assert "disabled" in client.get(page).content.decode()
    assert client.post(page, CHOICE).status_code == 403
    project.refresh_from_db()
    assert project.tracking == "ENABLED"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({(HOST, "CNAME"): found(APP)}, Pointing.HERE),
        (
            {(HOST, "A"): found("192.0.2.1"), (APP, "A"): found("192.0.2.1")},
            Pointing.HERE,
        ),
        (
            {(HOST, "AAAA"): found("2001:db8::1"), (APP, "AAAA"): found("2001:db8::1")},
            Pointing.HERE,
        ),
        ({(HOST, "CNAME"): found("evil.example")}, Pointing.ELSEWHERE),
        ({(HOST, "A"): found("192.0.2.9")}, Pointing.ELSEWHERE),
        ({}, Pointing.NOWHERE),
        ({(HOST, "CNAME"): Reply(Outcome.UNREACHABLE)}, Pointing.UNKNOWN),
    ],
)
def test_where_a_host_leads(
    dns: dict[Question, Reply], records: dict[Question, Reply], expected: Pointing
) -> None:
    dns.update(records)

    assert look(HOST).state is expected


def test_where_the_host_leads_is_shown_beside_it(
    client: Client, page: str, project: Project, dns: dict[Question, Reply]
) -> None:
    url = reverse("settings_tracking_host", args=[project.pk])
    assert client.get(url).content.strip() == b""

    Project.objects.filter(pk=project.pk).update(tracking_host=HOST)
    dns[HOST, "CNAME"] = found("<b>evil</b>.example")

    content = client.get(url).content.decode()
    assert "Leads elsewhere" in content
    assert "<b>" not in content
    assert url in client.get(page).content.decode()


def test_the_page_costs_what_settings_cost(client: Client, page: str) -> None:
    client.get(page)

    with CaptureQueriesContext(connection) as queries:
        client.get(page)

    assert len(queries) <= 6
