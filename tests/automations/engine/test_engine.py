from __future__ import annotations

from datetime import timedelta

import pytest

from automations import bulk, dropping, running, workflows
from automations.models import (
    Arrival,
    Run,
    RunState,
    Visit,
    VisitState,
    WorkflowKind,
)
from automations.tallies import HERE, tallies
from contacts.models import Contact
from contacts.segments.scopes import database_now
from plunk.projects.models import Project
from tests.automations.building import live, on, settle, step
from tests.automations.conftest import Track
from transactional.models import Email, MailKind, Source, Template

pytestmark = pytest.mark.django_db


def test_an_event_begins_a_run_whose_mail_is_queued(
    project: Project, template: Template, tracked: Track
) -> None:
    mail = step("SEND_EMAIL", template=template)
    workflow = live(project, on("signed-up"), mail)

    contact = tracked("signed-up", plan="pro")
    settle()

    run = Run.objects.get(workflow=workflow)
    assert (run.state, run.contact_id) == (RunState.COMPLETED, contact.contact_id)
    email = Email.objects.get(source=Source.WORKFLOW)
    visit = Visit.objects.get(run=run, step_id=mail.id)
    assert (email.origin_id, email.to_email) == (visit.pk, "rita@example.com")
    assert email.variables == {"plan": "pro", "event": {"plan": "pro"}}
    assert not Arrival.objects.exists()


def test_what_nobody_waits_for_does_not_arrive(tracked: Track) -> None:
    tracked("signed-up")

    assert not Arrival.objects.exists()


def test_a_delay_is_waited_for(
    project: Project, template: Template, tracked: Track
) -> None:
    delay = step("DELAY", amount=2, unit="days")
    workflow = live(
        project, on("signed-up"), delay, step("SEND_EMAIL", template=template)
    )
    tracked("signed-up")
    settle()

    run = Run.objects.get()
    assert (run.state, run.step_id) == (RunState.WAITING, delay.id)
    assert run.until_at == run.started_at + timedelta(days=2)
    assert tallies(workflow.pk)[delay.id] == {HERE: 1}
    settle(run.until_at - timedelta(seconds=1))
    assert not Email.objects.exists()
    settle(run.until_at)

    assert Email.objects.count() == 1
    run.refresh_from_db()
    assert run.state == RunState.COMPLETED
    assert tallies(workflow.pk)[delay.id] == {HERE: 0, "": 1}
    states = Visit.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [VisitState.COMPLETED] * 3


def test_ten_equal_events_begin_one_run(
    project: Project, template: Template, tracked: Track
) -> None:
    live(project, on("signed-up"), step("SEND_EMAIL", template=template))

    for _ in range(10):
        tracked("signed-up")
    settle()

    assert Run.objects.count() == Email.objects.count() == 1


def test_each_event_begins_a_run_where_coming_back_is_allowed(
    project: Project, template: Template, tracked: Track
) -> None:
    live(
        project,
        on("bought"),
        step("SEND_EMAIL", template=template),
        allow_reentry=True,
    )

    for _ in range(3):
        tracked("bought")
    settle()

    assert Run.objects.count() == Email.objects.count() == 3


def test_an_awaited_event_goes_its_way_and_brings_its_data(
    project: Project, template: Template, tracked: Track
) -> None:
    wait = step("WAIT_FOR_EVENT", eventName="paid", timeout=3600)
    mail, late = step("SEND_EMAIL", template=template), step("EXIT", reason="late")
    live(
        project,
        on("ordered"),
        wait,
        mail,
        late,
        ways=[(wait, mail, "EVENT"), (wait, late, "TIMEOUT")],
    )
    tracked("ordered", order=7)
    settle()
    assert Run.objects.get().state == RunState.WAITING

    tracked("paid", amount=12)
    settle()

    run = Run.objects.get()
    assert run.state == RunState.COMPLETED
    assert run.context == {"order": 7, "amount": 12}
    assert Visit.objects.get(step_id=wait.id).outcome == "EVENT"


def test_time_that_is_up_goes_the_other_way(project: Project, tracked: Track) -> None:
    wait = step("WAIT_FOR_EVENT", eventName="paid", timeout=3600)
    late = step("EXIT", reason="late")
    live(project, on("ordered"), wait, late, ways=[(wait, late, "TIMEOUT")])
    tracked("ordered")
    settle()

    settle(database_now() + timedelta(seconds=3601))

    run = Run.objects.get()
    assert (run.state, run.exit_reason) == (RunState.EXITED, "late")


