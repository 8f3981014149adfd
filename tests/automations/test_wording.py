"""Workflows, steps and visits in plain sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automations.definitions import Definition, Outcome, Step, StepType, Trigger
from automations.models import TriggerType, Visit, VisitState
from automations.wording import Names, does, soon, told, trigger_in_words
from automations.wording.moments import cron_in_words, left, span
from automations.wording.steps import outline
from plunk.ids import new_id
from tests.automations.building import definition, on, step

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SEGMENT, TEMPLATE = new_id(), new_id()
NAMES = Names(templates={TEMPLATE: "Hello"}, segments={SEGMENT: "Buyers"})


def trigger(kind: TriggerType, **config: Any) -> Trigger:
    return Trigger(kind, config)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (on("signed-up"), "When “signed-up” happens"),
        (trigger(TriggerType.EVENT), "When an event that is not chosen yet happens"),
        (
            trigger(TriggerType.EVENTS, eventNames=["a", "b"]),
            "When “a” and “b” have all happened",
        ),
        (
            trigger(TriggerType.EVENTS, eventNames=["a", "b", "c", "d"], mode="ANY"),
            "When “a”, “b”, “c” or 1 more happens",
        ),
        (
            trigger(TriggerType.EVENTS, eventNames=["a"], notEventNames=["x", "y"]),
            "When “a” happens, unless “x” or “y” did",
        ),
        (trigger(TriggerType.EVENTS), "When events happen that are not chosen yet"),
        (
            trigger(TriggerType.SEGMENT_ENTRY, segmentId=str(SEGMENT)),
            "When somebody enters “Buyers”",
        ),
        (
            trigger(TriggerType.SEGMENT_EXIT, segmentId=str(new_id())),
            "When somebody leaves a deleted segment",
        ),
        (
            trigger(
                TriggerType.SCHEDULE,
                schedule="30 9 * * 1",
                timezone="Europe/Berlin",
                segmentId=str(SEGMENT),
            ),
            "Every Monday at 09:30 (Europe/Berlin), everybody in “Buyers”",
        ),
        (trigger(TriggerType.SCHEDULE), "At times that are not chosen yet"),
        (trigger(TriggerType.MANUAL), "By hand or by the API"),
    ],
)
def test_what_begins_a_workflow(given: Trigger, said: str) -> None:
    assert trigger_in_words(given, NAMES) == said


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("0 9 * * *", "every day at 09:00"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "hourly"),
        ("5 * * * *", "every hour, 5 minutes past"),
        ("* * * * *", "every minute"),
        ("0 8 * * 1-5", "every working day at 08:00"),
        ("0 8 * * mon,thu", "every Monday and Thursday at 08:00"),
        ("0 8 * * 7", "every Sunday at 08:00"),
        ("15 7 1 * *", "on day 1 of every month at 07:15"),
        ("0 9 1 1 *", "by the schedule “0 9 1 1 *”"),
        ("@daily", "by the schedule “@daily”"),
        ("x y", "by the schedule “x y”"),
        ("*/x * * * *", "by the schedule “*/x * * * *”"),
        ("0 9 * * 1#2", "by the schedule “0 9 * * 1#2”"),
    ],
)
def test_schedules(schedule: str, said: str) -> None:
    assert cron_in_words(schedule) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (3_600, "1 hour"),
        (93_600, "1 day and 2 hours"),
        (-5, "0 seconds"),
    ],
)
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_moments_that_are_near_and_far() -> None:
    assert soon(NOW + timedelta(days=1), NOW) == "Tue 10:00 UTC"
    assert soon(NOW + timedelta(days=40), NOW) == "02 Jan 2027, 10:00 UTC"
    assert left(NOW + timedelta(hours=2), NOW) == "in 2 hours"
    assert left(NOW - timedelta(hours=2), NOW) == "any moment now"


MULTI = {
    "mode": "multi",
    "field": "data.plan",
    "branches": [
        {"id": "p", "name": "Paying", "operator": "equals", "value": "pro"},
        {"id": "r", "name": "Rest", "operator": "exists"},
    ],
}


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("DELAY", {"amount": 1, "unit": "days"}, "Waits 1 day"),
        ("DELAY", {"amount": 90, "unit": "minutes"}, "Waits 90 minutes"),
        ("DELAY", {}, "Waits for a time that is not chosen yet"),
        (
            "DELAY",
            {"until": {"weekday": 0, "time": "09:00", "timezone": "Europe/Berlin"}},
            "Waits until Monday 09:00 (Europe/Berlin)",
        ),
        ("DELAY", {"until": {"weekday": None, "time": "9"}}, "Waits until 9 (UTC)"),
        (
            "WAIT_FOR_EVENT",
            {"eventName": "paid", "timeout": 3600},
            "Waits for “paid”, at most 1 hour",
        ),
        (
            "WAIT_FOR_EVENT",
            {"eventName": "a"},
            "Waits for “a”, for as long as it takes",
        ),
        (
            "CONDITION",
            {"field": "data.plan", "operator": "equals", "value": "pro"},
            "Asks whether “plan” equals “pro”",
        ),
        ("CONDITION", MULTI, "Asks which of 2 ways fits “plan”"),
        ("CONDITION", {"filter": {}}, "Asks whether the contact matches a filter"),
        ("CONDITION", {}, "Asks something that is not chosen yet"),
        (
            "UPDATE_CONTACT",
            {"updates": {"a": 1, "b": None}, "subscriptionAction": "unsubscribe"},
            "Sets “a” to 1, removes “b”, unsubscribes the contact",
        ),
        ("UPDATE_CONTACT", {}, "Changes nothing yet"),
        ("SEGMENT", {"segmentId": str(SEGMENT)}, "Puts the contact into “Buyers”"),
        (
            "SEGMENT",
            {"segmentId": "x", "action": "REMOVE"},
            "Takes the contact out of no segment",
        ),
        ("WEBHOOK", {"url": "https://a.example"}, "Calls POST https://a.example"),
        ("EXIT", {}, "Ends the run"),
        ("SEND_EMAIL", {}, "Sends no template"),
        (
            "SEND_EMAIL",
            {"recipient": {"type": "CUSTOM", "customEmail": "a@example.com"}},
            "Sends no template to a@example.com",
        ),
    ],
)
def test_what_a_step_does(kind: str, config: dict[str, Any], said: str) -> None:
    assert does(step(kind, **config), NAMES) == said


def test_what_a_mail_step_sends() -> None:
    one = Step(new_id(), StepType.SEND_EMAIL, "Mail", {}, TEMPLATE)
    gone = Step(new_id(), StepType.SEND_EMAIL, "Mail", {}, new_id())

    assert does(one, NAMES) == "Sends “Hello”"
    assert does(gone, NAMES) == "Sends a deleted template"


# -- visits ----------------------------------------------------------------------------


def of(one: Step, *more: Step, **visit: Any) -> tuple[Visit, Definition]:
    """Return a visit of a step, and a definition in which the step leads to `more`."""
    ways = [(one, to, outcome) for to, outcome in zip(more, one.outcomes, strict=False)]
    values = {"state": VisitState.COMPLETED, "outcome": "", "started_at": NOW} | visit
    return Visit(step_id=one.id, **values), definition(on("e"), [one, *more], ways)


def lines(one: Step, *more: Step, exit_reason: str = "", **visit: Any) -> list[str]:
    made, whole = of(one, *more, **visit)
    return list(told(made, whole, NAMES, NOW, exit_reason=exit_reason).lines)


def asks(**config: Any) -> Step:
    values = {"field": "data.plan", "operator": "equals", "value": "pro"}
    return step("CONDITION", **values | config)


@pytest.mark.parametrize(
    ("config", "seen", "outcome", "said"),
    [
        ({}, "pro", "yes", "“plan” was “pro”, which equals “pro”."),
        ({}, "free", "no", "“plan” was “free”, which does not equal “pro”."),
        ({}, None, "no", "“plan” was not there, which does not equal “pro”."),
        ({"value": 3}, 3, "yes", "“plan” was 3, which equals 3."),
        ({"value": 3}, True, "no", "“plan” was yes, which does not equal 3."),
        (
            {"operator": "greaterThan", "value": 3},
            2,
            "no",
            "“plan” was 2, which is not more than 3.",
        ),
        ({"operator": "exists"}, "x", "yes", "“plan” was “x”, which is there."),
        (
            {"operator": "contains", "value": "a"},
            "b",
            "no",
            "“plan” was “b”, which does not contain “a”.",
        ),
        (MULTI, "pro", "p", "“plan” was “pro”, which equals “pro”."),
        (MULTI, None, "default", "“plan” was not there, which fits none of the ways."),
        (MULTI, "x", "gone", "“plan” was “x”."),
    ],
)
def test_a_decision_is_told_with_the_values_it_was_made_on(
    config: dict[str, Any], seen: Any, outcome: str, said: str
) -> None:
    one = asks(**config)

    first = lines(one, seen={"data.plan": seen}, outcome=outcome)[0]

    assert first == said


def test_a_way_is_told_by_its_name_or_that_it_leads_nowhere() -> None:
    end = step("EXIT")

    yes = lines(asks(), end, seen={"data.plan": "pro"}, outcome="yes")
    no = lines(asks(), end, seen={"data.plan": "x"}, outcome="no")
    many = lines(asks(**MULTI), end, seen={"data.plan": "pro"}, outcome="p")

    assert yes[-1] == "Took the way “Yes”."
    assert no[-1] == "Took the way “No”, which leads nowhere: the run was over."
    assert many[-1] == "Took the way “Paying”."


def test_a_filter_the_event_and_an_earlier_mail() -> None:
    mail = step("SEND_EMAIL")
    opened = asks(field=f"step.{mail.id}.opened", operator="equals", value=True)
    whole = definition(on("e"), [opened, mail], [])
    visit = Visit(
        step_id=opened.id,
        state=VisitState.COMPLETED,
        started_at=NOW,
        outcome=Outcome.NO,
        seen={f"step.{mail.id}.opened": False},
    )

    of_mail = told(visit, whole, NAMES, NOW).lines[0]
    of_filter = lines(asks(filter={}), seen={"filter": True}, outcome="yes")[0]
    of_event = lines(asks(), seen={"event.a.b": 1}, outcome="no")[0]
    own = lines(asks(), seen={"contact.subscribed": False}, outcome="no")[0]

    assert of_mail == "The mail of “Send_Email” had not been opened."
    assert of_filter == "The contact matched the filter of this step."
    assert of_event.startswith("“a.b” of the event was 1")
    assert own.startswith("“subscribed” was no")


def test_mails_that_were_written_and_mails_that_were_not() -> None:
    mail = Step(new_id(), StepType.SEND_EMAIL, "Mail", {}, TEMPLATE)
    seen = {"template": "Old name", "contact.subscribed": False}
    skipped: dict[str, Any] = {
        "state": VisitState.SKIPPED,
        "output": {"skipped": "unsubscribed"},
    }

    written = lines(mail, seen=seen)[0]
    left_out = lines(mail, seen=seen, **skipped)[0]
    excluded = lines(mail, seen={"event": "paid"}, exit_reason="did paid")
    action = lines(mail, seen=seen, exit_reason="unsubscribed")[0]

    assert written == "The mail “Old name” was written for the contact."
    assert left_out.startswith("No mail: the contact was not subscribed")
    assert excluded == [
        "No mail, and the end: the contact had had “paid”, which keeps it out of this"
        " workflow."
    ]
    assert action == left_out


def test_waits() -> None:
    until = NOW + timedelta(days=1)
    waiting = {"state": VisitState.WAITING}
    event = step("WAIT_FOR_EVENT", eventName="paid", timeout=86_400)
    at = NOW.isoformat()

    assert lines(step("DELAY"), until_at=until, **waiting) == [
        "Waits until Tue 10:00 UTC, in 1 day."
    ]
    assert lines(event, until_at=until, **waiting) == [
        "Waits for “paid”, at most until Tue 10:00 UTC, in 1 day."
    ]
    assert lines(event, **waiting) == ["Waits for “paid”, for as long as it takes."]
    assert lines(step("DELAY"), seen={"until": at}, outcome="")[0] == (
        "Waited until 23 Nov 2026, 10:00:00 UTC."
    )
    assert lines(event, seen={"event": "paid", "at": at}, outcome="EVENT")[0] == (
        "“paid” happened at 23 Nov 2026, 10:00:00 UTC."
    )
    assert lines(event, seen={"until": "?"}, outcome="TIMEOUT")[0] == (
        "“paid” did not happen until a moment that was not kept."
    )
    assert lines(step("DELAY"), state=VisitState.SKIPPED) == [
        "It was waiting here when the run was cancelled."
    ]


def test_other_steps_and_the_end() -> None:
    into: dict[str, Any] = {"segmentId": str(SEGMENT)}
    update: dict[str, Any] = {"updates": {"a": 1}, "subscriptionAction": "subscribe"}
    end = step("EXIT")

    assert lines(step("SEGMENT", **into))[0] == "Put the contact into “Buyers”."
    assert lines(step("SEGMENT", **into, action="REMOVE"), end) == [
        "Took the contact out of “Buyers”."
    ]
    assert lines(step("UPDATE_CONTACT", **update), end) == [
        "Set “a” to 1.",
        "Subscribed the contact.",
    ]
    assert lines(step("WEBHOOK", url="https://a.example"), end) == [
        "Asked for the call POST https://a.example."
    ]
    assert lines(end, exit_reason="bought") == ["The run ended here: bought."]
    assert lines(end, exit_reason="exit_step") == [
        "The run ended here, as the workflow says."
    ]


def test_a_step_that_failed_and_one_that_is_gone() -> None:
    failed = {"state": VisitState.FAILED, "error": "No template is chosen."}
    _, whole = of(step("EXIT"))
    lost = Visit(step_id=new_id(), state=VisitState.COMPLETED, started_at=NOW)

    assert lines(step("SEND_EMAIL"), **failed) == ["No template is chosen."]
    assert told(lost, whole, NAMES, NOW).title == "A step that is gone"


@pytest.mark.parametrize("odd", [None, [], "text", 3, {"until": 7}])
def test_whatever_was_written_down_can_be_told(odd: Any) -> None:
    for kind in StepType:
        for outcome in ("", "yes", "default", "x" * 100):
            assert lines(step(kind), seen=odd, output=odd, outcome=outcome) is not None


def test_a_definition_in_the_order_of_its_steps() -> None:
    first, last = step("DELAY", amount=2, unit="days"), step("EXIT")
    lost = step("WEBHOOK")
    whole = definition(on("e"), [first, lost, last], [(first, last, "")])

    told_ = outline(whole, NAMES)

    assert [one.type for one, _, _ in told_] == ["TRIGGER", "DELAY", "EXIT", "WEBHOOK"]
    assert told_[1][1:] == ("Waits 2 days", ["On to “Exit”"])
    assert told_[3][2] == ["Then it is over"]
