"""From bytes to what is sent, and what is refused: robustness L6, C15 to C17."""

from __future__ import annotations

import time
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transactional.smtp.mails import EVENT, HEAD, PDF, PNG, full, mail, raw
from transactional.smtp.reading import read_letter
from transactional.smtp.refusals import Refused


def refusal(message: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read_letter(message)
    return caught.value.reply


def test_a_mail_with_everything_is_read_part_by_part() -> None:
    letter = read_letter(full().as_bytes())

    draft = letter.draft
    assert (letter.from_name, letter.from_email) == ("Acme", "hello@example.com")
    assert letter.names == {"ann@example.com": "Ann"}
    assert draft.subject == "Grüße ✓"
    assert draft.text == "Grüße\n.\n..zwei Punkte\n"
    assert draft.body == '<p>Grüße <img src="cid:logo@acme" alt=""></p>\n'
    logo, bill = draft.files
    assert (logo.filename, logo.content_type) == ("logo.png", "image/png")
    assert (logo.content_ref, logo.is_inline) == ("logo@acme", True)
    assert logo.data == PNG
    assert (bill.filename, bill.is_inline) == ("Rechnung für Änne.pdf", False)
    assert bill.data == PDF
    assert letter.reply_to == "help@example.com"
    assert letter.headers == {
        "X-Tag": "welcome",
        "Reply-To": '"Support" <help@example.com>',
    }


def test_a_mail_of_text_stays_one() -> None:
    draft = read_letter(mail(text="Only text\n").as_bytes()).draft

    assert (draft.text, draft.body, draft.files) == ("Only text\n", "", [])


def test_a_mail_of_html_alone_has_no_text_of_its_own() -> None:
    draft = read_letter(mail(text=None, html="<p>Hi</p>").as_bytes()).draft

    assert (draft.text, draft.body) == ("", "<p>Hi</p>\n")


def test_an_invitation_stays_another_form_of_the_mail() -> None:
    message = mail(html="<p>Come</p>")
    message.add_alternative(EVENT, subtype="calendar", params={"method": "REQUEST"})

    (file,) = read_letter(message.as_bytes()).draft.files

    assert file.is_alternative
    assert not file.is_inline
    assert file.content_type.startswith("text/calendar; charset=")
    assert 'method="REQUEST"' in file.content_type


def test_a_picture_that_only_says_where_it_is_from_is_attached() -> None:
    """Outlook gives every attachment a Content-ID."""
    message = mail(html="<p>No picture</p>")
    message.add_attachment(PNG, "image", "png", cid="<x@y>", filename="a.png")

    (file,) = read_letter(message.as_bytes()).draft.files

    assert not file.is_inline


def test_a_picture_in_the_wrong_place_is_shown_where_the_html_wants_it() -> None:
    message = mail(html='<img src="cid:x@y">')
    message.add_attachment(PNG, "image", "png", cid="<x@y>", filename="a.png")

    (file,) = read_letter(message.as_bytes()).draft.files

    assert file.is_inline


def test_a_mail_within_a_mail_goes_along_as_a_file() -> None:
    message = mail()
    message.add_attachment(mail(subject="Inner"))

    (file,) = read_letter(message.as_bytes()).draft.files

    assert file.filename.endswith(".eml")
    assert b"Subject: Inner" in file.data


def test_nothing_of_two_texts_is_lost() -> None:
    message = raw(
        *HEAD,
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "first",
        "--b",
        "Content-Type: text/plain",
        "",
        "footer of a list",
        "--b--",
    )

    draft = read_letter(message).draft

    assert draft.text == "first"
    assert [(it.filename, it.data) for it in draft.files] == [
        ("part-1.txt", b"footer of a list")
    ]


@pytest.mark.parametrize(
    ("charset", "encoded"),
    [
        ("iso-8859-1", "Grüße".encode("latin-1")),
        ("ISO-8859-15", "Grüße €".encode("iso-8859-15")),
        ("windows-1252", "“Grüße”".encode("cp1252")),
        ("utf-8", "Grüße ✓".encode()),
        ("shift_jis", "こんにちは①".encode("cp932")),
        ("iso-2022-jp", "こんにちは".encode("iso-2022-jp")),
        ("gb2312", "你好".encode("gb18030")),
        ("koi8-r", "Привет".encode("koi8-r")),
        ("us-ascii", "Grüße".encode()),
        ("no-such-thing", "Grüße".encode()),
        ("idna", "Grüße".encode("cp1252")),
        ("unicode_escape", rb"\x41"),
    ],
)
def test_a_text_is_read_in_its_own_characters(charset: str, encoded: bytes) -> None:
    message = raw(
        *HEAD,
        f"Content-Type: text/plain; charset={charset}",
        "Content-Transfer-Encoding: 8bit",
        "",
        encoded,
    )

    text = read_letter(message).draft.text.strip()

    meant = {
        "windows-1252": "“Grüße”",
        "ISO-8859-15": "Grüße €",
        "utf-8": "Grüße ✓",
        "shift_jis": "こんにちは①",
        "iso-2022-jp": "こんにちは",
        "gb2312": "你好",
        "koi8-r": "Привет",
        "unicode_escape": r"\x41",
    }
    assert text == meant.get(charset, "Grüße")


def test_broken_characters_are_replaced_and_what_no_text_holds_is_gone() -> None:
    message = raw(
        *HEAD, "Content-Type: text/plain; charset=utf-8", "", b"a\xffb\x00c\xed\xa0\x80"
    )

    text = read_letter(message).draft.text

    assert text.startswith("a�bc")
    assert "\x00" not in text
    text.encode()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?4pyT?= ok", "✓ ok"),
        ("Grüße", "Grüße"),
        ("=?utf-8?q?a=0D=0ABcc:_x@example.com?=", "a Bcc: x@example.com"),
        ("=?utf-8?q?a=00b?=", "a b"),
        ("=?no-such?q?a?=", "=?no-such?q?a?="),
        ("=?iso-8859-99?q?a?=", "=?iso-8859-99?q?a?="),
        ("=?utf-8?b?4pw=?= =?utf-8?b?kw==?=", "✓"),
        ("a =?utf-8*de?q?b?= c", "a b c"),
        ("=?shift_jis?b?h0A=?= =?utf-8?q?x?=", "①x"),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
        ("=?utf-8?q?=ED=A0=80?=", "���"),
    ],
)
def test_a_subject_is_one_line_of_text(given: str, meant: str) -> None:
    message = raw("From: a@example.com", f"Subject: {given}", "", "text")

    assert read_letter(message).draft.subject == meant


