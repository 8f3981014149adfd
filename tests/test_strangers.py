"""A stranger gets nothing of a project, at any address there is.

The addresses are read from the URL configurations. Each one needs a case here: a page
of a project says which things it is about, an endpoint how a stranger would ask for
what is not theirs, and whatever is open to everybody why it may be. An address without
a case fails.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from automations.definitions import Trigger, beginning
from automations.models import (
    Event,
    Occurrence,
    Run,
    TriggerType,
    WebhookCall,
    WebhookEndpoint,
    Workflow,
    WorkflowVersion,
)
from campaigns.models import Campaign, Variant
from contacts.models import (
    Contact,
    Job,
    JobKind,
    SavedView,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    Topic,
)
from plunk.projects.creating import NewProject, create_project
from plunk.projects.models import ApiKey, Project, Role, User
from plunk.simulator.models import SimulatedMessage
from tests.addresses import OPEN, PAGES
from tests.automations.api.strangers import ENDPOINTS as WORKFLOW_ENDPOINTS
from tests.automations.events.strangers import ENDPOINTS as EVENT_ENDPOINTS
from tests.campaigns.api.strangers import ENDPOINTS as CAMPAIGN_ENDPOINTS
from tests.conftest import NOBODY, Api
from tests.contacts.api.strangers import ENDPOINTS as CONTACT_ENDPOINTS
from tests.pages.rows import make_contact, make_email, make_occurrence
from tests.routes import Route, routes
from tests.transactional.domains.strangers import ENDPOINTS as DOMAIN_ENDPOINTS
from tests.transactional.templates.strangers import ENDPOINTS as TEMPLATE_ENDPOINTS
from transactional.models import (
    Domain,
    Email,
    Image,
    MailKind,
    SenderAddress,
    Template,
    TemplateVersion,
)

#: What nobody but alice and bob may ever read.
SECRET = "alices-own-secret"
#: As long, and nowhere.
UNHEARD = "nobodys-own-words"


@dataclass(frozen=True)
class Alices:
    """One thing of each kind in alice's project."""

    project: Project
    contact: Contact
    template: Template
    campaign: Campaign
    things: dict[str, object]


#: How a stranger would ask each endpoint for what is alice's.
ENDPOINTS: dict[str, Callable[[Api, Alices], list[Any]]] = {
    "send": lambda api, it: [
        api.post(
            "/v1/send",
            {
                "to": "ann@example.com",
                "template": str(it.template.pk),
                "data": {"x": 1},
            },
        ),
        api.post(
            "/v1/send",
            {
                "to": "ann@example.com",
                "subject": "x",
                "body": "{{ secret }}",
                "subscribed": False,
                "projectId": str(it.project.pk),
            },
        ),
    ],
    "track": lambda api, it: [
        api.post(
            "/v1/track",
            {
                "email": "ann@example.com",
                "event": "bought",
                "subscribed": False,
                "data": {"id": str(it.things["contact_id"]), "secret": None},
            },
        )
    ],
}

ENDPOINTS |= CAMPAIGN_ENDPOINTS
ENDPOINTS |= CONTACT_ENDPOINTS
ENDPOINTS |= DOMAIN_ENDPOINTS
ENDPOINTS |= EVENT_ENDPOINTS
ENDPOINTS |= TEMPLATE_ENDPOINTS
ENDPOINTS |= WORKFLOW_ENDPOINTS

ALL = [*routes("plunk.urls"), *routes("plunk.api.root_urls")]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Cast:
    """Two users, a project of each, and what is in alice's."""

    alice: User
    charlie: User
    new_project: NewProject
    other_project: NewProject
    alices: Alices


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    """Make the cast once; what a test does to it ends with the test's own savepoint."""
    around = transaction.atomic()
    with django_db_blocker.unblock():
        around.__enter__()
        try:
            cast = _cast()
        except BaseException:
            around.__exit__(*sys.exc_info())
            raise
    yield cast
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        around.__exit__(None, None, None)


