"""Clients that talk to a running server: robustness L1 to L8, and C18 to C20."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import OperationalError

from contacts.models import Contact, Suppression
from plunk.api import ratelimit
from plunk.api.models import IdempotencyKey
from plunk.projects.creating import NewProject
from plunk.projects.keys import create_key, revoke_key
from plunk.projects.models import KeyKind, Project
from tests.transactional.fakes import FakeSes
from tests.transactional.smtp.conftest import Door, Open
from tests.transactional.smtp.mails import (
    EVENT,
    HEAD,
    PDF,
    PNG,
    full,
    leaves,
    mail,
    parsed,
    raw,
    shape,
)
from transactional.delivery import drain
from transactional.models import Domain, Email, EmailState, Source

pytestmark = pytest.mark.django_db(transaction=True)

Refusal = smtplib.SMTPResponseException


def sent(ses: FakeSes) -> list[bytes]:
    """Deliver what is queued; return the messages as SES was given them."""
    drain()
    return [call["raw"] for call in ses.calls]


def reply_of(work: Callable[[], Any]) -> str:
    """Return what a client was told."""
    try:
        answer = work()
    except smtplib.SMTPRecipientsRefused as error:
        (answer,) = error.recipients.values()
    except (smtplib.SMTPSenderRefused, smtplib.SMTPResponseException) as error:
        answer = (error.smtp_code, error.smtp_error)
    code, words = answer
    return f"{code} {words.decode() if isinstance(words, bytes) else words}"


# -- what arrives ---------------------------------------------------------------------
def test_a_mail_arrives_as_it_was_made(door: Door, port: int, ses: FakeSes) -> None:
    message = full()

    with door.client(port=port) as client:
        client.send_message(message)

    (arrived,) = sent(ses)
    email = Email.objects.get()
    assert (email.source, email.state) == (Source.SMTP, EmailState.SENT)
    assert shape(arrived) == [
        "multipart/mixed",
        [
            "multipart/alternative",
            ["text/plain"],
            ["multipart/related", ["text/html"], ["image/png"]],
        ],
        ["application/pdf"],
    ]
    plain, html, logo, bill = leaves(arrived)
    assert plain[1].decode() == "Grüße\r\n.\r\n..zwei Punkte\r\n"
    assert 'src="cid:logo@acme"' in html[1].decode()
    assert (logo[1], bill[1]) == (PNG, PDF)
    headers = parsed(arrived)
    assert headers["Subject"] == "Grüße ✓"
    assert headers["From"] == "Acme <hello@example.com>"
    assert headers["To"] == "Ann <ann@example.com>"
    assert headers["Reply-To"] == "Support <help@example.com>"
    assert headers["X-Tag"] == "welcome"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (mail(), ["text/plain"]),
        (
            mail(html="<p>Hi</p>"),
            ["multipart/alternative", ["text/plain"], ["text/html"]],
        ),
    ],
    ids=["text", "both"],
)
def test_simple_mails_stay_simple(
    message: Any, expected: list[Any], door: Door, ses: FakeSes
) -> None:
    with door.client() as client:
        client.send_message(message)

    (arrived,) = sent(ses)
    assert shape(arrived) == expected


def test_an_invitation_arrives_as_one(door: Door, ses: FakeSes) -> None:
    message = mail(html="<p>Come</p>")
    message.add_alternative(EVENT, subtype="calendar", params={"method": "REQUEST"})

    with door.client() as client:
        client.send_message(message)

    (arrived,) = sent(ses)
    assert shape(arrived) == [
        "multipart/alternative",
        ["text/plain"],
        ["text/html"],
        ["text/calendar"],
    ]
    assert b'method="REQUEST"' in arrived


def test_each_recipient_gets_a_mail_and_sees_no_other(
    door: Door, ses: FakeSes, project: Project
) -> None:
    message = mail(Cc="Bob <bob@example.com>", Bcc="carl@example.com")

    with door.client() as client:
        refused = client.send_message(message)

    arrived = sent(ses)
    assert refused == {}
    assert {parsed(it)["To"] for it in arrived} == {
        "Ann <ann@example.com>",
        "Bob <bob@example.com>",
        "carl@example.com",
    }
    for it in arrived:
        assert "Cc" not in parsed(it)
        assert "Bcc" not in parsed(it)
    named = Contact.objects.get(project=project, email="bob@example.com")
    assert named.data == {"name": "Bob"}


def test_answers_go_where_the_project_says(
    door: Door, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plunk.api.keys.CACHE_SECONDS", 0.0)
    Project.objects.filter(pk=project.pk).update(reply_to="desk@example.com")

    with door.client() as client:
        client.send_message(mail())
        client.send_message(mail(Reply_To="own@example.com"))

    assert set(Email.objects.values_list("reply_to", flat=True)) == {
        "desk@example.com",
        "own@example.com",
    }


def test_django_sends_through_it(door: Door, port: int, ses: FakeSes) -> None:
    """Its backend knows nothing of self-signed certificates but how to trust one."""
    backend: Any = get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host="127.0.0.1",
        port=door.server.secure_port if port == 465 else door.server.submission_port,
        username="plunk",
        password=door.key,
        use_ssl=port == 465,
        use_tls=port == 587,
    )
    backend.ssl_context = door.trusting()
    message = EmailMultiAlternatives(
        "Grüße", "Text", "Acme <hello@example.com>", ["ann@example.com"]
    )
    message.attach_alternative("<p>Grüße</p>", "text/html")
    message.attach("a.txt", "Inhalt ü", "text/plain")

    assert backend.send_messages([message, message]) == 2

    arrived = sent(ses)
    assert len(arrived) == 2
    assert shape(arrived[0]) == [
        "multipart/mixed",
        ["multipart/alternative", ["text/plain"], ["text/html"]],
        ["text/plain"],
    ]


#: What Nodemailer 7 writes for a mail with text, HTML, a picture in it and a file; its
#: commands come one at a time, its text as format=flowed.
NODEMAILER = raw(
    'From: "Acme" <hello@example.com>',
    "To: ann@example.com",
    "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
    "Message-ID: <c0ffee@example.com>",
    "Date: Sun, 22 Nov 2026 21:00:00 +0000",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="--_NmP-1-Part_1"',
    "",
    "----_NmP-1-Part_1",
    'Content-Type: multipart/alternative; boundary="--_NmP-1-Part_2"',
    "",
    "----_NmP-1-Part_2",
    "Content-Type: text/plain; charset=utf-8; format=flowed",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "Gr=C3=BC=C3=9Fe",
    "----_NmP-1-Part_2",
    'Content-Type: multipart/related; type="text/html"; boundary="--_NmP-1-Part_3"',
    "",
    "----_NmP-1-Part_3",
    "Content-Type: text/html; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    '<p>Gr=C3=BC=C3=9Fe <img src=3D"cid:logo"></p>',
    "----_NmP-1-Part_3",
    "Content-Type: image/png; name=logo.png",
    "Content-ID: <logo>",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: inline; filename=logo.png",
    "",
    b64encode(PNG[:54]),
    "----_NmP-1-Part_3--",
    "",
    "----_NmP-1-Part_2--",
    "",
    "----_NmP-1-Part_1",
    "Content-Type: text/csv; name=list.csv",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment; filename=list.csv",
    "",
    b64encode(b"a,b\n1,2\n"),
    "----_NmP-1-Part_1--",
)


def test_nodemailer_sends_through_it(door: Door, port: int, ses: FakeSes) -> None:
    with door.secure() if port == 465 else door.plain() as client:
        if port == 587:
            client.starttls(context=door.trusting())
        client.ehlo("[127.0.0.1]")
        secret = b64encode(f"\0plunk\0{door.key}".encode()).decode()
        assert client.docmd("AUTH PLAIN " + secret)[0] == 235
        assert client.docmd("MAIL FROM:<hello@example.com> SIZE=1500")[0] == 250
        assert client.docmd("RCPT TO:<ann@example.com>")[0] == 250
        code, words = client.data(NODEMAILER)

    assert code == 250
    assert str(Email.objects.get().pk) in words.decode()
    (arrived,) = sent(ses)
    assert shape(arrived) == [
        "multipart/mixed",
        [
            "multipart/alternative",
            ["text/plain"],
            ["multipart/related", ["text/html"], ["image/png"]],
        ],
        ["text/csv"],
    ]
    assert leaves(arrived)[3][1] == b"a,b\n1,2\n"


def test_who_complained_gets_nothing(
    door: Door, ses: FakeSes, project: Project
) -> None:
    Suppression.objects.create(
        project=project, email="ann@example.com", reason="COMPLAINT"
    )

    with door.client() as client:
        client.send_message(mail())

    assert sent(ses) == []
    assert Email.objects.get().state == EmailState.SUPPRESSED


def test_many_at_once_are_each_accepted_once(opened: Open) -> None:
    def one(door: Door, number: int) -> None:
        with door.client(port=465 if number % 2 else 587) as client:
            for turn in range(5):
                client.send_message(mail(subject=f"{number} {turn}"))

    with opened(threads=4) as door, ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: one(door, number), range(6)))

    subjects = list(Email.objects.values_list("content__subject", flat=True))
    assert len(subjects) == len(set(subjects)) == 30


# -- logging in -----------------------------------------------------------------------
@pytest.mark.parametrize("user", ["plunk", "PLUNK", "Plunk"])
@pytest.mark.parametrize("mechanism", ["plain", "login", "PLAIN", "LOGIN"])
def test_both_ways_to_log_in_work(user: str, mechanism: str, door: Door) -> None:
    with door.secure() as client:
        client.ehlo()
        if mechanism.upper() == "PLAIN":
            secret = b64encode(f"\0{user}\0{door.key}".encode()).decode()
            assert client.docmd(f"AUTH {mechanism}")[0] == 334
            code, _ = client.docmd(secret)
        else:
            assert client.docmd(f"AUTH {mechanism}") == (334, b"VXNlcm5hbWU6")
            asked = client.docmd(b64encode(user.encode()).decode())
            assert asked == (334, b"UGFzc3dvcmQ6")
            code, _ = client.docmd(b64encode(door.key.encode()).decode())

    assert code == 235


def test_nobody_logs_in_before_tls(door: Door) -> None:
    secret = b64encode(f"\0plunk\0{door.key}".encode()).decode()

    with door.plain() as client:
        _, offered = client.ehlo()
        code, _ = client.docmd(f"AUTH PLAIN {secret}")
        mail_from, _ = client.docmd("MAIL FROM:<hello@example.com>")

    assert b"STARTTLS" in offered
    assert b"AUTH" not in offered
    assert (code, mail_from) == (530, 530)


def test_what_was_said_before_tls_is_forgotten(door: Door) -> None:
    """Commands that somebody put before the handshake (CVE-2011-0411)."""
    port = door.server.submission_port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        _read_until(plain, b"220 ")
        plain.sendall(b"EHLO a\r\n")
        _read_until(plain, b"250 PIPELINING")
        plain.sendall(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
        assert plain.recv(1000).startswith(b"220")
        with door.trusting().wrap_socket(plain) as secure:
            secure.sendall(b"NOOP\r\n")
            answers = secure.recv(1000)

    assert answers == b"250 OK\r\n"


def _read_until(connection: socket.socket, words: bytes) -> None:
    found = b""
    while words not in found or not found.endswith(b"\r\n"):
        found += connection.recv(1000)


def test_nothing_is_taken_from_who_has_not_logged_in(door: Door) -> None:
    with door.secure() as client:
        client.ehlo()
        codes = [
            client.docmd(command)[0]
            for command in ("MAIL FROM:<a@example.com>", "RCPT TO:<a@b.co>", "DATA")
        ]

    assert codes == [530, 530, 530]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("plunk", "sk_" + "0" * 48),
        ("plunk", ""),
        ("plunk", "é"),
        ("plunk", "x" * 400),
        ("root", "right"),
        ("", "right"),
        ("plunk", "public"),
        ("plunk", "revoked"),
    ],
)
def test_a_wrong_log_in_is_refused(
    user: str, password: str, door: Door, new_project: NewProject, project: Project
) -> None:
    gone = create_key(project=project, kind=KeyKind.SECRET)
    revoke_key(key=gone.row)
    known = {
        "right": door.key,
        "public": new_project.public.value,
        "revoked": gone.value,
    }
    secret = b64encode(f"\0{user}\0{known.get(password, password)}".encode()).decode()

    with door.secure() as client:
        client.ehlo()
        code, words = client.docmd(f"AUTH PLAIN {secret}")
        again, _ = client.docmd("MAIL FROM:<hello@example.com>")

    assert (code, again) == (535, 530)
    assert door.key.encode() not in words


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("AUTH", 501),
        ("AUTH CRAM-MD5", 504),
        ("AUTH PLAIN ===", 501),
        ("AUTH PLAIN =", 501),
        ("AUTH PLAIN AAAA", 501),
        ("AUTH PLAIN a b", 501),
        ("AUTH LOGIN !!!", 501),
    ],
)
def test_a_broken_log_in_is_no_guess(command: str, code: int, door: Door) -> None:
    with door.secure() as client:
        client.ehlo()

        assert client.docmd(command)[0] == code
        assert client.login("plunk", door.key)[0] == 235


def test_a_wrong_log_in_waits_and_no_other_does(opened: Open) -> None:
    def guess(door: Door) -> float:
        started = time.monotonic()
        with door.secure() as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("plunk", "wrong", initial_response_ok=True)
        return time.monotonic() - started

    with opened(failure_seconds=1.0) as door, ThreadPoolExecutor(2) as pool:
        guesses = [pool.submit(guess, door) for _ in range(2)]
        time.sleep(0.3)
        started = time.monotonic()
        with door.client() as client:
            client.send_message(mail())
        served = time.monotonic() - started
        waited = [it.result() for it in guesses]

    # Each tries both mechanisms.
    assert min(waited) >= 2.0
    assert served < min(waited)


def test_the_fifth_wrong_log_in_closes_the_door(door: Door) -> None:
    wrong = "AUTH PLAIN " + b64encode(b"\0plunk\0wrong").decode()

    with door.secure() as client:
        client.ehlo()
        codes = [client.docmd(wrong)[0] for _ in range(5)]
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        door.secure()

    assert codes == [535, 535, 535, 535, 421]
    assert refused.value.smtp_code == 421
    assert "try again in 15 s" in str(refused.value)


def test_a_revoked_key_ends_an_open_session(
    door: Door, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plunk.api.keys.CACHE_SECONDS", 0.0)
    key = create_key(project=project, kind=KeyKind.SECRET)

    with door.client(key=key.value) as client:
        client.send_message(mail())
        revoke_key(key=key.row)
        reply = reply_of(lambda: client.send_message(mail()))

    assert reply.startswith("535 5.7.8")
    assert Email.objects.count() == 1


def test_a_disabled_project_sends_nothing(
    door: Door, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plunk.api.keys.CACHE_SECONDS", 0.0)
    with door.client() as client:
        Project.objects.filter(pk=project.pk).update(is_disabled=True)
        late = reply_of(lambda: client.send_message(mail()))
    with door.secure() as client:
        early = reply_of(lambda: client.login("plunk", door.key))

    assert late.startswith("550 5.7.1 This project is disabled")
    assert early.startswith("550 5.7.1 This project is disabled")


# -- senders and recipients -----------------------------------------------------------
@pytest.fixture
def verified(settings: Any, project: Project) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Domain.objects.create(
        project=project, name="example.com", verified_at="2026-01-01T00:00:00Z"
    )


@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize(
    ("envelope", "header", "reply"),
    [
        ("a@example.com", "a@example.com", ""),
        ("a@EXAMPLE.com", "Acme <b@Example.COM>", ""),
        ("a@example.org", "a@example.com", "550 5.7.1"),
        ("a@example.com", "a@example.org", "550 5.7.1"),
        ("a@mail.example.com", "a@example.com", "550 5.7.1"),
        ("a@example.com", "a@example.com <b@example.org>", "550 5.7.1"),
        ("", "a@example.com", "550 5.7.1"),
    ],
)
def test_mail_comes_from_the_projects_own_domains(
    envelope: str, header: str, reply: str, door: Door
) -> None:
    message = raw(f"From: {header}", *HEAD[1:], "", "text")

    with door.client() as client:
        answer = reply_of(
            lambda: client.sendmail(envelope, ["ann@example.com"], message) or (0, "")
        )

    assert answer.startswith(reply or "0")
    assert Email.objects.count() == (not reply)


@pytest.mark.usefixtures("verified")
def test_another_projects_domain_is_like_none(
    door: Door, other_project: NewProject
) -> None:
    with door.client(key=other_project.secret.value) as client:
        reply = reply_of(lambda: client.send_message(mail()))

    assert reply.startswith("550 5.7.1")


def test_two_from_headers_are_refused(door: Door) -> None:
    message = raw("From: a@example.com", *HEAD, "", "text")

    with door.client() as client:
        reply = reply_of(
            lambda: client.sendmail("a@example.com", ["ann@example.com"], message)
        )

    assert reply.startswith("550 5.7.1")
    assert not Email.objects.exists()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<ü@example.com>", 553),
        ("MAIL FROM:<a@example.com> SMTPUTF8", 555),
        ("MAIL FROM:<a@example.com> BODY=8BITMIME", 250),
        ("MAIL FROM:<a@example.com> BODY=BINARYMIME", 501),
        ("MAIL FROM:<a@example.com> AUTH=<>", 250),
        ("MAIL FROM:<a@example.com> SIZE=20971521", 552),
        ("MAIL FROM:<a@example.com> SIZE=x", 501),
        ("MAIL FROM:<a@example.com> RET=FULL", 555),
        ("MAIL FROM:<nobody>", 553),
        ("MAIL FROM:<a@example.com", 553),
        ("MAIL FROM:a@example.com", 553),
        ("MAIL FROM:<>", 550),
        ("MAIL FROM:<" + "a" * 400 + "@example.com>", 553),
        ("MAIL", 501),
        ("RCPT TO:<ann@example.com>", 503),
        ("DATA", 503),
        ("VRFY ann", 502),
        ("EXPN list", 502),
        ("HELP", 214),
        ("NOOP x", 250),
        ("BDAT 10 LAST", 500),
        ("X" * 600, 500),
        ("X" * 5_000, 500),
        ("EHLO é", 250),
    ],
)
def test_each_command_has_its_answer(command: str, code: int, door: Door) -> None:
    with door.client() as client:
        client.command_encoding = "utf-8"

        assert client.docmd(command)[0] == code
        assert client.docmd("NOOP")[0] == 250


def test_smtputf8_is_not_offered(door: Door) -> None:
    with door.client() as client:
        client.ehlo()

        assert not client.has_extn("smtputf8")
        assert client.esmtp_features["size"] == "20971520"
        assert client.has_extn("8bitmime")


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("ann@example.com", "250"),
        ("Ann@EXAMPLE.com", "250"),
        ("ü@example.com", "553 5.6.7"),
        ("ann@localhost", "553 5.1.3"),
        ("ann", "553 5.1.3"),
        ("", "553 5.1.3"),
        ("a@b@example.com", "553 5.1.3"),
        ("ann@[127.0.0.1]", "553 5.1.3"),
    ],
)
def test_a_recipient_is_an_address(address: str, reply: str, door: Door) -> None:
    with door.client() as client:
        client.command_encoding = "utf-8"
        client.docmd("MAIL FROM:<hello@example.com>")

        answer = reply_of(lambda: client.docmd(f"RCPT TO:<{address}>"))

    assert answer.startswith(reply)


def test_the_sixth_recipient_has_to_wait_for_another_mail(door: Door) -> None:
    with door.client() as client:
        client.docmd("MAIL FROM:<hello@example.com>")
        replies = [
            reply_of(partial(client.docmd, f"RCPT TO:<{it}@example.com>"))
            for it in ("a", "b", "A", "c", "d", "e", "f")
        ]
        code, _ = client.data(raw(*HEAD, "", "text"))

    assert [it[:3] for it in replies] == [*["250"] * 6, "452"]
    assert replies[-1].startswith("452 4.5.3")
    assert code == 250
    assert Email.objects.count() == 5


def test_the_number_of_recipients_is_the_operators_choice(opened: Open) -> None:
    addresses = [f"r{number}@example.com" for number in range(20)]

    with opened(max_recipients=20) as door, door.client() as client:
        client.docmd("MAIL FROM:<hello@example.com>")
        for address in addresses:
            client.docmd(f"RCPT TO:<{address}>")
        _, words = client.data(raw(*HEAD, "", "text"))

    assert Email.objects.count() == 20
    assert words.endswith(b"and 10 more")
    assert len(words) < 500


# -- data -----------------------------------------------------------------------------
def data(client: smtplib.SMTP, message: bytes) -> str:
    """Send a mail to the byte: who has dots at its lines' beginnings doubles them."""
    client.docmd("MAIL FROM:<hello@example.com>")
    client.docmd("RCPT TO:<ann@example.com>")
    client.docmd("DATA")
    client.send(message + b".\r\n")
    return reply_of(client.getreply)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (raw(*HEAD, "", "x" * 998), "250"),
        (raw(*HEAD, "", "x" * 999), "500"),
        (raw(*HEAD, "", "x" * 400_000), "500"),
        (raw(*HEAD, "", "a\nb"), "554"),
        (raw(*HEAD, "", "text", "\n.\n", "more"), "554"),
        (raw(*HEAD, "", "text\n.\r\nMAIL FROM:<x@example.com>"), "554"),
        (raw(*HEAD, "Content-Transfer-Encoding: base64", "", "*"), "554"),
        (b"", "550"),
        (b"\r\n", "550"),
        (raw(*HEAD, "", "..", "..a", ". b"), "250"),
    ],
    ids=range(10),
)
def test_a_mail_is_taken_or_refused_and_the_session_goes_on(
    message: bytes, reply: str, door: Door
) -> None:
    with door.client() as client:
        assert data(client, message).startswith(reply)
        assert data(client, raw(*HEAD, "", "text")).startswith("250")


