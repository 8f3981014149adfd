"""Random workflows and random lives, from a seed.

Moments that could tie are kept apart: each event has a second of its own within its
minute, delays are whole minutes and timeouts end half a minute later, so that what the
contract leaves open (which of two runs goes first) cannot matter.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from automations.definitions import Definition, Step, Trigger
from automations.models import TriggerType
from tests.automations.building import definition, step
from tests.automations.oracle.interpreter import Deed, Person, Story
from transactional.models import Template

BEGINNING = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("a", "b", "c", "d")
PLANS = ("pro", "free", None)


class Maker:
    def __init__(self, seed: int, templates: list[Template]) -> None:
        self.random = random.Random(seed)
        self.templates = templates

    def people(self, count: int) -> list[Person]:
        return [
            Person(
                number,
                subscribed=self.random.random() < 0.7,
                data={"plan": plan} if (plan := self.random.choice(PLANS)) else {},
            )
            for number in range(count)
        ]

    def deeds(self, people: list[Person], count: int) -> list[Deed]:
        """Return events, each at a second of its own, in the order of time."""
        minutes = sorted(self.random.randrange(0, 600) for _ in range(count))
        return [
            Deed(
                BEGINNING + timedelta(minutes=minute, seconds=number),
                self.random.choice(people).number,
                self.random.choice(NAMES),
                {"size": self.random.choice(["s", "l"])}
                if self.random.random() < 0.5
                else {},
            )
            for number, minute in enumerate(minutes)
        ]

    def story(self, number: int) -> Story:
        is_action = self.random.random() < 0.25
        trigger = self._action_trigger() if is_action else self._trigger()
        made = self._action(trigger) if is_action else self._workflow(trigger)
        return Story(
            number,
            made,
            allow_reentry=self.random.random() < 0.5,
            is_action=is_action,
        )

    def _trigger(self) -> Trigger:
        if self.random.random() < 0.6:
            return Trigger(TriggerType.EVENT, {"eventName": self.random.choice(NAMES)})
        trigger = self._action_trigger()
        mode = self.random.choice(["ALL", "ANY"])
        return Trigger(TriggerType.EVENTS, {**trigger.config, "mode": mode})

    def _action_trigger(self) -> Trigger:
        names = self.random.sample(NAMES, self.random.choice([1, 1, 2, 3]))
        others = [name for name in NAMES if name not in names]
        excluding = self.random.sample(others, 1) if self.random.random() < 0.4 else []
        config = {"eventNames": names, "notEventNames": excluding, "mode": "ALL"}
        return Trigger(TriggerType.EVENTS, config)

    def _action(self, trigger: Trigger) -> Definition:
        mail = self._mail()
        if self.random.random() < 0.5:
            return definition(trigger, [mail], [])
        delay = self._delay()
        return definition(trigger, [delay, mail], [(delay, mail, "")])

    def _mail(self) -> Step:
        return step("SEND_EMAIL", template=self.random.choice(self.templates))

    def _delay(self) -> Step:
        return step("DELAY", amount=self.random.randrange(1, 90), unit="minutes")

    def _workflow(self, trigger: Trigger) -> Definition:
        """Grow a tree of steps; some of its leaves join others again."""
        steps: list[Step] = [self._any(0)]
        ways: list[tuple[Step, Step, str]] = []
        open_ends = [(steps[0], outcome) for outcome in steps[0].outcomes]
        while open_ends and len(steps) < 10:
            place = self.random.randrange(len(open_ends))
            source, outcome = open_ends.pop(place)
            if self.random.random() < 0.1:
                continue
            if self.random.random() < 0.15 and len(steps) > 3:
                # Only onwards: no way leads back to a step before its source.
                later = steps[steps.index(source) + 1 :]
                if later:
                    ways.append((source, self.random.choice(later), outcome))
                    continue
            made = self._any(len(steps))
            steps.append(made)
            ways.append((source, made, outcome))
            open_ends += [(made, outcome) for outcome in made.outcomes]
        return definition(trigger, steps, ways)

    def _any(self, number: int) -> Step:
        kind = self.random.choice(
            [
                "mail",
                "mail",
                "delay",
                "delay",
                "wait",
                "wait",
                "if",
                "many",
                "set",
                "exit",
            ]
        )
        match kind:
            case "mail":
                return self._mail()
            case "delay":
                return self._delay()
            case "wait":
                return self._wait()
            case "if":
                field, value = self._question()
                return step("CONDITION", field=field, operator="equals", value=value)
            case "many":
                return self._many()
            case "set":
                return step("UPDATE_CONTACT", updates={f"seen{number}": True})
        return step("EXIT") if number > 1 else self._mail()

    def _wait(self) -> Step:
        config: dict[str, Any] = {"eventName": self.random.choice(NAMES)}
        if self.random.random() < 0.7:
            config["timeout"] = self.random.randrange(1, 120) * 60 + 30
        return step("WAIT_FOR_EVENT", **config)

    def _question(self) -> tuple[str, str]:
        if self.random.random() < 0.5:
            return "data.plan", self.random.choice(["pro", "free"])
        return "event.size", self.random.choice(["s", "l"])

    def _many(self) -> Step:
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
