"""Everybody who would get a campaign, gone through before anything leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import preflight
from campaigns.drafts import change
from campaigns.errors import NotReady, WrongState
from campaigns.lifecycle import send
from campaigns.models import AudienceType, Campaign, Preflight, Recipient
from campaigns.preflight import checking
from campaigns.preflight.reading import why_broken
from contacts import jobs
from contacts.models import Contact, Job, JobState, Segment, Suppression
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people

pytestmark = pytest.mark.django_db


def checked(campaign: Campaign) -> Preflight:
    """Return the check of a campaign once workers have done it."""
    preflight.start(campaign)
    while jobs.work(seconds=60):
        continue
    found = preflight.current(campaign)
    assert found is not None
    assert found.is_finished, found.problem
    return found.preflight


def by_code(made: Preflight) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in made.findings}


def test_it_says_who_gets_it_and_who_does_not(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 20, data={"name": "Ada"})
    Contact.objects.filter(email="r1@example.com").update(subscribed=False)
    Suppression.objects.create(project=project, email="r2@example.com", reason="BOUNCE")

    campaign = make_campaign()
    made = checked(campaign)

    campaign.refresh_from_db()
    assert campaign.audience_count == 18
    assert {name: made.figures[name] for name in ("named", "taken")} == {
        "named": 20,
        "taken": 18,
    }
    assert (made.figures["unsubscribed"], made.figures["suppressed"]) == (1, 1)
    assert made.figures["checked"] == 18
    assert [one for one in made.findings if "part" not in one] == []


def test_values_that_some_or_all_lack_are_named(
    project: Project, make_campaign: MakeCampaign
) -> None:
    some = people(project, 10, data={"city": "Ghent"})
    Contact.objects.filter(pk=some[3].pk).update(data={})
    campaign = make_campaign(body="<p>{{ city }} {{ shoe }} {{ hat ?? none }}</p>")

    found = by_code(checked(campaign))

    assert found["unknown_variable"]["contacts"] == 10
    assert "shoe" in found["unknown_variable"]["message"]
    assert found["missing_variable"]["contacts"] == 1
    assert found["missing_variable"]["examples"] == [str(some[3].pk)]
    assert not any("“hat”" in one["message"] for one in found.values())


def test_links_that_lead_nowhere_for_some_are_found(
    project: Project, make_campaign: MakeCampaign
) -> None:
    rows = people(project, 4, data={"page": "https://example.org/a"})
    Contact.objects.filter(pk=rows[0].pk).update(data={"page": ""})
    Contact.objects.filter(pk=rows[1].pk).update(data={"page": "www.example.org"})
    campaign = make_campaign(body='<p><a href="{{ page ?? }}">Read</a></p>')

    made = checked(campaign)

    links = [one for one in made.findings if one["code"] == "broken_link"]
    assert sorted(one["contacts"] for one in links) == [1, 1]
    assert {pk for one in links for pk in one["examples"]} == {
        str(rows[0].pk),
        str(rows[1].pk),
    }


def test_of_a_link_nothing_is_kept_that_a_contact_said(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 1, data={"page": "https://exa mple/s3cret", "code": "s3cret?"})
    links = ("{{ page }}", "ftp://a/{{ code }}", "{{ code }}", "ftp://b/x?y=z")
    body = " ".join(f'<a href="{one}">Read</a>' for one in links)

    made = checked(make_campaign(body=body))

    words = [one["message"] for one in made.findings if one["code"] == "broken_link"]
    assert "s3cret" not in f"{words} {made.job and made.job.position}"
    assert any("ftp://b/x”" in one for one in words)


def test_a_mail_that_cannot_be_written_is_one_finding(
    project: Project, make_campaign: MakeCampaign
) -> None:
    rows = people(project, 5, data={"n": 2})
    Contact.objects.filter(pk=rows[2].pk).update(data={"n": 10**7})
    body = "<p>{% for i in (1..n) %}{{ i }} is a number {% endfor %}</p>"

    made = checked(make_campaign(body=body))

    (error,) = [one for one in made.findings if one["code"] == "render_error"]
    assert error["contacts"] == 1
    assert error["examples"] == [str(rows[2].pk)]
    assert any(one["words"] == "Cannot be written" for one in made.samples)


@pytest.mark.parametrize(
    "data",
    [
        {"name": 1e300},
        {"name": {"a": [1, {"b": None}]}},
        {"name": "<script>alert(1)</script>"},
        {"name": "\u202e‮ ￿"},
        {"locale": ["de"]},
        {},
    ],
)
def test_odd_data_is_no_obstacle(
    project: Project, make_campaign: MakeCampaign, data: dict[str, Any]
) -> None:
    people(project, 2, data=data)

    assert checked(make_campaign()).figures["checked"] == 2


def test_it_goes_on_where_it_broke_off(
    project: Project, make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(project, 50, data={"name": "Ada"})
    monkeypatch.setattr(checking, "_FIRST", 10)
    monkeypatch.setattr(checking, "_MOST", 10)
    monkeypatch.setattr(checking, "_LEAST", 10)
    campaign = make_campaign(body="<p>{{ name }} {{ shoe }}</p>")
    preflight.start(campaign)
    jobs.work(seconds=0)
    jobs.work(seconds=0)
    half = preflight.current(campaign)

    while jobs.work(seconds=60):
        continue

    whole = preflight.current(campaign)
    assert half is not None
    assert whole is not None
    assert 0 < half.share < 1
    assert not half.is_finished
    assert whole.preflight.figures["checked"] == 50
    assert by_code(whole.preflight)["unknown_variable"]["contacts"] == 50


def test_a_chunk_that_takes_long_is_broken_off(
    project: Project, make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(project, 30)
    monkeypatch.setattr(checking, "_LONGEST", 0)
    campaign = make_campaign(body="<p>{{ shoe }}</p>")
    preflight.start(campaign)
    jobs.work(seconds=0)
    job = Job.objects.get()
    while jobs.work(seconds=60):
        continue

    whole = preflight.current(campaign)
    assert (job.done, job.state) == (1, JobState.ACTIVE)
    assert whole is not None
    assert whole.preflight.figures["checked"] == 30
    assert by_code(whole.preflight)["unknown_variable"]["contacts"] == 30
    assert whole.job is not None
    assert whole.job.position == {}


@pytest.mark.parametrize(
    ("size", "contacts", "took", "following"),
    [
        (200, 200, 0.01, 800),
        (4_000, 4_000, 0.1, 5_000),
        (1_000, 1_000, 1.0, 500),
        (1_000, 30, 2.0, 20),
    ],
)
def test_a_chunk_takes_half_a_second(
    size: int, contacts: int, took: float, following: int
) -> None:
    assert checking.next_size(size, contacts, took) == following


def test_another_sender_or_rule_of_who_is_left_out_makes_it_stale(
    project: Project, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()
    segment = Segment.objects.create(project=project, name="Staff")
    campaign.excluded_segments.add(segment)
    prints = [preflight.fingerprint(campaign)]
    Segment.objects.update(updated_at=timezone.now() + timedelta(days=1))
    prints.append(preflight.fingerprint(campaign))
    campaign.project.from_name = "Another"
    prints.append(preflight.fingerprint(campaign))
    campaign.from_email = "else@example.com"
    prints.append(preflight.fingerprint(campaign))

    assert len(set(prints)) == 4


def test_what_is_wrong_with_the_words_counts_too(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 2)

    made = checked(make_campaign(body='<p>{% if name %}Hi</p> <a href="">Read</a>'))

    codes = [one["code"] for one in made.findings]
    assert codes.count("broken_link") + codes.count("empty_link") == 1
    assert any("part" in one and one["level"] == "error" for one in made.findings)


def test_a_change_makes_it_stale_and_a_new_one_does_not(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 2)
    campaign = make_campaign()
    checked(campaign)
    before = preflight.current(campaign)

    change(campaign=campaign, written={"subject": "Another"})
    campaign.refresh_from_db()
    stale = preflight.current(campaign)
    checked(campaign)
    after = preflight.current(campaign)

    assert [one.is_stale for one in (before, stale, after) if one] == [
        False,
        True,
        False,
    ]


def test_stopped_it_says_so_and_can_begin_anew(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 2)
    campaign = make_campaign()
    preflight.cancel(preflight.start(campaign))

    stopped = preflight.current(campaign)

    assert stopped is not None
    assert stopped.problem == "It was stopped."
    assert checked(campaign).figures["checked"] == 2


def test_of_two_checks_the_newer_one_counts(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 2)
    campaign = make_campaign()
    preflight.start(campaign)

    assert checked(campaign).figures["checked"] == 2
    assert Preflight.objects.count() == 1


def test_chosen_contacts_are_checked_and_nobody_else(
    project: Project, make_campaign: MakeCampaign
) -> None:
    chosen = people(project, 5)[:2]
    campaign = make_campaign(audience_type=AudienceType.RECIPIENTS)
    Recipient.objects.bulk_create(
        [Recipient(campaign=campaign, contact=one) for one in chosen]
    )

    assert checked(campaign).figures["checked"] == 2


def test_nobody_to_send_to_is_an_error(make_campaign: MakeCampaign) -> None:
    assert by_code(checked(make_campaign()))["nobody"]["level"] == "error"


def test_what_cannot_be_sent_or_has_been_is_not_checked(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 2)
    sent = make_campaign()
    send(sent)

    with pytest.raises(NotReady):
        preflight.start(make_campaign(subject=""))
    with pytest.raises(WrongState):
        preflight.start(sent)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://example.org/a?b=c", ""),
        ("mailto:ada@example.org", ""),
        ("tel:+32", ""),
        ("mailto:", "empty"),
        ("tel: ", "empty"),
        ("#top", ""),
        ("", "empty"),
        ("#", "empty"),
        (" ", "empty"),
        ("www.example.org", "incomplete"),
        ("/a", "incomplete"),
        ("https://", "malformed"),
        ("https:///a", "malformed"),
        ("https://[::1", "malformed"),
        ("https://exa mple.org", "malformed"),
        ("java\nscript:alert(1)", "not followed"),
        ("ftp://example.org", "not followed"),
    ],
)
def test_links(address: str, reason: str) -> None:
    assert why_broken(address) == reason
