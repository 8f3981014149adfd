"""What a project keeps about its contacts, told from a sample."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from contacts import fields_of_data
from contacts.fields_of_data import FieldFact, fields, usage, values
from contacts.models import Contact, Segment
from plunk.projects.creating import NewProject
from plunk.projects.models import Project

pytestmark = pytest.mark.django_db


def people(project: Project, *data: Any) -> None:
    start = Contact.objects.count()
    Contact.objects.bulk_create(
        Contact(project=project, email=f"c{start + number}@example.com", data=one)
        for number, one in enumerate(data)
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pro", "string"),
        ("7", "string"),
        (7, "number"),
        (7.5, "number"),
        (True, "boolean"),
        ("2026-01-31", "date"),
        ("2026-01-31T10:00:00.000Z", "date"),
        ("2026-02-31", "string"),
        ("2026-01-31 and on", "string"),
        (["a"], "array"),
        ({"a": 1}, "object"),
    ],
)
def test_the_type_of_a_key(project: Project, value: Any, expected: str) -> None:
    people(project, {"k": value})

    assert fields(project.pk) == [FieldFact("k", expected, 100)]


def test_the_most_frequent_type_and_the_coverage(project: Project) -> None:
    people(project, {"b": 1, "a": 1}, {"b": "x"}, {"b": 2}, None)

    assert fields(project.pk) == [
        FieldFact("a", "number", 25),
        FieldFact("b", "number", 75),
    ]


def test_what_few_have_is_not_nothing_and_what_most_have_not_all(
    project: Project,
) -> None:
    people(project, *[{"most": 1} for _ in range(300)], {"few": 1})

    assert [fact.coverage for fact in fields(project.pk)] == [1, 99]


def test_nobody_has_no_fields(project: Project, other_project: NewProject) -> None:
    people(other_project.project, {"secret": 1})

    assert fields(project.pk) == []
    assert values(project.pk, "secret") == []
    assert usage(project.pk, "secret").contacts == 0


def test_values_come_by_frequency(project: Project) -> None:
    people(project, {"k": "b"}, {"k": "a"}, {"k": "b"}, {"k": 1}, {"k": True}, {})

    assert values(project.pk, "k") == ["b", 1, True, "a"]
    assert values(project.pk, "k", 1) == ["b"]


def test_values_of_lists_and_of_what_is_inside(project: Project) -> None:
    people(
        project,
        {"tags": ["a", "b", {"c": 1}], "address": {"city": "Oslo"}, "x.y": 1},
        {"tags": "a", "address": "none"},
    )

    assert values(project.pk, "tags") == ["a", "b"]
    assert values(project.pk, "address.city") == ["Oslo"]
    assert values(project.pk, "x.y") == [1]
    assert values(project.pk, "address.city.x") == []


def test_long_texts_are_no_choice(project: Project) -> None:
    people(project, {"k": "x" * 201}, {"k": "y" * 200})

    assert values(project.pk, "k") == ["y" * 200]


def test_a_sample_reaches_the_old_ones(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields_of_data, "SAMPLE", 32)
    people(project, *[{"new": 1} for _ in range(60)])
    old = Contact.objects.order_by("pk").values("pk")[:30]
    Contact.objects.filter(pk__in=list(old.values_list("pk", flat=True))).update(
        created_at=F("created_at") - timedelta(days=300), data={"old": 1}
    )

    facts = {fact.name: fact.coverage for fact in fields(project.pk)}

    assert facts.keys() == {"new", "old"}
    assert usage(project.pk, "old").contacts < 60


def test_a_sample_costs_the_same_however_many_there_are(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields_of_data, "SAMPLE", 32)
    costs = []
    for _ in range(2):
        people(project, *[{"k": 1} for _ in range(40)])
        with CaptureQueriesContext(connection) as captured:
            fields(project.pk)
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 13


def test_huge_data_is_read_in_part(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields_of_data, "_MAX_READ", 5_000)
    letters = "".join(chr(33 + i * i % 90) + chr(40 + i % 80) for i in range(2_000))
    people(project, *[{"k": letters} for _ in range(4)], {"small": 1})

    assert "small" in {fact.name for fact in fields(project.pk)}


def condition(field: str) -> dict[str, Any]:
    leaf = {"field": field, "operator": "exists"}
    return {
        "logic": "AND",
        "groups": [
            {
                "filters": [],
                "conditions": {"logic": "OR", "groups": [{"filters": [leaf]}]},
            }
        ],
    }


def test_segments_that_ask_for_a_key(
    project: Project, other_project: NewProject
) -> None:
    people(project, {"plan": 1}, {"plan": 2}, {})
    for name, field in (
        ("b", "data.plan"),
        ("a", "data.plan.tier"),
        ("c", "data.planet"),
        ("d", "email"),
    ):
        Segment.objects.create(project=project, name=name, condition=condition(field))
    Segment.objects.create(project=project, name="e", type="STATIC")
    Segment.objects.create(
        project=other_project.project, name="f", condition=condition("data.plan")
    )

    found = usage(project.pk, "plan")

    assert [segment.name for segment in found.segments] == ["a", "b"]
    assert found.contacts == 2
