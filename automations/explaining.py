"""Why a contact is in a workflow, or is not: a sentence, its grounds, what helps.

Whoever is or was inside has runs that tell. For who never was, the rules of entry are
asked as they stand now, as if what begins the workflow happened at this moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from automations.definitions import Definition, StepType, Trigger, parse
from automations.engine.facts import event_ids, last_times
from automations.entry import Deeds, Prior, Refusal, missing, refusal
from automations.models import (
    ACTIVE,
    Run,
    RunState,
    TriggerType,
    Workflow,
    WorkflowKind,
    WorkflowVersion,
)
from automations.wording import clock
from automations.wording.steps import quoted
from contacts.addresses import AddressError, normalise
from contacts.models import Contact, Segment
from contacts.segments.matching import members
from contacts.segments.scopes import database_now
from plunk.api.errors import ApiError

_MOST_RUNS = 5
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """One sentence; `change` says what would have to be otherwise, if anything."""

    sentence: str
    change: str = ""
    evidence: tuple[str, ...] = ()
    tone: str = "neutral"
    #: The newest runs of the contact in this workflow.
    runs: tuple[Run, ...] = ()
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything that is known about one contact and one workflow."""

    workflow: Workflow
    contact: Contact
    definition: Definition
    now: datetime
    runs: Sequence[Run]
    prior: Prior
    deeds: Deeds

    @property
    def trigger(self) -> Trigger:
        return self.definition.trigger

    @property
    def who(self) -> str:
        return self.contact.email


def why(workflow: Workflow, who: str | Contact) -> Answer:
    """Say why somebody is in a workflow, or is not, and what would change that.

    `who` is a contact of the workflow's project, or an address in any spelling.
    """
    if isinstance(who, Contact):
        return _of_contact(workflow, who)
    try:
        address = normalise(who)
    except AddressError:
        said = f"“{who.strip()[:100]}” is no e-mail address."
        return Answer(said, "Write a whole address, such as ada@example.com.")
    contacts = Contact.objects.filter(project_id=workflow.project_id, email=address)
    contact = contacts.first()
    if contact is None:
        return Answer(
            f"{address} is not in it: nobody with this address is in the project.",
            "Track an event for the address, or add it as a contact.",
            tone="warn",
        )
    return _of_contact(workflow, contact)


def _of_contact(workflow: Workflow, contact: Contact) -> Answer:
    case = _case(workflow, contact)
    answer = _inside(case) or _outside(case)
    lines = (*answer.evidence, *_consent(case))
    return replace(answer, evidence=lines, runs=tuple(case.runs), contact=contact)


def _case(workflow: Workflow, contact: Contact) -> _Case:
    live = workflow.live
    definition = parse(live.definition if live else workflow.draft)
    now = database_now()
    rows = Run.objects.filter(workflow=workflow, contact=contact)
    newest = rows.select_related("version").defer("context", "version__definition")
    return _Case(
        workflow,
        contact,
        definition,
        now,
        list(newest.order_by("-started_at", "-id")[:_MOST_RUNS]),
        _prior(workflow, contact, now),
        _deeds(workflow, contact, definition.trigger, now),
    )


def _prior(workflow: Workflow, contact: Contact, now: datetime) -> Prior:
    rows = Run.objects.filter(workflow=workflow, contact=contact)
    if workflow.kind == WorkflowKind.ACTION:
        # A classic action is spent by its mail, not by a run that had none.
        rows = rows.exclude(state=RunState.EXITED)
    last = rows.order_by("-started_at", "-id").first()
    return Prior(
        any=last is not None,
        running=rows.filter(state=RunState.RUNNING, failures__gt=0).exists(),
        last_started_at=last.started_at if last else None,
        within_hour=rows.filter(started_at__gt=now - _HOUR).count(),
    )


def _deeds(
    workflow: Workflow, contact: Contact, trigger: Trigger, now: datetime
) -> Deeds:
    names = [*trigger.event_names, *trigger.not_event_names]
    ids = event_ids({(workflow.project_id, name) for name in names})
    asked = {
        name: (pk, contact.pk, now)
        for name in names
        if (pk := ids.get((workflow.project_id, name)))
    }
    times = last_times(list(dict.fromkeys(asked.values()))) if asked else {}
    found = {name: times[key] for name, key in asked.items() if key in times}
    return Deeds(found)


# -- who is inside ---------------------------------------------------------------------


