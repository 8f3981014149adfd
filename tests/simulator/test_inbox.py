from __future__ import annotations

import re
import time
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from plunk.simulator.models import PendingFeedback, SimulatedMessage
from plunk.simulator.reading import Attachment, Reading, framed, links, read

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def alice_client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def keep(
    project_id: UUID | None, *, raw: bytes = b"", subject: str = "Hello", at: int = 1
) -> SimulatedMessage:
    return SimulatedMessage.objects.create(
        message_id=f"0100{at:012x}-{uuid4()}-000000",
        project_id=project_id,
        sender="Acme <hello@acme.example>",
        recipients=["ada@example.com"],
        subject=subject,
        raw=raw or b"From: hello@acme.example\n\nHello in text.",
        outcome="Delivery",
    )


def newsletter() -> bytes:
    message = EmailMessage()
    message["From"] = "hello@acme.example"
    message["Subject"] = "Grüße <b>"
    message.set_content("Hello in text.")
    message.add_alternative(
        '<html><head></head><img src="cid:logo"><script>alert(1)</script>'
        '<a href="https://acme.example/u?a=1&amp;b=2">Leave</a>'
        '<a href="javascript:alert(1)">No</a><b>Hello</b></html>',
        subtype="html",
    )
    message.add_attachment(
        PNG, maintype="image", subtype="png", cid="<logo>", filename="logo.png"
    )
    message.add_attachment(
        b"<script>alert(1)</script>",
        maintype="text",
        subtype="html",
        filename="../../etc/pass:wd.html",
    )
    return message.as_bytes()


def page(name: str, project: Project, *args: Any) -> str:
    return reverse(name, args=[project.pk, *args])


def test_an_empty_inbox_says_how_to_fill_it(
    alice_client: Client, project: Project
) -> None:
    response = alice_client.get(page("inbox", project))

    assert response.status_code == 200
    assert "No mail yet" in response.content.decode()
    assert page("settings_keys", project) in response.content.decode()


def test_the_list_has_the_newest_mail_first(
    alice_client: Client, project: Project
) -> None:
    keep(project.pk, subject="Older", at=1)
    keep(project.pk, subject="Newer", at=2)

    body = alice_client.get(page("inbox", project)).content.decode()

    assert body.index("Newer") < body.index("Older")


@pytest.mark.parametrize("rows", [10, 20])
def test_the_list_takes_a_constant_number_of_statements(
    alice_client: Client,
    project: Project,
    rows: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for at in range(rows):
        keep(project.pk, at=at)

    alice_client.get(page("inbox", project))

    with django_assert_max_num_queries(5):
        alice_client.get(page("inbox", project))


def test_older_mails_come_page_by_page(alice_client: Client, project: Project) -> None:
    for at in range(35):
        keep(project.pk, subject=f"Mail {at:02}", at=at)
    url = page("inbox", project)

    first = alice_client.get(url).content.decode()
    more = re.search(r"\?before=([0-9a-f-]+)", first)
    assert more
    second = alice_client.get(
        url, {"before": more[1]}, HTTP_HX_REQUEST="true"
    ).content.decode()

    assert "Mail 05" in first
    assert "Mail 04" not in first
    assert "Mail 05" not in second
    assert "Mail 04" in second
    assert "Mail 00" in second
    assert "<html" not in second


def test_a_poll_answers_only_when_something_changed(
    alice_client: Client, project: Project
) -> None:
    message = keep(project.pk, at=1)
    url = page("inbox", project)
    listing = alice_client.get(url).context["listing"]
    seen = {"seen": listing.fingerprint, "newest": listing.newest}

    quiet = alice_client.get(url, seen, HTTP_HX_REQUEST="true")
    SimulatedMessage.objects.filter(pk=message.pk).update(outcome="Open")
    changed = alice_client.get(url, seen, HTTP_HX_REQUEST="true")

    assert quiet.status_code == 204
    assert changed.status_code == 200
    assert "Opened" in changed.content.decode()
    assert "HX-Reswap" not in changed


def test_a_flood_begins_the_list_anew(alice_client: Client, project: Project) -> None:
    first = keep(project.pk, at=1)
    url = page("inbox", project)
    for at in range(2, 40):
        keep(project.pk, at=at)

    response = alice_client.get(
        url, {"seen": "x", "newest": first.pk}, HTTP_HX_REQUEST="true"
    )

    assert response["HX-Reswap"] == "innerHTML"


def test_a_mail_is_shown_with_its_parts(alice_client: Client, project: Project) -> None:
    message = keep(project.pk, raw=newsletter(), subject="Grüße <b>")

    body = alice_client.get(page("inbox_message", project, message.pk)).content.decode()

    assert "Grüße &lt;b&gt;" in body
    assert page("inbox_html", project, message.pk) in body
    assert re.search(r"<iframe[^>]*\ssandbox[\s>]", body)
    assert "https://acme.example/u?a=1&amp;b=2" in body
    assert "javascript:" not in body
    assert "pass_wd.html" in body
    assert "logo.png" not in body  # shown in the mail


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("text", "Hello in text."),
        ("headers", "hello@acme.example"),
        ("source", "multipart/"),
        ("nonsense", "<iframe"),
    ],
)
def test_a_mail_has_several_views(
    alice_client: Client, project: Project, view: str, expected: str
) -> None:
    message = keep(project.pk, raw=newsletter())

    url = page("inbox_message", project, message.pk)
    body = alice_client.get(url, {"view": view}).content.decode()

    assert expected in body


