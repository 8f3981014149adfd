from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import OperationalError, connections
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from plunk.projects.models import Project
from tests.transactional.mails import make_email
from transactional import feedback
from transactional.models import Email, EmailEvent
from transactional.tracking import hits, hosts, views
from transactional.tracking.links import link_address, pixel_address
from transactional.tracking.views import PIXEL

URL = "https://shop.example.com/sale?a=1&b=ü#top"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"

pytestmark = pytest.mark.django_db


@pytest.fixture
def email(project: Project) -> Email:
    return make_email(project, state="SENT")


@pytest.fixture
def reader(client: Client) -> Client:
    client.defaults["HTTP_USER_AGENT"] = CHROME
    return client


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    hosts.forget_hosts()
    yield
    hosts.forget_hosts()


def path_of(address: str, settings: Settings) -> str:
    return address.removeprefix(settings.APP_URI)


@pytest.fixture
def link(email: Email, settings: Settings) -> str:
    return path_of(link_address(email.pk, URL), settings)


@pytest.fixture
def picture(email: Email, settings: Settings) -> str:
    return path_of(pixel_address(email.pk), settings)


def test_a_click_leads_on_and_is_counted(
    reader: Client, link: str, email: Email
) -> None:
    answer = reader.get(link)

    assert answer.status_code == 302
    assert answer["Location"] == "https://shop.example.com/sale?a=1&b=%C3%BC#top"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert not answer.cookies
    assert "Vary" not in answer
    email.refresh_from_db()
    assert (email.clicks, email.machine_clicks, email.opens) == (1, 0, 0)
    event = EmailEvent.objects.get()
    assert event.detail == {
        "link": URL,
        "userAgent": CHROME,
        "ipAddress": "127.0.0.1",
    }


def test_an_open_is_counted_by_a_picture(
    reader: Client, picture: str, email: Email
) -> None:
    answer = reader.get(picture)

    assert (answer.status_code, answer.content) == (200, PIXEL)
    assert len(PIXEL) == 43
    assert answer["Content-Type"] == "image/gif"
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    email.refresh_from_db()
    assert (email.opens, email.machine_opens) == (1, 0)
    assert email.opened_at


def test_the_same_link_counts_once_in_a_second(
    reader: Client, link: str, email: Email, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noon(views.datetime):  # type: ignore[misc,name-defined]
        @classmethod
        def now(cls, tz: object = None) -> Noon:
            return cls(2026, 3, 2, 12, 0, 0, 5, tzinfo=views.UTC)  # type: ignore[attr-defined]

    monkeypatch.setattr(views, "datetime", Noon)

    for _ in range(3):
        reader.get(link)

    email.refresh_from_db()
    assert (email.clicks, email.events.count()) == (1, 1)


@pytest.mark.parametrize(
    "query", ["", "?u=", "?u=https://evil.example", "?x=1&u", "?&&"]
)
def test_a_link_that_is_not_whole_leads_nowhere(
    reader: Client, link: str, query: str
) -> None:
    answer = reader.get(link.partition("?")[0] + query)

    assert answer.status_code == 400
    assert "Location" not in answer
    assert b"not complete" in answer.content
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    assert not EmailEvent.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/projects/",
        "https://x.example/\r\nSet-Cookie: a=b",
        " https://x.example",
        "ftp://x.example",
    ],
)
def test_no_signature_makes_a_link_lead_where_none_may(
    reader: Client, email: Email, settings: Settings, url: str
) -> None:
    path = path_of(link_address(email.pk, url), settings)

    answer = reader.get(path)

    assert answer.status_code == 400
    assert "Location" not in answer


@pytest.mark.parametrize(
    "path",
    [
        "/t/c/",
        "/t/o/",
        "/t/",
        "/t/x/y",
        "/t/c/a/b",
        "/t/c/%00",
        "/t/c/" + "é" * 43,
        "/t/c/" + "A" * 8_000,
        "/t/c/x?u=%FF%FE&u=%ud800" + "&" * 5_000,
    ],
)
def test_nonsense_is_refused_without_a_stumble(reader: Client, path: str) -> None:
    assert reader.get(path).status_code in (400, 404)