def test_dots_arrive_as_they_were(door: Door) -> None:
    with door.client() as client:
        data(client, raw(*HEAD, "", "..", "...", "..a", "b.", ".. .c"))

    content = Email.objects.get().content
    assert content.text.split("\n") == [".", "..", ".a", "b.", ". .c", ""]


def test_a_mail_that_is_too_large_is_refused_and_the_session_goes_on(
    opened: Open,
) -> None:
    large = raw(*HEAD, "", *["x" * 900] * 400)

    with opened(max_bytes=200_000) as door, door.client() as client:
        refused = data(client, large)
        accepted = data(client, raw(*HEAD, "", "text"))
        held = door.server.held
        announced = reply_of(
            lambda: client.docmd("MAIL FROM:<hello@example.com> SIZE=200001")
        )

    assert refused.startswith("552 5.3.4")
    assert accepted.startswith("250")
    assert announced.startswith("552")
    assert held == 0


def test_more_than_fits_has_to_be_tried_again(opened: Open) -> None:
    large = raw(*HEAD, "", *["x" * 900] * 400)

    with opened(max_held=100_000) as door, door.client() as client:
        refused = data(client, large)
        accepted = data(client, raw(*HEAD, "", "text"))

    assert refused.startswith("452 4.3.1")
    assert accepted.startswith("250")