@pytest.fixture
def cast(db: None, made: Cast) -> Cast:
    """Return the cast as the database has it, whatever tests did to the objects."""
    return deepcopy(made)


@pytest.fixture
def alice(cast: Cast) -> User:
    return cast.alice


@pytest.fixture
def charlie(cast: Cast) -> User:
    return cast.charlie


@pytest.fixture
def new_project(cast: Cast) -> NewProject:
    return cast.new_project


@pytest.fixture
def other_project(cast: Cast) -> NewProject:
    return cast.other_project


@pytest.fixture
def alices(cast: Cast) -> Alices:
    return cast.alices


def _cast() -> Cast:
    alice = User.objects.create_user("alice@example.com", "correct horse")
    charlie = User.objects.create_user("charlie@example.com", "correct horse")
    new_project = create_project(name="Acme", owner=alice)
    other_project = create_project(name="Other", owner=charlie)
    alices = fill(new_project.project)
    return Cast(alice, charlie, new_project, other_project, alices)


def fill(project: Project) -> Alices:
    """Fill alice's project; charlie's stays empty."""
    contact = make_contact(project, "ann@example.com", data={"secret": SECRET})
    email = make_email(project, contact, subject=SECRET, body=f"<p>{SECRET}</p>")
    make_occurrence(project, contact, "bought")
    Occurrence.objects.update(data={"secret": SECRET})
    Suppression.objects.create(project=project, email="x@example.com", reason="BOUNCE")
    Domain.objects.create(project=project, name="secret.example.com")
    template = Template.objects.create(
        project=project,
        name=SECRET,
        subject=SECRET,
        body=f"<p>{SECRET}</p>",
        kind=MailKind.TRANSACTIONAL,
    )
    TemplateVersion.objects.create(
        template=template, number=1, name=SECRET, subject=SECRET, body=SECRET
    )
    message = SimulatedMessage.objects.create(
        message_id="0100-a11ce-000001",
        project_id=project.pk,
        sender="a@example.com",
        recipients=["ann@example.com"],
        subject=SECRET,
        raw=f"Subject: {SECRET}\r\n\r\n{SECRET}".encode(),
        outcome="Send",
    )
    segment = Segment.objects.create(
        project=project, name=SECRET, type=SegmentType.STATIC
    )
    SegmentMembership.objects.create(segment=segment, contact=contact)
    campaign = Campaign.objects.create(
        project=project, name=SECRET, from_email="secret@example.com"
    )
    Variant.objects.create(campaign=campaign, subject=SECRET, body=f"<p>{SECRET}</p>")
    endpoint = WebhookEndpoint.objects.create(
        project=project, url=f"https://secret.example/{SECRET}"
    )
    things: dict[str, object] = {
        "contact_id": contact.pk,
        "campaign_id": campaign.pk,
        "email_id": email.pk,
        "template_id": template.pk,
        "suppression_id": Suppression.objects.get(project=project).pk,
        "view_id": SavedView.objects.create(
            project=project, name=SECRET, parameters={"query": [["q", SECRET]]}
        ).pk,
        "topic_id": Topic.objects.create(project=project, name=SECRET).pk,
        "key_id": ApiKey.objects.filter(project=project).earliest("pk").pk,
        "message_id": message.message_id,
        "segment_id": segment.pk,
        "endpoint_id": endpoint.pk,
        "call_id": WebhookCall.objects.create(
            project=project,
            endpoint=endpoint,
            method="POST",
            url=f"https://secret.example/{SECRET}",
            body=SECRET,
        ).pk,
        "event_id": Event.objects.get(project=project, name="bought").pk,
        "occurrence_id": Occurrence.objects.get(project=project).pk,
        "domain_id": Domain.objects.get(project=project).pk,
        "sender_id": SenderAddress.objects.create(
            project=project, email="secret@example.com", name=SECRET
        ).pk,
        "image_id": Image.objects.create(
            project=project,
            name=SECRET,
            content_type="image/png",
            width=1,
            height=1,
            size=3,
            digest=b"digest",
            data=b"png",
        ).pk,
        "slug": "none",
        "version": 1,
        "number": 0,
        "import_id": Job.objects.create(project=project, kind=JobKind.IMPORT).pk,
        "job_id": Job.objects.create(
            project=project, kind=JobKind.DELETE, parameters={"mode": "ids", "ids": []}
        ).pk,
    }
    things |= _fill_workflow(project, contact)
    return Alices(project, contact, template, campaign, things)