def _inside(case: _Case) -> Answer | None:
    """Tell of the newest run that has not come to its end, if there is one."""
    open_ones = [run for run in case.runs if run.state in ACTIVE]
    if open_ones:
        run = open_ones[0]
        step = _step(run, case.definition)
        until = f", until {clock(run.until_at)}" if run.until_at else ""
        return Answer(
            f"{case.who} is in it: since {clock(run.started_at)}, and now at"
            f" {step}{until}.",
            tone="good",
        )
    parked = [run for run in case.runs[:1] if run.state == RunState.FAILED]
    if parked:
        run = parked[0]
        return Answer(
            f"{case.who} is parked at {_step(run, case.definition)}: {run.error}",
            "Mend what the step needs, then resume the run.",
            tone="bad",
        )
    return None


def _step(run: Run, definition: Definition) -> str:
    step = definition.steps.get(run.step_id) if run.step_id else None
    return f"“{step.name}”" if step else "a step of an earlier version"


# -- who is not ------------------------------------------------------------------------


def _outside(case: _Case) -> Answer:
    """Say which rule keeps a contact out, or that nothing has begun it."""
    workflow = case.workflow
    if workflow.live_id is None:
        return Answer(
            f"{case.who} is not in it: the workflow was never switched on.",
            "Finish it on the canvas, publish it and switch it on.",
            tone="warn",
        )
    kept_out = refusal(
        case.trigger,
        enabled=workflow.enabled,
        allow_reentry=workflow.allow_reentry,
        prior=case.prior,
        deeds=case.deeds,
    )
    if kept_out:
        return _refused(case, kept_out)
    if case.runs:
        return _again(case)
    return _not_begun(case)


def _refused(case: _Case, why_not: Refusal) -> Answer:
    match why_not:
        case Refusal.DISABLED:
            return Answer(
                f"{case.who} {_been(case)} not in it now: the workflow is off.",
                "Switch it on. What happened while it was off begins nothing later.",
                tone="warn",
            )
        case Refusal.ONCE:
            return _once(case)
        case Refusal.RUNNING:
            return Answer(
                f"{case.who} is just taking a step of it, which is tried again.",
                "Once that run waits or is over, the next event begins another.",
                tone="info",
            )
        case Refusal.TOO_OFTEN:
            return Answer(
                f"{case.who} began it {case.prior.within_hour:,} times within the last"
                " hour: no more are begun, as two workflows may set each other off.",
                "An hour after the first of them it goes on.",
                tone="warn",
            )
        case Refusal.EXCLUDED:
            return _excluded(case)
    return _incomplete(case)


def _been(case: _Case) -> str:
    return "has been in it, and is" if case.runs else "is"


def _once(case: _Case) -> Answer:
    last = case.runs[0] if case.runs else None
    when = f" from {clock(last.started_at)}" if last else ""
    end = f" to {clock(last.completed_at)}" if last and last.completed_at else ""
    return Answer(
        f"{case.who} has been in it{when}{end}, and it lets everybody in only once.",
        "Let contacts in again, in the settings of the workflow: then the next event"
        " begins another run.",
        tone="neutral",
    )


def _excluded(case: _Case) -> Answer:
    name = next(
        name for name in case.trigger.not_event_names if name in case.deeds.last
    )
    return Answer(
        f"{case.who} is kept out: “{name}” happened at"
        f" {clock(case.deeds.last[name])}, and it keeps contacts out of this workflow.",
        "Take that event out of what keeps contacts out, and publish.",
        tone="warn",
    )


def _incomplete(case: _Case) -> Answer:
    lacking = missing(case.trigger, case.prior, case.deeds)
    since = case.prior.last_started_at
    begun = f" since the last run began at {clock(since)}" if since else ""
    have = "has" if len(lacking) == 1 else "have"
    return Answer(
        f"{case.who} is not in it: {quoted(lacking)} {have} not happened{begun}.",
        f"It begins once {quoted(lacking)} {have} happened, too.",
        evidence=_happened(case),
        tone="warn",
    )


def _happened(case: _Case) -> tuple[str, ...]:
    return tuple(
        f"“{name}” last happened at {clock(case.deeds.last[name])}."
        for name in case.trigger.event_names
        if name in case.deeds.last
    )


def _again(case: _Case) -> Answer:
    last = case.runs[0]
    over = clock(last.completed_at) if last.completed_at else "a while ago"
    return Answer(
        f"{case.who} has been in it, last until {over}, and can begin it again.",
        _beginning(case),
        evidence=_happened(case),
    )


