"""What has arrived begins runs, and wakes those that wait for it.

Entering a workflow is decided by one transaction a contact at a time: contacts are
locked, so that of ten equal events at once one begins the only run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from automations.definitions import Trigger
from automations.engine.facts import First, Span, event_ids, first_times, last_times
from automations.engine.versions import definition_of
from automations.entry import Deeds, Prior, Refusal, missing, refusal
from automations.models import (
    Arrival,
    Listener,
    Moves,
    Occurrence,
    Run,
    RunState,
    Workflow,
    WorkflowKind,
)
from automations.tallies import HERE, Note, note
from contacts.subscriptions import locked
from plunk.ids import new_id, read_id

#: How many arrivals are taken at once.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that may begin a run of a workflow for a contact."""

    workflow: Workflow
    contact_id: UUID
    #: The occurrence, or what else tells this beginning from every other.
    id: UUID
    at: datetime
    context: dict[str, object] | None
    is_own_mail: bool = False
    #: Somebody asked for it: only the rules of re-entry count, no events.
    is_by_hand: bool = False


@transaction.atomic
def take(now: datetime, *, limit: int = BATCH) -> int:
    """Deal with a batch of arrivals; return how many were taken."""
    rows = Arrival.objects.filter(due_at__lte=now)
    ordered = rows.order_by("due_at", "pk").select_for_update(skip_locked=True)
    arrivals = list(ordered[:limit])
    if arrivals:
        told = _told(arrivals)
        _wake([row.occurrence for row in told], now)
        _enter(told, now)
        Arrival.objects.filter(pk__in=[row.pk for row in arrivals]).delete()
    return len(arrivals)