def _fill_workflow(project: Project, contact: Contact) -> dict[str, object]:
    """Make a workflow with a version and a run that waits."""
    trigger = Trigger(TriggerType.EVENT, {"eventName": "bought"})
    document = beginning(trigger, name=SECRET)
    workflow = Workflow.objects.create(project=project, name=SECRET, draft=document)
    # `number` is 0 for every address.
    version = WorkflowVersion.objects.create(
        workflow=workflow, number=0, definition=document
    )
    Workflow.objects.filter(pk=workflow.pk).update(live=version, enabled=True)
    run = Run.objects.create(
        project=project,
        workflow=workflow,
        version=version,
        contact=contact,
        entry_id=uuid4(),
        state="WAITING",
        context={"secret": SECRET},
    )
    return {"workflow_id": workflow.pk, "run_id": run.pk}


#: Ids that nothing has, of the same shape.
UNKNOWN: dict[str, Callable[[], object]] = {
    "contact_id": uuid4,
    "campaign_id": uuid4,
    "email_id": uuid4,
    "template_id": uuid4,
    "topic_id": uuid4,
    "key_id": uuid4,
    "view_id": uuid4,
    "suppression_id": uuid4,
    "segment_id": uuid4,
    "event_id": uuid4,
    "endpoint_id": uuid4,
    "call_id": uuid4,
    "occurrence_id": uuid4,
    "workflow_id": uuid4,
    "run_id": uuid4,
    "domain_id": uuid4,
    "sender_id": uuid4,
    "image_id": uuid4,
    "job_id": uuid4,
    "message_id": lambda: "0100-a11ce-999999",
    "number": lambda: 0,
    "slug": lambda: "nobodys",
    "version": lambda: 1,
}


def is_admin(route: Route) -> bool:
    return route.pattern.startswith("admin/")


def test_every_address_has_a_case() -> None:
    known = OPEN.keys() | PAGES.keys() | ENDPOINTS.keys()

    missing = {route.label for route in ALL if not is_admin(route)} - known
    gone = known - {route.label for route in ALL}

    assert missing == set(), "Say in tests/addresses.py why, or for whom, these are."
    assert gone == set(), "These are no addresses any more."


def test_whatever_names_a_project_is_a_page_of_one() -> None:
    """An address with a project's id cannot be open to everybody."""
    within = {route.label for route in ALL if "project_id" in route.pattern}

    assert within == PAGES.keys()
    for route in ALL:
        if route.label in PAGES:
            named = set(re.findall(r"<(?:\w+:)?(\w+)>", route.pattern))
            assert named == {"project_id", *PAGES[route.label]}, route


@cache
def rows_of_a_project() -> dict[str, str]:
    """Return for each model the statement that reads its rows of a project.

    Made once: hundreds of tests read every table twice.
    """
    statements = {}
    for model in apps.get_models():
        names = {field.name for field in model._meta.get_fields()}
        found = model._default_manager.order_by("pk")
        if model is Project:
            found = found.filter(pk=NOBODY)
        elif "project" in names or "project_id" in names:
            found = found.filter(project_id=NOBODY)
        else:
            continue
        sql, parameters = found.query.sql_with_params()
        assert len(parameters) == 1, "the project is all that is asked for"
        statements[model.__name__] = sql
    return statements


def snapshot(project: Project) -> dict[str, list[Any]]:
    """Return every row of a project."""
    key = Project._meta.pk.get_db_prep_value(project.pk, connection)
    with connection.cursor() as cursor:
        return {
            name: cursor.execute(sql, [key]).fetchall()
            for name, sql in rows_of_a_project().items()
        }