def _beginning(case: _Case) -> str:
    """Say what would begin a run now."""
    trigger = case.trigger
    match trigger.type:
        case TriggerType.EVENT | TriggerType.EVENTS:
            word = "and" if trigger.needs_all else "or"
            return f"The next {quoted(trigger.event_names, word)} begins it."
        case TriggerType.SEGMENT_ENTRY:
            return "It begins when the contact next comes into the segment."
        case TriggerType.SEGMENT_EXIT:
            return "It begins when the contact next leaves the segment."
        case TriggerType.SCHEDULE:
            at = case.workflow.next_at
            when = f" at {clock(at)}" if at else ""
            return f"It begins with the schedule{when}, for who is in the segment then."
    return "Start it by hand, or by the API."


def _not_begun(case: _Case) -> Answer:
    match case.trigger.type:
        case TriggerType.EVENT | TriggerType.EVENTS:
            return _no_event(case)
        case TriggerType.SEGMENT_ENTRY | TriggerType.SEGMENT_EXIT:
            return _no_move(case)
        case TriggerType.SCHEDULE:
            return _no_turn(case)
    return Answer(
        f"{case.who} is not in it: it begins by hand or by the API, and nobody has"
        " begun it for this contact.",
        "Start it for this contact.",
    )


def _no_event(case: _Case) -> Answer:
    names = case.trigger.event_names
    if not any(name in case.deeds.last for name in names):
        never = "none of these ever" if len(names) > 1 else "it has never"
        return Answer(
            f"{case.who} is not in it: it begins with {quoted(names, 'or')}, and"
            f" {never} happened for this contact.",
            _beginning(case),
            tone="warn",
        )
    first = WorkflowVersion.objects.filter(workflow=case.workflow).order_by("number")
    published_at = first.values_list("created_at", flat=True).first()
    last = max(case.deeds.last[name] for name in names if name in case.deeds.last)
    if published_at and last < published_at:
        because = f"before the workflow was published at {clock(published_at)}"
    else:
        because = "while it was switched off, began with something else, or only now"
    return Answer(
        f"{case.who} is not in it: what begins it last happened at {clock(last)},"
        f" {because}.",
        _beginning(case),
        evidence=_happened(case),
        tone="warn",
    )


def _no_move(case: _Case) -> Answer:
    name, is_in = _standing(case)
    if name is None:
        return _no_segment(case)
    stands = "is in it now" if is_in else "is not in it now"
    wants_in = case.trigger.type == TriggerType.SEGMENT_ENTRY
    how = "coming into" if wants_in else "leaving"
    was = (
        " Whoever was in it before the workflow was switched on did not come in since."
        if wants_in and is_in
        else ""
    )
    return Answer(
        f"{case.who} is not in it: it begins by {how} the segment “{name}”, and this"
        f" contact {stands}.{was}",
        _beginning(case),
        tone="warn",
    )


def _no_turn(case: _Case) -> Answer:
    name, is_in = _standing(case)
    if name is None:
        return _no_segment(case)
    if not is_in:
        return Answer(
            f"{case.who} is not in it: the schedule begins it for the segment “{name}”,"
            " and this contact is not in that segment.",
            "Whoever is in the segment when the schedule comes begins it.",
            tone="warn",
        )
    return Answer(
        f"{case.who} is not in it yet: the schedule has not come since the contact is"
        f" in the segment “{name}”.",
        _beginning(case),
    )


def _no_segment(case: _Case) -> Answer:
    return Answer(
        f"{case.who} is not in it: the segment that begins it was deleted, or cannot be"
        " read any more.",
        "Choose another segment on the canvas, and publish.",
        tone="bad",
    )


def _standing(case: _Case) -> tuple[str | None, bool]:
    """Return the name of the trigger's segment, and whether the contact is in it."""
    pk = case.trigger.segment_id
    rows = Segment.objects.filter(project_id=case.workflow.project_id)
    segment = rows.filter(pk=pk).first() if pk else None
    if segment is None:
        return None, False
    try:
        inside = members(segment, now=case.now).filter(pk=case.contact.pk)
        return segment.name, inside.exists()
    except ApiError:
        return None, False


def _consent(case: _Case) -> tuple[str, ...]:
    """Say what being unsubscribed means on the way."""
    steps = case.definition.steps.values()
    sends = any(step.type is StepType.SEND_EMAIL for step in steps)
    if case.contact.subscribed or not sends:
        return ()
    return (
        "The contact is not subscribed: mails of this workflow that need consent are"
        " left out on the way; transactional ones are sent.",
    )
