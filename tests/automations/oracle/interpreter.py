"""What a workflow means, told as plainly as possible: one contact, one loop, no tables.

Nothing of the product's deciding is used here, only the definition it decides on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from automations.definitions import Definition, Step
from tests.automations.oracle.comparing import compares
from tests.automations.oracle.wall import Timetable, next_shown

HOUR = timedelta(hours=1)


@dataclass
class Story:
    """A workflow, as the interpreter is told of it."""

    number: int
    definition: Definition
    allow_reentry: bool
    is_action: bool
    timetable: Timetable | None = None


@dataclass
class Person:
    number: int
    subscribed: bool
    data: dict[str, Any]


@dataclass(frozen=True)
class Deed:
    """Something that happens to a person, or to everybody where there is none.

    `kind` is "event"; "mark", where all mails so far are `name` (opened, clicked, …);
    "plan", where the contact's plan becomes `name`; "sweep", when tracked segments are
    brought up to date; "begin", by hand; "enrol", for everybody in the segment `name`;
    "switch", off or on; and "clock", when a schedule comes. The last four are about
    `story`.
    """

    at: datetime
    person: int | None
    name: str
    data: dict[str, Any] = field(default_factory=dict, hash=False)
    kind: str = "event"
    story: int = 0


@dataclass(frozen=True)
class Rules:
    """What all lives have in common."""

    beginning: datetime
    needs_consent: set[UUID]
    most_an_hour: int
    #: The segments by what this module calls them, and what events tell of them.
    segments: Mapping[str, UUID]
    tracked: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Run:
    story: Story
    started: datetime
    step: UUID
    context: dict[str, Any]
    arrived: datetime
    until: datetime | None = None
    awaits: str = ""
    state: str = "going"
    #: What became of the mails of its steps; a step whose mail was not sent has none.
    marks: dict[UUID, set[str]] = field(default_factory=dict)


#: Person, workflow, step and moment of a mail, or of a call.
Mail = tuple[int, int, UUID, datetime]


class Life:
    """One person's events against all workflows."""

    def __init__(
        self, person: Person, stories: list[Story], rules: Rules, stays: set[UUID]
    ) -> None:
        self.person = person
        self.stories = stories
        self.rules = rules
        self.subscribed = person.subscribed
        self.data = dict(person.data)
        #: The static segments the person is in.
        self.stays = stays
        self.is_pro = self.data.get("plan") == "pro"
        self.off: set[int] = set()
        self.did: list[tuple[str, datetime]] = []
        self.runs: list[Run] = []
        self.mails: list[Mail] = []
        self.calls: list[Mail] = []

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

    def _time_is_up(self, run: Run, at: datetime) -> None:
        outcome = "TIMEOUT" if run.awaits else ""
        self._go(run, outcome, at)

    def _do(self, deed: Deed) -> None:
        match deed.kind:
            case "event":
                self._happen(deed.name, deed.at, deed.data)
            case "mark":
                for run in self.runs:
                    for marks in run.marks.values():
                        marks.add(deed.name)
            case "plan":
                self.data["plan"] = deed.name
            case "switch":
                self.off ^= {deed.story}
            case "sweep":
                self._sweep(deed.at)
            case _:
                self._begin_by_hand(deed)

    def _is_in(self, segment: str) -> bool:
        if segment == "free":
            return self.data.get("plan") == "free"
        if segment == "pros":
            # As it was when it was brought up to date.
            return self.is_pro
        return self.rules.segments[segment] in self.stays

    def _sweep(self, at: datetime) -> None:
        was, self.is_pro = self.is_pro, self.data.get("plan") == "pro"
        if self.is_pro is not was:
            way = "entry" if self.is_pro else "exit"
            told = dict(self.rules.tracked)
            self._happen(f"segment.pros.{way}", at, told, edge=way)

    def _happen(
        self, name: str, at: datetime, data: dict[str, Any], *, edge: str = ""
    ) -> None:
        self.did.append((name, at))
        for run in list(self.runs):
            is_waiting = run.state == "going" and run.awaits == name
            is_in_time = run.until is None or at <= run.until
            if is_waiting and at > run.arrived and is_in_time:
                run.context.update(data)
                self._go(run, "EVENT", at)
        # Timers of this very moment come after its events.
        self._time_goes_by(at, inclusive=True)
        for story in self.stories:
            trigger = story.definition.trigger
            is_edge = edge and str(trigger.type) == f"SEGMENT_{edge.upper()}"
            if name in trigger.event_names or is_edge:
                self._maybe_begin(story, at, data)

    def _begin_by_hand(self, deed: Deed) -> None:
        """Begin for this person, or for one of everybody in a segment."""
        if deed.person is None and not self._is_in(deed.name):
            return
        story = self.stories[deed.story]
        self._maybe_begin(story, deed.at, deed.data, is_by_hand=True)

    def _maybe_begin(
        self,
        story: Story,
        at: datetime,
        data: dict[str, Any],
        *,
        is_by_hand: bool = False,
    ) -> None:
        mine = [
            run
            for run in self.runs
            if run.story is story and not (story.is_action and run.state == "exited")
        ]
        if story.number in self.off or (mine and not story.allow_reentry):
            return
        within_hour = [run for run in mine if run.started > at - HOUR]
        if len(within_hour) >= self.rules.most_an_hour:
            return
        since = max((run.started for run in mine), default=None)
        if not is_by_hand and not self._has_done_what_it_takes(story, since):
            return
        run = Run(story, at, story.definition.start.id, dict(data), at)
        self.runs.append(run)
        self._go(run, "", at)

    def _has_done_what_it_takes(self, story: Story, since: datetime | None) -> bool:
        trigger = story.definition.trigger
        if any(name in trigger.not_event_names for name, _ in self.did):
            return False
        if not trigger.needs_all:
            return True
        return all(
            any(
                name == other and (since is None or at > since)
                for other, at in self.did
            )
            for name in trigger.event_names
        )

    def _go(self, run: Run, outcome: str, at: datetime) -> None:
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

    def _take(self, run: Run, step: Step, at: datetime) -> str | None:
        """Take a step; return by which way it is left, None where the run stays."""
        match str(step.type):
            case "SEND_EMAIL":
                return self._mail(run, step, at)
            case "DELAY":
                run.until = self._end_of_delay(step, at)
                return None
            case "WAIT_FOR_EVENT":
                run.awaits = step.config["eventName"]
                if seconds := step.config.get("timeout"):
                    run.until = at + timedelta(seconds=seconds)
                return None
            case "CONDITION":
                return self._branch(run, step)
            case "UPDATE_CONTACT":
                self._update(step)
            case "SEGMENT":
                change = {"ADD": self.stays.add, "REMOVE": self.stays.discard}
                change[step.config["action"]](UUID(step.config["segmentId"]))
            case "WEBHOOK":
                self.calls.append((self.person.number, run.story.number, step.id, at))
            case "EXIT":
                run.state = "exited"
                return None
        return ""

    def _end_of_delay(self, step: Step, at: datetime) -> datetime:
        if until := step.config.get("until"):
            return next_shown(
                until["timezone"],
                self.rules.beginning,
                at,
                until["time"],
                until.get("weekday"),
            )
        minutes = {"minutes": 1, "hours": 60, "days": 1440}[step.config["unit"]]
        return at + timedelta(minutes=step.config["amount"] * minutes)

    def _update(self, step: Step) -> None:
        for key, value in step.config["updates"].items():
            if value is None:
                self.data.pop(key, None)
            else:
                self.data[key] = value
        wish = step.config.get("subscriptionAction", "none")
        self.subscribed = {"subscribe": True, "unsubscribe": False}.get(
            wish, self.subscribed
        )

    def _mail(self, run: Run, step: Step, at: datetime) -> str | None:
        excluding = run.story.definition.trigger.not_event_names
        if any(name in excluding for name, _ in self.did):
            run.state = "exited"
            return None
        is_to_another = "recipient" in step.config
        needs_consent = step.template_id in self.rules.needs_consent
        if needs_consent and not self.subscribed and not is_to_another:
            if run.story.is_action:
                run.state = "exited"
                return None
            return ""
        self.mails.append((self.person.number, run.story.number, step.id, at))
        run.marks[step.id] = set()
        return ""

    def _branch(self, run: Run, step: Step) -> str:
        config = step.config
        if "filter" in config:
            return "yes" if self._matches(config["filter"]) else "no"
        found = self._found(run, config["field"])
        if config.get("mode") == "multi":
            for branch in config["branches"]:
                if compares(branch["operator"], found, branch.get("value")):
                    return str(branch["id"])
            return "default"
        is_met = compares(config["operator"], found, config.get("value"))
        return "yes" if is_met else "no"

    def _found(self, run: Run, name: str) -> Any:
        root, _, key = name.partition(".")
        match root:
            case "data":
                return self.data.get(key)
            case "event":
                return run.context.get(key)
            case "contact":
                return self.subscribed
        step_id, _, mark = key.partition(".")
        return mark in run.marks.get(UUID(step_id), ())

    def _matches(self, tree: Mapping[str, Any]) -> bool:
        groups = [
            all(self._fits(one) for one in group["filters"]) for group in tree["groups"]
        ]
        return all(groups) if tree["logic"] == "AND" else any(groups)

    def _fits(self, asked: Mapping[str, Any]) -> bool:
        root, _, rest = asked["field"].partition(".")
        match root:
            case "event":
                has = any(name == rest for name, _ in self.did)
                return has is (asked["operator"] == "triggered")
            case "segment":
                return UUID(rest) in self.stays
            case "subscribed":
                return self.subscribed is asked["value"]
        return bool(self.data.get(rest) == asked["value"])
