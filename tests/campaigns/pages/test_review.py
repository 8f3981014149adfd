"""The page on which a campaign is checked and tried before it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from campaigns import preflight
from campaigns.pages.review import words_for
from contacts import jobs
from contacts.models import Contact
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people
from tests.campaigns.pages.conftest import Shown
from tests.conftest import NOBODY
from transactional.models import Email, Source

pytestmark = pytest.mark.django_db
Post = Callable[..., Any]


def test_before_and_during_and_after(
    project: Project, make_campaign: MakeCampaign, shown: Shown, post: Post
) -> None:
    people(project, 3, data={"city": "Ghent"})
    campaign = make_campaign(body="<p>{{ shoe }}</p>")
    path = f"{campaign.pk}/review"

    before = shown(f"{path}/"), shown(f"{path}/summary/")
    answer = post(f"{path}/start/")
    during = shown(f"{path}/progress/"), shown(f"{path}/summary/")
    while jobs.work():
        continue
    after = shown(f"{path}/progress/"), shown(f"{path}/summary/")

    assert answer.status_code == 302
    assert "Not checked yet" in before[0]
    assert "Not checked yet" in before[1]
    assert "data-poll" in during[0]
    assert "Being checked" in during[1]
    assert "data-poll" not in after[0]
    assert "Nobody who gets it has “shoe”" in after[0]
    assert "<strong>1 error</strong>" in after[1]


def test_a_check_is_stopped(
    project: Project, make_campaign: MakeCampaign, shown: Shown, post: Post
) -> None:
    people(project, 3)
    campaign = make_campaign()
    post(f"{campaign.pk}/review/start/")

    post(f"{campaign.pk}/review/stop/")

    assert "It was stopped." in shown(f"{campaign.pk}/review/")


def test_what_cannot_go_is_not_checked(
    make_campaign: MakeCampaign, shown: Shown, post: Post
) -> None:
    campaign = make_campaign(subject="")

    post(f"{campaign.pk}/review/start/")

    assert preflight.current(campaign) is None
    assert "It has no subject yet." in shown(f"{campaign.pk}/review/")


def test_the_mail_of_a_recipient_is_shown_in_a_sandbox(
    project: Project, make_campaign: MakeCampaign, member: Any, url: str
) -> None:
    (ann,) = people(project, 1, data={"name": "<b>Ann</b>"})
    campaign = make_campaign()

    response = member.get(f"{url}/{campaign.pk}/review/mail/{ann.pk}/")
    gone = member.get(f"{url}/{campaign.pk}/review/mail/{NOBODY}/")

    assert "&lt;b&gt;Ann" in response.content.decode()
    assert "sandbox" in response["Content-Security-Policy"]
    assert "not there any more" in gone.content.decode()


def test_a_contact_of_others_is_not_shown(
    make_campaign: MakeCampaign, other_project: NewProject, member: Any, url: str
) -> None:
    theirs = Contact.objects.create(
        project=other_project.project, email="theirs@example.com"
    )

    response = member.get(f"{url}/{make_campaign().pk}/review/mail/{theirs.pk}/")

    assert "not there any more" in response.content.decode()


def test_a_test_goes_to_the_members_who_were_chosen(
    project: Project, make_campaign: MakeCampaign, bob: User, post: Post
) -> None:
    people(project, 1, data={"name": "Ann"})
    campaign = make_campaign()

    post(f"{campaign.pk}/try/", {"to": [str(bob.pk)], "as": "r0@example.com"})

    mail = Email.objects.get()
    assert (mail.source, mail.to_email) == (Source.TEST, "bob@example.com")
    assert mail.variables == {"name": "Ann"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"to": [NOBODY]},
        {"to": ["x", "\x00"]},
    ],
)
def test_a_test_to_nobody_is_an_answer(
    make_campaign: MakeCampaign, post: Post, fields: dict[str, Any]
) -> None:
    response = post(f"{make_campaign().pk}/try/", fields)

    assert response.status_code == 302
    assert not Email.objects.exists()


def test_a_mistyped_contact_is_said(
    make_campaign: MakeCampaign, bob: User, shown: Shown, post: Post
) -> None:
    campaign = make_campaign()

    response = post(f"{campaign.pk}/try/", {"to": [str(bob.pk)], "as": "who@x.example"})

    assert response.status_code == 302
    assert "has the address who@x.example" in shown(f"{campaign.pk}/review/")
    assert not Email.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.2, "less than a minute"),
        (60, "1 minute"),
        (3 * 3600, "3 hours"),
        (1e9, "31 years, 8 months"),
    ],
)
def test_lengths_of_time(seconds: float | None, words: str) -> None:
    assert words_for(seconds) == words
