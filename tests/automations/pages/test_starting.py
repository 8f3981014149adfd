"""Beginning a workflow by hand, and why somebody is in it or not."""

from __future__ import annotations

from typing import Any

import pytest

from automations import workflows
from automations.definitions import Trigger
from automations.explaining import why
from automations.models import Run, TriggerType, Workflow
from contacts import jobs
from contacts.models import Contact, Job, Segment, SegmentMembership, SegmentType
from plunk.projects.models import Project
from tests.automations.building import live, on, settle, step
from tests.automations.conftest import Track
from tests.automations.pages.conftest import Post, Shown
from tests.conftest import NOBODY
from transactional.models import Template

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(project: Project) -> Segment:
    """A segment with three contacts."""
    segment = Segment.objects.create(
        project=project, name="Staff", type=SegmentType.STATIC
    )
    for number in range(3):
        contact = Contact.objects.create(
            project=project, email=f"s{number}@example.com"
        )
        SegmentMembership.objects.create(segment=segment, contact=contact)
    return segment


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("nobody@example.com", "Nobody with the address nobody@example.com"),
        ("not an address", "“not an address” is no e-mail address."),
        ("", "“” is no e-mail address."),
        ("\x00@example.com", "is no e-mail address."),
    ],
)
def test_a_wrong_address_is_said(
    post: Post, pausing: Workflow, email: str, said: str
) -> None:
    page = post(f"{pausing.pk}/start/", whom="contact", email=email)

    assert page.status_code == 200
    assert said in page.content.decode()
    assert not Run.objects.exists()


def test_who_has_been_in_is_not_begun_again(
    post: Post, pausing: Workflow, tracked: Track
) -> None:
    tracked("signed-up", "ada@example.com")
    settle()

    page = post(f"{pausing.pk}/start/", whom="contact", email="ada@example.com")

    assert "has been in this workflow" in page.content.decode()


def test_one_that_is_off_cannot_be_begun(
    shown: Shown, post: Post, pausing: Workflow, staff: Segment
) -> None:
    workflows.disable(workflow=pausing)

    page = shown(f"{pausing.pk}/start/")
    fields = {"whom": "segment", "segment": str(staff.pk)}
    for confirm in ("", "yes"):
        said = post(f"{pausing.pk}/start/", **fields, confirm=confirm)
        assert "That workflow is switched off." in said.content.decode()

    assert "It is switched off" in page
    assert not Job.objects.exists()


def test_a_whole_segment_is_begun_once_its_size_was_seen(
    post: Post, pausing: Workflow, staff: Segment
) -> None:
    fields = {"whom": "segment", "segment": str(staff.pk)}

    asked = post(f"{pausing.pk}/start/", **fields)
    nobody_yet = not Job.objects.exists()
    begun = post(f"{pausing.pk}/start/", **fields, confirm="yes")
    while jobs.work(seconds=10):
        continue

    assert '<strong class="num">3</strong> contacts are' in asked.content.decode()
    assert nobody_yet
    assert "/jobs/" in begun.wsgi_request.path
    assert Run.objects.filter(workflow=pausing).count() == 3


@pytest.mark.parametrize("segment", ["", "nonsense", NOBODY])
def test_a_wrong_segment_is_said(post: Post, pausing: Workflow, segment: str) -> None:
    page = post(f"{pausing.pk}/start/", whom="segment", segment=segment)

    assert "Choose a segment." in page.content.decode()


# -- why -------------------------------------------------------------------------------


def ask(workflow: Workflow, email: str = "rita@example.com") -> str:
    """Return the whole answer, read again as it is in the database."""
    workflow = workflows.workflow_of(workflow.project_id, workflow.pk)
    answer = why(workflow, email)
    return " ".join([answer.sentence, answer.change, *answer.evidence])


def events(mode: str = "ALL", **config: Any) -> Trigger:
    names = {"eventNames": ["asked", "paid"], "mode": mode}
    return Trigger(TriggerType.EVENTS, names | config)


def test_an_address_that_is_none_or_nobodys(pausing: Workflow) -> None:
    assert "is no e-mail address" in ask(pausing, "nobody")
    assert "nobody with this address" in ask(pausing, "nobody@example.com")


def test_what_begins_it_never_happened(pausing: Workflow, tracked: Track) -> None:
    tracked("else")

    said = ask(pausing)

    assert "it begins with “signed-up”, and it has ever happened" not in said
    assert "it has never happened for this contact" in said
    assert "The next “signed-up” begins it." in said