def shown(response: Any) -> bytes:
    """Return what a visitor sees, without what differs from request to request."""
    content: bytes = b"".join(response) if response.streaming else response.content
    return re.sub(rb'(nonce|csrf\w*)[="\'\s:]+[\w-]+|value="\w{64}"', b"", content)


def url_of(name: str, project: object, things: dict[str, object]) -> str:
    kwargs = {thing: things[thing] for thing in PAGES[name]}
    return reverse(name, kwargs={"project_id": project, **kwargs})


def ask(client: Client, url: str) -> Iterator[tuple[str, Any]]:
    for method in METHODS:
        fields = {
            "name": "taken",
            "subscribed": "no",
            "role": Role.OWNER,
            "confirm": "y",
        }
        extra: dict[str, Any] = {}
        if method == "POST":
            yield method, client.post(url, fields)
            extra["HTTP_HX_REQUEST"] = "true"
        yield method, client.generic(method, url, **extra)


each_page = pytest.mark.parametrize("page", PAGES)


@each_page
def test_a_project_of_others_is_as_unknown_as_none(
    page: str, alices: Alices, charlie: User
) -> None:
    client = Client()
    client.force_login(charlie)
    before = snapshot(alices.project)

    theirs = list(ask(client, url_of(page, alices.project.pk, alices.things)))
    none = list(ask(client, url_of(page, uuid4(), alices.things)))

    for (method, real), (_, unknown) in zip(theirs, none, strict=True):
        assert real.status_code == unknown.status_code, method
        assert real.status_code in {404, 405}, (method, real.status_code)
        assert shown(real) == shown(unknown), method
    assert snapshot(alices.project) == before


@pytest.mark.parametrize("page", [page for page in PAGES if PAGES[page]])
def test_a_thing_of_others_is_as_unknown_as_none(
    page: str, alices: Alices, charlie: User, other_project: NewProject
) -> None:
    """By an address within charlie's own project."""
    client = Client()
    client.force_login(charlie)
    own = other_project.project.pk
    before = snapshot(alices.project)
    unknown_things = {name: make() for name, make in UNKNOWN.items()}

    theirs = list(ask(client, url_of(page, own, alices.things)))
    none = list(ask(client, url_of(page, own, unknown_things)))

    for (method, real), (_, unknown) in zip(theirs, none, strict=True):
        assert real.status_code == unknown.status_code, method
        assert real.status_code in {404, 405}, (method, real.status_code)
        assert shown(real) == shown(unknown), method
        assert SECRET.encode() not in shown(real)
    assert snapshot(alices.project) == before


@pytest.mark.parametrize("page", [page for page in PAGES if not PAGES[page]])
def test_ones_own_pages_hold_nothing_of_others(
    page: str, alices: Alices, charlie: User, other_project: NewProject
) -> None:
    client = Client()
    client.force_login(charlie)

    url = url_of(page, other_project.project.pk, {})
    for query in ("", f"?q={SECRET}", "?search=ann", f"?before={uuid4()}", "?after=x"):
        content = shown(client.get(url + query))

        # What was asked for may be repeated; what was found may not.
        if SECRET in query:
            unheard = shown(client.get(url + query.replace(SECRET, UNHEARD)))
            repeated = unheard.count(UNHEARD.encode())
        else:
            repeated = 0
        assert content.count(SECRET.encode()) == repeated, query
        assert str(alices.project.pk).encode() not in content
        assert str(alices.things["contact_id"]).encode() not in content
        assert b"ann@example.com" not in content


@each_page
def test_who_is_not_logged_in_is_sent_to_log_in(page: str, alices: Alices) -> None:
    before = snapshot(alices.project)

    for method, response in ask(
        Client(), url_of(page, alices.project.pk, alices.things)
    ):
        is_redirect = response.status_code == 302 or "HX-Redirect" in response
        assert is_redirect or response.status_code in {204, 403, 405}, method
        assert SECRET.encode() not in shown(response)
        if response.status_code == 302:
            assert response["Location"].startswith("/auth/login/")
    assert snapshot(alices.project) == before