def _told(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Return the arrivals that tell of a contact, with what happened to it."""
    found = Occurrence.objects.select_related("event").in_bulk(
        {row.occurrence_id for row in arrivals}
    )
    told = []
    for row in arrivals:
        occurrence = found.get(row.occurrence_id)
        if occurrence is not None and occurrence.contact_id is not None:
            row.occurrence = occurrence
            told.append(row)
    return told


def _wake(occurrences: Sequence[Occurrence], now: datetime) -> None:
    """Let the engine look at the runs that wait for what happened.

    In the order of their ids, as by everybody who locks more than one.
    """
    waiting = Run.objects.filter(
        state=RunState.WAITING,
        awaited__in={row.event_id for row in occurrences},
        contact__in={row.contact_id for row in occurrences},
    )
    ids = list(waiting.order_by("pk").select_for_update().values_list("pk", flat=True))
    Run.objects.filter(pk__in=ids).update(due_at=now)


def _enter(arrivals: Sequence[Arrival], now: datetime) -> None:
    entries = _entries(arrivals)
    by_project: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_project[entry.workflow.project_id].append(entry)
    for project_id in sorted(by_project):
        enter(project_id, by_project[project_id], now)


def _entries(arrivals: Sequence[Arrival]) -> list[Entry]:
    """Return which workflows each arrival may begin, in the order of arrival."""
    heard = _heard([row.occurrence for row in arrivals])
    return [
        Entry(
            workflow,
            occurrence.contact_id,
            occurrence.pk,
            occurrence.created_at,
            occurrence.data if isinstance(occurrence.data, dict) else None,
            is_own_mail=arrival.cause_id == workflow.pk,
        )
        for arrival in arrivals
        if (occurrence := arrival.occurrence).contact_id is not None
        for workflow in heard(occurrence)
    ]


def _edge(occurrence: Occurrence) -> tuple[str, str] | None:
    """Return the segment whose edge an occurrence tells of, and the way over it."""
    name, data = occurrence.event.name, occurrence.data
    if not name.startswith("segment.") or not isinstance(data, dict):
        return None
    moves = Moves.EXIT if name.endswith(".exit") else Moves.ENTRY
    return str(data.get("segmentId")), str(moves)


def _heard(
    occurrences: Sequence[Occurrence],
) -> Callable[[Occurrence], list[Workflow]]:
    """Return a function that says which enabled workflows hear of an occurrence."""
    edges = {edge for row in occurrences if (edge := _edge(row))}
    rows = Listener.objects.filter(
        Q(event__in={row.event_id for row in occurrences})
        | Q(segment__in={pk for text, _ in edges if (pk := read_id(text))}),
        workflow__enabled=True,
        workflow__live__isnull=False,
        workflow__project__is_disabled=False,
    ).select_related("workflow")
    by_event: dict[UUID, list[Workflow]] = defaultdict(list)
    by_edge: dict[tuple[str, str], list[Workflow]] = defaultdict(list)
    for row in rows.defer("workflow__draft").order_by("workflow"):
        if row.event_id is not None:
            by_event[row.event_id].append(row.workflow)
        else:
            by_edge[str(row.segment_id), row.moves].append(row.workflow)

    def heard(occurrence: Occurrence) -> list[Workflow]:
        edge = _edge(occurrence)
        return [
            *by_event.get(occurrence.event_id, []),
            *(by_edge.get(edge, []) if edge else []),
        ]

    return heard


def enter(
    project_id: UUID, entries: Sequence[Entry], now: datetime
) -> list[tuple[Entry, Refusal]]:
    """Begin the runs of entries of a project; return each with why it was refused.

    In a transaction of the caller's: the contacts stay locked until it ends.
    """
    if not entries:
        return []
    present = {
        row.pk
        for row in locked(
            project_id=project_id, contact_ids={entry.contact_id for entry in entries}
        )
    }
    entries = [entry for entry in entries if entry.contact_id in present]
    ledger = _Ledger(entries, now)
    judged = [(entry, ledger.judge(entry)) for entry in entries]
    ledger.write()
    return judged


_Key = tuple[UUID, UUID, UUID]


def _key(entry: Entry) -> _Key:
    return entry.workflow.pk, entry.contact_id, entry.id


class _Ledger:
    """Earlier runs and deeds of the contacts of a batch, and the runs it begins."""

    def __init__(self, entries: Sequence[Entry], now: datetime) -> None:
        self.now = now
        self.made: list[Run] = []
        workflows = {entry.workflow.pk for entry in entries}
        contacts = {entry.contact_id for entry in entries}
        self.definitions = {
            entry.workflow.pk: definition_of(entry.workflow.live_id)
            for entry in entries
            if entry.workflow.live_id is not None
        }
        runs = Run.objects.filter(workflow__in=workflows, contact__in=contacts)
        self.event_ids = event_ids(
            {
                (entry.workflow.project_id, name)
                for entry in entries
                for name in self._names(entry)
            }
        )
        self.deeds = self._deeds(entries)
        self.later = self._later(entries)
        begun_by = {
            *(entry.id for entry in entries),
            *(one.id for found in self.later.values() for one in found.values()),
        }
        self.known = set(
            runs.filter(entry_id__in=begun_by).values_list(
                "workflow", "contact", "entry_id"
            )
        )
        self.priors = self._priors(runs)

    def _priors(self, runs: QuerySet[Run]) -> dict[tuple[UUID, UUID], Prior]:
        # A classic action is spent by its mail, not by a run that had none.
        spent = runs.exclude(
            workflow__kind=WorkflowKind.ACTION, state=RunState.EXITED, is_only=False
        )
        hour = Q(started_at__gt=self.now - timedelta(hours=1))
        rows = spent.order_by().values_list("workflow", "contact")
        return {
            (workflow_id, contact_id): Prior(
                any=True, running=bool(running), last_started_at=last, within_hour=late
            )
            for workflow_id, contact_id, last, running, late in rows.annotate(
                last=Max("started_at"),
                # One that was begun a moment ago, and has only to be looked at, is
                # in nobody's way: the next event may not be lost to it.
                running=Count("pk", filter=Q(state=RunState.RUNNING, failures__gt=0)),
                late=Count("pk", filter=hour),
            )
        }

    def _deeds(self, entries: Sequence[Entry]) -> dict[_Key, Deeds]:
        """Find out when contacts last had what their triggers ask for.

        At the moment of the entry: what the engine is late for changes nothing.
        """
        wanted = {
            (_key(entry), name): (pk, entry.contact_id, entry.at)
            for entry in entries
            for name in self._names(entry)
            if (pk := self.event_ids.get((entry.workflow.project_id, name)))
        }
        last = last_times(list(dict.fromkeys(wanted.values())))
        found: dict[_Key, dict[str, datetime]] = defaultdict(dict)
        for (key, name), place in wanted.items():
            if place in last:
                found[key][name] = last[place]
        return {key: Deeds(moments) for key, moments in found.items()}

    def _later(self, entries: Sequence[Entry]) -> dict[_Key, dict[str, First]]:
        """Find what follows each entry of a workflow that needs several events."""
        wanted = {
            (_key(entry), name): Span(pk, entry.contact_id, entry.at)
            for entry in entries
            if (trigger := self._trigger(entry)).needs_all
            and len(trigger.event_names) > 1
            for name in self._names(entry)
            if (pk := self.event_ids.get((entry.workflow.project_id, name)))
        }
        first = first_times(wanted.values())
        found: dict[_Key, dict[str, First]] = defaultdict(dict)
        for (key, name), span in wanted.items():
            if span in first:
                found[key][name] = first[span]
        return dict(found)

    def _trigger(self, entry: Entry) -> Trigger:
        return self.definitions[entry.workflow.pk].trigger

    def _names(self, entry: Entry) -> list[str]:
        """Return the events on which an entry depends."""
        if entry.is_by_hand:
            return []
        trigger = self._trigger(entry)
        required = trigger.event_names if trigger.needs_all else []
        return [*required, *trigger.not_event_names]

    def judge(self, entry: Entry) -> Refusal:
        """Say whether an entry begins a run, and note the run if it does."""
        why = self._judge(entry)
        if why is Refusal.INCOMPLETE and (overtaker := self._overtaker(entry)):
            self._judge(overtaker)
        return why

    def _judge(self, entry: Entry) -> Refusal:
        workflow = entry.workflow
        if _key(entry) in self.known:
            return Refusal.ONCE
        prior = self._prior(entry)
        why = refusal(
            self._trigger(entry),
            enabled=workflow.enabled,
            allow_reentry=workflow.allow_reentry,
            prior=prior,
            deeds=None if entry.is_by_hand else self._deeds_of(entry),
            is_own_mail=entry.is_own_mail,
        )
        if not why:
            self._begin(entry, prior)
        return why

    def _prior(self, entry: Entry) -> Prior:
        return self.priors.get((entry.workflow.pk, entry.contact_id), Prior())

    def _deeds_of(self, entry: Entry) -> Deeds:
        return self.deeds.get(_key(entry), Deeds({}))

    def _overtaker(self, entry: Entry) -> Entry | None:
        """Return the later event that would have begun a run, had it seen this one.

        The moment of an event is that at which it was written: what happened afterwards
        may have been committed before, and been looked at without it. Of two arrivals
        the one that is looked at last sees both events; it begins the run as the other
        would have, under its id, so that only one of them does.
        """
        trigger, prior = self._trigger(entry), self._prior(entry)
        since = prior.last_started_at
        if since is not None and entry.at <= since:
            return None
        deeds, later = self._deeds_of(entry), self.later.get(_key(entry), {})
        lacking = missing(trigger, prior, deeds)
        if not all(name in later for name in lacking):
            return None
        last = max((later[name] for name in lacking), key=lambda one: one.at)
        workflow = entry.workflow
        overtaker = Entry(
            workflow,
            entry.contact_id,
            last.id,
            last.at,
            last.data or None,
            # As the news of mails say it; the arrival that said so, too, may be gone.
            is_own_mail=last.data.get("workflowId") == str(workflow.pk),
        )
        by_then = {name: one.at for name, one in later.items() if one.at <= last.at}
        self.deeds[_key(overtaker)] = Deeds({**deeds.last, **by_then})
        return overtaker

    def _begin(self, entry: Entry, prior: Prior) -> None:
        workflow = entry.workflow
        if workflow.live_id is None:
            raise ValueError(f"{workflow} was never published")
        self.made.append(
            Run(
                id=new_id(),
                project_id=workflow.project_id,
                workflow_id=workflow.pk,
                version_id=workflow.live_id,
                contact_id=entry.contact_id,
                entry_id=entry.id,
                is_only=not workflow.allow_reentry,
                state=RunState.RUNNING,
                step_id=self.definitions[workflow.pk].start.id,
                arrived_at=entry.at,
                started_at=entry.at,
                due_at=self.now,
                context=entry.context,
            )
        )
        self.known.add(_key(entry))
        self.priors[workflow.pk, entry.contact_id] = Prior(
            any=True,
            last_started_at=entry.at,
            within_hour=prior.within_hour + 1,
        )

    def write(self) -> None:
        Run.objects.bulk_create(self.made, batch_size=500)
        starts = {pk: it.start.id for pk, it in self.definitions.items()}
        note(
            Counter(
                Note(run.workflow_id, starts[run.workflow_id], HERE)
                for run in self.made
            )
        )