def test_it_happened_before_the_workflow_was_there(
    project: Project, tracked: Track
) -> None:
    tracked("signed-up")
    workflow = live(project, on("signed-up"), step("EXIT"))

    assert "before the workflow was published" in ask(workflow)


def test_who_is_inside_is_told_where(pausing: Workflow, tracked: Track) -> None:
    tracked("signed-up")
    settle()

    said = ask(pausing)

    assert "rita@example.com is in it: since" in said
    assert "now at “Delay”, until" in said


def test_who_was_in_it_once_cannot_begin_again(
    project: Project, tracked: Track
) -> None:
    workflow = live(project, on("signed-up"), step("EXIT"))
    tracked("signed-up")
    settle()
    once = ask(workflow)

    workflows.change(workflow=workflow, allow_reentry=True)

    assert "lets everybody in only once" in once
    assert "can begin it again" in ask(workflow)


def test_a_switched_off_one_and_one_never_published(
    project: Project, pausing: Workflow, tracked: Track
) -> None:
    tracked("else")
    bare = workflows.create(project_id=project.pk, name="Bare", trigger=on("x"))

    workflows.disable(workflow=pausing)

    assert "the workflow is off" in ask(pausing)
    assert "never switched on" in ask(bare)


def test_events_that_are_missing_or_in_the_way(
    project: Project, tracked: Track
) -> None:
    trigger = events(notEventNames=["left"])
    workflow = live(project, trigger, step("EXIT"))
    tracked("asked")
    settle()
    missing = ask(workflow)
    tracked("left")

    assert "“paid” has not happened" in missing
    assert "“asked” last happened at" in missing
    assert "kept out: “left” happened at" in ask(workflow)


def test_a_parked_one_and_an_unsubscribed_one(
    parked: Workflow, project: Project
) -> None:
    Contact.objects.filter(project=project).update(subscribed=False)

    said = ask(parked)

    assert "is parked at “Send_Email”: The template of this step was deleted." in said
    assert "The contact is not subscribed" in said


def test_one_by_hand_one_by_segment_one_by_the_clock(
    project: Project, staff: Segment, tracked: Track
) -> None:
    tracked("else")
    manual = live(project, Trigger(TriggerType.MANUAL), step("EXIT"))
    at_nine = Trigger(
        TriggerType.SCHEDULE,
        {"schedule": "0 9 * * *", "timezone": "UTC", "segmentId": str(staff.pk)},
    )
    by_clock = live(project, at_nine, step("EXIT"))
    lost = live(project, on("x"), step("EXIT"))
    moves = Trigger(TriggerType.SEGMENT_ENTRY, {"segmentId": str(staff.pk)})
    draft = workflows.create(project_id=project.pk, name="S", trigger=moves)
    Workflow.objects.filter(pk=draft.pk).update(enabled=True, live=lost.live)

    assert "nobody has begun it for this contact" in ask(manual)
    assert "not in that segment" in ask(by_clock)
    assert "the schedule has not come" in ask(by_clock, "s0@example.com")


def test_the_page_asks_and_answers(
    shown: Shown, pausing: Workflow, tracked: Track
) -> None:
    tracked("signed-up")
    settle()

    empty = shown(f"{pausing.pk}/why/")
    page = shown(f"{pausing.pk}/why/", q="RITA@example.com")
    odd = shown(f"{pausing.pk}/why/", q="\x00" + "x" * 300)

    assert "Find out" in empty
    assert "rita@example.com is in it" in page
    assert f"runs/{Run.objects.get().pk}/" in page
    assert "is no e-mail address" in odd


def test_the_contact_s_page_shows_its_runs(
    member: Any, project: Project, pausing: Workflow, tracked: Track, template: Template
) -> None:
    tracked("signed-up")
    settle()
    run = Run.objects.get()

    page = member.get(f"/projects/{project.pk}/contacts/{run.contact_id}/")

    assert "waiting at “Delay” until" in page.content.decode()
    assert f"runs/{run.pk}/" in page.content.decode()


def test_a_mail_says_which_workflow_it_is_of(
    member: Any, project: Project, tracked: Track, template: Template
) -> None:
    mail = step("SEND_EMAIL", template=template)
    live(project, on("signed-up"), mail, name="Warm welcome")
    tracked("signed-up")
    settle()
    run = Run.objects.get()

    page = member.get(f"/projects/{project.pk}/contacts/{run.contact_id}/")

    assert "Warm welcome" in page.content.decode()