def test_only_the_senders_own_headers_go_on() -> None:
    message = raw(
        *HEAD,
        "Bcc: secret@example.com",
        "Date: Mon, 1 Jan 2026 00:00:00 +0000",
        "Message-ID: <1@x>",
        "Received: from x",
        "Return-Path: <x@example.com>",
        "DKIM-Signature: v=1",
        "Sender: else@example.com",
        "X-SES-CONFIGURATION-SET: theirs",
        "Idempotency-Key: one",
        "In-Reply-To: <0@x>",
        "List-Unsubscribe: <https://example.com/u>",
        "X-Folded: a",
        "  b",
        "X-Twice: 1",
        "x-twice: 2",
        "",
        "text",
    )

    letter = read_letter(message)

    assert letter.headers == {
        "In-Reply-To": "<0@x>",
        "List-Unsubscribe": "<https://example.com/u>",
        "X-Folded": "a b",
        "X-Twice": "1, 2",
    }
    assert letter.idempotency_key == "one"


def test_a_long_thread_keeps_its_last_messages() -> None:
    ids = [f"<{number:060}@example.com>" for number in range(40)]
    message = raw(*HEAD, "References: " + "\r\n ".join(ids), "", "text")

    kept = read_letter(message).headers["References"].split()

    assert kept == ids[-len(kept) :]
    assert len(kept) > 10