@pytest.mark.parametrize("token", ["x", "x.gif", "A" * 43 + ".gif", "%00.gif", "é.gif"])
@pytest.mark.parametrize("method", ["get", "head", "post", "options"])
def test_any_picture_is_the_same_picture(
    reader: Client, token: str, method: str
) -> None:
    answer = getattr(reader, method)(f"/t/o/{token}")

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert answer["Cache-Control"] == "no-store"
    assert not EmailEvent.objects.exists()


@pytest.mark.parametrize("method", ["post", "put", "delete", "options", "patch"])
def test_only_asking_for_a_link_follows_it(
    reader: Client, link: str, method: str
) -> None:
    assert getattr(reader, method)(link).status_code == 405
    assert not EmailEvent.objects.exists()


@pytest.mark.parametrize(
    ("headers", "machines"),
    [
        ({"User-Agent": "x" * 65_536}, 0),
        ({"User-Agent": ""}, 1),
        ({"User-Agent": "a\x00b\ud800 \r\n é"}, 0),
        ({"User-Agent": CHROME, "X-Forwarded-For": "1.2.3.4, evil\x00" * 500}, 0),
        ({"User-Agent": CHROME, "Sec-Purpose": "prefetch;prerender"}, 1),
        ({"User-Agent": "Barracuda Sentinel (EE)"}, 1),
    ],
)
def test_whoever_asks_is_led_on(
    reader: Client, link: str, email: Email, headers: dict[str, str], machines: int
) -> None:
    answer = reader.get(link, headers=headers)

    assert answer.status_code == 302
    email.refresh_from_db()
    assert (email.clicks, email.machine_clicks) == (1 - machines, machines)
    detail = EmailEvent.objects.get().detail or {}
    assert len(detail["userAgent"]) <= 500
    assert detail["ipAddress"] == "127.0.0.1"