def test_the_html_of_a_mail_is_harmless(alice_client: Client, project: Project) -> None:
    message = keep(project.pk, raw=newsletter())

    response = alice_client.get(page("inbox_html", project, message.pk))

    assert response["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; img-src data: cid:; style-src 'unsafe-inline'"
    )
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Content-Type"] == "text/html; charset=utf-8"
    body = response.content.decode()
    assert 'src="data:image/png;base64,' in body
    assert '<head><base target="_blank">' in body


def test_the_source_is_downloaded(alice_client: Client, project: Project) -> None:
    message = keep(project.pk, raw=newsletter())

    response = alice_client.get(page("inbox_raw", project, message.pk))

    assert response.content == newsletter_of(message)
    assert response["Content-Disposition"] == (
        f'attachment; filename="{message.pk}.eml"'
    )


def newsletter_of(message: SimulatedMessage) -> bytes:
    message.refresh_from_db()
    return bytes(message.raw)


def test_an_attachment_is_only_ever_downloaded(
    alice_client: Client, project: Project
) -> None:
    message = keep(project.pk, raw=newsletter())

    response = alice_client.get(page("inbox_attachment", project, message.pk, 2))

    assert response.content == b"<script>alert(1)</script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == 'attachment; filename="pass_wd.html"'
    missing = alice_client.get(page("inbox_attachment", project, message.pk, 9))
    assert missing.status_code == 404


ALL_PAGES = [
    ("inbox_message", ()),
    ("inbox_html", ()),
    ("inbox_raw", ()),
    ("inbox_attachment", (1,)),
]


@pytest.mark.parametrize(("name", "args"), ALL_PAGES)
def test_a_strangers_mail_does_not_exist(
    alice_client: Client,
    project: Project,
    other_project: NewProject,
    name: str,
    args: tuple[int, ...],
) -> None:
    message = keep(other_project.project.pk, raw=newsletter())

    theirs = alice_client.get(page(name, other_project.project, message.pk, *args))
    mine = alice_client.get(page(name, project, message.pk, *args))

    assert (theirs.status_code, mine.status_code) == (404, 404)


def test_a_stranger_finds_no_inbox(charlie: User, project: Project) -> None:
    client = Client()
    client.force_login(charlie)

    assert client.get(page("inbox", project)).status_code == 404


def test_a_member_reads_the_inbox(bob: User, project: Project) -> None:
    message = keep(project.pk)
    client = Client()
    client.force_login(bob)

    assert client.get(page("inbox_message", project, message.pk)).status_code == 200


def test_a_visitor_has_to_log_in(client: Client, project: Project) -> None:
    assert client.get(page("inbox", project)).status_code == 302


def test_account_mail_is_for_operators(
    alice: User, alice_client: Client, project: Project
) -> None:
    message = keep(None, subject="Reset your password")
    url = page("inbox_message", project, message.pk)

    as_owner = alice_client.get(url)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    as_staff = alice_client.get(url)
    listed_to_staff = alice_client.get(page("inbox", project)).content.decode()
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    as_operator = alice_client.get(url)

    assert as_owner.status_code == as_staff.status_code == 404
    assert "Reset your password" not in listed_to_staff
    assert as_operator.status_code == 200
    assert "Reset your password" in as_operator.content.decode()


def test_a_reaction_is_reported_like_ses_does(
    alice_client: Client, project: Project
) -> None:
    message = keep(project.pk)
    url = page("inbox_react", project, message.pk)

    done = alice_client.post(url, {"kind": "Complaint"})
    wrong = alice_client.post(url, {"kind": "Nonsense"})

    assert done.status_code == 302
    assert wrong.status_code == 400
    assert PendingFeedback.objects.get().kind == "Complaint"


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe\x00",
        b"",
        b"Content-Type: text/html; charset=nonsense\n\n<b>\xff</b>",
        b"Content-Type: multipart/mixed; boundary=\n\n--\n",
        b"Content-Transfer-Encoding: base64\n\n%%%",
        b"Content-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 2000,
        b"Content-Type: a/b; name*=utf-9''%ff\n\nx",
        b"Subject: =?utf-8?b?//8=?=\nFrom: \x80\x81\n\nx",
        b"Content-Type: text/html\n\n<a href='http://[x'>x</a><![if x",
    ],
)
def test_a_broken_mail_can_still_be_looked_at(
    alice_client: Client, project: Project, raw: bytes
) -> None:
    message = keep(project.pk, raw=raw or b"\n")

    shown = alice_client.get(page("inbox_message", project, message.pk))
    framed_html = alice_client.get(page("inbox_html", project, message.pk))

    assert (shown.status_code, framed_html.status_code) == (200, 200)