def nested(levels: int) -> bytes:
    head = "".join(
        f'Content-Type: multipart/mixed; boundary="b{it}"\r\n\r\n--b{it}\r\n'
        for it in range(levels)
    )
    return raw(*HEAD) + head.encode() + b"Content-Type: text/plain\r\n\r\nhi\r\n"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (raw("To: a@example.com", "Subject: x", "", "x"), "550 5.7.1 A mail has one"),
        (raw("From: a@example.com", *HEAD, "", "x"), "550 5.7.1 A mail has one"),
        (
            raw("From: a@example.com, b@example.com", "Subject: x", "", "x"),
            "550 5.7.1 The From header names one",
        ),
        (raw("From: ", "Subject: x", "", "x"), "550 5.7.1 The From header names one"),
        (raw("From: a@example.com", "", "x"), "554 5.6.0 The mail has no subject"),
        (raw(*HEAD, "", " "), "554 5.6.0 The mail has neither"),
        (raw(*HEAD), "554 5.6.0 The mail has neither"),
        (b"", "550 5.7.1"),
        (b"no headers at all", "554 5.6.0 A line among the headers"),
        (raw(*HEAD, "Reply-To: nobody", "", "x"), "554 5.6.0 Reply-To"),
        (raw(*HEAD, "X-Long: " + "x " * 600, "", "x"), "500 5.6.0 A line"),
        (
            raw(*HEAD, "X-Long: " + "x" * 900, " " + "x" * 900, "", "x"),
            "554 5.6.0 The header X-Long",
        ),
        (raw("Subject: " + "s" * 900, " " + "s" * 99, *HEAD[:2], "", "x"), "554 5.6.0"),
        (raw(*HEAD, *(f"X-{n}: 1" for n in range(51)), "", "x"), "554 5.6.0 The mail"),
        (raw(*HEAD, "Idempotency-Key: é", "", "x"), "554 5.6.0 The Idempotency"),
        (
            raw(*HEAD, "Idempotency-Key: a", "Idempotency-Key: b", "", "x"),
            "554 5.6.0 The Idempotency",
        ),
        (raw(*HEAD, "", "a\nb"), "554 5.6.0 A line ends with a bare"),
        (raw(*HEAD, "", "a\rb"), "554 5.6.0 A line ends with a bare"),
        (raw(*HEAD, "", "x" * 999), "500 5.6.0 A line has more than 998"),
        (raw(*HEAD, "Content-Type: multipart/mixed", "", "x"), "554 5.6.0 A part of"),
        (
            raw(*HEAD, 'Content-Type: multipart/mixed; boundary="b"', "", "x"),
            "554 5.6.0 A part of several has none",
        ),
        (
            raw(*HEAD, "Content-Transfer-Encoding: base64", "", "not*base64"),
            "554 5.6.0 A part says base64",
        ),
        (
            raw(*HEAD, "Content-Transfer-Encoding: x-uuencode", "", "x"),
            "554 5.6.0 The encoding x-uuencode",
        ),
        (raw(*HEAD, "Content-Type: a", *[" " + "b;" * 450] * 3, "", "x"), "554 5.6.0"),
        (nested(1_000), "554 5.6.0 The mail has too many parts"),
        (raw(*(f"X-{n}: 1" for n in range(10_000)), *HEAD, "", "x"), "554 5.6.0 The"),
        (
            raw(
                *HEAD,
                'Content-Type: multipart/mixed; boundary="b"',
                "",
                *["--b", "", "x"] * 5_000,
            ),
            "554 5.6.0 The mail has too many parts",
        ),
        (raw("From: " + "(" * 900, " " + "(" * 900, "Subject: x", "", "x"), "5"),
    ],
    ids=range(28),
)
def test_what_cannot_be_sent_is_refused_at_once(message: bytes, words: str) -> None:
    started = time.monotonic()

    assert refusal(message).startswith(words)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("setup.exe", b"MZ")], "554 5.7.0 Amazon SES does not carry .exe"),
        (
            [(f"{n}.txt", b"x") for n in range(11)],
            "552 5.3.4 The mail has more than 10",
        ),
        ([("a.bin", b"x" * (10 * 1024 * 1024 + 1))], "552 5.3.4 The attachments have"),
    ],
    ids=["exe", "count", "size"],
)
def test_files_have_the_limits_of_the_api(
    files: list[tuple[str, bytes]], words: str
) -> None:
    message = mail()
    for name, data in files:
        message.add_attachment(data, "application", "octet-stream", filename=name)

    assert refusal(message.as_bytes()).startswith(words)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('"../../etc/passwd"', "passwd"),
        ('"a\\"b.txt"', "ab.txt"),
        ('"=?utf-8?b?w5xiZXIucGRm?="', "Über.pdf"),
        ('"=?utf-8?q?a=0D=0Ab.txt?="', "ab.txt"),
        ('"\u202egnp.txt"', "gnp.txt"),
        ('""', "part-1.bin"),
    ],
)
def test_the_name_of_a_file_is_a_name(given: str, kept: str) -> None:
    message = raw(
        *HEAD,
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "",
        "text",
        "--b",
        "Content-Type: application/x-unknown-thing",
        f"Content-Disposition: attachment; filename={given}",
        "",
        "x",
        "--b--",
    )

    (file,) = read_letter(message).draft.files

    assert file.filename in {kept, kept.replace("ab", "a b")}


