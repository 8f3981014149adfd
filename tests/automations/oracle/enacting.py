"""The same world on the product: rows for what happens, and a clock that is moved.

What the product stamps with the database's clock is stamped anew with the moment of the
world, which is years ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F, Min
from django.db.models.functions import Now

from automations import enrolling, entry, schedules, tallies, workflows
from automations.definitions import as_document
from automations.models import (
    ACTIVE,
    Arrival,
    Event,
    Occurrence,
    Run,
    RunState,
    Visit,
    VisitState,
    WebhookCall,
    Workflow,
    WorkflowKind,
)
from automations.tallies import HERE, PARKED
from contacts import jobs
from contacts.models import Contact, Job, JobState, Segment, SegmentType
from contacts.segments.membership import add_members, members_of
from contacts.segments.updating import update
from plunk.api.errors import ApiError
from plunk.projects.models import Project
from tests.automations.oracle.interpreter import Deed, Mail, Person, Story
from transactional.models import Email, Source

_PRO = {"field": "data.plan", "operator": "equals", "value": "pro"}
_FREE = {**_PRO, "value": "free"}
STORIES = 3

#: What a worker of the engine does at a moment; 0 if there was nothing to do.
Step = Callable[[datetime], int]


def tree(asked: dict[str, Any]) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": [asked]}]}


def make_segments(project: Project) -> dict[str, Segment]:
    """Make the segments of a world, by the names that `interpreter.Rules` has."""
    dynamic: dict[str, dict[str, Any]] = {
        "pros": {"condition": tree(_PRO), "track_membership": True},
        "free": {"condition": tree(_FREE)},
    }
    static = ["vips"]
    static += [f"{way}-{n}" for way in ("add", "remove") for n in range(STORIES)]
    made = {
        name: Segment.objects.create(project=project, name=name, **fields)
        for name, fields in dynamic.items()
    }
    for name in static:
        made[name] = Segment.objects.create(
            project=project, name=name, type=SegmentType.STATIC
        )
    return made


def work(now: datetime) -> int:
    """Take a turn of everything that has to do with automations."""
    begun = schedules.begin_due(now)
    has_jobs = jobs.is_anything_due()
    if has_jobs:
        jobs.work()
    from automations.engine import turns

    return begun + has_jobs + turns.step(now)


class World:
    def __init__(
        self,
        project: Project,
        people: list[Person],
        stories: list[Story],
        segments: Mapping[str, Segment],
        stays: Mapping[str, set[int]],
        *,
        beginning: datetime,
        end: datetime,
        most_an_hour: int,
        patch: pytest.MonkeyPatch,
        is_doubled: bool,
    ) -> None:
        self.project = project
        self.segments = segments
        self.end = end
        self.is_doubled = is_doubled
        self.now = beginning
        for module in (schedules, enrolling):
            patch.setattr(module, "database_now", lambda: self.now)
        patch.setattr(entry, "MOST_AN_HOUR", most_an_hour)
        self.contacts = [
            Contact.objects.create(
                project=project,
                email=f"p{person.number}@example.com",
                subscribed=person.subscribed,
                data=person.data or None,
            )
            for person in people
        ]
        for name, numbers in stays.items():
            add_members(segments[name], [self.contacts[n].pk for n in sorted(numbers)])
        # Who is in from the beginning has not entered.
        update(segments["pros"])
        self.workflows = [self._made(story) for story in stories]

    def _made(self, story: Story) -> Workflow:
        kind = WorkflowKind.ACTION if story.is_action else WorkflowKind.WORKFLOW
        return workflows.create(
            project_id=self.project.pk,
            name=f"Story {story.number}",
            trigger=story.definition.trigger,
            document=as_document(story.definition),
            allow_reentry=story.allow_reentry,
            kind=kind,
            enabled=True,
        )

    def live(self, deeds: list[Deed], step: Step) -> None:
        for moment, deed in self._moments(deeds):
            self.now = moment
            if deed is not None:
                self._do(deed)
            for _ in range(200):
                self._stamp()
                if not step(moment):
                    break
            else:
                raise AssertionError("the engine does not come to rest")

    def _moments(self, deeds: list[Deed]) -> Iterator[tuple[datetime, Deed | None]]:
        """Go through time: to the next deed, or to the next that is due."""
        coming = list(deeds)
        while True:
            due = [
                rows.aggregate(first=Min(name))["first"]
                for rows, name in (
                    (Run.objects.filter(state__in=ACTIVE), "due_at"),
                    (Workflow.objects.filter(enabled=True), "next_at"),
                )
            ]
            first = min((at for at in due if at is not None), default=None)
            if coming and (first is None or coming[0].at <= first):
                deed = coming.pop(0)
                yield deed.at, deed
            elif first is not None and first <= self.end:
                yield first, None
            else:
                return

    def _stamp(self) -> None:
        """Let what has just been written have happened at this moment."""
        rows = Occurrence.objects.filter(created_at__gt=self.end)
        rows.update(created_at=self.now)
        Arrival.objects.filter(due_at__gt=self.end).update(due_at=self.now)

    # -- what happens ------------------------------------------------------------------

    def _do(self, deed: Deed) -> None:
        match deed.kind:
            case "event":
                self._happen(deed)
            case "mark":
                self._mark(deed)
            case "plan":
                self._change_plan(self.contacts[deed.person or 0], deed.name)
            case "sweep":
                update(self.segments["pros"])
            case "begin" | "enrol":
                self._begin(deed)
            case "switch":
                workflow = Workflow.objects.get(pk=self.workflows[deed.story].pk)
                switch = workflows.disable if workflow.enabled else workflows.enable
                switch(workflow=workflow)

    def _happen(self, deed: Deed) -> None:
        event, _ = Event.objects.get_or_create(project=self.project, name=deed.name)
        occurrence = Occurrence.objects.create(
            project=self.project,
            event=event,
            contact=self.contacts[deed.person or 0],
            data=deed.data or None,
            created_at=deed.at,
        )
        if event.is_heard:
            for _ in range(2 if self.is_doubled else 1):
                Arrival.objects.create(occurrence=occurrence, due_at=deed.at)

    def _mark(self, deed: Deed) -> None:
        contact = self.contacts[deed.person or 0]
        mails = Email.objects.filter(contact=contact, source=Source.WORKFLOW)
        if deed.name == "machine":
            mails.update(machine_opens=F("machine_opens") + 1)
        else:
            mails.update(**{f"{deed.name}_at": deed.at})

    def _change_plan(self, contact: Contact, plan: str) -> None:
        contact.refresh_from_db()
        data = {**(contact.data or {}), "plan": plan}
        Contact.objects.filter(pk=contact.pk).update(data=data, updated_at=Now())

    def _begin(self, deed: Deed) -> None:
        workflow = Workflow.objects.get(pk=self.workflows[deed.story].pk)
        try:
            if deed.kind == "begin":
                contact = self.contacts[deed.person or 0]
                enrolling.start(
                    workflow=workflow, contact_id=contact.pk, context=deed.data
                )
            else:
                segment = self.segments[deed.name]
                enrolling.start_segment(workflow=workflow, segment=segment, user=None)
        except ApiError:
            # Whether it was right to refuse, the runs show.
            return

    # -- what came of it ---------------------------------------------------------------

    def mails(self) -> list[Mail]:
        """Return who was written to by which step, and when."""
        rows = Email.objects.filter(source=Source.WORKFLOW)
        return self._of_visits(list(rows.values_list("origin_id", flat=True)))

    def calls(self) -> list[Mail]:
        rows = WebhookCall.objects.filter(project=self.project)
        return self._of_visits(list(rows.values_list("visit_id", flat=True)))

    def _of_visits(self, ids: list[UUID | None]) -> list[Mail]:
        visits = Visit.objects.select_related("run").in_bulk([pk for pk in ids if pk])
        assert len(visits) == len(ids), "two for one visit, or one for none"
        people, stories = self._numbers()
        return sorted(
            (
                people[visit.run.contact_id],
                stories[visit.run.workflow_id],
                visit.step_id,
                visit.completed_at or self.now,
            )
            for visit in visits.values()
        )

    def _numbers(self) -> tuple[dict[UUID, int], dict[UUID, int]]:
        people = {contact.pk: n for n, contact in enumerate(self.contacts)}
        return people, {workflow.pk: n for n, workflow in enumerate(self.workflows)}

    def runs(self) -> list[tuple[int, int, datetime, UUID, str]]:
        """Return whose run of which workflow began when, and where it is now."""
        people, stories = self._numbers()
        words = {RunState.RUNNING: "going", RunState.WAITING: "going"}
        return sorted(
            (
                people[run.contact_id],
                stories[run.workflow_id],
                run.started_at,
                run.step_id or run.workflow_id,
                words.get(RunState(run.state), run.state.lower()),
            )
            for run in Run.objects.filter(project=self.project)
        )

    def stays(self, person: int) -> set[UUID]:
        """Return the static segments in which somebody is."""
        contact = self.contacts[person]
        return {
            segment.pk
            for segment in self.segments.values()
            if segment.type == SegmentType.STATIC
            and members_of(segment).filter(contact=contact).exists()
        }

    def check(self) -> None:
        """Check that figures are what the rows say, and that nothing is left over."""
        for workflow in self.workflows:
            runs = Run.objects.filter(workflow=workflow, state__in=ACTIVE)
            passed = self._passed(workflow)
            for step_id, figures in tallies.tallies(workflow.pk).items():
                here = figures.pop(HERE, 0)
                assert here == runs.filter(step_id=step_id).count()
                assert not figures.pop(PARKED, 0)
                ways = {
                    way: n
                    for way, n in figures.items()
                    if n and not way.startswith("@")
                }
                assert ways == passed.pop(step_id, {})
            assert not passed
        assert not Arrival.objects.exists()
        unfinished = Job.objects.exclude(state=JobState.COMPLETED)
        assert not unfinished.exists()
        for segment in self.segments.values():
            segment.refresh_from_db()
            if segment.type == SegmentType.STATIC:
                assert segment.member_count == members_of(segment).count()

    def _passed(self, workflow: Workflow) -> dict[UUID, dict[str, int]]:
        """Count by which ways steps were left, from the visits."""
        visits = Visit.objects.filter(
            run__workflow=workflow,
            state__in=[VisitState.COMPLETED, VisitState.SKIPPED],
        ).exclude(run__state=RunState.EXITED, number=F("run__steps"))
        counted = Counter(visits.values_list("step_id", "outcome"))
        found: dict[UUID, dict[str, int]] = {}
        for (step_id, outcome), number in counted.items():
            found.setdefault(step_id, {})[outcome] = number
        return found
