"""Random people with everything they did, random trees, and both in the database.

All of it from one seed: values come from small pools, so that they meet each other, and
times stand at the edges of windows.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

from django.db import connection

from automations.models import Event, Occurrence
from campaigns.models import Campaign
from contacts.models import (
    Contact,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    SuppressionReason,
    Topic,
    TopicChoice,
)
from contacts.segments.tree import Tree, as_json, parse
from plunk.projects.models import Project
from tests.contacts.segments.oracle import Mail, Person, World
from transactional.models import Content, Email, Source

_SPACE = UUID("6f0e2c6e-5c1b-4ba1-9f35-0c2a43d3c3a1")
_NOWS = (
    datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC),
    datetime(2026, 6, 15, 12, 0, 0, 123_000, tzinfo=UTC),
    datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
)
_WINDOWS = ((1, "days"), (7, "days"), (24, "hours"), (90, "minutes"), (36_500, "days"))
_NUDGES = (0, 1, -1, 999, 1000, -1000, 123, 500_000, -3_600_000_000)
_KEYS = (
    *("plan", "score", "nested", "tags", "a", "b", "0", "$", "it's", 'q"q', "x y"),
    *("ключ", "é", "e\u0301", "😀", "back\\slash", "%", "_", "[0]", "null", "#-1"),
)
_TEXTS = (
    *("pro", "Pro", "free", "", " ", "5", "5.0", "true", "null", "%", "_", "\\", "'"),
    *('"', "pr", "o", "é", "e\u0301", "E", "😀", "\uffff", "日本", "a%b", "a_b", "axb"),
    *("x\ny", "{}", "[]", "2026-06-15", "2026-06-08T12:00:00.000Z", "ß", "SS", "\x7f"),
)
_NUMBERS: tuple[float, ...] = (
    *(0, -0.0, 1, 1.0, 5, 5.0, -5, 5.5, 0.1, 0.1 + 0.2, 0.3, 1e-7, 1e15, 1e16, 1e22),
    *(2**53, -(2**53), 2**53 - 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, 123),
)
_EVENTS = ("signed-up", "bought", "email.opened", "ü'\"%", "two-words", "a.b.c")
_NAMED = (*_EVENTS, "Two Words", "BOUGHT", "never-done")
_LOCALS = ("ada", "bob", "a_b", "a%b", "o'neil", "ada.lovelace", "x+y", "adax")
_DOMAINS = ("example.com", "ex-ample.org", "xn--bcher-kva.example.com")
_MAIL_TIMES = (
    "sent_at",
    "delivered_at",
    "opened_at",
    "clicked_at",
    "bounced_at",
    "complained_at",
)
_COMPARISONS = (
    *("equals", "notEquals", "greaterThan", "lessThan"),
    *("greaterThanOrEqual", "lessThanOrEqual"),
)


class Maker:
    """Draws one world, and trees about it, from a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now = self.random.choice(_NOWS)
        self.topics = {self.id("topic"): self.flip() for _ in range(2)}
        self.campaigns = [self.id("campaign") for _ in range(2)]
        self.kept = [self.id("segment") for _ in range(2)]
        self.segments: dict[UUID, Tree | None] = dict.fromkeys(self.kept)
        #: A few keys for everybody, so that people have the same ones.
        self.keys = self.random.sample(_KEYS, 5)
        self.seen: list[tuple[str, Any]] = []
        self.emails: list[str] = []
        self.number = 0

    def id(self, name: str) -> UUID:
        return uuid5(_SPACE, f"{self.seed} {name} {self.random.random()}")

    def flip(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance

    # -- people ------------------------------------------------------------------------

    def world(self, people: int) -> World:
        """Draw people, and three segments of which each may lead to the ones before."""
        everybody = [self.person() for _ in range(people)]
        for person in everybody:
            self.emails.append(person.email)
            self.look_at(person.data, [])
        for _ in range(3):
            tree = self.tree(depth=1)
            self.segments[self.id("segment")] = tree
        return World(everybody, self.topics, dict(self.segments), self.campaigns)

    def look_at(self, value: Any, path: list[str]) -> None:
        """Remember what stands where in people's data, to ask for it."""
        if path:
            self.seen.append((".".join(path), value))
        if isinstance(value, dict):
            for key, inner in value.items():
                self.look_at(inner, [*path, key])

    def person(self) -> Person:
        self.number += 1
        random = self.random
        address = f"{random.choice(_LOCALS)}{self.number % 4}"
        domain = random.choice(_DOMAINS)
        return Person(
            id=self.id("contact"),
            email=f"{address}@{self.number}.{domain}",
            subscribed=self.flip(),
            consent_source=random.choice(["", "API", "TRACK", "IMPORT"]),
            consent_at=self.moment(),
            confirmed_at=self.moment() if self.flip() else None,
            created_at=self.moment()
            + timedelta(microseconds=self.flip() * self.number),
            updated_at=self.moment(),
            data=self.data(),
            is_suppressed=self.flip(0.3),
            events=[
                (random.choice(_EVENTS), self.moment())
                for _ in range(random.choice([0, 0, 1, 2, 4]))
            ],
            mails=self.mails(),
            choices={topic: self.flip() for topic in self.topics if self.flip(0.6)},
            stays={segment for segment in self.kept if self.flip()},
        )

    def mails(self) -> list[Mail]:
        campaigns: list[UUID | None] = [it for it in self.campaigns if self.flip(0.6)]
        campaigns += [None] * self.random.choice([0, 0, 1, 2])
        return [
            Mail(it, {name: self.moment() for name in _MAIL_TIMES if self.flip()})
            for it in campaigns
        ]

    def moment(self) -> datetime:
        """Draw a time at, or a hair beside, the edge of some window or of a day."""
        number, unit = self.random.choice(_WINDOWS[:-1])
        at = self.now - timedelta(**{unit: number}) * self.random.choice([0, 1, 1, 2])
        if self.flip(0.3):
            at = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return at + timedelta(microseconds=self.random.choice(_NUDGES))

    def data(self) -> dict[str, Any] | None:
        if self.flip(0.1):
            return None
        count = self.random.randrange(6)
        return {key: self.json(2) for key in self.random.sample(self.keys, count)}

    def json(self, depth: int) -> Any:
        kind = self.random.randrange(8 if depth else 5)
        if kind < 2:
            return self.text()
        if kind < 4:
            return self.number_of_data()
        if kind == 4:
            return self.random.choice([True, False, None])
        if kind == 5:
            return [self.json(depth - 1) for _ in range(self.random.randrange(4))]
        keys = self.random.sample(self.keys, self.random.randrange(4))
        return {key: self.json(depth - 1) for key in keys}

    def text(self) -> str:
        if self.flip(0.15):
            return self.moment().isoformat(timespec="milliseconds")[:-6] + "Z"
        if self.flip(0.1):
            size = self.random.randrange(1, 4)
            return "".join(self.random.choices(string.printable, k=size))
        return self.random.choice(_TEXTS)

    def number_of_data(self) -> float:
        if self.flip(0.2):
            return self.random.uniform(-10, 10)
        return self.random.choice(_NUMBERS)

    # -- trees -------------------------------------------------------------------------

    def tree(self, depth: int = 2) -> Tree:
        return parse(self.raw_tree(depth))

    def raw_tree(self, depth: int) -> dict[str, Any]:
        logic = self.random.choice(["AND", "OR", "or"])
        groups = [self.group(depth) for _ in range(self.random.choice([1, 1, 2, 3]))]
        return {"logic": logic, "groups": groups}

    def group(self, depth: int) -> dict[str, Any]:
        filters = [self.filter() for _ in range(self.random.choice([0, 1, 1, 2]))]
        if depth and (not filters or self.flip(0.3)):
            return {"filters": filters, "conditions": self.raw_tree(depth - 1)}
        return {"filters": filters or [self.filter()]}

    def filter(self) -> dict[str, Any]:
        makers: list[Callable[[], dict[str, Any]]] = [
            *(self.of_data, self.of_data, self.of_data, self.of_data),
            *(self.of_happening, self.of_happening, self.of_happening),
            *(self.of_email, self.of_moment, self.of_flag, self.of_source),
            *(self.of_campaign, self.of_topic, self.of_segment),
        ]
        return self.random.choice(makers)()

    def of_data(self) -> dict[str, Any]:
        path, value = self.place()
        field = f"data.{path}"
        kind = self.random.randrange(7)
        if kind == 0:
            return {"field": field, "operator": self.either("exists", "notExists")}
        if kind == 1:
            age = self.either("within", "olderThan")
            return {"field": field, "operator": age, **self.window()}
        if kind == 2:
            holds = self.either("contains", "notContains")
            return {"field": field, "operator": holds, "value": self.piece(value)}
        operator = self.random.choice(_COMPARISONS)
        return {
            "field": field,
            "operator": operator,
            "value": self.scalar(operator, value),
        }

    def place(self) -> tuple[str, Any]:
        """Draw a path, and what may stand there: mostly what stands with somebody."""
        if self.seen and self.flip(0.8):
            path, value = self.random.choice(self.seen)
            return path, value if self.flip(0.6) else None
        path = ".".join(self.random.choices(_KEYS, k=self.random.choice([1, 1, 2, 3])))
        return path, None

    def piece(self, value: Any) -> Any:
        if isinstance(value, list) and value:
            value = self.random.choice(value)
        elif isinstance(value, str) and value:
            begin = self.random.randrange(len(value))
            value = value[begin : begin + self.random.choice([1, 2, 1000])]
        return self.scalar("contains", value) or "x"

    def scalar(self, operator: str, value: Any) -> Any:
        if isinstance(value, bool) and "Than" in operator:
            return self.text()
        is_number = isinstance(value, int | float)
        if isinstance(value, str) or (is_number and abs(value) <= 2**53):
            return value
        if self.flip(0.2) and "Than" not in operator:
            return self.flip()
        if self.flip(0.45):
            number = self.number_of_data()
            return number if abs(number) <= 2**53 else 5
        return self.text()

    def either(self, one: str, other: str) -> str:
        return one if self.flip() else other

    def window(self) -> dict[str, Any]:
        number, unit = self.random.choice(_WINDOWS)
        return {"value": number, "unit": unit}

    def of_happening(self) -> dict[str, Any]:
        field = f"event.{self.random.choice(_NAMED)}"
        if self.flip(0.4):
            names = [*_MAIL_TIMES, "open", "click", "delivery", "Bounce"]
            field = f"email.{self.random.choice(names).removesuffix('_at')}"
        kind = self.random.randrange(3)
        if kind == 0:
            return {
                "field": field,
                "operator": self.either("triggered", "notTriggered"),
            }
        if kind == 1:
            within = ["triggeredWithin", "triggeredOlderThan", "notTriggeredWithin"]
            operator = self.random.choice(within)
            return {"field": field, "operator": operator, **self.window()}
        return {
            "field": field,
            "operator": self.either("triggeredAtLeast", "triggeredLessThan"),
            "count": self.random.choice([1, 1, 2, 3]),
            **(self.window() if self.flip() else {}),
        }

    def of_email(self) -> dict[str, Any]:
        pieces = [*_LOCALS, *_DOMAINS, "@", "ADA", "a_", "%", "bücher", "0@1."]
        operator = self.random.choice(
            ["equals", "notEquals", "contains", "notContains"]
        )
        value = self.random.choice(pieces)
        if self.emails and self.flip():
            value = self.random.choice(self.emails)
            value = value.upper() if self.flip() else value
        return {"field": "email", "operator": operator, "value": value}

    def of_moment(self) -> dict[str, Any]:
        fields = ["createdAt", "updatedAt", "consentAt", "confirmedAt"]
        field = self.random.choice(fields)
        if field.startswith("con") and self.flip(0.2):
            return {"field": field, "operator": self.either("exists", "notExists")}
        if self.flip(0.4):
            age = self.either("within", "olderThan")
            return {"field": field, "operator": age, **self.window()}
        at = self.moment()
        spellings = [
            at.isoformat(),
            at.isoformat().replace("+00:00", "Z"),
            at.date().isoformat(),
            at.replace(tzinfo=None).isoformat(),
            (at + timedelta(hours=2)).isoformat()[:-6] + "+02:00",
        ]
        return {
            "field": field,
            "operator": self.random.choice(_COMPARISONS),
            "value": self.random.choice(spellings),
        }

    def of_flag(self) -> dict[str, Any]:
        field = self.either("subscribed", "suppressed")
        operator = self.either("equals", "notEquals")
        return {"field": field, "operator": operator, "value": self.flip()}

    def of_source(self) -> dict[str, Any]:
        operator = self.either("equals", "notEquals")
        source = self.random.choice(["api", "TRACK", "PAGE"])
        return {"field": "consentSource", "operator": operator, "value": source}

    def of_campaign(self) -> dict[str, Any]:
        did = self.random.choice(["received", "opened", "clicked"])
        operator = self.either(did, f"not{did.title()}")
        campaign = self.random.choice(self.campaigns)
        return {"field": f"campaign.{campaign}", "operator": operator}

    def of_topic(self) -> dict[str, Any]:
        topic = self.random.choice(list(self.topics))
        return {
            "field": f"topic.{topic}",
            "operator": self.either("joined", "notJoined"),
        }

    def of_segment(self) -> dict[str, Any]:
        segment = self.random.choice(list(self.segments))
        return {
            "field": f"segment.{segment}",
            "operator": self.either("memberOfSegment", "notMemberOfSegment"),
        }


# -- in the database -------------------------------------------------------------------


def store(project: Project, world: World, now: datetime) -> None:
    """Write a world into a project that is empty."""
    people = world.people
    Contact.objects.bulk_create(
        Contact(
            id=it.id,
            project=project,
            email=it.email,
            subscribed=it.subscribed,
            consent_source=it.consent_source,
            consent_at=it.consent_at,
            confirmed_at=it.confirmed_at,
            created_at=it.created_at,
            updated_at=it.updated_at,
            data=it.data,
        )
        for it in people
    )
    _store_events(project, people)
    Campaign.objects.bulk_create(
        Campaign(id=pk, project=project, name="Campaign") for pk in world.campaigns
    )
    _store_mails(project, people)
    _store_choices(project, world, now)
    _store_segments(project, world, now)
    Suppression.objects.bulk_create(
        Suppression(
            project=project,
            email=it.email,
            reason=SuppressionReason.MANUAL,
            created_at=now - timedelta(days=400),
        )
        for it in people
        if it.is_suppressed
    )
    if connection.vendor == "sqlite":
        _spell_times_in_other_ways()


def _store_events(project: Project, people: list[Person]) -> None:
    events = [Event(project=project, name=name) for name in _EVENTS]
    Event.objects.bulk_create(events)
    ids = {event.name: event.pk for event in events}
    Occurrence.objects.bulk_create(
        Occurrence(project=project, event_id=ids[name], contact_id=it.id, created_at=at)
        for it in people
        for name, at in it.events
    )


def _store_mails(project: Project, people: list[Person]) -> None:
    content, _ = Content.objects.get_or_create(
        project=project, subject="", body="", defaults={"id": project.pk}
    )
    Email.objects.bulk_create(
        Email(
            project=project,
            contact_id=it.id,
            content=content,
            source=Source.CAMPAIGN if mail.campaign_id else Source.API,
            origin_id=mail.campaign_id,
            to_email=it.email,
            from_email="a@example.com",
            **mail.times,
        )
        for it in people
        for mail in it.mails
    )


def _store_choices(project: Project, world: World, now: datetime) -> None:
    Topic.objects.bulk_create(
        Topic(id=topic, project=project, name=str(topic), is_opt_out=is_opt_out)
        for topic, is_opt_out in world.topics.items()
    )
    TopicChoice.objects.bulk_create(
        TopicChoice(
            topic_id=topic,
            contact_id=it.id,
            is_joined=is_joined,
            changed_at=now - timedelta(days=400),
        )
        for it in world.people
        for topic, is_joined in it.choices.items()
    )


def _store_segments(project: Project, world: World, now: datetime) -> None:
    Segment.objects.bulk_create(
        Segment(
            id=segment,
            project=project,
            name=str(segment),
            type=SegmentType.DYNAMIC if tree else SegmentType.STATIC,
            condition=as_json(tree) if tree else None,
            updated_at=now - timedelta(days=400),
        )
        for segment, tree in world.segments.items()
    )
    SegmentMembership.objects.bulk_create(
        SegmentMembership(
            segment_id=segment,
            contact_id=it.id,
            entered_at=now - timedelta(days=400),
            exited_at=None if segment in it.stays else now - timedelta(days=399),
        )
        for segment, tree in world.segments.items()
        if tree is None
        for it in world.people
    )


def _spell_times_in_other_ways() -> None:
    """Write every other time as SQLite's own clock writes it, with three decimals."""
    columns = {
        Contact: ("consent_at", "confirmed_at", "created_at", "updated_at"),
        Occurrence: ("created_at",),
        Email: _MAIL_TIMES,
    }
    with connection.cursor() as cursor:
        for model, names in columns.items():
            changes = ", ".join(
                f"{name} = CASE WHEN length({name}) = 19 THEN {name} || '.000'"
                f" WHEN {name} LIKE '%.___000' THEN substr({name}, 1, 23)"
                f" ELSE {name} END"
                for name in names
            )
            table = model._meta.db_table
            cursor.execute(f"UPDATE {table} SET {changes} WHERE rowid % 2 = 0")
