"""A campaign from its first word to its last figure, as people see it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from pytest_django.fixtures import Settings

from campaigns import reporting
from campaigns.advancing import advance
from campaigns.models import AudienceType, Campaign, CampaignState
from contacts import jobs
from contacts.models import Contact, Segment, SegmentType
from plunk.projects.models import Project, User
from plunk.simulator.faults import faults
from plunk.simulator.models import PendingFeedback
from tests.browser.conftest import NARROW, Visitor, width_of
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.campaigns.conftest import make_campaign as make_campaign  # a fixture
from transactional.delivery import drain
from transactional.models import Email, EmailState, SendingAccount
from webhooks.applying import apply_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.django_db(transaction=True)

_READERS = 12
_BODY = '<p>Hello {{ name ?? you }}</p><p><a href="https://example.com/spring">See</a>'


@pytest.fixture
def readers(installation: str, project: Project) -> list[Contact]:
    """Twelve people, of whom the last has unsubscribed; three are called Ada."""
    made = people(project, _READERS)
    Contact.objects.filter(email="r11@example.com").update(subscribed=False)
    for number in range(3):
        address = f"r{number}@example.com"
        Contact.objects.filter(email=address).update(data={"name": "Ada"})
    return made


@pytest.fixture
def adas(project: Project, readers: list[Contact]) -> Segment:
    """A segment of the three Adas."""
    rule = {"field": "data.name", "operator": "equals", "value": "Ada"}
    condition = {"logic": "AND", "groups": [{"filters": [rule]}]}
    return Segment.objects.create(
        project=project,
        name="All Adas",
        type=SegmentType.DYNAMIC,
        condition=condition,
    )


# -- what workers do, a piece at a time ------------------------------------------------
def write_down() -> None:
    """Freeze the audience and send nothing."""
    advance()
    while jobs.work(seconds=60):
        continue


def send_some(number: int) -> None:
    """Send about so many mails, as on an account that allows no more."""
    SendingAccount.objects.update(max_rate=0.5, rate=0.5, tokens=number)
    drain(seconds=1.0)


def send_all() -> None:
    SendingAccount.objects.update(max_rate=2000.0, rate=2000.0, tokens=500.0)
    work()


def sent() -> int:
    return Email.objects.filter(state=EmailState.SENT).count()


def hear_back() -> None:
    """Wait until the simulator has reported everything, and apply it."""
    deadline = time.monotonic() + 30
    while PendingFeedback.objects.exists():
        assert time.monotonic() < deadline, "the simulator reports nothing"
        time.sleep(0.1)
    apply_due(seconds=30)


# -- what the pages show ---------------------------------------------------------------
def at(visitor: Visitor, campaign: Campaign, part: str = "") -> Page:
    path = f"/projects/{campaign.project_id}/campaigns/{campaign.pk}/{part}"
    return visitor.visit(path)


def notice(page: Page, words: str) -> Locator:
    return page.get_by_role("status").filter(has_text=words)


def wait_for_state(page: Page, state: str) -> None:
    page.locator(".head-badges").get_by_text(state, exact=True).wait_for()


def wait_for_done(page: Page, number: int, of: int) -> None:
    words = f"{number} of {of} mails done"
    page.locator(".how-far-figure").filter(has_text=words).wait_for()


def wait_for_reach(page: Page, number: int) -> None:
    page.locator("#reach .size-figure").get_by_text(str(number), exact=True).wait_for()


def figure(page: Page, label: str) -> str:
    one = page.locator(".results-figures .figure").filter(has_text=label)
    return str(one.locator(".results-value").inner_text())


def forgive_replaced(visitor: Visitor) -> None:
    """Leave out what htmx notes of a request that a newer one took the place of."""
    assert not [it for it in visitor.complaints if "htmx:sendError" in it]
    noted = ("htmx:afterRequest", "htmx:sendAbort")
    visitor.complaints[:] = [
        it for it in visitor.complaints if not any(note in it for note in noted)
    ]


def press(page: Page, name: str) -> None:
    """Activate a button or link by the keyboard alone."""
    found = page.get_by_role("link", name=name).or_(
        page.get_by_role("button", name=name)
    )
    found.first.focus()
    page.keyboard.press("Enter")


# -- before it goes --------------------------------------------------------------------
def test_a_campaign_is_begun_written_and_aimed(
    member: Visitor,
    base: str,
    project: Project,
    adas: Segment,
) -> None:
    page = member.visit(f"{base}/campaigns/")
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Name").fill("Spring news")
    page.get_by_role("button", name="Blank, with blocks").click()

    page.get_by_role("heading", name="Spring news").wait_for()
    is_sendable = page.get_by_role("button", name="Send now").is_enabled()
    page.get_by_role("link", name="Write it").click()
    page.locator("[data-editor][data-ready]").wait_for()
    page.get_by_label("Subject", exact=True).fill("Spring is here")
    page.get_by_role("textbox", name="Body of the mail").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type("Hello {{ name ?? you }}, look at this")
    page.keyboard.press("Control+s")
    page.locator("[data-state][data-saved=saved]").wait_for()
    page.get_by_role("link", name="Back to the campaign").click()

    page.get_by_role("link", name="Choose who gets it").click()
    page.get_by_label("Segment", exact=True).first.wait_for(state="attached")
    page.locator("input[name=audience_type][value=SEGMENT]").check()
    page.locator("select[name=segment]").select_option(label=adas.name)
    wait_for_reach(page, 3)
    page.locator("input[name=audience_type][value=FILTERED]").check()
    rule = page.locator(".rule").first
    rule.locator("[data-part=field]").select_option("email")
    rule.locator("[data-part=operator]").select_option("contains")
    rule.locator("[data-part=value]").fill("r1")
    # r1 and r10 may get it; r11 has unsubscribed.
    wait_for_reach(page, 2)
    page.get_by_role("button", name="Save audience").click()

    page.get_by_role("link", name="Choose who gets it").wait_for()
    page.locator("#size .size-figure").get_by_text("2", exact=True).wait_for()
    page.locator(".part-number.is-done").nth(2).wait_for()
    forgive_replaced(member)
    made = Campaign.objects.get(project=project)
    assert not is_sendable
    assert page.get_by_role("link", name="Send now").is_visible()
    assert made.name == "Spring news"
    assert made.audience_type == AudienceType.FILTERED
    assert made.variants.get().subject == "Spring is here"
    assert "look at this" in made.variants.get().body


def test_it_is_scheduled_in_a_named_zone_and_taken_off_again(
    member: Visitor, readers: list[Contact], make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()
    day = (datetime.now(UTC) + timedelta(days=40)).date()
    page = at(member, campaign)

    page.get_by_role("link", name="Schedule").click()
    page.get_by_label("Date and time").fill(f"{day}T09:30")
    page.locator("select[name=zone]").select_option("Asia/Tokyo")
    words = page.locator(".meaning")
    words.get_by_text("Tokyo").first.wait_for()
    # In Japan the clocks never change, and are nine hours ahead.
    words.get_by_text("00:30").first.wait_for()
    page.get_by_role("button", name="Schedule it").click()
    wait_for_state(page, "Scheduled")
    campaign.refresh_from_db()
    at_first = campaign.scheduled_at
    shown = page.locator(".goes-out").inner_text()
    page.get_by_role("button", name="Take it off the schedule").click()
    wait_for_state(page, "Draft")
    campaign.refresh_from_db()
    forgive_replaced(member)

    assert at_first == datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)
    assert "09:30" in shown
    assert "Tokyo" in shown
    assert campaign.scheduled_at is None


def test_everybody_is_checked_and_a_test_comes_to_the_inbox(
    member: Visitor, base: str, readers: list[Contact], make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(
        subject="Try me", body="<p>Hello {{ name }}, called {{ nickname }}</p>"
    )
    page = at(member, campaign)
    page.get_by_role("link", name="Check and test").click()

    page.get_by_role("button", name="Check everybody").click()
    page.get_by_role("button", name="Stop").wait_for()
    while jobs.work(seconds=60):
        continue
    # The page notices by itself that it is done.
    page.locator(".verdict-main .size-figure").get_by_text("11", exact=True).wait_for()
    left_out = page.locator(".verdict-list").inner_text()
    findings = page.locator("#check .findings").inner_text()
    page.get_by_role("button", name="Send the test").click()
    page.get_by_text("alice@example.com").first.wait_for()
    drain(seconds=30)
    inbox = member.visit(f"{base}/inbox/")
    inbox.get_by_text("Try me").first.click()
    inbox.locator(".reader-facts").get_by_text("alice@example.com").wait_for()

    campaign.refresh_from_db()
    assert "Unsubscribed\n1" in left_out
    assert "nickname" in findings
    assert campaign.state == CampaignState.DRAFT
    assert list(Email.objects.values_list("to_email")) == [("alice@example.com",)]


# -- while it goes ---------------------------------------------------------------------
def test_it_is_sent_paused_and_resumed_before_ones_eyes(
    member: Visitor, readers: list[Contact], make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()
    page = at(member, campaign)

    page.get_by_role("link", name="Send now").click()
    page.get_by_text("cannot be called back").wait_for()
    page.get_by_role("button", name="Send it now").click()
    wait_for_state(page, "Sending")
    write_down()
    wait_for_done(page, 0, 11)
    send_some(4)
    so_far = sent()
    wait_for_done(page, so_far, 11)

    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause it").click()
    wait_for_state(page, "Paused")
    told = page.get_by_text(f"{so_far} of 11 mails have left").first.inner_text()
    send_all()
    while_paused = sent()
    page.get_by_role("link", name="Resume").click()
    page.get_by_role("button", name="Resume it").click()
    wait_for_state(page, "Sending")
    send_all()
    # Nobody touches the page: it notices the end itself.
    wait_for_state(page, "Sent")

    assert 0 < so_far < 11
    assert told.startswith("Paused.")
    assert while_paused == so_far
    assert sent() == 11


def test_cancelled_half_way_by_keyboard_on_a_phone(
    open_window: Callable[..., Visitor],
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
    readers: list[Contact],
    make_campaign: MakeCampaign,
) -> None:
    visitor = log_in(open_window(NARROW), alice)
    campaign = make_campaign()
    page = at(visitor, campaign)
    widths = [width_of(page)]

    press(page, "Send now")
    page.get_by_text("cannot be called back").wait_for()
    widths.append(width_of(page))
    press(page, "Send it now")
    wait_for_state(page, "Sending")
    write_down()
    send_some(4)
    so_far = sent()
    wait_for_done(page, so_far, 11)
    widths.append(width_of(page))
    press(page, "Cancel")
    page.get_by_text("This cannot be undone").wait_for()
    widths.append(width_of(page))
    press(page, "Cancel the rest")
    wait_for_state(page, "Cancelled")
    send_all()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CANCELLED
    assert 0 < so_far < 11
    assert sent() == so_far
    parts = ("", "links/", "recipients/", "history/", "why/", "again/")
    widths += [width_of(at(visitor, campaign, part)) for part in parts]
    assert max(widths) <= NARROW["width"]


# -- afterwards ------------------------------------------------------------------------
def react(page: Page, base: str, address: str, kind: str) -> None:
    """Be the reader of somebody's mail, in the Inbox."""
    page.goto(f"{page.url.partition('/projects/')[0]}{base}/inbox/")
    page.get_by_text(address, exact=True).first.click()
    page.locator(".reader-facts").get_by_text(address, exact=True).wait_for()
    page.get_by_text("Simulate", exact=True).click()
    page.locator(f"button[name=kind][value={kind}]").click()
    page.get_by_text("Reported as SES would").wait_for()


