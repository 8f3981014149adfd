"""Drafts: what may be written, by whom it is seen, and who may write when."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import drafts
from campaigns.errors import CampaignNotFound, NotReady, StaleCampaign, WrongState
from campaigns.lifecycle import schedule, send
from campaigns.models import (
    AudienceType,
    Campaign,
    CampaignEvent,
    CampaignState,
    Recipient,
    Variant,
)
from contacts.models import (
    ChangeKind,
    Confirmation,
    ConsentChange,
    Contact,
    Segment,
    Topic,
)
from contacts.segments.scopes import database_now
from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people
from tests.conftest import NOBODY
from transactional.senders import DomainNotVerified

pytestmark = pytest.mark.django_db

CONDITION = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
    ],
}
WRITTEN: dict[str, Any] = {
    "name": "Spring",
    "description": "What is new",
    "kind": "marketing",
    "subject": "News for {{ name ?? you }}",
    "preheader": "Read on",
    "body": "<p>Hello</p>",
    "style": "HTML",
    "from_email": "News@Example.com",
    "from_name": "Acme",
    "reply_to": "help@example.com",
    "tracks": False,
}


def field_of(error: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in error.value.errors]


def recipients_of(campaign: Campaign) -> list[str]:
    rows = Recipient.objects.filter(campaign=campaign).order_by("pk")
    return list(rows.values_list("contact__email", flat=True))


def test_a_draft_keeps_what_was_written(project: Project, alice: User) -> None:
    campaign = drafts.create(project=project, written=WRITTEN, user=alice)

    said = Variant.objects.get(campaign=campaign)
    assert (campaign.name, campaign.kind, campaign.state) == (
        "Spring",
        "MARKETING",
        CampaignState.DRAFT,
    )
    assert (campaign.from_email, campaign.tracks) == ("news@example.com", False)
    assert (said.subject, said.preheader, said.style) == (
        WRITTEN["subject"],
        "Read on",
        "HTML",
    )
    assert (campaign.version, campaign.created_by) == (1, alice)
    assert CampaignEvent.objects.get().kind == "CREATED"


def test_a_draft_needs_a_name_and_no_more(project: Project) -> None:
    campaign = drafts.create(project=project, written={"name": "Later", "body": ""})

    assert campaign.audience_type == AudienceType.ALL
    with pytest.raises(Invalid) as error:
        drafts.create(project=project, written={})
    assert field_of(error) == [("name", "required")]


def test_all_that_is_wrong_is_named_at_once(project: Project) -> None:
    with pytest.raises(Invalid) as error:
        drafts.create(
            project=project,
            written={
                "name": " ",
                "subject": "{{ oh",
                "reply_to": "nobody",
                "audience_type": "FRIENDS",
                "segment_id": 7,
                "recipients": ["ann@example.com", "ann", 7, "a@@b"],
                "deadline_at": "soon",
            },
        )

    assert [field for field, _ in field_of(error)] == [
        "name",
        "reply_to",
        "subject",
        "audience_type",
        "segment_id",
        "deadline_at",
        "recipients.1",
        "recipients.2",
        "recipients.3",
    ]
    assert not Campaign.objects.exists()


def test_a_sender_of_somebody_elses_domain_is_refused(
    project: Project, settings: Any
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True

    with pytest.raises(DomainNotVerified):
        drafts.create(project=project, written=WRITTEN)


# -- to whom ---------------------------------------------------------------------------


def test_recipients_are_ids_and_addresses_and_each_of_them_once(
    project: Project,
) -> None:
    first, second, *_ = people(project, 3)

    campaign = drafts.create(
        project=project,
        written=WRITTEN
        | {
            "recipients": [
                "New@Example.com",
                str(second.pk).upper(),
                "R1@example.com",
                first.pk,
                "new@example.com",
            ]
        },
    )

    assert campaign.audience_type == AudienceType.RECIPIENTS
    assert recipients_of(campaign) == [
        "new@example.com",
        "r1@example.com",
        "r0@example.com",
    ]
    new = Contact.objects.get(email="new@example.com")
    told = ConsentChange.objects.get(contact=new.pk)
    assert (new.subscribed, told.kind, told.door) == (
        True,
        ChangeKind.SUBSCRIBED,
        "CAMPAIGN",
    )


def test_a_known_address_keeps_its_consent(project: Project) -> None:
    people(project, 1, subscribed=False)

    drafts.create(project=project, written=WRITTEN | {"recipients": ["r0@example.com"]})

    assert not Contact.objects.get().subscribed


def test_under_double_opt_in_new_recipients_are_asked(project: Project) -> None:
    Project.objects.update(double_opt_in=True)

    drafts.create(
        project=project, written=WRITTEN | {"recipients": ["new@example.com"]}
    )

    assert not Contact.objects.get().subscribed
    assert Confirmation.objects.count() == 1


def test_foreign_and_unknown_contacts_are_named_and_nothing_is_stored(
    project: Project, other_project: NewProject
) -> None:
    (own,) = people(project, 1)
    foreign = Contact.objects.create(project=other_project.project, email="x@y.org")

    with pytest.raises(Invalid) as error:
        drafts.create(
            project=project,
            written=WRITTEN
            | {"recipients": ["new@example.com", own.pk, foreign.pk, NOBODY]},
        )

    assert field_of(error) == [
        ("recipients.2", "not_found"),
        ("recipients.3", "not_found"),
    ]
    assert not Campaign.objects.exists()
    assert not Contact.objects.filter(email="new@example.com").exists()


def test_all_stands_for_everybody(project: Project) -> None:
    people(project, 3)
    Contact.objects.filter(email="r2@example.com").update(subscribed=False)

    campaign = drafts.create(project=project, written=WRITTEN | {"recipients": ["all"]})

    assert campaign.audience_type == AudienceType.ALL
    assert drafts.count_audience(campaign) == 2
    assert Campaign.objects.get().audience_count == 2


def test_another_list_takes_the_place_of_the_first(project: Project) -> None:
    people(project, 5)
    campaign = drafts.create(
        project=project,
        written=WRITTEN | {"recipients": ["r0@example.com", "r1@example.com"]},
    )
    drafts.count_audience(campaign)

    changed = drafts.change(
        campaign=campaign, written={"recipients": ["r1@example.com", "r4@example.com"]}
    )
    again = drafts.change(
        campaign=campaign, written={"recipients": ["r4@example.com", "r1@example.com"]}
    )
    nobody = drafts.change(campaign=campaign, written={"recipients": []})

    assert (changed.version, again.version, nobody.version) == (2, 2, 3)
    assert changed.audience_count is None
    assert recipients_of(campaign) == []
    assert nobody.audience_type == AudienceType.RECIPIENTS


def test_thousands_of_recipients_take_few_statements(project: Project) -> None:
    addresses = [f"p{number}@example.com" for number in range(3_000)]
    people(project, 1_000)
    known = [f"r{number}@example.com" for number in range(1_000)]

    with CaptureQueriesContext(connection) as queries:
        campaign = drafts.create(
            project=project, written=WRITTEN | {"recipients": addresses + known}
        )

    assert Recipient.objects.filter(campaign=campaign).count() == 4_000
    assert len(queries) < 130


def test_a_filter_names_only_what_is_there(project: Project) -> None:
    campaign = drafts.create(
        project=project,
        written=WRITTEN | {"audience_type": "filtered", "condition": CONDITION},
    )
    lost = {
        "logic": "AND",
        "groups": [
            {"filters": [{"field": f"segment.{NOBODY}", "operator": "isMember"}]}
        ],
    }

    with pytest.raises(Invalid) as error:
        drafts.change(campaign=campaign, written={"condition": lost})

    assert campaign.condition == CONDITION
    assert error.value.errors[0].field.startswith("condition.groups.0.filters.0")


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ({"audience_type": "SEGMENT"}, [("segment_id", "required")]),
        ({"audience_type": "FILTERED"}, [("condition", "required")]),
        (
            {"audience_type": "SEGMENT", "segment_id": NOBODY},
            [("segment_id", "not_found")],
        ),
        ({"topic_id": NOBODY}, [("topic_id", "not_found")]),
        (
            {"excluded_segment_ids": [NOBODY]},
            [("excluded_segment_ids.0", "not_found")],
        ),
        ({"condition": 7}, [("condition", "invalid_type")]),
        ({"recipients": "all"}, [("recipients", "invalid_type")]),
        ({"topic_id": "x"}, [("topic_id", "invalid_string")]),
    ],
)
def test_an_audience_that_cannot_be_is_refused(
    project: Project, written: dict[str, Any], wrong: list[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as error:
        drafts.create(project=project, written=WRITTEN | written)

    assert field_of(error) == wrong


def test_what_belongs_to_another_project_is_not_there(
    project: Project, other_project: NewProject
) -> None:
    theirs = other_project.project
    segment = Segment.objects.create(project=theirs, name="S", type="STATIC")
    topic = Topic.objects.create(project=theirs, name="T")

    with pytest.raises(Invalid) as error:
        drafts.create(
            project=project,
            written=WRITTEN
            | {
                "audience_type": "SEGMENT",
                "segment_id": str(segment.pk),
                "topic_id": topic.pk,
                "excluded_segment_ids": [str(segment.pk)],
            },
        )

    assert [field for field, _ in field_of(error)] == [
        "segment_id",
        "topic_id",
        "excluded_segment_ids.0",
    ]


def test_another_kind_of_audience_forgets_the_first(project: Project) -> None:
    segment = Segment.objects.create(project=project, name="S", type="STATIC")
    campaign = drafts.create(
        project=project,
        written=WRITTEN
        | {
            "audience_type": "SEGMENT",
            "segment_id": segment.pk,
            "excluded_segment_ids": [segment.pk],
        },
    )

    changed = drafts.change(
        campaign=campaign,
        written={"audience_type": "RECIPIENTS", "recipients": ["a@example.com"]},
    )
    back = drafts.change(campaign=campaign, written={"audience_type": "ALL"})

    assert (changed.segment, back.audience_type) == (None, "ALL")
    assert list(back.excluded_segments.all()) == [segment]
    assert recipients_of(campaign) == []


# -- when ------------------------------------------------------------------------------


def test_only_what_differs_is_a_new_version(make_campaign: MakeCampaign) -> None:
    campaign = make_campaign()

    same = drafts.change(campaign=campaign, written={"name": "Spring"})
    other = drafts.change(campaign=campaign, written={"subject": "Now"})

    assert (same.version, other.version) == (1, 2)
    assert campaign.variants.get().subject == "Now"


def test_an_editor_who_is_behind_is_told(make_campaign: MakeCampaign) -> None:
    campaign = make_campaign()
    drafts.change(campaign=campaign, written={"name": "Mine"}, expected_version=1)

    with pytest.raises(StaleCampaign) as error:
        drafts.change(campaign=campaign, written={"name": "Yours"}, expected_version=1)

    assert error.value.version == 2


def test_what_was_launched_is_changed_no_more(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 1)
    campaign = make_campaign()
    send(campaign)

    with pytest.raises(WrongState):
        drafts.change(campaign=campaign, written={"subject": "Too late"})
    with pytest.raises(WrongState):
        drafts.delete(campaign=campaign)

    assert campaign.variants.get().subject != "Too late"


def test_a_scheduled_campaign_stays_one_that_can_go(
    make_campaign: MakeCampaign,
) -> None:
    campaign = make_campaign()
    schedule(campaign, at=database_now())

    with pytest.raises(NotReady):
        drafts.change(campaign=campaign, written={"subject": ""})
    changed = drafts.change(campaign=campaign, written={"subject": "Other"})

    assert changed.state == CampaignState.SCHEDULED
    assert campaign.variants.get().subject == "Other"


def test_a_copy_says_the_same_to_the_same(project: Project, alice: User) -> None:
    segment = Segment.objects.create(project=project, name="S", type="STATIC")
    campaign = drafts.create(
        project=project,
        written=WRITTEN
        | {
            "name": "x" * 100,
            "recipients": ["a@example.com", "b@example.com"],
            "excluded_segment_ids": [segment.pk],
            "deadline_at": database_now(),
        },
    )

    copy = drafts.duplicate(campaign=campaign, user=alice)

    assert copy.pk != campaign.pk
    assert copy.name == "x" * 93 + " (Copy)"
    assert (copy.state, copy.deadline_at, copy.version) == ("DRAFT", None, 1)
    assert copy.variants.get().subject == WRITTEN["subject"]
    assert recipients_of(copy) == ["a@example.com", "b@example.com"]
    assert list(copy.excluded_segments.all()) == [segment]


def test_drafts_are_deleted_together_or_not_at_all(
    project: Project, make_campaign: MakeCampaign
) -> None:
    first, second, sent = (make_campaign() for _ in range(3))
    Campaign.objects.filter(pk=sent.pk).update(state=CampaignState.SENT)

    with pytest.raises(WrongState):
        drafts.delete_all(
            project_id=project.pk, campaign_ids=[first.pk, second.pk, sent.pk]
        )
    deleted = drafts.delete_all(
        project_id=project.pk, campaign_ids=[first.pk, second.pk, first.pk]
    )

    assert deleted == 2
    assert list(Campaign.objects.all()) == [sent]
    with pytest.raises(CampaignNotFound):
        drafts.delete(campaign=first)


def test_many_are_archived_at_once(
    project: Project, make_campaign: MakeCampaign
) -> None:
    first, second, going = (make_campaign() for _ in range(3))
    Campaign.objects.filter(pk=going.pk).update(state=CampaignState.SENDING)

    with pytest.raises(WrongState):
        drafts.archive_all(project_id=project.pk, campaign_ids=[first.pk, going.pk])
    ids = [first.pk, second.pk]
    drafts.archive_all(project_id=project.pk, campaign_ids=ids)
    drafts.archive_all(project_id=project.pk, campaign_ids=ids)
    drafts.unarchive_all(project_id=project.pk, campaign_ids=[first.pk])

    away = Campaign.objects.filter(archived_at__isnull=False)
    assert list(away) == [second]
    kinds = CampaignEvent.objects.filter(campaign__in=ids).values_list("kind")
    assert sorted(kind for (kind,) in kinds) == ["ARCHIVED", "ARCHIVED", "UNARCHIVED"]
