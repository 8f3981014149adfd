"""The membership of tracked segments: incremental, told once, safe against crashes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.db.models.functions import Now

from automations.models import Occurrence
from contacts.models import Contact, Segment, SegmentMembership, SegmentType
from contacts.segments import claims, updating
from contacts.segments.keeping import change_segment, create_segment
from contacts.segments.matching import matching
from contacts.segments.membership import (
    add_members,
    enter,
    forget,
    members_of,
    remove_members,
)
from contacts.segments.tree import parse
from contacts.segments.updating import Update, due, update, update_due
from contacts.signals import segment_entered, segment_exited
from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.pages.rows import make_contact, make_occurrence

pytestmark = pytest.mark.django_db


def one_rule(**rule: Any) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": [rule]}]}


PRO = one_rule(field="data.plan", operator="equals", value="pro")


def tracked(project: Project, condition: dict[str, Any] = PRO) -> Segment:
    return create_segment(
        project_id=project.pk,
        name="VIP Members!",
        condition=condition,
        track_membership=True,
    )


def change(contact: Contact, **data: Any) -> None:
    Contact.objects.filter(pk=contact.pk).update(data=data, updated_at=Now())


def emails_in(segment: Segment) -> list[str]:
    return sorted(members_of(segment).values_list("contact__email", flat=True))


def size(segment: Segment) -> int:
    return Segment.objects.get(pk=segment.pk).member_count


def happened(name: str) -> list[str]:
    rows = Occurrence.objects.filter(event__name=name).order_by("contact__email")
    return list(rows.values_list("contact__email", flat=True))


@contextmanager
def news() -> Iterator[list[tuple[str, set[UUID]]]]:
    """Note what is told of comings and goings."""
    told: list[tuple[str, set[UUID]]] = []

    def came(contact_ids: list[UUID], **_: Any) -> None:
        told.append(("came", set(contact_ids)))

    def went(contact_ids: list[UUID], **_: Any) -> None:
        told.append(("went", set(contact_ids)))

    segment_entered.connect(came)
    segment_exited.connect(went)
    try:
        yield told
    finally:
        segment_entered.disconnect(came)
        segment_exited.disconnect(went)


def test_those_who_are_in_at_first_are_taken_over_silently(project: Project) -> None:
    make_contact(project, "ada@x.co", data={"plan": "pro"})
    make_contact(project, "bert@x.co", data={"plan": "free"})
    segment = tracked(project)

    with news() as told:
        done = update(segment)

    assert done is not None
    assert (done.entered, done.exited, done.is_complete) == (1, 0, True)
    assert emails_in(segment) == ["ada@x.co"]
    assert size(segment) == 1
    assert told == []


def test_comings_and_goings_are_events(project: Project) -> None:
    ada = make_contact(project, "ada@x.co", data={"plan": "pro"})
    bert = make_contact(project, "bert@x.co")
    segment = tracked(project)
    update(segment)

    change(ada, plan="free")
    change(bert, plan="pro")
    done = update(segment)

    assert done is not None
    assert (done.entered, done.exited) == (1, 1)
    assert happened("segment.vip-members.entry") == ["bert@x.co"]
    assert happened("segment.vip-members.exit") == ["ada@x.co"]
    data = Occurrence.objects.values_list("data", flat=True)[0]
    assert data == {"segmentId": str(segment.pk), "segmentName": "VIP Members!"}
    assert size(segment) == 1


def test_nothing_is_told_twice(project: Project) -> None:
    ada = make_contact(project, "ada@x.co")
    segment = tracked(project)
    update(segment)
    change(ada, plan="pro")

    for _ in range(3):
        update(segment)

    assert happened("segment.vip-members.entry") == ["ada@x.co"]


def test_coming_back_is_told_again(project: Project) -> None:
    ada = make_contact(project, "ada@x.co")
    segment = tracked(project)
    update(segment)
    for plan in ("pro", "free", "pro"):
        change(ada, plan=plan)
        update(segment)

    assert happened("segment.vip-members.entry") == ["ada@x.co"] * 2
    assert SegmentMembership.objects.filter(segment=segment).count() == 2


def test_another_condition_begins_anew_and_keeps_the_history(project: Project) -> None:
    ada = make_contact(project, "ada@x.co", data={"plan": "pro"})
    both = make_contact(project, "both@x.co", data={"plan": "pro", "city": "Oslo"})
    segment = tracked(project)
    update(segment)
    since = members_of(segment).get(contact=both).entered_at

    with news() as told:
        change_segment(
            project_id=project.pk,
            segment_id=segment.pk,
            condition=one_rule(field="data.city", operator="equals", value="Oslo"),
        )
        update(segment)

    assert told == []
    assert emails_in(segment) == ["both@x.co"]
    assert members_of(segment).get().entered_at == since
    gone = SegmentMembership.objects.get(segment=segment, contact=ada)
    assert gone.exited_at is not None
    assert size(segment) == 1


def test_a_condition_that_nobody_can_fulfil_empties_it(project: Project) -> None:
    make_contact(project, data={"plan": "pro"})
    segment = tracked(project)
    update(segment)

    change_segment(
        project_id=project.pk,
        segment_id=segment.pk,
        condition=one_rule(field="event.never", operator="triggered"),
    )
    update(segment)

    assert emails_in(segment) == []
    assert size(segment) == 0


def test_a_worker_with_the_old_condition_writes_nothing_more(project: Project) -> None:
    make_contact(project, "ada@x.co", data={"plan": "pro"})
    segment = tracked(project)
    claimed = claims.claim(segment.pk)
    assert claimed is not None

    change_segment(
        project_id=project.pk,
        segment_id=segment.pk,
        condition=one_rule(field="data.plan", operator="equals", value="none"),
    )

    with pytest.raises(claims.Lost):
        claims.hold(claimed)
    assert not claims.let_go(claimed, computed_at=Now())
    assert update(segment) is not None
    assert emails_in(segment) == []


def test_only_one_worker_is_at_a_segment(project: Project) -> None:
    segment = tracked(project)
    claims.claim(segment.pk)

    assert update(segment) is None
    assert list(due()) == []

    Segment.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert update(segment) is not None


def test_a_crash_between_batches_loses_and_doubles_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_contact(project) for _ in range(6)]
    segment = tracked(project)
    update(segment)
    for person in people:
        change(person, plan="pro")
    monkeypatch.setattr("contacts.segments.membership.BATCH", 2)
    real, calls = enter, []

    def breaks(segment: Segment, ids: Any) -> list[UUID]:
        calls.append(ids)
        if len(calls) == 2:
            # After the rows were written, before the transaction is committed.
            real(segment, ids)
            raise RuntimeError("killed")
        return real(segment, ids)

    monkeypatch.setattr(updating, "enter", breaks)
    with pytest.raises(RuntimeError):
        update(segment)
    assert members_of(segment).count() == 2
    assert size(segment) == 2
    monkeypatch.setattr(updating, "enter", enter)
    Segment.objects.update(lease_expires_at=Now() - timedelta(seconds=1))

    update(segment)

    assert members_of(segment).count() == 6
    assert size(segment) == 6
    assert len(happened("segment.vip-members.entry")) == 6
    assert len(set(happened("segment.vip-members.entry"))) == 6


def test_time_that_is_up_is_made_good_in_the_next_turn(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        make_contact(project, data={"plan": "pro"})
    monkeypatch.setattr("contacts.segments.membership.BATCH", 2)
    segment = tracked(project)

    turns: list[Update] = []
    while not turns or not turns[-1].is_complete:
        done = update(segment, seconds=0)
        assert done is not None
        turns.append(done)

    assert [turn.entered for turn in turns] == [2, 2, 1, 0]
    assert size(segment) == 5
    assert happened("segment.vip-members.entry") == []


def test_many_changes_are_found_by_comparing_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_contact(project) for _ in range(7)]
    segment = tracked(project)
    update(segment)
    monkeypatch.setattr(updating, "MOST_CANDIDATES", 3)
    monkeypatch.setattr(updating, "LOOK", 2)
    for person in people:
        change(person, plan="pro")

    done = update(segment)

    assert done is not None
    assert (done.entered, done.is_complete) == (7, True)
    assert len(happened("segment.vip-members.entry")) == 7
    assert size(segment) == 7


def test_once_a_day_all_are_compared(project: Project) -> None:
    """What went unnoticed, such as a change by hand in the database, is found."""
    ada = make_contact(project, "ada@x.co")
    segment = tracked(project)
    update(segment)
    long_ago = Now() - timedelta(days=2)
    Contact.objects.filter(pk=ada.pk).update(data={"plan": "pro"}, updated_at=long_ago)

    update(segment)
    assert emails_in(segment) == []

    Segment.objects.update(compared_at=Now() - timedelta(hours=25))
    update(segment)
    assert emails_in(segment) == ["ada@x.co"]
    assert happened("segment.vip-members.entry") == ["ada@x.co"]


def test_what_is_committed_late_is_found_by_the_overlap(project: Project) -> None:
    ada = make_contact(project, "ada@x.co")
    segment = tracked(project)
    update(segment)

    # Stamped when its transaction began, before the update, and visible after it.
    Contact.objects.filter(pk=ada.pk).update(
        data={"plan": "pro"}, updated_at=Now() - timedelta(seconds=100)
    )
    update(segment)

    assert emails_in(segment) == ["ada@x.co"]


def test_a_deleted_contact_is_no_obstacle(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = make_contact(project, "ada@x.co", data={"plan": "pro"})
    make_contact(project, "bert@x.co", data={"plan": "pro"})
    segment = tracked(project)
    real = enter

    def after_deleting(segment: Segment, ids: Any) -> list[UUID]:
        Contact.objects.filter(pk=ada.pk).delete()
        return real(segment, ids)

    monkeypatch.setattr(updating, "enter", after_deleting)
    update(segment)

    assert emails_in(segment) == ["bert@x.co"]
    assert size(segment) == 1


def test_contacts_of_others_stay_out(
    project: Project, other_project: NewProject
) -> None:
    make_contact(other_project.project, data={"plan": "pro"})
    segment = tracked(project)

    update(segment)

    assert emails_in(segment) == []


def test_what_is_due_is_updated_the_longest_waiting_first(project: Project) -> None:
    old, fresh, new = (tracked(project) for _ in range(3))
    update(old)
    update(fresh)
    Segment.objects.filter(pk=old.pk).update(computed_at=Now() - timedelta(minutes=5))

    assert [segment.pk for segment in due()] == [new.pk, old.pk]
    assert not update_due()
    assert list(due()) == []


def test_one_that_cannot_be_asked_keeps_no_other_waiting(project: Project) -> None:
    other = create_segment(project_id=project.pk, name="Other", condition=PRO)
    broken = tracked(
        project, one_rule(field=f"segment.{other.pk}", operator="memberOfSegment")
    )
    Segment.objects.filter(pk=other.pk).delete()
    good = tracked(project)

    with pytest.raises(Invalid):
        update(broken)
    Segment.objects.update(lease_expires_at=None)
    update_due()

    good.refresh_from_db()
    broken.refresh_from_db()
    assert good.computed_at is not None
    assert "no such segment" in broken.problem


def trees(project: Project, static: Segment) -> list[dict[str, Any]]:
    """Conditions of every kind whose answer changes by events, data and time."""
    return [
        PRO,
        one_rule(field="subscribed", operator="equals", value=True),
        one_rule(field="createdAt", operator="within", value=5, unit="days"),
        one_rule(field="event.bought", operator="triggered"),
        one_rule(
            field="event.bought", operator="triggeredWithin", value=2, unit="days"
        ),
        one_rule(
            field="event.bought", operator="triggeredOlderThan", value=2, unit="days"
        ),
        one_rule(
            field="event.bought",
            operator="triggeredAtLeast",
            count=2,
            value=3,
            unit="days",
        ),
        one_rule(field=f"segment.{static.pk}", operator="notMemberOfSegment"),
        {
            "logic": "OR",
            "groups": [
                {
                    "filters": [
                        {
                            "field": "event.bought",
                            "operator": "notTriggeredWithin",
                            "value": 1,
                            "unit": "days",
                        },
                        {"field": "data.n", "operator": "greaterThan", "value": 2},
                    ]
                },
                {"filters": [{"field": "data.plan", "operator": "notExists"}]},
            ],
        },
    ]


def move_the_clock(hours: float) -> None:
    """Let time pass: everything that has a time becomes so much older."""
    step = timedelta(hours=hours)
    Contact.objects.update(
        created_at=F("created_at") - step,
        updated_at=F("updated_at") - step,
        consent_at=F("consent_at") - step,
    )
    Occurrence.objects.update(created_at=F("created_at") - step)
    SegmentMembership.objects.update(
        entered_at=F("entered_at") - step, exited_at=F("exited_at") - step
    )
    Segment.objects.update(
        computed_at=F("computed_at") - step, updated_at=F("updated_at") - step
    )


def do_something(dice: random.Random, project: Project, static: Segment) -> None:
    people = list(Contact.objects.filter(project=project).order_by("email"))
    person = dice.choice(people)
    match dice.randrange(7):
        case 0:
            make_contact(project, f"{dice.random()}@x.co", data={"plan": "pro"})
        case 1:
            change(person, plan=dice.choice(["pro", "free"]), n=dice.randrange(5))
        case 2:
            change(person)
        case 3:
            Contact.objects.filter(pk=person.pk).update(
                subscribed=not person.subscribed, updated_at=Now()
            )
        case 4 if len(people) > 3:
            forget([person.pk])
            person.delete()
        case 5:
            dice.choice([add_members, remove_members])(static, [person.pk])
        case _:
            late = timedelta(seconds=dice.choice([0, 0, 60]))
            row = make_occurrence(project, person, "bought")
            Occurrence.objects.filter(pk=row.pk).update(created_at=Now() - late)


@pytest.mark.parametrize("seed", range(3))
def test_step_by_step_comes_to_the_same_as_all_at_once(
    seed: int, project: Project
) -> None:
    dice = random.Random(seed)
    static = create_segment(
        project_id=project.pk, name="By hand", type=SegmentType.STATIC
    )
    for number in range(6):
        make_contact(project, f"c{number}@x.co", data={"plan": "pro"})
    segments = [tracked(project, tree) for tree in trees(project, static)]
    counts: dict[UUID, int] = {}
    for segment in segments:
        update(segment)
        counts[segment.pk] = members_of(segment).count()
    with news() as told:
        for _ in range(8):
            for _ in range(dice.randrange(1, 4)):
                do_something(dice, project, static)
            move_the_clock(dice.choice([0, 0, 1, 13, 30]))
            for segment in dice.sample(segments, len(segments)):
                update(segment)
                tree = parse(segment.condition)
                wanted = matching(project.pk, tree).values_list("email", flat=True)
                assert emails_in(segment) == sorted(wanted), segment.condition
                assert size(segment) == len(emails_in(segment))
    assert told