def test_a_boundary_that_begins_another_is_not_taken_for_it() -> None:
    message = raw(
        *HEAD,
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "preamble",
        "--b",
        'Content-Type: multipart/alternative; boundary="bb"',
        "",
        "--bb",
        "Content-Type: text/plain",
        "",
        "text",
        "--bb",
        "Content-Type: text/html",
        "",
        "<p>html</p>",
        "--bb--",
        "--b--",
        "epilogue",
    )

    draft = read_letter(message).draft

    assert (draft.text, draft.body, draft.files) == ("text", "<p>html</p>", [])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_mail_or_refused(rest: bytes) -> None:
    for message in (
        rest,
        raw(*HEAD, rest),
        raw(*HEAD, "Content-Type: multipart/mixed; boundary=b", "", "--b", rest),
    ):
        try:
            letter = read_letter(message)
        except Refused as refused:
            reply = refused.reply
        else:
            reply = "250"
            letter.draft.body.encode()
            letter.draft.text.encode()
        assert reply.isascii()
        assert "\n" not in reply


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80),
    st.text(max_size=200),
)
def test_what_a_mailer_writes_is_read_to_the_letter(subject: str, text: str) -> None:
    encoded = b64encode(text.encode("utf-8", "replace")).decode()
    word = b64encode(subject.encode()).decode()
    message = raw(
        "From: a@example.com",
        f"Subject: =?utf-8?b?{word}?=",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *(encoded[at : at + 76] for at in range(0, len(encoded), 76)),
    )

    def read() -> Any:
        return read_letter(message)

    if not text.replace("\x00", "").strip() or not subject.strip():
        with pytest.raises(Refused):
            read()
        return
    draft = read().draft
    expected = text.encode("utf-8", "replace").decode()
    assert draft.text == expected.replace("\x00", "").replace("\r\n", "\n")
    assert " ".join(draft.subject.split()) == " ".join(subject.split())


def test_what_ses_would_not_carry_is_refused_before_it_is_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transactional.smtp.reading.MAX_MESSAGE_BYTES", 1000)

    # With the text that is made of it, and in base64.
    fits = mail(text=None, html="語" * 120).as_bytes()
    is_too_large = mail(text=None, html="語" * 123).as_bytes()

    assert read_letter(fits).draft.body
    assert refusal(is_too_large).startswith("552 5.3.4 The mail has more than 40 MB")


def test_a_mail_of_the_largest_size_is_read_in_time() -> None:
    lines = ["--b", "x"] * 2_000_000
    message = raw(*HEAD, 'Content-Type: multipart/mixed; boundary="c"', "", *lines)
    started = time.monotonic()

    assert refusal(message).startswith("554")
    assert time.monotonic() - started < 3
