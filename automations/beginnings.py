"""Workflows to begin with: real steps and mails, to be changed into one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from automations import workflows
from automations.definitions import (
    Definition,
    Outcome,
    Step,
    StepType,
    Transition,
    Trigger,
    as_document,
)
from automations.models import TriggerType, Workflow
from plunk.ids import new_id
from plunk.projects.models import User
from transactional import templates
from transactional.gallery import sample
from transactional.models import MailKind, SavedBy, Style, Template

_TOP, _DOWN, _ASIDE = 100.0, 160.0, 150.0
_ASIDES: Mapping[str, float] = {
    Outcome.YES: -_ASIDE,
    Outcome.EVENT: -_ASIDE,
    Outcome.NO: _ASIDE,
    Outcome.TIMEOUT: _ASIDE,
}


class _Drawing:
    """A definition as it is drawn, step below step."""

    def __init__(self, event: str) -> None:
        self.trigger = Trigger(TriggerType.EVENT, {"eventName": event})
        self.steps: dict[UUID, Step] = {}
        self.ways: list[Transition] = []
        self.start = self.step(StepType.TRIGGER, "Start", {})

    def step(
        self,
        type_: StepType,
        name: str,
        config: Mapping[str, Any],
        *,
        after: UUID | None = None,
        by: str = "",
        template: Template | None = None,
    ) -> UUID:
        """Add a step, behind another one by one of its ways."""
        above = self.steps.get(after) if after else None
        aside = _ASIDES.get(by, 0.0)
        x, y = (above.x + aside, above.y + _DOWN) if above else (_TOP, _TOP)
        pk = new_id()
        self.steps[pk] = Step(
            pk, type_, name, config, template.pk if template else None, x, y
        )
        if above:
            self.ways.append(_way(above, pk, by))
        return pk

    def mail(self, template: Template, *, after: UUID, by: str = "") -> UUID:
        return self.step(
            StepType.SEND_EMAIL,
            f"Mail: {template.name}",
            {},
            after=after,
            by=by,
            template=template,
        )

    def document(self) -> dict[str, Any]:
        return as_document(Definition(self.trigger, self.steps, tuple(self.ways)))


def _way(above: Step, to: UUID, by: str) -> Transition:
    if above.type is StepType.WAIT_FOR_EVENT:
        return Transition(new_id(), above.id, to, wait_outcome=by)
    condition = {"branch": by} if by else None
    return Transition(new_id(), above.id, to, condition)


Make = Callable[[UUID, User], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Beginning:
    """A workflow that is offered, and what makes its document in a project."""

    slug: str
    name: str
    words: str
    points: tuple[str, ...]
    icon: str
    make: Make


def _from_gallery(project_id: UUID, user: User, slug: str, name: str) -> Template:
    one = sample(slug)
    if one is None:
        raise LookupError(f"There is no sample {slug}.")
    return _template(
        project_id,
        user,
        name=name,
        subject=one.subject,
        preheader=one.preheader,
        body=one.body,
        kind=one.kind,
    )


def _template(project_id: UUID, user: User, **written: Any) -> Template:
    return templates.create(
        project_id=project_id,
        written={"style": Style.PLUNK, **written},
        saved_by=SavedBy.PAGE,
        user=user,
    )


def _welcome(project_id: UUID, user: User) -> dict[str, Any]:
    hello = _from_gallery(project_id, user, "welcome", "Welcome")
    ask = _from_gallery(project_id, user, "feedback", "Welcome: one question")
    drawn = _Drawing("signed-up")
    first = drawn.mail(hello, after=drawn.start)
    pause = drawn.step(
        StepType.DELAY, "Wait 2 days", {"amount": 2, "unit": "days"}, after=first
    )
    opened = drawn.step(
        StepType.CONDITION,
        "Was it opened?",
        {"field": f"step.{first}.opened", "operator": "equals", "value": True},
        after=pause,
    )
    drawn.mail(ask, after=opened, by=Outcome.YES)
    later = drawn.step(
        StepType.DELAY,
        "Wait 3 days",
        {"amount": 3, "unit": "days"},
        after=opened,
        by=Outcome.NO,
    )
    drawn.mail(ask, after=later)
    return drawn.document()


_CONFIRM = (
    "<h1>One click is missing</h1><p>Hello {{ firstName ?? there }}, somebody, most"
    " likely you, asked for our news at {{ email }}. Please say yes once more: only"
    " then do we write to you.</p>"
    '<a data-block="button" href="{{ subscribeUrl }}">Yes, write to me</a>'
    "<p>It was not you? Then do nothing, and nothing comes.</p>"
)


def _double_opt_in(project_id: UUID, user: User) -> dict[str, Any]:
    mail = _template(
        project_id,
        user,
        name="Confirm the subscription",
        subject="Please confirm: shall we write to you?",
        preheader="One click, and you are in.",
        body=_CONFIRM,
        # Whoever is asked has not agreed yet: it goes to them all the same.
        kind=MailKind.TRANSACTIONAL,
    )
    drawn = _Drawing("signed-up")
    asks = drawn.step(
        StepType.CONDITION,
        "Subscribed already?",
        {"field": "contact.subscribed", "operator": "equals", "value": True},
        after=drawn.start,
    )
    drawn.step(
        StepType.EXIT,
        "Nothing to ask",
        {"reason": "subscribed already"},
        after=asks,
        by=Outcome.YES,
    )
    drawn.mail(mail, after=asks, by=Outcome.NO)
    return drawn.document()


def _win_back(project_id: UUID, user: User) -> dict[str, Any]:
    mail = _from_gallery(project_id, user, "win-back", "Win back")
    drawn = _Drawing("purchase")
    waits = drawn.step(
        StepType.WAIT_FOR_EVENT,
        "Bought again within 30 days?",
        {"eventName": "purchase", "timeout": 30 * 86_400},
        after=drawn.start,
    )
    drawn.step(
        StepType.EXIT, "Is back", {"reason": "is back"}, after=waits, by=Outcome.EVENT
    )
    sent = drawn.mail(mail, after=waits, by=Outcome.TIMEOUT)
    once_more = drawn.step(
        StepType.WAIT_FOR_EVENT,
        "Back within a week?",
        {"eventName": "purchase", "timeout": 7 * 86_400},
        after=sent,
    )
    drawn.step(
        StepType.EXIT,
        "Won back",
        {"reason": "won back"},
        after=once_more,
        by=Outcome.EVENT,
    )
    drawn.step(
        StepType.UPDATE_CONTACT,
        "Mark as lost",
        {"updates": {"isLost": True}},
        after=once_more,
        by=Outcome.TIMEOUT,
    )
    return drawn.document()


BEGINNINGS = (
    Beginning(
        "welcome",
        "Welcome series",
        "Greets whoever signs up, and asks one question once they have settled in.",
        ("When “signed-up” happens", "A mail at once", "Another after 2 or 5 days"),
        "mail",
        _welcome,
    ),
    Beginning(
        "double-opt-in",
        "Double opt-in",
        "Asks by mail whether the address is theirs; only a click on it subscribes.",
        ("When “signed-up” happens", "Not subscribed? A mail", "A click on its link"),
        "check",
        _double_opt_in,
    ),
    Beginning(
        "win-back",
        "Win back",
        "Writes to customers who have not bought for 30 days, and marks who is lost.",
        ("When “purchase” happens", "None for 30 days? A mail", "A week to come back"),
        "refresh",
        _win_back,
    ),
)


def beginning_of(slug: str) -> Beginning | None:
    """Return what is offered under a name; None if nothing is."""
    return next((one for one in BEGINNINGS if one.slug == slug), None)


@transaction.atomic
def begin_with(
    beginning: Beginning, *, project_id: UUID, user: User, name: str = ""
) -> Workflow:
    """Make a workflow of what is offered, with its mails; it is switched off.

    Raises whatever `workflows.create` raises.
    """
    document = beginning.make(project_id, user)
    trigger = Trigger(
        TriggerType.EVENT, {"eventName": document["trigger"]["eventName"]}
    )
    return workflows.create(
        project_id=project_id,
        name=name or beginning.name,
        trigger=trigger,
        description=beginning.words,
        allow_reentry=beginning.slug == "win-back",
        document=document,
        user=user,
    )