@each_page
def test_a_key_opens_no_page(page: str, alices: Alices, api: Api) -> None:
    """Nor does the project's own secret key: pages are for people."""
    response = api.client.get(
        url_of(page, alices.project.pk, alices.things),
        HTTP_AUTHORIZATION=f"Bearer {api.key}",
    )

    assert response.status_code in {302, 405}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_strangers_key_reaches_nothing(
    endpoint: str, alices: Alices, stranger_api: Api, other_project: NewProject
) -> None:
    before = snapshot(alices.project)

    responses = ENDPOINTS[endpoint](stranger_api, alices)

    for response in responses:
        assert SECRET.encode() not in response.content
        for thing in (*alices.things.values(), alices.template.pk, alices.project.pk):
            if len(str(thing)) > 10:
                assert str(thing).encode() not in response.content
    assert snapshot(alices.project) == before
    own = other_project.project
    assert not Email.objects.exclude(project__in=[own, alices.project]).exists()
    assert not Contact.objects.filter(project=own, data__secret=SECRET).exists()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_session_is_no_key(endpoint: str, alices: Alices, alice: User) -> None:
    """Another site could make a browser send its cookies; it cannot send a key."""
    client = Client()
    client.force_login(alice)

    for response in ENDPOINTS[endpoint](Api(client, ""), alices):
        assert response.status_code == 401


@pytest.mark.parametrize(
    "route",
    [route for route in routes("plunk.urls") if is_admin(route)],
    ids=lambda route: route.label,
)
@pytest.mark.parametrize("who", ["charlie", "alice", None])
def test_the_operators_pages_are_for_staff(
    route: Route, who: str | None, alices: Alices, request: pytest.FixtureRequest
) -> None:
    """Alice owns a project, which makes her no operator."""
    client = Client()
    if who:
        client.force_login(request.getfixturevalue(who))
    samples = {
        "object_id": str(alices.project.pk),
        "app_label": "projects",
        "content_type_id": "1",
        "url": "projects/project/",
    }
    before = snapshot(alices.project)
    path = "/" + re.sub(
        r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)",
        lambda match: samples[match[1] or match[2]],
        route.pattern,
    ).replace("^", "").replace("$", "").replace("\\", "")

    for method in ("GET", "POST"):
        response = client.generic(method, path)
        is_open = route.name in {"login", "logout"}
        assert response.status_code in (
            {200, 302, 403, 405} if is_open else {302, 403, 404}
        )
        assert SECRET.encode() not in shown(response)
        if response.status_code == 302 and not is_open:
            assert "/login/" in response["Location"]
    assert snapshot(alices.project) == before


def test_mail_of_accounts_is_in_no_members_inbox(
    alices: Alices, charlie: User, other_project: NewProject
) -> None:
    """A link that sets a new password would open any account."""
    SimulatedMessage.objects.create(
        message_id="0100-acc0-000001",
        project_id=None,
        sender="no-reply@example.com",
        recipients=["alice@example.com"],
        subject=SECRET,
        raw=f"Subject: {SECRET}\r\n\r\n{SECRET}".encode(),
        outcome="Send",
    )
    client = Client()
    client.force_login(charlie)
    own = other_project.project.pk
    things: dict[str, object] = {"message_id": "0100-acc0-000001", "number": 0}

    assert SECRET.encode() not in shown(client.get(url_of("inbox", own, {})))
    for page in ("inbox_message", "inbox_html", "inbox_raw", "inbox_react"):
        for _, response in ask(client, url_of(page, own, things)):
            assert response.status_code in {404, 405}


def test_the_snapshot_sees_a_change(alices: Alices) -> None:
    """What these tests rest on."""
    before = snapshot(alices.project)

    Contact.objects.filter(project=alices.project).update(subscribed=False)

    assert snapshot(alices.project) != before
    assert before["Contact"]
    assert before["Email"]