def test_a_mail_with_ten_megabytes_of_files_arrives(door: Door, ses: FakeSes) -> None:
    message = mail()
    file = bytes(range(256)) * 4096 * 10
    message.add_attachment(file, "application", "zip", filename="a.zip")

    with door.client() as client:
        client.send_message(message)

    (arrived,) = sent(ses)
    assert leaves(arrived)[1][1] == file


def test_commands_may_come_all_at_once(door: Door) -> None:
    with door.client() as client:
        client.send(
            b"MAIL FROM:<hello@example.com>\r\nRCPT TO:<ann@example.com>\r\n"
            b"RCPT TO:<nobody>\r\nDATA\r\n"
        )
        first = [client.getreply()[0] for _ in range(4)]
        client.send(
            raw(*HEAD, "", "one") + b".\r\nNOOP\r\nMAIL FROM:<a@b.co>\r\nRSET\r\n"
        )
        second = [client.getreply()[0] for _ in range(4)]

    assert first == [250, 250, 553, 354]
    assert second == [250, 250, 250, 250]
    assert Email.objects.count() == 1


def test_a_client_that_hangs_up_leaves_nothing(door: Door) -> None:
    with door.client() as client:
        client.docmd("MAIL FROM:<hello@example.com>")
        client.docmd("RCPT TO:<ann@example.com>")
        client.docmd("DATA")
        client.send(raw(*HEAD, "", "half of"))
        client.close()
    with door.client() as client:
        client.send_message(mail(subject="whole"))

    assert Email.objects.get().content.subject == "whole"
    assert door.server.held == 0


