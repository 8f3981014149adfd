from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from transactional.models import EmailEventKind
from transactional.tracking.machines import WORDS, Deed, Machine, machine, machines

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OPEN, CLICK = EmailEventKind.OPEN, EmailEventKind.CLICK
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/141.0.0.0 Safari/537.36"
)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def click(seconds: float, link: str = "a", **said: object) -> Deed:
    return Deed(CLICK, after(seconds), link, **{"user_agent": CHROME, **said})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mozilla/5.0", Machine.APPLE),
        (" Mozilla/5.0 ", Machine.APPLE),
        ("", Machine.NAMELESS),
        ("   ", Machine.NAMELESS),
        ("Barracuda Sentinel (EE)", Machine.SCANNER),
        ("Mozilla/5.0 (compatible; proofpoint.com URL Defense)", Machine.SCANNER),
        ("Mimecast URL Scanner/1.0", Machine.SCANNER),
        ("CiscoSecureEmail/15.0", Machine.SCANNER),
        ("Microsoft Office Existence Discovery", Machine.SCANNER),
        (f"{CHROME} BingPreview/1.0b", Machine.PREVIEW),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Machine.PREVIEW,
        ),
        (
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            Machine.PREVIEW,
        ),
        ("facebookexternalhit/1.1", Machine.PREVIEW),
        ("WhatsApp/2.23.20.0", Machine.PREVIEW),
        ("SkypeUriPreview Preview/0.5", Machine.PREVIEW),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", Machine.PREVIEW),
        ("curl/8.5.0", Machine.PROGRAM),
        ("Wget/1.21", Machine.PROGRAM),
        ("python-requests/2.32.3", Machine.PROGRAM),
        ("Java/17.0.2", Machine.PROGRAM),
        ("Go-http-client/1.1", Machine.PROGRAM),
        (CHROME.replace("Chrome", "HeadlessChrome"), Machine.PROGRAM),
    ],
)
def test_machines_that_say_what_they_are_are_known(
    user_agent: str, expected: Machine
) -> None:
    assert machine(click(60, user_agent=user_agent), NOON) is expected


@pytest.mark.parametrize(
    "user_agent",
    [
        None,
        CHROME,
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0"
        " (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
        " (KHTML, like Gecko)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro)",
        "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/120",
        "Mozilla/5.0 (Linux; Android 10; Robotics R1) AppleWebKit/537.36 Chrome/120",
        "Outlook-iOS/725.0 javascript",
        "Dalvik/2.1.0 (Linux; U; Android 14)",
        "okhttp/4.12.0",
    ],
)
def test_people_are_not_taken_for_machines(user_agent: str | None) -> None:
    assert machine(click(60, user_agent=user_agent), NOON) is None
    assert machine(Deed(OPEN, after(60), user_agent=user_agent), NOON) is None


def test_who_only_asks_or_fetches_in_advance_is_a_machine() -> None:
    assert machine(click(60, method="HEAD"), NOON) is Machine.HEAD
    assert machine(click(60, is_prefetch=True), NOON) is Machine.PREFETCH


@pytest.mark.parametrize(
    ("kind", "seconds", "expected"),
    [
        (CLICK, -30.0, Machine.TOO_SOON),
        (CLICK, 0.0, Machine.TOO_SOON),
        (CLICK, 1.9, Machine.TOO_SOON),
        (CLICK, 2.0, None),
        (OPEN, 0.9, Machine.TOO_SOON),
        (OPEN, 1.0, None),
    ],
)
def test_nobody_reads_so_fast(
    kind: EmailEventKind, seconds: float, expected: Machine | None
) -> None:
    deed = Deed(kind, after(seconds), user_agent=CHROME)

    assert machine(deed, NOON) is expected
    assert machine(deed, None) is None


def test_several_links_in_one_second_are_a_scanners_in_any_order() -> None:
    deeds = [
        click(10),
        click(10.9, "b"),
        click(11.8, "b"),
        click(30),
        click(30.2),
        click(50, "c"),
        Deed(OPEN, after(10), user_agent=CHROME),
    ]
    expected = [Machine.BURST, Machine.BURST, None, None, None, None, None]

    for seed in range(20):
        order = list(range(len(deeds)))
        random.Random(seed).shuffle(order)
        verdicts = machines([deeds[i] for i in order], NOON)
        assert verdicts == [expected[i] for i in order]


def test_a_chain_of_links_is_a_scanners_from_end_to_end() -> None:
    deeds = [click(10 + n * 0.9, f"link {n}") for n in range(50)]

    assert set(machines(deeds, NOON)) == {Machine.BURST}


def test_the_reason_that_says_most_is_given() -> None:
    deeds = [click(1, user_agent="curl/8"), click(1, "b")]

    assert machines(deeds, NOON) == [Machine.PROGRAM, Machine.TOO_SOON]


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Machine)


def test_a_long_user_agent_is_read_in_no_time() -> None:
    assert machine(click(60, user_agent="x bot" * 100_000), NOON) is Machine.PREVIEW
    assert machine(click(60, user_agent="x" * 10_000_000), NOON) is None
