"""Random workflows and random lives, from a seed.

Moments that could tie are kept apart: each event has a second of its own within its
minute, beginning at 1; segments are brought up to date at second 55; schedules and
wall clocks are at second 0; delays are whole minutes, and timeouts end half a minute
later. Where runs of one contact still tie, what one of them does is nothing to the
other. So what the contract leaves open (which of two runs goes first) cannot matter.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from automations.definitions import Definition, Step, Trigger
from automations.models import TriggerType
from tests.automations.building import definition, step
from tests.automations.oracle.interpreter import Deed, Person, Story
from tests.automations.oracle.wall import Timetable
from transactional.models import Template

NAMES = ("a", "b", "c", "d")
EDGES = ("segment.pros.entry", "segment.pros.exit")
PLANS = ("pro", "free", None)
MARKS = ("opened", "clicked", "delivered", "bounced")
#: Where clocks are turned, and a noon or so before they are.
BEGINNINGS = (
    ("Europe/Berlin", datetime(2021, 3, 27, 12, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2021, 10, 30, 12, tzinfo=UTC)),
    ("America/New_York", datetime(2021, 3, 13, 18, tzinfo=UTC)),
    ("America/New_York", datetime(2021, 11, 6, 18, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2021, 4, 3, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2021, 10, 2, 3, tzinfo=UTC)),
    ("UTC", datetime(2021, 6, 1, 12, tzinfo=UTC)),
)
LENGTH = timedelta(days=3)
TIMETABLES = (
    Timetable("30 2 * * *", {30}, {2}),
    Timetable("*/30 1-3 * * *", {0, 30}, {1, 2, 3}),
    Timetable("15 9,17 * * mon-fri", {15}, {9, 17}, range(5)),
    Timetable("45 1,2 * * 0", {45}, {1, 2}, {6}),
    Timetable("15 * * * sun", {15}, range(24), {6}),
    Timetable("@daily", {0}, {0}),
)
HOURS = ("02:30", "01:30", "02:15", "00:00", "09:00", "17:45")


class Maker:
    """Makes one world; `segments` are known as in `interpreter.Rules`."""

    def __init__(
        self, seed: int, templates: list[Template], segments: Mapping[str, UUID]
    ) -> None:
        self.random = random.Random(seed)
        self.templates = templates
        self.segments = segments
        self.zone, self.beginning = self.random.choice(BEGINNINGS)
        self.end = self.beginning + LENGTH
        #: Of one workflow that nobody is in twice: what it does, only it sees.
        self.is_alone = False

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def people(self, count: int) -> list[Person]:
        return [
            Person(
                number,
                subscribed=self._maybe(0.7),
                data={"old": 1, "plan": plan}
                if (plan := self.random.choice(PLANS))
                else {},
            )
            for number in range(count)
        ]

    def stories(self) -> list[Story]:
        count = self.random.choice([1, 2, 3])
        self.is_alone = count == 1 and self._maybe(0.5)
        return [self._story(number) for number in range(count)]

    # -- what happens ------------------------------------------------------------------

    def deeds(self, people: list[Person], stories: list[Story]) -> list[Deed]:
        """Return what happens, each at a second of its own, in the order of time."""
        count = self.random.randrange(3, 24)
        minutes = 600 if self._maybe(0.6) else 2_400
        moments = sorted(self.random.randrange(minutes) for _ in range(count))
        # Of a segment that nobody hears, nothing is to be told.
        sweeps = sorted(self.random.randrange(minutes) for _ in range(4))
        found = [
            self._deed(
                self.beginning + timedelta(minutes=minute, seconds=number),
                self.random.choice(people).number,
                self.random.choice(stories),
            )
            for number, minute in enumerate(moments, 1)
        ]
        found += [
            Deed(
                self.beginning + timedelta(minutes=minute, seconds=55),
                None,
                "",
                kind="sweep",
            )
            for minute in dict.fromkeys(sweeps)
        ]
        return sorted(found, key=lambda deed: deed.at)

    def clocks(self, stories: list[Story]) -> list[Deed]:
        """Return when schedules come; only the interpreter is told."""
        return [
            Deed(at, None, name, kind="clock", story=story.number)
            for story in stories
            if story.timetable
            for name in self.segments
            if str(self.segments[name])
            == story.definition.trigger.config.get("segmentId")
            for at in story.timetable.moments(self.zone, self.beginning, self.end)
        ]

    def _deed(self, at: datetime, person: int, story: Story) -> Deed:
        kind = self.random.choice(["event"] * 8 + ["mark", "plan", "plan", "by hand"])
        match kind:
            case "mark":
                name = self.random.choice([*MARKS, "machine"])
                return Deed(at, person, name, kind=kind)
            case "plan":
                plan = self.random.choice(["pro", "pro", "free"])
                return Deed(at, person, plan, kind=kind)
            case "by hand":
                return self._by_hand(at, person, story)
        return Deed(at, person, self.random.choice(NAMES), self._what())

    def _by_hand(self, at: datetime, person: int, story: Story) -> Deed:
        match self.random.choice(["begin", "begin", "enrol", "switch"]):
            case "begin":
                what = self._what()
                return Deed(at, person, "", what, kind="begin", story=story.number)
            case "enrol":
                segment = self.random.choice(["pros", "free", "vips"])
                return Deed(at, None, segment, kind="enrol", story=story.number)
        return Deed(at, None, "", kind="switch", story=story.number)

    def _what(self) -> dict[str, Any]:
        what: dict[str, Any] = {}
        if self._maybe(0.5):
            what["size"] = self.random.choice(["s", "l"])
        if self._maybe(0.4):
            what["n"] = self.random.choice([1, 2, 2.5, "2", "two", True])
        return what

    # -- workflows ---------------------------------------------------------------------

    def _story(self, number: int) -> Story:
        is_action = not self.is_alone and self._maybe(0.2)
        timetable = None
        if is_action:
            made = self._action(self._action_trigger())
        else:
            trigger, timetable = self._trigger()
            made = self._workflow(trigger, number)
        return Story(
            number,
            made,
            allow_reentry=not self.is_alone and self._maybe(0.5),
            is_action=is_action,
            timetable=timetable,
        )

    def _trigger(self) -> tuple[Trigger, Timetable | None]:
        kind = self.random.choice(
            ["event"] * 5 + ["events"] * 3 + ["edge", "edge", "clock", "hand"]
        )
        match kind:
            case "event":
                name = self.random.choice([*NAMES * 3, *EDGES])
                return Trigger(TriggerType.EVENT, {"eventName": name}), None
            case "events":
                trigger = self._action_trigger()
                mode = self.random.choice(["ALL", "ANY"])
                config = {**trigger.config, "mode": mode}
                return Trigger(TriggerType.EVENTS, config), None
            case "edge":
                edges = [TriggerType.SEGMENT_ENTRY, TriggerType.SEGMENT_EXIT]
                config = {"segmentId": str(self.segments["pros"])}
                return Trigger(self.random.choice(edges), config), None
            case "clock":
                return self._schedule()
        return Trigger(TriggerType.MANUAL, {}), None

    def _schedule(self) -> tuple[Trigger, Timetable]:
        timetable = self.random.choice(TIMETABLES)
        segment = self.segments[self.random.choice(["pros", "free", "vips"])]
        config = {
            "schedule": timetable.text,
            "timezone": self.zone,
            "segmentId": str(segment),
        }
        return Trigger(TriggerType.SCHEDULE, config), timetable

    def _action_trigger(self) -> Trigger:
        names = self.random.sample(NAMES, self.random.choice([1, 1, 2, 3]))
        others = [name for name in NAMES if name not in names]
        excluding = self.random.sample(others, 1) if self._maybe(0.4) else []
        config = {"eventNames": names, "notEventNames": excluding, "mode": "ALL"}
        return Trigger(TriggerType.EVENTS, config)

    def _action(self, trigger: Trigger) -> Definition:
        mail = self._mail()
        if self._maybe(0.5):
            return definition(trigger, [mail], [])
        delay = self._delay()
        return definition(trigger, [delay, mail], [(delay, mail, "")])

    def _workflow(self, trigger: Trigger, number: int) -> Definition:
        """Grow a tree of steps; some of its leaves join others again."""
        steps: list[Step] = []
        steps.append(self._any(steps, number))
        ways: list[tuple[Step, Step, str]] = []
        open_ends = [(steps[0], outcome) for outcome in steps[0].outcomes]
        while open_ends and len(steps) < 10:
            place = self.random.randrange(len(open_ends))
            source, outcome = open_ends.pop(place)
            if self._maybe(0.1):
                continue
            if self._maybe(0.15) and len(steps) > 3:
                # Only onwards: no way leads back to a step before its source.
                later = steps[steps.index(source) + 1 :]
                if later:
                    ways.append((source, self.random.choice(later), outcome))
                    continue
            made = self._any(steps, number)
            steps.append(made)
            ways.append((source, made, outcome))
            open_ends += [(made, outcome) for outcome in made.outcomes]
        return definition(trigger, steps, ways)

    # -- steps -------------------------------------------------------------------------

    def _any(self, steps: list[Step], story: int) -> Step:
        kind = self.random.choice(
            ["mail", "delay", "wait", "if"] * 2
            + ["many", "set", "segment", "call", "exit"]
        )
        match kind:
            case "mail":
                return self._mail()
            case "delay":
                return self._delay()
            case "wait":
                return self._wait()
            case "if":
                return self._if(steps, story)
            case "many":
                return self._many()
            case "set":
                return self._set(len(steps))
            case "segment":
                action = self.random.choice(["ADD", "REMOVE"])
                pk = self.segments[f"{action.lower()}-{story}"]
                return step("SEGMENT", action=action, segmentId=str(pk))
            case "call":
                return step("WEBHOOK", url="https://hooks.example/of", method="POST")
        return step("EXIT") if len(steps) > 1 else self._mail()

    def _mail(self) -> Step:
        template = self.random.choice(self.templates)
        if self._maybe(0.1):
            recipient = {"type": "CUSTOM", "customEmail": "desk@example.com"}
            return step("SEND_EMAIL", template=template, recipient=recipient)
        return step("SEND_EMAIL", template=template)

    def _delay(self) -> Step:
        if self._maybe(0.25):
            weekday = self.random.choice([None, None, *range(7)])
            at = self.random.choice(HOURS)
            until = {"time": at, "weekday": weekday, "timezone": self.zone}
            return step("DELAY", until=until)
        return step("DELAY", amount=self.random.randrange(1, 90), unit="minutes")

    def _wait(self) -> Step:
        config: dict[str, Any] = {"eventName": self.random.choice([*NAMES * 4, *EDGES])}
        if self._maybe(0.7):
            config["timeout"] = self.random.randrange(1, 120) * 60 + 30
        return step("WAIT_FOR_EVENT", **config)

    def _set(self, number: int) -> Step:
        config: dict[str, Any] = {"updates": {f"seen{number}": True}}
        if self._maybe(0.3):
            config["updates"]["old"] = None
        if self.is_alone and self._maybe(0.6):
            wish = self.random.choice(["subscribe", "unsubscribe"])
            config["subscriptionAction"] = wish
        return step("UPDATE_CONTACT", **config)

    def _if(self, steps: list[Step], story: int) -> Step:
        if self._maybe(0.3):
            return step("CONDITION", filter=self._filter(story))
        mails = [one for one in steps if one.type == "SEND_EMAIL"]
        if mails and self._maybe(0.7):
            mail, mark = self.random.choice(mails), self.random.choice(MARKS)
            return step(
                "CONDITION",
                field=f"step.{mail.id}.{mark}",
                operator=self.random.choice(["equals", "notEquals"]),
                value=self._maybe(0.7),
            )
        field, value = self.random.choice(
            [
                ("data.plan", "pro"),
                ("data.plan", "free"),
                ("event.size", "s"),
                *([("contact.subscribed", True)] if self.is_alone else []),
            ]
        )
        if self._maybe(0.4):
            return step("CONDITION", field="event.n", **self._comparison())
        return step("CONDITION", field=field, operator="equals", value=value)

    def _comparison(self) -> dict[str, Any]:
        operator = self.random.choice(
            [
                *("equals", "notEquals", "contains", "notContains"),
                *("greaterThan", "lessThan", "greaterThanOrEqual", "lessThanOrEqual"),
                *("exists", "notExists"),
            ]
        )
        if operator in ("exists", "notExists"):
            return {"operator": operator}
        value = self.random.choice([1, 2, 2.0, "2", "two", True])
        return {"operator": operator, "value": value}

    def _filter(self, story: int) -> dict[str, Any]:
        vips = self.segments["vips"]
        asked: list[dict[str, Any]] = [
            {"field": "data.plan", "operator": "equals", "value": "pro"},
            {"field": "event.a", "operator": "triggered"},
            {"field": "event.b", "operator": "notTriggered"},
            {
                "field": f"segment.{vips}",
                "operator": "memberOfSegment",
            },
        ]
        if self.is_alone:
            own = self.segments[f"{self.random.choice(['add', 'remove'])}-{story}"]
            asked += [
                {"field": f"segment.{own}", "operator": "memberOfSegment"},
                {"field": "subscribed", "operator": "equals", "value": True},
            ]
        groups = [
            {"filters": self.random.sample(asked, self.random.choice([1, 2]))}
            for _ in range(self.random.choice([1, 2]))
        ]
        return {"logic": self.random.choice(["AND", "OR"]), "groups": groups}

    def _many(self) -> Step:
        if self._maybe(0.5):
            branches = [
                {"id": f"is-{number}", "name": "A way", **self._comparison()}
                for number in range(self.random.randrange(1, 5))
            ]
            return step("CONDITION", mode="multi", field="event.n", branches=branches)
        branches = [
            {"id": f"is-{size}", "name": size, "operator": "equals", "value": size}
            for size in ("s", "l")
        ]
        return step(
            "CONDITION",
            mode="multi",
            field="event.size",
            branches=self.random.sample(branches, self.random.choice([1, 2])),
        )
