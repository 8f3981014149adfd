from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import recipients, reporting
from campaigns.lifecycle import pause, send
from campaigns.models import (
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Report,
    Run,
)
from campaigns.pages import recipients as pages
from campaigns.pages.running import percent
from contacts import jobs
from contacts.models import Contact
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.campaigns.running.conftest import Launch, click, deliver, mail_to
from tests.transactional.fakes import FakeSes
from transactional.models import Email, EmailState
from transactional.ses import Answer, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = (
    "",
    "progress/",
    "links/",
    "history/",
    "recipients/",
    "recipients/?status=opened",
    "recipients/?q=r1",
    "recipients/?status=left-out",
    "why/",
    "why/?q=r1%40example.com",
)


@pytest.fixture(autouse=True)
def _logged_in(client: Client, alice: User) -> None:
    client.force_login(alice)


def at(campaign: Campaign, path: str = "") -> str:
    return f"/projects/{campaign.project_id}/campaigns/{campaign.pk}/{path}"


def text(client: Client, url: str, **more: str) -> str:
    response = client.get(url, headers=more or None)
    assert response.status_code == 200, url
    return str(response.content.decode())


# -- each page -------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
def test_a_page_costs_the_same_for_few_mails_and_many(
    path: str, client: Client, sent: Launch, project: Project, ses: FakeSes
) -> None:
    campaign = sent(10)
    costs = []
    for _ in range(2):
        for mail in Email.objects.filter(origin_id=campaign.pk, delivered_at=None):
            deliver(mail, opened_at=Now(), clicked_at=Now())
            click(mail, f"https://example.org/{mail.to_email}")
        Report.objects.update(due_at=Now())
        reporting.sweep()
        text(client, at(campaign, path), **{"HX-Request": "true"})
        with CaptureQueriesContext(connection) as captured:
            text(client, at(campaign, path), **{"HX-Request": "true"})
        costs.append(len(captured))
        if len(costs) == 2:
            break
        Contact.objects.bulk_create(
            [Contact(project=project, email=f"x{n}@example.com") for n in range(10)]
        )
        mail = mail_to(campaign, "r1")
        Email.objects.bulk_create(
            [
                Email(
                    project=project,
                    contact=contact,
                    content_id=mail.content_id,
                    source=mail.source,
                    origin_id=campaign.pk,
                    to_email=contact.email,
                    from_email=mail.from_email,
                    state=EmailState.SENT,
                )
                for contact in Contact.objects.filter(email__startswith="x")
            ]
        )

    assert costs[0] == costs[1]
    assert costs[0] <= 24


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_any_mail_is_there(
    path: str, client: Client, frozen: Launch
) -> None:
    Contact.objects.all().delete()
    campaign = frozen(0)

    text(client, at(campaign, path), **{"HX-Request": "true"})


@pytest.mark.parametrize(
    "path", ["links/", "history/", "recipients/", "pause/", "again/"]
)
def test_a_draft_has_its_own_page(
    path: str, client: Client, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    response = client.get(at(campaign, path))

    assert (response.status_code, response["Location"]) == (302, at(campaign))


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense&run=99999999999999999999&cursor=%00",
        "run=-1&q=%00%ff",
        "run=%D9%A3&cursor=" + "A" * 4000,
        "cursor=U0VOVDp4eA==",
        "run=9999&status=delivered",
        "q=%25_%5C&status=complained",
        "q=" + "x" * 5000,
    ],
)
def test_nonsense_in_the_address_does_not_break_it(
    query: str, client: Client, sent: Launch
) -> None:
    campaign = sent(2)

    for page in ("recipients/", "recipients/csv/", "why/"):
        response = client.get(f"{at(campaign, page)}?{query}")
        assert response.status_code == 200
        if response.streaming:
            b"".join(response)


def test_another_projects_campaign_is_unknown(
    client: Client, sent: Launch, project: Project
) -> None:
    campaign = sent(1)
    other = at(campaign).replace(str(campaign.pk), str(uuid4()))

    assert client.get(other).status_code == 404
    assert client.get(f"{other}why/").status_code == 404


# -- live ------------------------------------------------------------------------------
def test_it_polls_only_while_it_runs(client: Client, frozen: Launch) -> None:
    campaign = frozen(3)
    assert 'data-poll="2"' in text(client, at(campaign))

    for mail in Email.objects.all():
        deliver(mail)
    Campaign.objects.update(state=CampaignState.SENT, finished_at=Now())

    assert "data-poll" not in text(client, at(campaign))