def test_links_are_the_webs_only_and_each_once() -> None:
    html = (
        "<a href='https://a.example/'>one</a><a href=' https://a.example/ '></a>"
        "<a href='data:text/html,x'>x</a><a href='/relative'>y</a>"
    )

    assert links(html) == [("https://a.example/", "one")]


def test_a_frame_without_a_head_is_sealed_as_well() -> None:
    html = framed(read(b"Content-Type: text/html\n\n<!DOCTYPE html><p>Hi</p>"))

    assert html == '<!DOCTYPE html><base target="_blank"><p>Hi</p>'


def test_impossible_ids_do_not_exist(alice_client: Client, project: Project) -> None:
    base = page("inbox", project)

    for path in ("%00/", "x" * 50 + "/", "0100/", "..%2f..%2f/"):
        assert alice_client.get(base + path).status_code == 404


@pytest.mark.parametrize(
    "unit",
    [
        *("<img", "<img ", "<img src=", "<head", "<head ", "<a ", "<a href='", "<!"),
        *(
            "<![<![",
            "<!--",
            "<",
            "</a ",
            "cid:",
            "&#",
            "<script>",
            "<!doctype ",
            "src=",
        ),
        *(
            "<img src",
            "\n",
            " ",
            "src ",
            "<?",
            "<title>",
            "<a href=http://x.example/>",
            "</script ",
        ),
    ],
)
@pytest.mark.parametrize(
    "opening", ["", "<img ", "<a ", "<script>", "<!doctype html", "<img src="]
)
def test_any_html_is_shown_at_once(unit: str, opening: str) -> None:
    """Eighty kilobytes of `<img` took eleven seconds, five megabytes take days."""
    html = opening + unit * (400_000 // len(unit))
    reading = Reading(html=html)
    started = time.thread_time()

    framed(reading)
    found = links(html)
    assert reading.has_remote_images in (True, False)
    assert reading.files == []

    assert time.thread_time() - started < 2
    assert len(found) <= 50


@pytest.mark.parametrize(
    ("html", "is_remote"),
    [
        ('<img src="https://x.example/a.png">', True),
        ("<IMG width=1 SRC = '//x.example/a.png'>", True),
        ('<img alt="a"src=http://x.example/a.png>', True),
        ('<img src="cid:logo">', False),
        ('<img src="data:image/png;base64,AA==">', False),
        ("<image src=//x.example><p src=//x.example>", False),
    ],
)
def test_remote_pictures_are_recognised(html: str, *, is_remote: bool) -> None:
    assert Reading(html=html).has_remote_images is is_remote


def test_a_picture_shown_often_does_not_fill_the_memory() -> None:
    """Eighteen kilobytes with one file made an answer of a gigabyte."""
    picture = Attachment(1, "a.png", "image/png", b"x" * 300_000, "logo")
    reading = Reading(html="<img src=cid:logo>" * 1_000, attachments=[picture])

    html = framed(reading)

    assert html.count("data:image/png") == 10 * 1024 * 1024 // 300_000
    assert len(html) < 15_000_000


def test_html_that_stops_the_parser_is_shown(
    alice_client: Client, project: Project
) -> None:
    message = EmailMessage()
    message.set_content(
        "<a href='https://acme.example/'>Hello</a> <![<![ <p>", subtype="html"
    )
    kept = keep(project.pk, raw=message.as_bytes())

    for name in ("inbox_message", "inbox_html"):
        response = alice_client.get(page(name, project, kept.message_id))
        assert response.status_code == 200
    assert links("<a href='https://acme.example/'>Hi</a> <![<![ ") == [
        ("https://acme.example/", "Hi")
    ]


@pytest.mark.parametrize(
    "header", ["Subject: ", "Content-Disposition: attachment", "Content-Type: a/b"]
)
@pytest.mark.parametrize("unit", ["=?a?q?", ';"', "; a*0*=", '\\"', "=?", " "])
def test_any_header_is_shown_at_once(header: str, unit: str) -> None:
    line = f"{header}{unit * 100_000}\r\n".encode()
    started = time.thread_time()

    reading = read(line + b"\r\nHello")

    assert time.thread_time() - started < 2
    assert len(reading.header(header.partition(":")[0])) <= 10_000