def test_the_last_trusted_proxy_says_who_it_was(
    reader: Client, link: str, settings: Settings
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    reader.get(link, headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7"})

    detail = EmailEvent.objects.get().detail or {}
    assert detail["ipAddress"] == "203.0.113.7"


def test_who_asks_for_the_head_only_is_a_machine(
    reader: Client, link: str, email: Email
) -> None:
    assert reader.head(link).status_code == 302

    email.refresh_from_db()
    assert (email.clicks, email.machine_clicks) == (0, 1)


def test_a_mail_that_is_gone_still_leads_on(reader: Client, settings: Settings) -> None:
    path = path_of(link_address(uuid4(), URL), settings)

    assert reader.get(path).status_code == 302
    assert not EmailEvent.objects.exists()


def test_what_is_hung_on_a_link_does_not_break_it(reader: Client, link: str) -> None:
    path, _, query = link.partition("?")

    assert reader.get(f"{path}?fbclid=1&{query}&utm=2").status_code == 302


def test_a_host_beyond_ascii_is_named_as_dns_has_it(
    reader: Client, email: Email, settings: Settings
) -> None:
    link = link_address(email.pk, "https://bücher.example:8443/ä")

    answer = reader.get(path_of(link, settings))

    assert answer["Location"] == "https://xn--bcher-kva.example:8443/%C3%A4"


def test_a_projects_own_host_serves_its_links_and_nothing_else(
    reader: Client, email: Email, project: Project, link: str, picture: str
) -> None:
    cut = link.replace("/t/c/", "/t/c/x")
    assert reader.get(cut, headers={"host": "click.acme.example"}).status_code == 400

    hosts.forget_hosts()
    Project.objects.filter(pk=project.pk).update(tracking_host="click.acme.example")

    for host in ("click.acme.example", "CLICK.acme.example.:443"):
        assert reader.get(link, headers={"host": host}).status_code == 302
        assert reader.get(picture, headers={"host": host}).status_code == 200
        for path in ("/", "/auth/login/", "/health", "/v1/send", "/static/css/app.css"):
            answer = reader.get(path, headers={"host": host})
            assert (answer.status_code, answer.content) == (404, b"Not found.")


def test_a_mail_of_years_ago_leads_on_though_its_project_has_another_host_now(
    reader: Client, email: Email, link: str, picture: str
) -> None:
    former = {"host": "former.acme.example"}

    assert reader.get(link, headers=former)["Location"].startswith("https://shop.")
    assert reader.get(picture, headers=former).content == PIXEL
    for path in ("/", "/t/c/", f"{link}&", f"{link}x", f"{picture}x", "/t/o/x.gif"):
        is_whole = path == f"{link}&"
        answer = reader.get(path, headers=former)
        assert answer.status_code == (302 if is_whole else 400), path
    email.refresh_from_db()
    assert email.clicks in (1, 2)  # by the second
    assert email.opens == 1


@pytest.mark.parametrize(
    "host", ["evil.example", "", "x" * 5_000, "a\x00b", "[::1", "é.example", ".", ":"]
)
def test_a_host_of_nobody_is_refused(reader: Client, link: str, host: str) -> None:
    assert reader.get(link, headers={"host": host}).status_code == 302
    assert reader.get(f"{link}x", headers={"host": host}).status_code in (200, 400)
    assert reader.get("/auth/login/", headers={"host": host}).status_code in (200, 400)


def test_a_host_is_looked_up_once(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        for _ in range(3):
            reader.get("/t/c/x", headers={"host": "evil.example"})


def test_a_link_leads_on_while_the_database_is_away(
    reader: Client, link: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.TRACKING_THREAD = True

    def away(**_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(hits, "apply_feedback", away)
    monkeypatch.setattr(hits, "_STOP_SECONDS", 0.1)

    assert reader.get(link).status_code == 302
    hits.stop()


def test_the_links_are_named(link: str) -> None:
    assert reverse("tracked_click", args=["x"]) == "/t/c/x"
    assert reverse("tracked_open", args=["x"]).startswith("/t/o/x")


@pytest.mark.django_db(transaction=True)
def test_a_thousand_hits_wait_for_nobody(
    reader: Client, project: Project, settings: Settings
) -> None:
    settings.TRACKING_THREAD = True
    email = make_email(project, state="SENT")
    paths = [
        path_of(link_address(email.pk, f"https://x.example/{n % 50}"), settings)
        for n in range(1_000)
    ]

    seconds = []
    for path in paths:
        started = time.perf_counter()
        assert reader.get(path).status_code == 302
        seconds.append(time.perf_counter() - started)
    _drained()

    assert sorted(seconds)[950] < 0.1
    email.refresh_from_db()
    assert email.clicks + email.machine_clicks == email.events.count() >= 50


@pytest.mark.django_db(transaction=True)
def test_a_hit_waits_for_a_locked_mail_and_its_visitor_does_not(
    reader: Client,
    project: Project,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.TRACKING_THREAD = True
    email = make_email(project, state="SENT")
    path = path_of(link_address(email.pk, URL), settings)
    fails = iter([True, True])
    apply = feedback.apply_feedback

    def locked(**batch: object) -> object:
        if next(fails, False):
            raise OperationalError("database is locked")
        return apply(**batch)  # type: ignore[arg-type]

    monkeypatch.setattr(hits, "apply_feedback", locked)
    monkeypatch.setattr(hits, "_RETRY_SECONDS", 0.01)

    started = time.perf_counter()
    reader.get(path)
    assert time.perf_counter() - started < 0.5
    _drained()

    email.refresh_from_db()
    assert email.clicks == 1


def _drained() -> None:
    hits.stop()
    assert not [one for one in threading.enumerate() if one.name == "tracking"]
    connections["default"].close_if_unusable_or_obsolete()


def test_a_quoted_link_is_as_long_as_it_must_be(link: str) -> None:
    assert quote(URL, safe="/:?@!$*,;~-._") in link