def test_a_page_that_shows_an_older_state_is_loaded_again(
    client: Client, frozen: Launch
) -> None:
    campaign = frozen(3)
    pause(campaign)

    response = client.get(
        at(campaign, "progress/?was=SENDING"), headers={"HX-Request": "true"}
    )

    assert response["HX-Refresh"] == "true"


# -- steps -----------------------------------------------------------------------------
def test_pause_says_what_will_happen_and_what_did(
    client: Client, frozen: Launch
) -> None:
    campaign = frozen(5)
    deliver(mail_to(campaign, "r1"))

    asked = text(client, at(campaign, "pause/"))
    answered = client.post(at(campaign, "pause/"), follow=True).content.decode()

    assert "1 of 5 mails have left so far" in asked
    assert "4 mails will wait" in asked
    assert "Paused. 1 of 5 mails have left, 4 wait." in answered
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED


def test_resume_goes_on_with_the_rest(client: Client, frozen: Launch) -> None:
    campaign = frozen(5)
    pause(campaign)

    asked = text(client, at(campaign, "resume/"))
    answered = client.post(at(campaign, "resume/"), follow=True).content.decode()

    assert "exactly the rest: 5 mails" in asked
    assert "It goes on." in answered


def test_cancel_says_exactly_what_went_out(client: Client, frozen: Launch) -> None:
    campaign = frozen(5)
    deliver(mail_to(campaign, "r1"))
    deliver(mail_to(campaign, "r2"))

    asked = text(client, at(campaign, "cancel/"))
    answered = client.post(at(campaign, "cancel/"), follow=True).content.decode()

    assert "2 of 5 mails have left so far. These cannot be called back." in asked
    assert "Cancelled. 2 of 5 mails have left, 3 will never leave." in answered


def test_cancelled_before_anything_left_it_says_so(
    client: Client, frozen: Launch
) -> None:
    campaign = frozen(5)

    asked = text(client, at(campaign, "cancel/"))
    answered = client.post(at(campaign, "cancel/"), follow=True).content.decode()

    assert "it becomes a draft again" in asked
    assert "In a moment it is a draft again." in answered


@pytest.mark.parametrize("step", ["pause/", "resume/", "cancel/"])
def test_a_step_that_comes_too_late_is_told_so(
    step: str, client: Client, sent: Launch
) -> None:
    campaign = sent(2)

    looked = client.get(at(campaign, step), follow=True).content.decode()
    done = client.post(at(campaign, step), follow=True).content.decode()

    assert "It is sent now." in looked
    assert "notice-warn" in done
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SENT


def test_a_reminder_goes_to_those_who_did_not_open(
    client: Client, sent: Launch, ses: FakeSes
) -> None:
    campaign = sent(5)
    deliver(mail_to(campaign, "r1"), opened_at=Now())

    asked = text(client, at(campaign, "again/?kind=REMINDER"))
    client.post(
        at(campaign, "again/"), {"kind": "REMINDER", "subject": "Once more\r\nBcc: x"}
    )
    work()

    assert "4 people got it" in asked
    run = Run.objects.get(number=2)
    assert run.figures["taken"] == 4
    assert len(ses.calls) == 9
    assert b"Subject: Once more Bcc: x" in ses.calls[-1]["raw"]


def test_what_failed_is_counted_and_tried_again(
    client: Client, frozen: Launch, ses: FakeSes
) -> None:
    campaign = frozen(4)
    ses.reply = lambda to: (
        Answer(Outcome.REJECTED, code="MessageRejected", message="no")
        if to == "r2@example.com"
        else Answer(Outcome.ACCEPTED, message_id=f"of-{to}")
    )
    work()
    ses.reply = None

    asked = text(client, at(campaign, "again/?kind=RETRY"))
    client.post(at(campaign, "again/"), {"kind": "RETRY"})
    work()

    assert "1 mail could not be sent" in asked
    assert len(ses.calls) == 5


def test_what_reached_nobody_is_not_offered_again(client: Client, sent: Launch) -> None:
    campaign = sent(2)
    offered = text(client, at(campaign))
    Email.objects.filter(origin_id=campaign.pk).update(
        state=EmailState.BOUNCED, bounced_at=Now()
    )

    shown = text(client, at(campaign))
    asked = text(client, at(campaign, "again/"))

    assert at(campaign, "again/") in offered
    assert f'href="{at(campaign, "again/")}"' not in shown
    assert "It reached nobody and none of its mails failed" in shown
    assert asked.count(" disabled") == 3
    assert "It reached nobody who could be reminded." in asked


def test_only_what_makes_sense_can_be_chosen(client: Client, sent: Launch) -> None:
    campaign = sent(2)

    asked = text(client, at(campaign, "again/?kind=RETRY"))

    assert 'value="REMINDER" checked>' in asked
    assert 'value="RETRY" disabled>' in asked


