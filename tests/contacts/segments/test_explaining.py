"""What a tree says in words, and why it has somebody or has not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from automations.models import Event, Occurrence
from contacts.models import Contact, Segment, Topic
from contacts.segments.explaining import sentence, sentences
from contacts.segments.matching import Reason, why
from contacts.segments.tree import parse
from contacts.segments.vocabulary import choices
from plunk.api.errors import Invalid, NotFound
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.contacts.segments.worlds import Maker, store

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def all_of(*filters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": list(filters), **more}]}


def rule(field: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, **more}


SUBSCRIBED = rule("subscribed", "equals", True)
PRO = rule("data.plan", "equals", "pro")
OPENED = rule("email.opened", "triggeredWithin", 7, unit="days")
NEVER = rule("event.signed-up", "notTriggered")


def test_a_marketer_understands_a_tree(project: Project) -> None:
    either = {"logic": "OR", "groups": [{"filters": [OPENED]}, {"filters": [NEVER]}]}

    words = sentence(project.pk, parse(all_of(SUBSCRIBED, PRO, conditions=either)))

    assert words == (
        "Contacts who are subscribed, whose “plan” is “pro” and (who opened a mail in"
        " the last 7 days or who never did “signed-up”)."
    )


def test_groups_are_told_apart(project: Project) -> None:
    groups = [{"filters": [SUBSCRIBED, PRO]}, {"filters": [OPENED]}]

    words = sentence(project.pk, parse({"logic": "OR", "groups": groups}))

    assert words == (
        "Contacts who are subscribed and whose “plan” is “pro”, or who opened a mail in"
        " the last 7 days."
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (rule("email", "contains", "@acme.io"), "whose address contains “@acme.io”"),
        (rule("subscribed", "notEquals", True), "who are not subscribed"),
        (rule("suppressed", "equals", False), "whose address is not suppressed"),
        (rule("createdAt", "equals", "2026-01-31"), "who were added on 2026-01-31"),
        (
            rule("createdAt", "notEquals", "2026-01-31T10:00Z"),
            "who were added on another day than 2026-01-31",
        ),
        (
            rule("createdAt", "greaterThan", "2026-01-31"),
            "who were added after the beginning of 2026-01-31",
        ),
        (
            rule("createdAt", "lessThanOrEqual", "2026-01-31"),
            "who were added no later than the beginning of 2026-01-31",
        ),
        (
            rule("createdAt", "lessThanOrEqual", "2026-01-31T10:00Z"),
            "who were added on or before 2026-01-31T10:00Z",
        ),
        (
            rule("createdAt", "greaterThanOrEqual", "2026-01-31"),
            "who were added on or after 2026-01-31",
        ),
        (
            rule("createdAt", "olderThan", 1, unit="hours"),
            "who were added more than 1 hour ago",
        ),
        (rule("confirmedAt", "notExists"), "who did not confirm their address"),
        (rule("consentSource", "equals", "api"), "whose consent came by “API”"),
        (rule("data.score", "greaterThan", 1000), "whose “score” is more than 1,000"),
        (rule("data.vip", "equals", True), "whose “vip” is yes"),
        (rule("data.a.b", "exists"), "whose “a.b” is known"),
        (
            rule("event.bought", "triggeredAtLeast", 30, unit="days", count=3),
            "who did “bought” at least 3 times in the last 30 days",
        ),
        (
            rule("email.clicked", "triggeredOlderThan", 2, unit="days"),
            "who clicked in a mail, but not in the last 2 days",
        ),
        (
            rule("email.opened", "triggeredLessThan", count=1),
            "who opened a mail fewer than once",
        ),
    ],
)
def test_every_filter_has_words(
    project: Project, given: dict[str, Any], words: str
) -> None:
    assert sentence(project.pk, parse(all_of(given))) == f"Contacts {words}."


def test_things_are_told_by_their_names(
    project: Project, other_project: NewProject
) -> None:
    topic = Topic.objects.create(project=project, name="News")
    segment = Segment.objects.create(project=project, name="VIPs")
    foreign = Segment.objects.create(project=other_project.project, name="Secret")
    tree = parse(
        all_of(
            rule(f"topic.{topic.pk}", "joined"),
            rule(f"segment.{segment.pk}", "notMemberOfSegment"),
            rule(f"segment.{foreign.pk}", "memberOfSegment"),
        )
    )

    assert sentence(project.pk, tree) == (
        "Contacts who get the topic “News”, who are not in the segment “VIPs” and who"
        f" are in the segment “{foreign.pk}”."
    )


def test_many_sentences_take_no_more_statements_than_one(project: Project) -> None:
    segments = [
        Segment.objects.create(project=project, name=str(number)) for number in range(9)
    ]
    trees = [
        parse(all_of(rule(f"segment.{it.pk}", "memberOfSegment"))) for it in segments
    ]

    with CaptureQueriesContext(connection) as queries:
        words = sentences(project.pk, trees)

    assert len(queries) == 1
    assert len(words) == 9


# -- why -------------------------------------------------------------------------------


def test_why_says_what_was_found_and_what_was_needed(project: Project) -> None:
    ada = Contact.objects.create(
        project=project, email="ada@example.com", data={"plan": "free"}
    )
    event = Event.objects.create(project=project, name="bought")
    for days in (1, 2, 40):
        Occurrence.objects.create(
            project=project,
            event=event,
            contact=ada,
            created_at=NOW - timedelta(days=days),
        )
    bought = rule("event.bought", "triggeredAtLeast", 30, unit="days", count=3)
    tree = parse({"logic": "OR", "groups": [{"filters": [PRO]}, {"filters": [bought]}]})

    reason = why(project.pk, ada.pk, tree, now=NOW)

    assert reason == Reason(
        matched=False,
        sentence="At least one of these",
        parts=(
            Reason(False, "whose “plan” is “pro”", "It is “free”."),
            Reason(
                False,
                "who did “bought” at least 3 times in the last 30 days",
                "That happened 2 times in the last 30 days, 3 times in all, the last"
                " time on 14 June 2026, 12:00 UTC.",
            ),
        ),
    )


def test_equal_values_of_two_types_are_two_answers(project: Project) -> None:
    ada = Contact.objects.create(project=project, email="a@example.com", data={"n": 1})
    tree = parse(all_of(rule("data.n", "equals", 1), rule("data.n", "equals", True)))

    reason = why(project.pk, ada.pk, tree)

    assert [part.matched for part in reason.parts] == [True, False]


def test_why_agrees_with_the_oracle(project: Project) -> None:
    for seed in range(12):
        maker = Maker(seed)
        world = maker.world(3)
        with transaction.atomic():
            store(project, world, maker.now)
            for person in world.people:
                tree = maker.tree()
                reason = why(project.pk, person.id, tree, now=maker.now)
                assert reason.matched == world.matches(tree, person, maker.now)
            transaction.set_rollback(True)


def test_why_takes_one_statement_a_filter(project: Project) -> None:
    ada = Contact.objects.create(project=project, email="ada@example.com")
    few = parse(all_of(OPENED))
    many = parse(all_of(*[OPENED] * 11))

    counts = []
    for tree in (few, many):
        with CaptureQueriesContext(connection) as queries:
            why(project.pk, ada.pk, tree)
        counts.append(len(queries))

    assert counts[1] - counts[0] == 10


def test_contacts_of_other_projects_are_unknown(
    project: Project, other_project: NewProject
) -> None:
    theirs = Contact.objects.create(
        project=other_project.project, email="ada@example.com"
    )
    for contact_id in (theirs.pk, uuid4()):
        with pytest.raises(NotFound):
            why(project.pk, contact_id, parse(all_of(PRO)))


# -- names that lead nowhere -----------------------------------------------------------


def test_what_is_not_in_the_project_is_named_by_its_path(
    project: Project, other_project: NewProject
) -> None:
    foreign = Topic.objects.create(project=other_project.project, name="News")
    ada = Contact.objects.create(project=project, email="ada@example.com")
    for field in (f"topic.{foreign.pk}", f"topic.{uuid4()}"):
        with pytest.raises(Invalid) as caught:
            why(project.pk, ada.pk, parse(all_of(PRO, rule(field, "joined"))))
        (error,) = caught.value.errors
        assert error.field == "condition.groups.0.filters.1.field"
        assert error.message == "There is no such topic in this project."


# -- what a builder offers -------------------------------------------------------------


def test_a_builder_is_offered_what_the_project_has(
    project: Project, other_project: NewProject
) -> None:
    Contact.objects.create(project=project, email="a@example.com", data={"plan": "pro"})
    Event.objects.create(project=project, name="bought")
    Topic.objects.create(project=project, name="News")
    Segment.objects.create(project=project, name="VIPs")
    Segment.objects.create(project=other_project.project, name="Secret")

    offered = {choice.field: choice for choice in choices(project.pk)}

    labels = {
        field: [name.label for name in choice.names]
        for field, choice in offered.items()
    }
    assert labels["data."] == ["plan"]
    assert labels["event."] == ["bought"]
    assert labels["topic."] == ["News"]
    assert labels["segment."] == ["VIPs"]
    assert "opened" in [name.value for name in offered["email."].names]
    assert offered["event."].is_open
    assert not offered["segment."].is_open
