"""What a workflow means, told as plainly as possible: one contact, one loop, no tables.

Nothing of the product's deciding is used here, only the definition it decides on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from automations.definitions import Definition, Step


@dataclass
class Story:
    """A workflow, as the interpreter is told of it."""

    number: int
    definition: Definition
    allow_reentry: bool
    is_action: bool


@dataclass
class Person:
    number: int
    subscribed: bool
    data: dict[str, Any]


@dataclass(frozen=True)
class Deed:
    at: datetime
    person: int
    name: str
    data: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass
class _Run:
    story: Story
    started: datetime
    step: UUID
    context: dict[str, Any]
    arrived: datetime
    until: datetime | None = None
    awaits: str = ""
    state: str = "going"


#: Person, workflow, step and moment of a mail.
Mail = tuple[int, int, UUID, datetime]


class Life:
    """One person's events against all workflows."""

    def __init__(
        self, person: Person, stories: list[Story], needs_consent: set[UUID]
    ) -> None:
        self.person = person
        self.stories = stories
        self.needs_consent = needs_consent
        self.data = dict(person.data)
        self.did: list[tuple[str, datetime]] = []
        self.runs: list[_Run] = []
        self.mails: list[Mail] = []

    def live(self, deeds: list[Deed], until: datetime) -> None:
        for deed in deeds:
            self._time_goes_by(deed.at, inclusive=False)
            self._do(deed)
        self._time_goes_by(until, inclusive=True)

    def _time_goes_by(self, until: datetime, *, inclusive: bool) -> None:
        while True:
            late = [run for run in self.runs if run.state == "going" and run.until]
            late.sort(key=lambda run: run.until or until)
            if not late or not late[0].until:
                return
            at = late[0].until
            if at > until or (at == until and not inclusive):
                return
            self._time_is_up(late[0], at)

    def _time_is_up(self, run: _Run, at: datetime) -> None:
        outcome = "TIMEOUT" if run.awaits else ""
        self._go(run, outcome, at)

    def _do(self, deed: Deed) -> None:
        self.did.append((deed.name, deed.at))
        for run in list(self.runs):
            is_waiting = run.state == "going" and run.awaits == deed.name
            is_in_time = run.until is None or deed.at <= run.until
            if is_waiting and deed.at > run.arrived and is_in_time:
                run.context.update(deed.data)
                self._go(run, "EVENT", deed.at)
        # Timers of this very moment come after its events.
        self._time_goes_by(deed.at, inclusive=True)
        for story in self.stories:
            if deed.name in story.definition.trigger.event_names:
                self._maybe_begin(story, deed)

    def _maybe_begin(self, story: Story, deed: Deed) -> None:
        trigger = story.definition.trigger
        mine = [
            run
            for run in self.runs
            if run.story is story and not (story.is_action and run.state == "exited")
        ]
        if mine and not story.allow_reentry:
            return
        if any(name in trigger.not_event_names for name, _ in self.did):
            return
        if trigger.needs_all:
            since = max((run.started for run in mine), default=None)
            for name in trigger.event_names:
                times = [at for other, at in self.did if other == name]
                if not times or (since and max(times) <= since):
                    return
        run = _Run(story, deed.at, story.definition.start.id, dict(deed.data), deed.at)
        self.runs.append(run)
        self._go(run, "", deed.at)

    def _go(self, run: _Run, outcome: str, at: datetime) -> None:
        """Leave the step a run is at, and take steps until one waits."""
        run.until, run.awaits = None, ""
        definition = run.story.definition
        while True:
            way = definition.way(definition.steps[run.step], outcome)
            if way is None:
                run.state = "completed"
                return
            run.step, run.arrived = way.to_id, at
            taken = self._take(run, definition.steps[run.step], at)
            if taken is None:
                return
            outcome = taken

    def _take(self, run: _Run, step: Step, at: datetime) -> str | None:
        """Take a step; return by which way it is left, None where the run stays."""
        match str(step.type):
            case "SEND_EMAIL":
                return self._mail(run, step, at)
            case "DELAY":
                minutes = {"minutes": 1, "hours": 60, "days": 1440}[step.config["unit"]]
                run.until = at + timedelta(minutes=step.config["amount"] * minutes)
                return None
            case "WAIT_FOR_EVENT":
                run.awaits = step.config["eventName"]
                if seconds := step.config.get("timeout"):
                    run.until = at + timedelta(seconds=seconds)
                return None
            case "CONDITION":
                return self._branch(run, step)
            case "UPDATE_CONTACT":
                self.data.update(step.config["updates"])
                return ""
            case "EXIT":
                run.state = "exited"
                return None
        return ""

    def _mail(self, run: _Run, step: Step, at: datetime) -> str | None:
        excluding = run.story.definition.trigger.not_event_names
        if any(name in excluding for name, _ in self.did):
            run.state = "exited" if run.story.is_action else "over"
            return None
        template = step.template_id
        if template in self.needs_consent and not self.person.subscribed:
            if run.story.is_action:
                run.state = "exited"
                return None
            return ""
        self.mails.append((self.person.number, run.story.number, step.id, at))
        return ""

    def _branch(self, run: _Run, step: Step) -> str:
        root, _, key = step.config["field"].partition(".")
        found = (self.data if root == "data" else run.context).get(key)
        if step.config.get("mode") == "multi":
            for branch in step.config["branches"]:
                if found == branch["value"]:
                    return str(branch["id"])
            return "default"
        return "yes" if found == step.config["value"] else "no"