# -- once, and when the database is gone ----------------------------------------------
def stuffed(message: Any) -> bytes:
    found: bytes = message.as_bytes()
    return found.replace(b"\r\n.", b"\r\n..")


@pytest.mark.parametrize("header", ["Idempotency-Key", "Resend-Idempotency-Key"])
def test_the_same_key_twice_is_one_mail(header: str, door: Door) -> None:
    message = full()
    message[header] = "order-4711"
    with door.client() as client:
        first = data(client, stuffed(message))
        message.set_boundary("another")
        message["Date"] = "Mon, 23 Nov 2026 00:00:00 +0000"
        message["Message-ID"] = "<another@example.com>"
        second = data(client, stuffed(message))

    assert first == second
    assert Email.objects.count() == 1


def test_the_same_key_for_another_mail_is_refused(door: Door) -> None:
    with door.client() as client:
        client.send_message(mail(Idempotency_Key="k"))
        reply = reply_of(
            lambda: client.send_message(mail(subject="x", Idempotency_Key="k"))
        )

    assert reply.startswith("554 5.6.0 This Idempotency-Key was used")
    assert Email.objects.count() == 1


def test_the_others_of_a_mail_with_too_many_recipients_get_it_under_the_same_key(
    door: Door,
) -> None:
    """What a relay does that was told 452 for the sixth."""
    addresses = [f"r{number}@example.com" for number in range(6)]
    message = mail(to=", ".join(addresses), Idempotency_Key="k")
    with door.client() as client:
        for _ in range(2):
            refused = client.send_message(message)
            assert refused["r5@example.com"][0] == 452
            assert not client.send_message(message, to_addrs=list(refused))

    found = Email.objects.order_by("to_email").values_list("to_email", flat=True)
    assert list(found) == addresses


