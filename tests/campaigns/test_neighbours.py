"""What campaigns mean for segments, filters, people who leave, and pages of others."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.lifecycle import cancel, send
from campaigns.models import AudienceType, Campaign, CampaignState, Preflight, Recipient
from campaigns.neighbours import figures, scrub
from contacts import erasing
from contacts.ledger import Act
from contacts.models import Contact, Door, Segment
from contacts.segments import uses, vocabulary
from contacts.segments.tree import parse
from contacts.subscriptions import set_subscribed
from plunk.api.errors import Invalid
from plunk.erasing import Forgotten
from plunk.pages.activity import feed
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.transactional.fakes import FakeSes
from transactional.models import Email
from transactional.panels import mails
from transactional.tallies import tallies, tallies_of_runs

pytestmark = pytest.mark.django_db(transaction=True)

_SUBSCRIBED = {"field": "subscribed", "operator": "equals", "value": True}


def _rule(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": list(filters)}]}


@pytest.fixture
def segment(project: Project) -> Segment:
    return Segment.objects.create(
        project=project, name="Friends", condition=_rule(_SUBSCRIBED)
    )


# -- segments --------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["audience", "excluded", "filter"])
def test_a_segment_that_a_campaign_needs_is_in_use(
    project: Project, make_campaign: MakeCampaign, segment: Segment, way: str
) -> None:
    if way == "audience":
        campaign = make_campaign(audience_type=AudienceType.SEGMENT, segment=segment)
    elif way == "excluded":
        campaign = make_campaign()
        campaign.excluded_segments.add(segment)
    else:
        member = {"field": f"segment.{segment.pk}", "operator": "memberOfSegment"}
        campaign = make_campaign(
            audience_type=AudienceType.FILTERED, condition=_rule(member)
        )

    while_draft = [use.label for use in uses.uses(segment)]
    Campaign.objects.update(state=CampaignState.PAUSED)
    while_running = [use.label for use in uses.uses(segment)]
    Campaign.objects.update(state=CampaignState.SENT)

    assert while_draft == while_running == [f"the campaign “{campaign.name}”"]
    assert uses.uses(segment) == []


def test_a_segment_that_a_draft_does_not_mean_any_more_is_free(
    make_campaign: MakeCampaign, segment: Segment
) -> None:
    make_campaign(audience_type=AudienceType.ALL, segment=segment)

    assert uses.uses(segment) == []


# -- filters ---------------------------------------------------------------------------


def test_filters_speak_of_campaigns_there_are(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 2)
    campaign = make_campaign(name="Spring")
    make_campaign(name="Never sent")
    send(campaign)
    work()
    family = next(c for c in vocabulary.choices(project.pk) if c.field == "campaign.")
    opened = {"field": f"campaign.{campaign.pk}", "operator": "received"}

    vocabulary.check(project.pk, parse(_rule(opened)))

    assert [(name.value, name.label) for name in family.names] == [
        (str(campaign.pk), "Spring")
    ]


def test_campaigns_of_others_and_none_are_refused_alike(
    other_project: Any, project: Project
) -> None:
    theirs = Campaign.objects.create(project=other_project.project, name="Theirs").pk
    for pk in (theirs, project.pk):
        received = {"field": f"campaign.{pk}", "operator": "received"}
        with pytest.raises(Invalid, match="no such campaign"):
            vocabulary.check(project.pk, parse(_rule(received)))


# -- who leaves ------------------------------------------------------------------------


def _leave(mail: Email, door: Door, *, times: int = 1) -> None:
    act = Act(door, email_id=mail.pk)
    for _ in range(times):
        for subscribed in (False, True):
            set_subscribed(
                project_id=mail.project_id,
                contact_id=mail.contact_id,
                subscribed=subscribed,
                act=act,
                double_opt_in=False,
            )


def test_who_leaves_by_a_mails_link_counts_for_its_campaign_once(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 4)
    campaign = make_campaign()
    send(campaign)
    work()
    page, click, bounce, key = Email.objects.order_by("to_email")

    _leave(page, Door.PAGE, times=2)
    _leave(click, Door.ONE_CLICK)
    _leave(bounce, Door.FEEDBACK)
    _leave(key, Door.API)

    assert tallies([campaign.pk])[campaign.pk].unsubscribed == 2
    assert tallies_of_runs(campaign.pk)[1].unsubscribed == 2


def test_a_link_counts_for_nobody_elses_mail(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 2)
    campaign = make_campaign()
    send(campaign)
    work()
    mail, other = Email.objects.order_by("to_email")

    set_subscribed(
        project_id=project.pk,
        contact_id=other.contact_id,
        subscribed=False,
        act=Act(Door.PAGE, email_id=mail.pk),
    )

    assert tallies([campaign.pk])[campaign.pk].unsubscribed == 0


# -- forgotten -------------------------------------------------------------------------


def test_an_erased_contact_is_chosen_for_nothing_and_shown_nowhere(
    project: Project, make_campaign: MakeCampaign
) -> None:
    gone, stays = people(project, 2)
    rule = _rule({"field": "email", "operator": "equals", "value": gone.email})
    campaign = make_campaign(
        audience_type=AudienceType.FILTERED,
        condition=rule,
        audience_words=f"who are {gone.email}",
    )
    for contact in (gone, stays):
        Recipient.objects.create(campaign=campaign, contact=contact)
    Preflight.objects.create(
        campaign=campaign,
        fingerprint="",
        samples=[{"email": one.email, "why": "long name"} for one in (gone, stays)],
        findings=[
            {
                "text": f"No name: {gone.email}, {stays.email}",
                "examples": [str(gone.pk), str(stays.pk)],
            }
        ],
    )

    erasing.erase(project_id=project.pk, contact_ids=[gone.pk])
    words = frozenset({gone.email, str(gone.pk)})
    scrub(Forgotten(project.pk, words, timezone.now()))

    campaign.refresh_from_db()
    preflight = Preflight.objects.get()
    assert [row.contact_id for row in campaign.recipients.all()] == [stays.pk]
    assert [one["email"] for one in preflight.samples] == [stays.email]
    assert preflight.findings == [
        {"text": f"No name: erased, {stays.email}", "examples": [str(stays.pk)]}
    ]
    assert gone.email not in f"{campaign.condition} {campaign.audience_words}"


# -- pages -----------------------------------------------------------------------------


def test_the_feed_and_the_overview_tell_of_campaigns(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 1)
    campaign = make_campaign(name="Spring")
    send(campaign)
    (running,) = figures(project.pk)
    work()
    (over,) = figures(project.pk)

    titles = [item.title for item in feed(project.pk, limit=20)]
    of_contact = feed(project.pk, contact_id=Contact.objects.get().pk, limit=20)

    assert (running.value, over.value) == ("1", "0")
    assert {"Campaign “Spring” is going out", "Campaign “Spring” was sent"} <= set(
        titles
    )
    assert not [item for item in of_contact if item.kind == "campaign"]


def test_a_mail_and_its_contact_lead_to_the_campaign(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    client: Client,
    alice: User,
) -> None:
    people(project, 1)
    campaign = make_campaign(name="Spring <news>")
    send(campaign)
    work()
    client.force_login(alice)
    mail = Email.objects.get()
    link = f'<a href="{reverse("campaign", args=[project.pk, campaign.pk])}">'

    for name, pk in (("email", mail.pk), ("contact", mail.contact_id)):
        page = client.get(reverse(name, args=[project.pk, pk])).content.decode()
        assert f"{link}Spring &lt;news&gt;</a>" in page


def test_the_panel_of_mails_asks_no_more_for_many(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 1)
    for number in range(4):
        send(make_campaign(name=f"No. {number}"))
    work()
    contact = Contact.objects.get()

    with CaptureQueriesContext(connection) as queries:
        mails(project.pk, contact.pk)

    assert len(queries) == 2


def test_a_cancelled_campaign_is_told(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 1)
    campaign = make_campaign(name="Spring")
    send(campaign)
    cancel(campaign)

    titles = [item.title for item in feed(project.pk, limit=20)]

    assert "Campaign “Spring” was cancelled" in titles
