"""What holds for every page of a project, tried on each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from contacts.models import Topic
from plunk.projects.creating import NewProject
from plunk.projects.models import ApiKey, Membership, Project, Role, User
from tests.pages.rows import make_contact, make_email
from transactional.models import Domain, Image, SenderAddress


@dataclass(frozen=True)
class Route:
    name: str
    thing: str = ""
    is_form: bool = False
    #: Who may post to it; `is_seen` says that every member may look at it.
    role: Role = Role.MEMBER
    is_seen: bool = False


ROUTES = [
    Route("overview"),
    Route("overview_activity"),
    Route("contacts"),
    Route("contact", "contact_id"),
    Route("contact_activity", "contact_id"),
    Route("contact_subscription", "contact_id", is_form=True),
    Route("campaigns"),
    Route("campaign_new", is_form=True),
    Route("campaign", "campaign_id"),
    Route("campaign_write", "campaign_id", is_form=True),
    Route("campaign_html", "campaign_id"),
    Route("campaign_audience", "campaign_id", is_form=True),
    Route("campaign_details", "campaign_id", is_form=True),
    Route("campaign_send", "campaign_id", is_form=True),
    Route("campaign_schedule", "campaign_id", is_form=True),
    Route("campaign_schedule_words", "campaign_id"),
    Route("campaign_delete", "campaign_id", is_form=True),
    Route("emails"),
    Route("email", "email_id"),
    Route("email_html", "email_id"),
    Route("email_message", "email_id"),
    Route("email_source", "email_id"),
    Route("email_download", "email_id"),
    Route("settings_keys"),
    Route("settings_general", is_form=True, role=Role.ADMIN, is_seen=True),
    Route("settings_appearance", is_form=True, role=Role.ADMIN, is_seen=True),
    Route("settings_pictures"),
    Route("settings_picture_delete", "image_id", is_form=True, role=Role.ADMIN),
    Route("settings_tracking", is_form=True, role=Role.ADMIN, is_seen=True),
    Route("settings_tracking_host"),
    Route("settings_preview"),
    Route("settings_topics"),
    Route("settings_topic_new", is_form=True, role=Role.ADMIN),
    Route("settings_topic", "topic_id", is_form=True, role=Role.ADMIN),
    Route("settings_topic_archive", "topic_id", is_form=True, role=Role.ADMIN),
    Route("settings_domains"),
    Route("settings_domain_new", is_form=True, role=Role.ADMIN),
    Route("settings_domain", "domain_id"),
    Route("settings_domain_remove", "domain_id", is_form=True, role=Role.ADMIN),
    Route("settings_sending", is_form=True, role=Role.ADMIN, is_seen=True),
    Route("settings_sender_new", is_form=True, role=Role.ADMIN),
    Route("settings_sender", "sender_id", is_form=True, role=Role.ADMIN),
    Route("settings_sender_remove", "sender_id", is_form=True, role=Role.ADMIN),
    Route("settings_key_new", is_form=True, role=Role.ADMIN),
    Route("settings_key_revoke", "key_id", is_form=True, role=Role.ADMIN),
    Route("settings_key_regenerate", "key_id", is_form=True, role=Role.ADMIN),
]
FORMS = [route for route in ROUTES if route.is_form]
OF_THINGS = [route for route in ROUTES if route.thing]
OF_ADMINS = [route for route in ROUTES if route.role == Role.ADMIN]

UrlOf = Callable[..., str]


def each(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


@pytest.fixture
def url_of(project: Project) -> UrlOf:
    """Return the URL of a route, about things of the project unless told otherwise."""
    email = make_email(project, make_contact(project, "ada@example.com"))
    things = {
        "contact_id": email.contact_id,
        "email_id": email.pk,
        "campaign_id": Campaign.objects.create(project=project, name="Spring").pk,
        "topic_id": Topic.objects.create(project=project, name="News").pk,
        "domain_id": Domain.objects.create(project=project, name="acme.example").pk,
        "sender_id": SenderAddress.objects.create(
            project=project, email="a@acme.example"
        ).pk,
        "image_id": Image.objects.create(
            project=project, width=1, height=1, size=3, content_type="image/png"
        ).pk,
        "key_id": ApiKey.objects.filter(project=project).earliest("pk").pk,
    }

    def url(route: Route, *, within: Project = project, thing: object = None) -> str:
        kwargs: dict[str, object] = {"project_id": within.pk}
        if route.thing:
            kwargs[route.thing] = thing or things[route.thing]
        return reverse(route.name, kwargs=kwargs)

    return url


@each(ROUTES)
def test_a_stranger_is_told_that_nothing_is_there(
    route: Route, url_of: UrlOf, client: Client, charlie: User
) -> None:
    client.force_login(charlie)

    assert client.get(url_of(route)).status_code == 404
    assert client.post(url_of(route)).status_code in {404, 405}


@each(ROUTES)
def test_an_anonymous_visitor_is_sent_to_log_in(
    route: Route, url_of: UrlOf, client: Client
) -> None:
    answer = client.get(url_of(route))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/auth/login/?next=")


@each(ROUTES)
def test_the_owner_sees_it_and_no_cache_keeps_it(
    route: Route, url_of: UrlOf, client: Client, alice: User
) -> None:
    client.force_login(alice)

    answer = client.get(url_of(route))

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "'unsafe-eval'" not in answer["Content-Security-Policy"]


@each(OF_THINGS)
def test_a_thing_of_another_project_is_as_unknown_as_one_that_never_was(
    route: Route,
    url_of: UrlOf,
    client: Client,
    charlie: User,
    other_project: NewProject,
) -> None:
    client.force_login(charlie)

    foreign = client.get(url_of(route, within=other_project.project))
    unknown = client.get(url_of(route, within=other_project.project, thing=uuid4()))

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content


@each(OF_ADMINS)
def test_a_member_may_not_change_the_project(
    route: Route, url_of: UrlOf, client: Client, bob: User
) -> None:
    client.force_login(bob)

    assert client.get(url_of(route)).status_code == (200 if route.is_seen else 403)
    assert client.post(url_of(route)).status_code == 403


@each(OF_ADMINS)
def test_an_admin_may_change_the_project(
    route: Route, url_of: UrlOf, client: Client, bob: User
) -> None:
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    client.force_login(bob)

    assert client.get(url_of(route)).status_code == 200


@each(FORMS)
def test_a_form_from_another_site_does_nothing(
    route: Route, url_of: UrlOf, alice: User
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    answer = browser.post(url_of(route), {"name": "x", "subscribed": "no"})

    assert answer.status_code == 403
    assert b"nothing was done" in answer.content
    assert ApiKey.objects.count() == 2
    assert not ApiKey.objects.revoked().exists()


@pytest.mark.parametrize(
    "path", ["/projects/new/", "/auth/login/", "/auth/signup/", "/auth/logout/"]
)
def test_forms_outside_of_projects_are_guarded_too(path: str, alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert browser.post(path, {}).status_code == 403


def test_a_member_who_was_removed_is_out_with_the_next_request(
    client: Client, project: Project, bob: User
) -> None:
    client.force_login(bob)
    client.get(f"/projects/{project.pk}/")
    Membership.objects.filter(user=bob).delete()

    assert client.get(f"/projects/{project.pk}/").status_code == 404


def test_an_unknown_address_has_a_page_of_ours(client: Client) -> None:
    answer = client.get("/nothing/here/")

    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content
    assert b"noindex" in answer.content