def test_results_reasons_and_a_reminder(
    member: Visitor,
    base: str,
    settings: Settings,
    readers: list[Contact],
    make_campaign: MakeCampaign,
) -> None:
    settings.SIMULATOR_FEEDBACK_URL = f"{member.url}{reverse('receive_sns')}"
    faults.set({"feedback": True})
    campaign = make_campaign(body=_BODY)
    page = at(member, campaign, "send/")
    page.get_by_role("button", name="Send it now").click()
    wait_for_state(page, "Sending")
    send_all()
    wait_for_state(page, "Sent")

    react(page, base, "r3@example.com", "Open")
    react(page, base, "r4@example.com", "Click")
    hear_back()
    reporting.sweep()
    page = at(member, campaign)
    figures = [figure(page, name) for name in ("Delivered", "Opened", "Clicked")]
    page.get_by_role("link", name="Links").click()
    page.get_by_role("table").wait_for()

    page.get_by_role("link", name="Recipients", exact=True).click()
    page.get_by_label("Address, or part of one").fill("R3@")
    page.keyboard.press("Enter")
    found = page.locator("tbody tr")
    found.get_by_text("r3@example.com").wait_for()
    number_found = found.count()

    page.get_by_role("link", name="Why (not)?").click()
    page.get_by_label("Address", exact=True).fill("r11@example.com")
    page.keyboard.press("Enter")
    page.locator(".answer-sentence").wait_for()
    why_not = page.locator(".answer-sentence").inner_text()
    page.get_by_label("Address", exact=True).fill("r4@example.com")
    page.keyboard.press("Enter")
    page.locator(".answer-sentence").filter(has_text="r4@example.com").wait_for()
    why = page.locator(".answer-sentence").inner_text()

    at(member, campaign)
    page.get_by_role("link", name="Send again").click()
    page.get_by_label("Remind those who did not open it").check()
    page.get_by_label("Another subject, if you like").fill("Did you see it?")
    page.get_by_role("button", name="Send it again").click()
    wait_for_state(page, "Sending")
    send_all()
    wait_for_state(page, "Sent")
    reminded = set(Email.objects.filter(run=2).values_list("to_email", flat=True))

    assert figures == ["11", "1", "1"]
    assert number_found == 1
    assert "unsubscribed" in why_not
    assert "clicked" in why or "opened" in why or "delivered" in why
    assert reminded == {
        f"r{number}@example.com" for number in range(11) if number not in {3, 4}
    }
    assert Email.objects.filter(run=2, state=EmailState.SENT).count() == 9
