"""A project with workflows in every state, as some weeks of use would leave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from automations import workflows
from automations.beginnings import begin_with, beginning_of
from automations.definitions import Step, as_document, parse
from automations.engine import turns
from automations.models import (
    CallState,
    Event,
    Run,
    RunState,
    Visit,
    WebhookAttempt,
    WebhookCall,
    Workflow,
)
from automations.tracking import Tracking, track
from contacts.data import DataChange
from contacts.models import Contact
from contacts.segments.scopes import database_now
from plunk.api.health import beat
from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from tests.automations.building import chain, definition, live, on, step
from tests.screenshots.seeding import Seeded
from transactional.models import Email, EmailState, SendingAccount, Template

_NAMES = "ada grace alan edsger barbara donald radia tim linus margaret".split()
_HOSTS = ("gmail.com", "outlook.com", "friends-and-partners.example.org")


@dataclass
class WithWorkflows(Seeded):
    workflows: dict[str, Workflow] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    call: WebhookCall = field(init=False)


def seed() -> WithWorkflows:
    """Fill an empty installation."""
    user = User.objects.create_user("ada@acme.example", "correct horse")
    project = create_project(name="Acme Coffee", owner=user).project
    Project.objects.filter(pk=project.pk).update(from_email="hi@acme.example")
    empty = create_project(name="Quite new", owner=user).project
    seeded = WithWorkflows(user, project, empty)
    SendingAccount.objects.create(pk=1, max_rate=50, rate=50)
    _welcome(seeded)
    _upgrade(seeded)
    _broken(seeded)
    _long(seeded)
    _call(seeded)
    for event in Event.objects.filter(
        project=project, name__in=("signed-up", "x", "cart-left")
    ):
        seeded.events[event.name] = event
    made = beginning_of("double-opt-in")
    assert made is not None
    seeded.workflows["draft"] = begin_with(made, project_id=project.pk, user=user)
    beat("worker")
    return seeded


def _settle(days: float = 0) -> None:
    now = database_now() + timedelta(days=days)
    while turns.step(now):
        continue


def _track(seeded: WithWorkflows, event: str, address: str, **data: object) -> None:
    track(
        Tracking(
            project_id=seeded.project.pk,
            email=address,
            event=event,
            data=DataChange(values=dict(data)),
        )
    )


def _address(number: int) -> str:
    return f"{_NAMES[number % 10]}.{number}@{_HOSTS[number % 3]}"


def _welcome(seeded: WithWorkflows) -> None:
    """Three weeks of a welcome series, of which there is a second version."""
    made = beginning_of("welcome")
    assert made is not None
    one = begin_with(made, project_id=seeded.project.pk, user=seeded.user)
    workflow = workflows.enable(workflow=one, user=seeded.user)
    for number in range(36):
        _track(seeded, "signed-up", _address(number), plan="pro", source="shop")
    _settle()
    Email.objects.filter(project=seeded.project).update(
        state=EmailState.DELIVERED,
        sent_at=timezone.now(),
        delivered_at=timezone.now(),
    )
    some = list(Email.objects.order_by("pk").values_list("pk", flat=True)[:20])
    Email.objects.filter(pk__in=some).update(opened_at=timezone.now())
    _settle(days=3)
    _age(timedelta(days=3))
    document = parse(workflow.draft)
    steps = dict(document.steps)
    changed = next(pk for pk, it in steps.items() if it.type == "DELAY")
    old = steps[changed]
    steps[changed] = Step(
        old.id,
        old.type,
        "Wait 4 days",
        {"amount": 4, "unit": "days"},
        None,
        old.x,
        old.y,
    )
    again = type(document)(document.trigger, steps, document.transitions)
    workflows.save_draft(workflow=workflow, document=as_document(again))
    workflows.publish(
        workflow=workflows.workflow_of(seeded.project.pk, workflow.pk), user=seeded.user
    )
    for number in range(40, 58):
        _track(seeded, "signed-up", _address(number), plan="free")
    _settle()
    runs = Run.objects.filter(workflow=workflow)
    seeded.runs["waiting"] = runs.filter(state=RunState.WAITING).latest("started_at")
    seeded.runs["done"] = runs.filter(state=RunState.COMPLETED).latest("started_at")
    Contact.objects.create(
        project=seeded.project, email="lin.0@example.org", subscribed=False
    )
    seeded.workflows["welcome"] = workflow


def _age(by: timedelta) -> None:
    """Let what happened lie further back, as if the clock had run."""
    Run.objects.update(started_at=F("started_at") - by, arrived_at=F("arrived_at") - by)
    for name in ("due_at", "until_at", "completed_at"):
        Run.objects.filter(**{f"{name}__isnull": False}).update(**{name: F(name) - by})
    Visit.objects.update(started_at=F("started_at") - by)
    for name in ("until_at", "completed_at"):
        Visit.objects.filter(**{f"{name}__isnull": False}).update(
            **{name: F(name) - by}
        )


def _upgrade(seeded: WithWorkflows) -> None:
    """Conditions, an event that is waited for, an update and a webhook."""
    template = Template.objects.filter(project=seeded.project).earliest("pk")
    asks = step("CONDITION", field="event.plan", operator="equals", value="pro")
    mail = step("SEND_EMAIL", template=template)
    waits = step("WAIT_FOR_EVENT", eventName="paid", timeout=86_400)
    update = step("UPDATE_CONTACT", updates={"tier": "gold"})
    call = step("WEBHOOK", url="https://crm.acme.example/hooks/paid", method="POST")
    end = step("EXIT", reason="has paid")
    ways = [
        (asks, mail, "yes"),
        *chain(mail, waits),
        (waits, update, "EVENT"),
        *chain(update, call, end),
    ]
    workflow = live(
        seeded.project,
        on("upgrade-asked"),
        *(asks, mail, waits, update, call, end),
        ways=ways,
        name="From free to pro, with a nudge after a day and a note to the sales team",
        allow_reentry=True,
    )
    for number in range(4):
        plan = "pro" if number % 2 else "free"
        _track(seeded, "upgrade-asked", _address(number), plan=plan, amount=49)
    _settle()
    _track(seeded, "paid", _address(1), invoice="2026-0042")
    _settle()
    runs = Run.objects.filter(workflow=workflow)
    seeded.runs["exited"] = runs.filter(state=RunState.EXITED).latest("started_at")
    seeded.runs["event"] = runs.filter(state=RunState.WAITING).latest("started_at")
    seeded.workflows["upgrade"] = workflow


def _broken(seeded: WithWorkflows) -> None:
    """One whose template was deleted while people were on their way."""
    template = Template.objects.filter(project=seeded.project).latest("pk")
    made = definition(on("x"), [step("SEND_EMAIL", template=template)], [])
    workflow = live(
        seeded.project, on("cart-left"), *list(made.steps.values())[1:], name="Cart"
    )
    Template.objects.filter(pk=template.pk).update(deleted_at=timezone.now())
    for number in range(3):
        _track(seeded, "cart-left", _address(number), items=3)
    _settle()
    Template.objects.filter(pk=template.pk).update(deleted_at=None)
    seeded.runs["parked"] = Run.objects.filter(workflow=workflow).latest("started_at")
    seeded.workflows["broken"] = workflow


def _long(seeded: WithWorkflows) -> None:
    """Fifteen steps that part and come together again."""
    template = Template.objects.filter(project=seeded.project).earliest("pk")

    def mail() -> Step:
        return step("SEND_EMAIL", template=template)

    def pause(days: int) -> Step:
        return step("DELAY", amount=days, unit="days")

    asks = step("CONDITION", field="event.plan", operator="equals", value="pro")
    paid = step("WAIT_FOR_EVENT", eventName="paid", timeout=259_200)
    call = step("WEBHOOK", url="https://crm.acme.example/hooks", method="POST")
    gold = step("UPDATE_CONTACT", updates={"tier": "gold"})
    one, two, three, four, five = (mail() for _ in range(5))
    day, week, month = pause(1), pause(7), pause(30)
    end, left = step("EXIT", reason="has paid"), step("EXIT", reason="is gone")
    ways = [
        *chain(one, day, asks),
        (asks, two, "yes"),
        (asks, three, "no"),
        *chain(two, paid),
        (paid, call, "EVENT"),
        *chain(call, gold, end),
        (paid, four, "TIMEOUT"),
        *chain(three, week, four, month, five, left),
    ]
    drawn = workflows.create(
        project_id=seeded.project.pk,
        name="Fifteen steps",
        trigger=on("trial-began"),
        document=as_document(
            definition(
                on("trial-began"),
                [
                    *(one, day, asks, two, three, paid, week, call, four),
                    *(gold, month, end, five, left),
                ],
                ways,
            )
        ),
    )
    seeded.workflows["long"] = drawn


def _call(seeded: WithWorkflows) -> None:
    """A call that failed once, and waits for the next try."""
    call = WebhookCall.objects.filter(project=seeded.project).earliest("pk")
    WebhookAttempt.objects.create(
        call=call,
        number=1,
        status=503,
        milliseconds=214,
        error="The server answered 503.",
        response="<h1>Service Unavailable</h1>",
    )
    WebhookCall.objects.filter(pk=call.pk).update(
        state=CallState.PENDING,
        attempt=1,
        tries=1,
        status=503,
        error="The server answered 503.",
        due_at=timezone.now() + timedelta(minutes=5),
    )
    seeded.call = call