def test_a_key_whose_answer_was_scrubbed_is_used_all_the_same(door: Door) -> None:
    with door.client() as client:
        client.send_message(mail(Idempotency_Key="k"))
        IdempotencyKey.objects.update(response='{"success":true}')
        client.send_message(mail(Idempotency_Key="k"))

    assert Email.objects.count() == 1


def test_a_key_of_the_api_is_another_requests(door: Door, api: Any) -> None:
    body = {"to": "ann@example.com", "subject": "Hello", "body": "Hello"}
    api.post("/v1/send", body, HTTP_IDEMPOTENCY_KEY="k")

    with door.client() as client:
        reply = reply_of(lambda: client.send_message(mail(Idempotency_Key="k")))

    assert reply.startswith("554 5.6.0")


def test_a_mail_is_tried_again_while_the_database_is_gone(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly: secret-host")

    with door.client() as client:
        with monkeypatch.context() as patch:
            patch.setattr("transactional.smtp.accepting.accept", broken)
            gone = data(client, raw(*HEAD, "", "text"))
        with monkeypatch.context() as patch:
            patch.setattr("transactional.smtp.accepting.caller_of", broken)
            early = reply_of(lambda: client.docmd("MAIL FROM:<hello@example.com>"))
        back = data(client, raw(*HEAD, "", "text"))

    assert gone.startswith("451 4.3.0 The database")
    assert early.startswith("451 4.3.0")
    assert "secret-host" not in gone
    assert back.startswith("250")
    assert Email.objects.count() == 1


def test_a_fault_of_ours_is_no_fault_of_the_mail(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("transactional.smtp.accepting.accept", broken)

    with door.client() as client:
        reply = data(client, raw(*HEAD, "", "text"))

    assert reply.startswith("451 4.3.0")
    assert "secret" not in reply


def test_mail_is_counted_as_the_projects_requests(
    door: Door, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_RATE_LIMIT_PER_MINUTE = 3
    settings.REDIS_URL = ""
    monkeypatch.setattr(ratelimit, "_all_held", {})
    ratelimit._make_local.cache_clear()

    with door.client() as client:
        replies = [
            reply_of(lambda: client.docmd("MAIL FROM:<hello@example.com>"))
            for _ in range(5)
            if client.docmd("RSET")[0] == 250
        ]
    ratelimit._make_local.cache_clear()

    assert [it[:3] for it in replies] == ["250", "250", "250", "451", "451"]
    assert replies[-1].startswith("451 4.7.1")


# -- many, idle, and the end ----------------------------------------------------------
def test_idle_clients_are_sent_away_and_others_served(opened: Open) -> None:
    with opened(
        stranger_seconds=2.5,
        max_connections=250,
        max_connections_per_address=250,
    ) as door:
        port = door.server.submission_port
        idle = [
            socket.create_connection(("127.0.0.1", port), timeout=20)
            for _ in range(200)
        ]
        with door.client() as client:
            client.send_message(mail())
        last = [_read_all(it) for it in idle]

    assert Email.objects.count() == 1
    assert all(b"421 4.4.2" in it for it in last)


def _read_all(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(1000), b""))


def test_too_many_connections_are_refused_and_room_is_made(opened: Open) -> None:
    with opened(max_connections=3, max_connections_per_address=2) as door:
        first, second = door.plain(), door.plain()
        with pytest.raises(smtplib.SMTPConnectError, match="Too many connections"):
            door.plain()
        first.quit()
        with door.client() as client:
            client.send_message(mail())
        second.quit()

    assert Email.objects.count() == 1


def test_a_stop_finishes_the_mail_that_is_coming(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with opened() as door:
            client = door.secure()
            client.login("plunk", door.key)
            client.docmd("MAIL FROM:<hello@example.com>")
            client.docmd("RCPT TO:<ann@example.com>")
            client.docmd("DATA")
            idle = door.plain()

            def finish() -> list[str]:
                time.sleep(0.5)
                client.send(raw(*HEAD, "", "text") + b".\r\n")
                return [reply_of(client.getreply), reply_of(client.getreply)]

            finished = pool.submit(finish)
        accepted, goodbye = finished.result()
    farewell = reply_of(idle.getreply)
    client.close()
    idle.close()

    assert accepted.startswith("250")
    assert goodbye.startswith("421")
    assert farewell.startswith("421 4.3.2")
    assert Email.objects.count() == 1


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE: f\r\nG: h\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1" + b"\x00" * 200,
        b"\xff" * 3_000 + b"\r\n",
        b"\x00\r\n" * 20,
        b"EHLO a\r\nAUTH LOGIN\r\n" + b"A" * 5_000 + b"\r\n",
        b"EHLO " + b"a" * 900 + b"\r\n",
    ],
    ids=range(6),
)
def test_noise_harms_nobody(noise: bytes, door: Door) -> None:
    for port in (door.server.secure_port, door.server.submission_port):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(noise)
            connection.settimeout(0.3)
            try:
                while connection.recv(1000):
                    continue
            except OSError:
                continue

    with door.client() as client:
        client.send_message(mail())
    assert Email.objects.count() == 1


def test_a_broken_handshake_harms_nobody(door: Door) -> None:
    with door.plain() as client:
        client.ehlo()
        client.docmd("STARTTLS")
        assert client.sock is not None
        client.sock.sendall(b"this is no handshake\r\n" * 10)
        client.sock.close()
    strict = ssl.create_default_context()
    with pytest.raises(ssl.SSLError):
        smtplib.SMTP_SSL(
            "127.0.0.1", door.server.secure_port, context=strict, timeout=20
        )

    with door.client(port=587) as client:
        client.send_message(mail())
    assert Email.objects.count() == 1