def test_an_event_before_the_engine_came_is_not_lost_to_a_step_that_waits(
    project: Project, tracked: Track
) -> None:
    wait = step("WAIT_FOR_EVENT", eventName="paid")
    live(project, on("ordered"), wait)

    tracked("ordered")
    tracked("paid")
    settle()

    assert Run.objects.get().state == RunState.COMPLETED


def test_a_condition_chooses_by_the_contacts_data(
    project: Project, tracked: Track
) -> None:
    asks = step("CONDITION", field="data.plan", operator="equals", value="pro")
    yes, no = step("EXIT", reason="pro"), step("EXIT", reason="free")
    live(
        project,
        on("signed-up"),
        asks,
        yes,
        no,
        ways=[(asks, yes, "yes"), (asks, no, "no")],
    )
    Contact.objects.create(
        project=project, email="rita@example.com", data={"plan": "pro"}
    )

    tracked("signed-up")
    tracked("signed-up", "sam@example.com")
    settle()

    reasons = Run.objects.order_by("contact__email").values_list(
        "exit_reason", flat=True
    )
    assert list(reasons) == ["pro", "free"]
    seen = Visit.objects.filter(step_id=asks.id).values_list("seen", flat=True)
    assert {"data.plan": "pro"} in list(seen)


def test_a_filter_asks_for_deeds_and_engagement(
    project: Project, tracked: Track
) -> None:
    tree = {
        "logic": "AND",
        "groups": [{"filters": [{"field": "event.bought", "operator": "triggered"}]}],
    }
    asks = step("CONDITION", filter=tree)
    yes = step("EXIT", reason="customer")
    live(project, on("visited"), asks, yes, ways=[(asks, yes, "yes")])
    tracked("bought", "rita@example.com")

    tracked("visited", "rita@example.com")
    tracked("visited", "sam@example.com")
    settle()

    found = Run.objects.order_by("contact__email").values_list("state", flat=True)
    assert list(found) == [RunState.EXITED, RunState.COMPLETED]


def test_a_contact_is_changed_and_later_steps_see_it(
    project: Project, tracked: Track
) -> None:
    change = step(
        "UPDATE_CONTACT",
        updates={"stage": "lead", "old": None},
        subscriptionAction="unsubscribe",
    )
    asks = step("CONDITION", field="contact.subscribed", operator="equals", value=False)
    yes = step("EXIT", reason="out")
    live(
        project,
        on("asked"),
        change,
        asks,
        yes,
        ways=[(change, asks, ""), (asks, yes, "yes")],
    )
    Contact.objects.create(
        project=project, email="rita@example.com", data={"old": 1, "kept": 2}
    )

    tracked("asked")
    settle()

    contact = Contact.objects.get()
    assert contact.data == {"stage": "lead", "kept": 2}
    assert not contact.subscribed
    assert Run.objects.get().exit_reason == "out"


def test_marketing_passes_over_who_has_left(
    project: Project, newsletter: Template, tracked: Track
) -> None:
    live(project, on("asked"), step("SEND_EMAIL", template=newsletter))
    Contact.objects.create(project=project, email="rita@example.com", subscribed=False)

    tracked("asked")
    settle()

    assert not Email.objects.exists()
    visit = Visit.objects.get(state=VisitState.SKIPPED)
    assert visit.output == {"skipped": "unsubscribed"}


def test_a_step_that_fails_is_tried_again_and_then_parked(
    project: Project, template: Template, tracked: Track
) -> None:
    mail = step("SEND_EMAIL", template=template)
    workflow = live(project, on("asked"), mail)
    Template.objects.update(from_email="no address")
    tracked("asked")

    now = database_now()
    for _ in range(5):
        settle(now)
        now += timedelta(minutes=10)

    run = Run.objects.get()
    assert run.state == RunState.FAILED
    assert run.error
    Template.objects.update(from_email="")
    assert running.resume(run)
    settle()
    run.refresh_from_db()
    assert run.state == RunState.COMPLETED
    assert Email.objects.count() == 1
    assert workflows.active_runs(workflow) == 0


def test_a_run_keeps_the_version_it_began_with(
    project: Project, template: Template, tracked: Track
) -> None:
    delay = step("DELAY", amount=1, unit="days")
    workflow = live(project, on("asked"), delay, step("EXIT", reason="first"))
    tracked("asked")
    settle()
    document = workflow.draft
    document["steps"][2]["config"] = {"reason": "second"}
    workflows.save_draft(workflow=workflow, document=document)
    workflows.publish(workflow=workflow)
    tracked("asked", "sam@example.com")
    settle()

    settle(database_now() + timedelta(days=2))

    found = Run.objects.order_by("contact__email").values_list(
        "exit_reason", "version__number"
    )
    assert list(found) == [("first", 1), ("second", 2)]