def test_nobody_to_send_to_is_said(client: Client, sent: Launch) -> None:
    campaign = sent(2)

    answered = client.post(at(campaign, "again/"), {"kind": "RETRY"})

    assert answered.status_code == 200
    assert "No mail of this campaign has failed." in answered.content.decode()


# -- results ---------------------------------------------------------------------------
def test_the_overview_shows_the_report(client: Client, sent: Launch) -> None:
    campaign = sent(3)
    deliver(mail_to(campaign, "r1"), opened_at=Now(), clicked_at=Now())
    reporting.sweep()

    shown = text(client, at(campaign))

    assert "<polyline" in shown
    assert "33.3% of sent" in shown
    assert "example.com" in shown
    assert "as of" in shown


def test_history_tells_who_did_what_and_who_was_left_out(
    client: Client, sent: Launch, project: Project, alice: User
) -> None:
    Contact.objects.create(project=project, email="no@example.com", subscribed=False)
    campaign = sent(3)
    CampaignEvent.objects.create(
        campaign=campaign,
        kind=EventKind.SCHEDULED,
        user=alice,
        detail={"at": "nonsense"},
    )

    shown = text(client, at(campaign, "history/"))

    assert "Everybody written down" in shown
    assert "3 of 4 contacts get it" in shown
    assert '<span class="num">1</span> unsubscribed' in shown
    assert str(alice) in shown


# -- recipients ------------------------------------------------------------------------
def test_the_list_goes_on_page_by_page(
    client: Client, sent: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    campaign = sent(5)
    deliver(mail_to(campaign, "r3"))
    url, seen = at(campaign, "recipients/"), []
    while url:
        response = client.get(url)
        seen += [row["mail"].to_email for row in response.context["rows"]]
        following = response.context["next"]
        url = f"{at(campaign, 'recipients/')}?cursor={following}" if following else ""

    assert sorted(seen) == [f"r{number}@example.com" for number in range(5)]


@pytest.mark.parametrize("few", [0, 20_000])
def test_a_piece_of_an_address_finds_its_mails(
    few: int, client: Client, sent: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "_FEW", few)
    campaign = sent(12)

    found = client.get(at(campaign, "recipients/?q=R1%20")).context["rows"]

    assert [row["mail"].to_email for row in found] == [
        "r10@example.com",
        "r11@example.com",
        "r1@example.com",
    ]


def test_who_is_not_found_is_explained(
    client: Client, sent: Launch, project: Project
) -> None:
    Contact.objects.create(project=project, email="no@example.com", subscribed=False)
    campaign = sent(2)

    shown = text(client, at(campaign, "recipients/?q=no%40example.com"))

    assert "no@example.com did not get it: is unsubscribed" in shown


def rows_of(response: Any) -> list[dict[str, str]]:
    content = b"".join(response)
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_file_has_everybody_once(
    client: Client, sent: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "CHUNK", 2)
    campaign = sent(5)
    Email.objects.filter(pk=mail_to(campaign, "r2").pk).update(
        state=EmailState.FAILED, error="=cmd|' /C calc'!A0"
    )

    found = rows_of(client.get(at(campaign, "recipients/csv/")))

    assert sorted(row["email"] for row in found) == [
        f"r{number}@example.com" for number in range(5)
    ]
    by_email = {row["email"]: row for row in found}
    assert by_email["r2@example.com"]["error"] == "'=cmd|' /C calc'!A0"
    assert by_email["r1@example.com"]["status"] == "SENT"
    assert by_email["r1@example.com"]["sent_at"].endswith("Z")
    assert by_email["r1@example.com"]["run"] == "1"


def test_the_file_is_narrowed_as_the_list_is(client: Client, sent: Launch) -> None:
    campaign = sent(5)
    deliver(mail_to(campaign, "r3"), opened_at=Now())

    found = rows_of(client.get(at(campaign, "recipients/csv/?status=opened&run=1")))
    none = rows_of(client.get(at(campaign, "recipients/csv/?run=2")))

    assert [row["email"] for row in found] == ["r3@example.com"]
    assert none == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [(0, "0%"), (1, "<0.1%"), (500, "5%"), (333, "3.3%"), (9_999, ">99.9%")],
)
def test_shares_are_neither_nobody_nor_everybody_unless_they_are(
    given: int, shown: str
) -> None:
    assert percent(given, 10_000) == shown


def test_a_campaign_that_is_written_down_shows_how_far(
    client: Client, project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 3)
    campaign = make_campaign()
    send(campaign)
    assert jobs.is_anything_due()

    assert "to write down who gets it" in text(client, at(campaign))
