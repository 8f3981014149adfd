"""What becomes of mails is an event of its contact."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import (
    Arrival,
    Event,
    Occurrence,
    Run,
    Visit,
    VisitState,
    Workflow,
    WorkflowVersion,
)
from campaigns.models import Campaign
from contacts.segments.scopes import database_now
from plunk.ids import new_id
from plunk.projects.models import Project
from tests.transactional.mails import make_email
from tests.transactional.test_feedback import K, bounce, complaint, minutes, tell
from transactional import templates
from transactional.feedback import apply_feedback
from transactional.models import Content, Email, SavedBy, Source, Template

pytestmark = pytest.mark.django_db
BASE = {
    *("subject", "from", "fromName", "messageId", "emailId", "templateId"),
    *("campaignId", "sourceType"),
}
OTHERS = ["email.open", "email.click", "email.bounce", "email.complaint"]


BROWSER = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Safari/605.1.15"
)


def names() -> list[str]:
    return sorted(Occurrence.objects.values_list("event__name", flat=True))


def told(name: str) -> dict[str, Any]:
    """Return what came along with the only event of a name."""
    data = Occurrence.objects.get(event__name=name).data
    assert isinstance(data, dict)
    return data


def opened(email: Email, number: int = 1, **changes: Any) -> Any:
    changes = {"at": minutes(30 + number), **changes}
    detail = {"userAgent": BROWSER, "ipAddress": "192.0.2.1"}
    return tell(email, K.OPEN, key=f"open-{number}", detail=detail, **changes)


def clicked(email: Email) -> Any:
    detail = {"link": "https://example.com/", "userAgent": BROWSER}
    return tell(email, K.CLICK, key="click", at=minutes(60), detail=detail)


def listen(project: Project, name: str) -> None:
    Event.objects.update_or_create(
        project=project, name=name, defaults={"is_heard": True}
    )


def campaign(project: Project, name: str = "Spring -- sale!") -> Campaign:
    return Campaign.objects.create(project=project, name=name)


def template(project: Project, name: str = "Hi {{name}} - your code") -> Template:
    return templates.create(
        project_id=project.pk,
        written={"name": name, "subject": "Hi", "body": "<p>Hi</p>"},
        saved_by=SavedBy.API,
    )


def workflow_mail(project: Project, **fields: Any) -> tuple[Workflow, Email]:
    email = make_email(project, source=Source.WORKFLOW, **fields)
    workflow = Workflow.objects.create(project=project, name="W", draft={})
    version = WorkflowVersion.objects.create(workflow=workflow, number=1, definition={})
    run = Run.objects.create(
        project=project,
        workflow=workflow,
        version=version,
        contact=email.contact,
        entry_id=new_id(),
    )
    visit = Visit.objects.create(
        run=run,
        number=1,
        step_id=new_id(),
        state=VisitState.COMPLETED,
        started_at=database_now(),
    )
    email.origin_id = visit.pk
    email.save(update_fields=["origin_id"])
    return workflow, email


def test_what_a_person_does_is_stored(project: Project) -> None:
    email = make_email(project, from_name="Ada")

    apply_feedback(batch=[tell(email, K.SEND), tell(email, K.DELIVERY)])
    apply_feedback(batch=[opened(email), clicked(email), complaint(email)])

    assert [name for name in names() if name.startswith("email.")] == [
        "email.click",
        "email.complaint",
        "email.open",
    ]
    row = Occurrence.objects.get(event__name="email.open")
    assert row.contact_id == email.contact_id
    data = told("email.open")
    assert data.keys() == BASE | {"openedAt", "opens", "isFirstOpen"}
    assert data | {"emailId": str(email.pk), "subject": "Hello"} == data
    assert (data["sourceType"], data["isFirstOpen"]) == ("TRANSACTIONAL", True)
    assert told("email.click")["link"] == "https://example.com/"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Permanent", {"bounceType": "Permanent", "bouncedAt": None}),
        ("Transient", {"bounceType": "Transient", "transientBounce": True}),
    ],
)
def test_a_bounce_says_of_which_kind(project: Project, kind: str, more: Any) -> None:
    apply_feedback(batch=[bounce(make_email(project), kind)])

    data = told("email.bounce")
    assert data.keys() == BASE | more.keys()
    assert data["bounceType"] == kind


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        (K.SEND, "email.sent", "sentAt"),
        (K.DELIVERY, "email.delivery", "deliveredAt"),
    ],
)
def test_what_every_mail_does_is_stored_where_somebody_listens(
    project: Project, kind: Any, name: str, more: str
) -> None:
    apply_feedback(batch=[tell(make_email(project), kind)])
    before = names()
    listen(project, name)
    apply_feedback(batch=[tell(make_email(project), kind)])

    assert (before, names()) == ([], [name])
    row = Occurrence.objects.get()
    assert told(name).keys() == BASE | {more}
    assert Arrival.objects.get().occurrence == row


def test_a_scanner_is_nobody(project: Project) -> None:
    email = make_email(project)

    apply_feedback(batch=[tell(email, K.DELIVERY)])
    nameless = {"userAgent": "", "ipAddress": "192.0.2.1"}
    apply_feedback(batch=[tell(email, K.OPEN, at=minutes(9), detail=nameless)])

    email.refresh_from_db()
    assert (email.opens, email.machine_opens, names()) == (0, 1, [])


def test_a_test_is_no_news(project: Project) -> None:
    apply_feedback(batch=[opened(make_email(project, source=Source.TEST))])

    assert names() == []


def test_a_subject_is_told_as_it_was_read(project: Project) -> None:
    content = Content.objects.create(
        id=new_id(), project=project, subject="Hi {{ who ?? you }}", body="x"
    )
    email = make_email(project, variables={"who": "Ada"})
    email.content = content
    email.save(update_fields=["content"])

    apply_feedback(batch=[opened(email)])

    assert told("email.open")["subject"] in {"Hi Ada", "Hi you"}


def test_a_campaign_has_events_of_its_own(project: Project) -> None:
    it = campaign(project)
    mails = [
        make_email(
            project,
            to_email=f"c{number}@example.com",
            source=Source.CAMPAIGN,
            origin_id=it.pk,
        )
        for number in range(2)
    ]

    apply_feedback(batch=[tell(mails[0], K.DELIVERY), opened(mails[0])])
    listen(project, "spring--sale-campaign-delivered")
    apply_feedback(batch=[tell(mails[1], K.DELIVERY)])

    assert names() == [
        "email.open",
        "spring--sale-campaign-delivered",
        "spring--sale-campaign-opened",
    ]
    own = Event.objects.filter(campaign_id=it.pk)
    assert sorted(own.values_list("tells", flat=True)) == ["delivered", "opened"]
    data = told("email.open")
    assert (data["campaignId"], data["sourceType"]) == (str(it.pk), "CAMPAIGN")


def test_a_template_has_events_from_the_beginning(project: Project) -> None:
    it = template(project)

    assert sorted(Event.objects.values_list("name", "template_id")) == [
        ("hi-name--your-code-template-delivered", it.pk),
        ("hi-name--your-code-template-opened", it.pk),
    ]


def test_a_template_s_events_tell_of_mails_of_workflows_only(project: Project) -> None:
    it = template(project, "Hi")
    workflow, email = workflow_mail(project, template=it)
    apply_feedback(batch=[opened(make_email(project, template=it))])
    before = names()

    listen(project, "email.open")
    apply_feedback(batch=[tell(email, K.DELIVERY), opened(email)])

    assert before == ["email.open"]
    assert names() == [
        "email.open",
        "email.open",
        "hi-template-delivered",
        "hi-template-opened",
    ]
    assert told("hi-template-opened")["workflowId"] == str(workflow.pk)
    assert Arrival.objects.get().cause_id == workflow.pk


def test_two_templates_of_one_name_have_events_each(project: Project) -> None:
    template(project, "Hi")
    template(project, "hi!")

    assert sorted(Event.objects.values_list("name", flat=True)) == [
        "hi-template-delivered",
        "hi-template-delivered-2",
        "hi-template-opened",
        "hi-template-opened-2",
    ]


def test_a_name_that_is_tracked_already_becomes_the_template_s(
    project: Project,
) -> None:
    event = Event.objects.create(project=project, name="hi-template-opened")

    it = template(project, "Hi")

    event.refresh_from_db()
    assert (event.template_id, event.tells) == (it.pk, "opened")


def test_events_follow_the_name_of_their_template(project: Project) -> None:
    it = template(project, "Hi")
    listen(project, "hi-template-opened")

    templates.change(template=it, written={"name": "Ho"}, saved_by=SavedBy.API)

    found = set(Event.objects.values_list("name", flat=True))
    assert found == {"ho-template-delivered", "hi-template-opened"}


def test_a_deleted_template_leaves_only_what_happened(project: Project) -> None:
    it = template(project, "Hi")
    opened_ = Event.objects.get(name="hi-template-opened")
    Occurrence.objects.create(project=project, event=opened_)

    templates.delete(template=it)

    left = Event.objects.get()
    assert (left.name, left.template_id, left.tells) == (opened_.name, None, "")


def test_deliveries_that_nobody_waits_for_cost_one_statement(project: Project) -> None:
    costs = []
    for start in (0, 10):
        mails = [
            make_email(project, to_email=f"c{n}@example.com")
            for n in range(start, start + 10 + start)
        ]
        batch = [tell(email, K.DELIVERY) for email in mails]
        with CaptureQueriesContext(connection) as queries:
            apply_feedback(batch=batch)
        costs.append(
            sum("automations_" in query["sql"] for query in queries.captured_queries)
        )

    assert costs == [1, 1]
