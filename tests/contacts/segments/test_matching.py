"""What the compiler refuses, segments within segments, and whose answers may change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from automations.models import Event, Occurrence
from campaigns.models import Campaign
from contacts.models import (
    ChangeKind,
    ConsentChange,
    Contact,
    Door,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    SuppressionReason,
    Topic,
    TopicChoice,
)
from contacts.segments.matching import among, candidates, matching, members
from contacts.segments.scopes import database_now
from contacts.segments.tree import parse
from contacts.segments.vocabulary import check
from plunk.api.errors import Invalid
from plunk.ids import new_id
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.contacts.segments.worlds import Maker
from tests.pages.rows import make_contact, make_email, make_email_event
from transactional.models import EmailEventKind, Source

pytestmark = pytest.mark.django_db


def all_of(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": list(filters)}]}


def member_of(segment: Segment | UUID, operator: str = "memberOfSegment") -> Any:
    pk = segment.pk if isinstance(segment, Segment) else segment
    return {"field": f"segment.{pk}", "operator": operator}


PRO = {"field": "data.plan", "operator": "equals", "value": "pro"}
BOUGHT = {"field": "event.bought", "operator": "triggered"}
OPENED = {"field": "email.opened", "operator": "triggered"}


def make_segment(project: Project, **values: Any) -> Segment:
    return Segment.objects.create(project=project, name="VIPs", **values)


def refusal(project: Project, condition: dict[str, Any], **more: Any) -> str:
    with pytest.raises(Invalid) as caught:
        check(project.pk, parse(condition), **more)
    (error,) = caught.value.errors
    return f"{error.field}: {error.code}"


# -- segments within segments ----------------------------------------------------------


def test_unknown_and_foreign_segments_are_refused_alike(
    project: Project, other_project: NewProject
) -> None:
    foreign = make_segment(other_project.project, type=SegmentType.STATIC)

    wanted = "condition.groups.0.filters.1.field: not_found"
    assert refusal(project, all_of(PRO, member_of(foreign))) == wanted
    assert refusal(project, all_of(PRO, member_of(uuid4()))) == wanted


def test_a_segment_cannot_lead_back_to_itself(project: Project) -> None:
    first = make_segment(project, condition=all_of(PRO))
    second = make_segment(project, condition=all_of(member_of(first)))
    condition = all_of(PRO, member_of(second))

    check(project.pk, parse(condition))

    wanted = "condition.groups.0.filters.1.field: cycle"
    assert refusal(project, condition, segment_id=first.pk) == wanted
    assert refusal(project, condition, segment_id=second.pk) == wanted


def test_a_circle_made_behind_our_back_is_found(project: Project) -> None:
    one = make_segment(project)
    two = make_segment(project, condition=all_of(member_of(one)))
    one.condition = all_of(member_of(two))
    one.save(update_fields=["condition"])

    with pytest.raises(Invalid, match="Leads back"):
        matching(project.pk, parse(all_of(member_of(one))))


def test_a_tracked_segment_of_a_circle_has_its_rows(project: Project) -> None:
    one = make_segment(project, track_membership=True, computed_at=Now())
    two = make_segment(project, condition=all_of(member_of(one)))
    one.condition = all_of(member_of(two))
    one.save(update_fields=["condition"])
    ada = make_contact(project)
    SegmentMembership.objects.create(segment=one, contact=ada)

    assert list(matching(project.pk, parse(all_of(member_of(two))))) == [ada]


def test_segments_stand_within_each_other_ten_deep(project: Project) -> None:
    segment = make_segment(project, condition=all_of(PRO))
    for _ in range(9):
        segment = make_segment(project, condition=all_of(member_of(segment)))

    check(project.pk, parse(all_of(member_of(segment))))

    deeper = make_segment(project, condition=all_of(member_of(segment)))
    assert "too_big" in refusal(project, all_of(member_of(deeper)))


def test_segments_that_multiply_are_refused_before_they_are_written_out(
    project: Project,
) -> None:
    """Ten levels of a hundred each would be more than the universe has atoms."""
    segment = make_segment(project, condition=all_of(PRO))
    for _ in range(9):
        names = [member_of(segment)] * 100
        segment = make_segment(project, condition=all_of(*names))

    assert refusal(project, all_of(member_of(segment))) == "condition: too_big"
    with pytest.raises(Invalid, match="500"):
        matching(project.pk, parse(all_of(member_of(segment))))


def test_segments_may_be_five_hundred_filters_together(project: Project) -> None:
    ada = make_contact(project, data={"plan": "pro"})
    full = make_segment(project, condition=all_of(*[PRO] * 100))

    assert list(matching(project.pk, parse(all_of(*[member_of(full)] * 5)))) == [ada]
    one_more = all_of(*[member_of(full)] * 5, PRO)
    assert refusal(project, one_more) == "condition: too_big"


def test_members_are_rows_where_they_are_kept(project: Project) -> None:
    ada = make_contact(project, data={"plan": "pro"})
    bea = make_contact(project)
    static = make_segment(project, type=SegmentType.STATIC)
    SegmentMembership.objects.create(segment=static, contact=bea)
    tracked = make_segment(
        project, condition=all_of(PRO), track_membership=True, computed_at=Now()
    )
    fresh = make_segment(project, condition=all_of(PRO), track_membership=True)

    assert list(members(static)) == [bea]
    assert list(members(tracked)) == []
    assert list(members(fresh)) == [ada]


# -- what comes back -------------------------------------------------------------------


def test_matches_can_be_filtered_sliced_and_changed(project: Project) -> None:
    event = Event.objects.create(project=project, name="bought")
    for number in range(4):
        contact = make_contact(project, data={"plan": "pro"} if number else None)
        Occurrence.objects.create(project=project, event=event, contact=contact)
    either = {"logic": "OR", "groups": [{"filters": [PRO]}, {"filters": [BOUGHT]}]}
    rows = matching(project.pk, parse(either))

    assert rows.count() == 4
    assert len(rows.order_by("-created_at", "-id")[1:3]) == 2
    assert rows.filter(pk__in=matching(project.pk, parse(all_of(PRO)))).count() == 3
    assert rows.exclude(email="c0@example.com").update(subscribed=False) == 3
    assert Occurrence.objects.filter(contact__in=rows).count() == 4


def test_a_few_contacts_can_be_asked_for(project: Project) -> None:
    ada = make_contact(project, data={"plan": "pro"})
    make_contact(project, data={"plan": "pro"})
    eve = make_contact(project)

    assert list(among(project.pk, parse(all_of(PRO)), [ada.pk, eve.pk])) == [ada]


def test_all_names_of_a_kind_take_one_statement(project: Project) -> None:
    static = [make_segment(project, type=SegmentType.STATIC) for _ in range(4)]
    topics = [Topic.objects.create(project=project, name=f"T{n}") for n in range(4)]
    Event.objects.bulk_create(Event(project=project, name=f"e{n}") for n in range(4))

    def filters(size: int) -> list[dict[str, Any]]:
        events = [{"field": f"event.e{n}", "operator": "triggered"} for n in range(4)]
        joined = [{"field": f"topic.{it.pk}", "operator": "joined"} for it in topics]
        return [
            *(member_of(it) for it in static[:size]),
            *events[:size],
            *joined[:size],
        ]

    counts = []
    for size in (1, 4):
        with CaptureQueriesContext(connection) as queries:
            list(matching(project.pk, parse(all_of(*filters(size)))))
        counts.append(len(queries))

    # Segments, events, topics, the clock, and the contacts.
    assert counts == [5, 5]


def test_an_event_is_found_as_it_was_tracked(project: Project) -> None:
    event = Event.objects.create(project=project, name="signed-up")
    ada = make_contact(project)
    Occurrence.objects.create(project=project, event=event, contact=ada)
    tree = parse(all_of({"field": "event.Signed Up", "operator": "triggered"}))

    assert list(matching(project.pk, tree)) == [ada]


def test_mails_of_other_projects_are_nobodys(
    project: Project, other_project: NewProject
) -> None:
    campaign = Campaign.objects.create(project=project, name="Spring").pk
    theirs = make_email(
        other_project.project,
        source=Source.CAMPAIGN,
        origin_id=campaign,
        sent_at=Now(),
        opened_at=Now(),
    )
    received = {"field": f"campaign.{campaign}", "operator": "received"}

    assert not matching(project.pk, parse(all_of(received))).exists()
    assert list(matching(other_project.project.pk, parse(all_of(OPENED)))) == [
        theirs.contact
    ]


def test_every_tree_is_one_statement_for_the_contacts(project: Project) -> None:
    Event.objects.create(project=project, name="bought")
    for seed in range(40):
        maker = Maker(seed)
        tree = parse(all_of(*[maker.of_data() for _ in range(3)], OPENED, BOUGHT))
        rows = matching(project.pk, tree)
        with CaptureQueriesContext(connection) as queries:
            assert rows.count() == 0
        assert len(queries) == 1


# -- whose answer may have changed -----------------------------------------------------


def changed(project: Project, *filters: dict[str, Any], **more: Any) -> set[UUID]:
    now = database_now() + timedelta(seconds=1)
    since = more.get("since", now - timedelta(hours=1))
    return set(candidates(project.pk, parse(all_of(*filters)), since, now))


def old_contact(project: Project, **values: Any) -> Contact:
    ago = database_now() - timedelta(days=400)
    return make_contact(project, created_at=ago, updated_at=ago, **values)


def _ago(**span: float) -> datetime:
    return database_now() - timedelta(**span)


def test_nobody_is_a_candidate_where_nothing_happened(project: Project) -> None:
    old_contact(project)

    assert changed(project, PRO, BOUGHT, OPENED) == set()


def test_what_ses_tells_late_makes_a_candidate(project: Project) -> None:
    ada = old_contact(project)
    mail = make_email(project, ada, sent_at=_ago(days=9), opened_at=_ago(days=8))
    make_email_event(mail, EmailEventKind.OPEN)

    assert changed(project, OPENED) == {ada.pk}
    assert changed(project, PRO) == set()


def test_consent_makes_a_candidate(project: Project) -> None:
    ada, bea, eve, _ = (old_contact(project) for _ in range(4))
    topic = Topic.objects.create(project=project, name="News")
    TopicChoice.objects.create(topic=topic, contact=ada, is_joined=False)
    Suppression.objects.create(
        project=project, email=bea.email, reason=SuppressionReason.MANUAL
    )
    ConsentChange.objects.create(
        project=project,
        contact=eve,
        kind=ChangeKind.RELEASED,
        door=Door.DASHBOARD,
    )
    joined = {"field": f"topic.{topic.pk}", "operator": "joined"}
    suppressed = {"field": "suppressed", "operator": "equals", "value": True}

    assert changed(project, joined) == {ada.pk}
    assert changed(project, suppressed) == {bea.pk, eve.pk}


def test_coming_and_going_elsewhere_makes_a_candidate(project: Project) -> None:
    ada, bea, eve = (old_contact(project) for _ in range(3))
    ago = _ago(days=300)
    static = make_segment(project, type=SegmentType.STATIC, updated_at=ago)
    SegmentMembership.objects.bulk_create(
        [
            SegmentMembership(id=new_id(), segment=static, contact=ada),
            SegmentMembership(
                id=new_id(),
                segment=static,
                contact=bea,
                entered_at=ago,
                exited_at=Now(),
            ),
            SegmentMembership(id=new_id(), segment=static, contact=eve, entered_at=ago),
        ]
    )

    assert changed(project, member_of(static)) == {ada.pk, bea.pk}


def test_a_segment_that_was_changed_makes_everybody_a_candidate(
    project: Project,
) -> None:
    ada = old_contact(project)
    inner = make_segment(project, condition=all_of(PRO))
    outer = make_segment(
        project, condition=all_of(member_of(inner)), updated_at=_ago(days=300)
    )

    assert changed(project, member_of(outer)) == {ada.pk}
    Segment.objects.filter(pk=inner.pk).update(updated_at=_ago(days=300))
    assert changed(project, member_of(outer)) == set()
