"""Sizes of segments: counted beforehand, the oldest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from contacts import tasks
from contacts.models import Segment, SegmentType
from contacts.segments import claims, sizes
from contacts.segments.keeping import create_segment
from contacts.segments.membership import add_members, members_of
from plunk.projects.models import Project
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db

PRO = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
    ],
}


def make(project: Project, name: str = "VIP", **values: Any) -> Segment:
    return create_segment(
        project_id=project.pk, name=name, **{"condition": PRO, **values}
    )


def grow_old(segment: Segment, minutes: int) -> None:
    Segment.objects.filter(pk=segment.pk).update(
        counted_at=Now() - timedelta(minutes=minutes), member_count=99
    )


def size(segment: Segment) -> int:
    return Segment.objects.get(pk=segment.pk).member_count


def test_old_sizes_are_counted_again_the_oldest_first(project: Project) -> None:
    young, old, oldest = (make(project) for _ in range(3))
    for segment, minutes in ((young, 5), (old, 20), (oldest, 30)):
        grow_old(segment, minutes)

    assert list(sizes.stale()) == [oldest, old]
    tasks.count_segments()

    assert [size(it) for it in (young, old, oldest)] == [99, 0, 0]
    assert list(sizes.stale()) == []


def test_time_that_is_up_leaves_the_rest_for_later(project: Project) -> None:
    segment = make(project)
    grow_old(segment, 20)

    sizes.refresh_stale(seconds=0)

    assert size(segment) == 99


def test_a_list_is_counted_by_its_rows(project: Project) -> None:
    segment = make(project, type=SegmentType.STATIC, condition=None)
    add_members(segment, [make_contact(project).pk])
    grow_old(segment, 20)

    sizes.refresh_stale()

    assert size(segment) == 1


def test_one_that_cannot_be_asked_says_so_and_keeps_no_other(project: Project) -> None:
    gone = make(project, "Gone")
    field = f"segment.{gone.pk}"
    rule = {"field": field, "operator": "memberOfSegment"}
    tree = {"logic": "AND", "groups": [{"filters": [rule]}]}
    broken, good = make(project, condition=tree), make(project)
    gone.delete()
    grow_old(broken, 30)
    grow_old(good, 20)

    sizes.refresh_stale()

    broken.refresh_from_db()
    assert "no such segment" in broken.problem
    assert broken.lease_expires_at is None
    assert size(good) == 0


def test_a_slow_database_does_not_keep_a_segment_from_being_made(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> int:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(sizes, "count", breaks)
    segment = make(project)
    assert segment.counted_at is None
    other = make(project)

    sizes.refresh_stale()

    # Both were tried, and neither is tried again at once.
    assert list(sizes.stale()) == []
    assert {segment, other} == set(Segment.objects.exclude(lease_expires_at=None))


def test_one_that_is_being_worked_on_is_left_alone(project: Project) -> None:
    segment = make(project)
    grow_old(segment, 20)
    claims.claim(segment.pk)

    sizes.refresh_stale()

    assert size(segment) == 99


def test_a_tracked_one_is_updated_by_the_sweep(project: Project) -> None:
    make_contact(project, data={"plan": "pro"})
    segment = make(project, track_membership=True)

    tasks.update_segments()

    assert members_of(segment).count() == 1
    assert list(sizes.stale()) == []


def test_a_process_that_stops_begins_nothing_more(project: Project) -> None:
    segment = make(project, track_membership=True)
    other = make(project)
    grow_old(other, 20)
    claims.stop.set()
    try:
        tasks.update_segments()
        tasks.count_segments()
    finally:
        claims.stop.clear()

    segment.refresh_from_db()
    assert segment.computed_at is None
    assert size(other) == 99