def test_a_disabled_workflow_begins_nothing_and_finishes_what_it_began(
    project: Project, tracked: Track
) -> None:
    workflow = live(project, on("asked"), step("DELAY", amount=1, unit="days"))
    tracked("asked")
    settle()
    workflows.disable(workflow=workflow)

    tracked("asked", "sam@example.com")
    settle(database_now() + timedelta(days=2))

    assert [run.state for run in Run.objects.all()] == [RunState.COMPLETED]


def test_a_cancelled_run_does_nothing_more(
    project: Project, template: Template, tracked: Track
) -> None:
    delay = step("DELAY", amount=1, unit="days")
    workflow = live(project, on("a"), delay, step("SEND_EMAIL", template=template))
    tracked("a")
    settle()

    assert bulk.cancel_all(workflow).count == 1
    settle(database_now() + timedelta(days=2))

    assert not Email.objects.exists()
    assert tallies(workflow.pk)[delay.id][HERE] == 0


def test_a_mail_to_a_colleague_is_about_the_contact_and_needs_no_consent_of_it(
    project: Project, newsletter: Template, tracked: Track
) -> None:
    mail = step(
        "SEND_EMAIL",
        template=newsletter,
        recipient={"type": "CUSTOM", "customEmail": "Sales@Example.com"},
    )
    live(project, on("asked"), mail)
    contact = Contact.objects.create(
        project=project, email="rita@example.com", subscribed=False
    )

    tracked("asked")
    settle()

    email = Email.objects.get()
    assert (email.to_email, email.contact_id) == ("sales@example.com", contact.pk)
    assert email.kind == MailKind.TRANSACTIONAL


def test_a_number_that_no_client_reads_stops_nobody(
    project: Project, template: Template, tracked: Track
) -> None:
    asks = step("CONDITION", field="event.n", operator="greaterThan", value=1)
    mail = step("SEND_EMAIL", template=template)
    live(project, on("asked"), asks, mail, ways=[(asks, mail, "yes")])

    tracked("asked", n=1e300)
    tracked("asked", "sam@example.com", n=2)
    settle()

    assert Email.objects.count() == 2


def test_an_action_that_ended_on_purpose_is_spent(
    project: Project, tracked: Track
) -> None:
    live(project, on("asked"), step("EXIT"), kind=WorkflowKind.ACTION)

    for _ in range(2):
        tracked("asked")
        settle()

    assert Run.objects.count() == 1
    assert not Arrival.objects.exists()


def test_erasing_a_contact_takes_its_runs_out_of_the_figures(
    project: Project, tracked: Track
) -> None:
    delay = step("DELAY", amount=1, unit="days")
    workflow = live(project, on("asked"), delay)
    tracked("asked")
    settle()

    running.forget(list(Contact.objects.values_list("pk", flat=True)))

    assert not Run.objects.exists()
    assert tallies(workflow.pk)[delay.id][HERE] == 0


def test_resuming_all_ends_though_they_fail_again(
    project: Project, template: Template, tracked: Track
) -> None:
    workflow = live(project, on("asked"), step("SEND_EMAIL", template=template))
    Template.objects.update(deleted_at=database_now())
    for number in range(3):
        tracked("asked", f"p{number}@example.com")
    settle()

    assert bulk.resume_all(workflow).count == 3


def test_whoever_waits_is_asked_again_when_the_awaited_event_changes(
    project: Project, tracked: Track
) -> None:
    wait = step("WAIT_FOR_EVENT", eventName="paid")
    workflow = live(project, on("ordered"), wait)
    tracked("ordered")
    settle(database_now() + timedelta(seconds=60))
    document = workflow.draft
    document["steps"][1]["config"] = {"eventName": "invoice-paid"}
    workflows.save_draft(workflow=workflow, document=document)
    version = workflows.publish(workflow=workflow)
    bulk.move_all(workflow, version)
    settle()

    tracked("invoice-paid")
    settle()

    assert Run.objects.get().state == RunState.COMPLETED


def test_a_run_that_breaks_every_batch_is_parked_in_the_end(
    project: Project, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(project, on("asked"), step("DELAY", amount=1, unit="days"))
    tracked("asked")

    def breaks(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("automations.engine.advancing.decide", breaks)
    now = database_now()
    for _ in range(10):
        settle(now)
        now += timedelta(hours=2)

    assert Run.objects.get().state == RunState.FAILED


def test_deleting_a_workflow_takes_what_became_of_its_runs(
    project: Project, tracked: Track
) -> None:
    workflow = live(project, on("asked"), step("EXIT"))
    tracked("asked")
    settle()

    dropping.delete(workflow=workflow)

    assert not Run.objects.exists()
    assert not Visit.objects.exists()
