"""The bytes SES is given, read again by the standard library: robustness C7 to C17."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transactional.attachments import File
from transactional.mime import MAX_MESSAGE_BYTES, Envelope, build_message

#: What the doors let through: text of one line, without controls.
one_line = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]),
    max_size=200,
)
any_text = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=400
)
ascii_line = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=990)
filenames = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"],
        include_characters=" ",
        exclude_characters='"\\/:*?<>|;\u200e\u200f\u202a\u202b\u202c\u202d\u202e'
        "\u2066\u2067\u2068\u2069",
    ),
    min_size=1,
    max_size=200,
).map(lambda name: name.strip(" .") or "x")
many = settings(max_examples=100, deadline=None)


def build(
    text: str = "Hello\n",
    html: str = "<p>Hello</p>",
    files: list[File] | None = None,
    **envelope: Any,
) -> bytes:
    values: dict[str, Any] = {
        "from_email": "from@example.com",
        "to_email": "to@example.com",
        "subject": "Hello",
    }
    return build_message(
        envelope=Envelope(**(values | envelope)),
        text=text,
        html=html,
        files=files or [],
        boundary="=_0123456789abcdef",
    )


def parse(raw: bytes) -> EmailMessage:
    """Read a message, after checking what must hold for every one of them."""
    assert raw.isascii()
    assert b"\x00" not in raw
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=policy.default)
    for part in message.walk():
        assert part.defects == []
        for value in part.values():
            assert not getattr(value, "defects", ())
    return message


def contents(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def with_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@many
@given(one_line)
def test_a_subject_arrives_as_it_was(subject: str) -> None:
    """C17."""
    subject = subject.strip()

    assert parse(build(subject=subject))["Subject"] == subject


@many
@given(one_line, one_line)
def test_names_arrive_as_they_were(to_name: str, from_name: str) -> None:
    raw = build(to_name=to_name, from_name=from_name)
    parse(raw)
    message = message_from_bytes(raw)

    for header, name, address in (
        ("To", to_name, "to@example.com"),
        ("From", from_name, "from@example.com"),
    ):
        # The modern parser puts spaces between the encoded words of a name.
        found, mailbox = parseaddr(message[header])
        assert mailbox == address
        assert str(make_header(decode_header(found))) == name.strip()


@many
@given(any_text, any_text.filter(bool))
def test_text_and_html_arrive_to_the_byte(text: str, html: str) -> None:
    """C17: but for the ends of lines, which are CRLF."""
    raw = build(text=text, html=html)
    parse(raw)
    parts = [part for part in message_from_bytes(raw).walk() if not part.is_multipart()]

    assert [decoded(part) for part in parts] == [with_crlf(text), with_crlf(html)]


@many
@given(filenames, st.binary(max_size=300), st.booleans())
def test_a_file_arrives_with_its_name(name: str, data: bytes, is_inline: bool) -> None:
    """C15: RFC 2231."""
    file = File(name, "application/pdf", "logo" if is_inline else "", is_inline, data)

    message = parse(build(files=[file]))

    (part,) = [p for p in message.walk() if p.get_content_type() == "application/pdf"]
    assert part.get_filename() == name
    assert part.get_content() == data
    assert part.get_content_disposition() == ("inline" if is_inline else "attachment")
    assert part["Content-ID"] == ("<logo>" if is_inline else None)


@many
@given(st.text(st.characters(codec="utf-8"), max_size=998))
def test_a_header_of_the_senders_adds_no_other(value: str) -> None:
    """C7: even if a line break came this far."""
    message = parse(build(headers={"X-Tag": value, "Reply-To": "r@example.com"}))

    assert sorted(message.keys()) == sorted(
        ["From", "To", "Subject", "X-Tag", "Reply-To", "MIME-Version", "Content-Type"]
    )


@many
@given(ascii_line)
def test_a_plain_header_arrives_as_it_was(value: str) -> None:
    raw = build(headers={"X-Tag": value})

    assert parse(raw)["X-Tag"].split() == value.split()


def test_a_long_list_of_ids_is_folded_and_not_encoded() -> None:
    """Encoded, References would mean nothing to a mail program."""
    value = " ".join(f"<{i:040}@example.com>" for i in range(18))

    raw = build(headers={"References": value, "In-Reply-To": "<1@example.com>"})

    assert b"=?" not in raw
    assert parse(raw)["References"].split() == value.split()


@pytest.mark.parametrize(
    "break_", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x00"]
)
@pytest.mark.parametrize(
    "place", ["subject", "from_name", "to_name", "reply_to", "headers"]
)
def test_no_line_break_gets_into_a_header(break_: str, place: str) -> None:
    """C7, by the last door."""
    evil = f"x{break_}Bcc: victim@example.com{break_}{break_}body"
    value: Any = {"X-Tag": evil} if place == "headers" else evil

    raw = build(**{place: value})

    assert raw.isascii()
    message = message_from_bytes(raw, policy=policy.default)
    assert "Bcc" not in message
    assert message.is_multipart()


def test_two_megabytes_in_one_line_become_short_lines() -> None:
    """C16."""
    line = "x" * 2_000_000

    message = parse(build(text=line, html=f"<p>{line}</p>"))

    assert contents(message) == (line, f"<p>{line}</p>")


def test_a_message_over_forty_megabytes_is_not_built() -> None:
    """C16."""
    with pytest.raises(ValueError, match="40 MB"):
        build(html="x" * (MAX_MESSAGE_BYTES * 3 // 4))


@pytest.mark.parametrize(
    "kind", ["message/rfc822", "multipart/mixed", "Message/Partial"]
)
def test_a_mail_as_attachment_is_only_bytes(kind: str) -> None:
    """RFC 2045 forbids to encode these; unencoded, they would be part of our mail."""
    inner = b"Subject: inner\r\n\r\nbody"

    message = parse(build(files=[File("mail.eml", kind, "", False, inner)]))

    (part,) = list(message.iter_attachments())
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_filename() == "mail.eml"
    assert part.get_content() == inner


def test_the_parts_stand_where_mail_programs_look_for_them() -> None:
    message = parse(
        build(
            files=[
                File("logo.png", "image/png", "logo", True, b"1"),
                File("a.pdf", "application/pdf", "", False, b"2"),
            ]
        )
    )

    types = [part.get_content_type() for part in message.walk()]
    assert types == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]


def test_without_files_a_mail_is_two_alternatives() -> None:
    message = parse(build(text="ü\n", html="<p>ü</p>"))

    assert message.get_content_type() == "multipart/alternative"
    assert contents(message) == ("ü\r\n", "<p>ü</p>")
    assert message["MIME-Version"] == "1.0"


@pytest.mark.parametrize(
    "name", ["Acme, Inc.", 'The "Best"', "a\\b", "(x)", "=?x?=", "Ü"]
)
def test_awkward_names_are_quoted_or_encoded(name: str) -> None:
    (mailbox,) = parse(build(from_name=name))["From"].addresses

    assert (mailbox.display_name, mailbox.addr_spec) == (name, "from@example.com")


def test_the_reply_goes_where_the_sender_says() -> None:
    by_field = parse(build(reply_to="r@example.com"))
    by_header = parse(
        build(reply_to="r@example.com", headers={"reply-to": "h@example.com"})
    )

    assert by_field["Reply-To"] == "r@example.com"
    assert by_header.get_all("Reply-To") == ["h@example.com"]


@pytest.mark.parametrize("size", [60_000, 1_000_000])
@pytest.mark.parametrize(
    "unit", ["x", "x ", " ", "ü", "\U0001f600", "=?", "\t", "\r\n"]
)
@pytest.mark.parametrize(
    "place", ["subject", "from_name", "to_name", "reply_to", "X-A"]
)
def test_no_value_is_too_long_for_a_header(place: str, unit: str, size: int) -> None:
    """C7: one mail with such a subject stood still for minutes, and all others too."""
    value: Any = unit * (size // len(unit))
    given = {"headers": {place: value}} if place == "X-A" else {place: value}
    started = time.thread_time()

    raw = build(**given)

    assert time.thread_time() - started < 0.05
    assert len(raw) < 50_000
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@many
@given(st.text("ab ", min_size=900, max_size=3_000), st.integers(1, 400))
def test_a_long_plain_header_arrives_as_it_was(value: str, name: int) -> None:
    raw = build(headers={"X" * name: value})

    assert str(parse(raw)["X" * name]).split() == value.split()


@many
@given(one_line)
def test_every_encoded_word_can_be_read_by_itself(subject: str) -> None:
    """RFC 2047: no line over 76, no character in two words."""
    raw = build(subject=f"ü{subject}")
    lines = raw.split(b"\r\nMIME-Version")[0].split(b"\r\nSubject: ")[1]

    for number, line in enumerate(lines.split(b"\r\n")):
        assert len(line) <= (76 if number else 76 - len("Subject: "))
        ((word, charset),) = decode_header(line.decode())
        assert charset == "utf-8"
        assert isinstance(word, bytes)
        word.decode()
