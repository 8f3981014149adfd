"""Every mail of the corpus: read by a stranger part by part, and kept to the byte."""

from __future__ import annotations

import re
import time

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transactional.corpus.cases import CASES
from tests.transactional.corpus.making import GOLDEN, Case, html_of, message
from tests.transactional.corpus.reading import Read, check, read
from tests.transactional.test_mime import build
from transactional.attachments import File
from transactional.models import MailKind, Style

by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_corpus_is_large_and_nobodys_name_is_taken_twice() -> None:
    names = [case.name for case in CASES]

    assert len(names) == len(set(names))
    assert len(names) >= 40
    assert {path.stem for path in GOLDEN.glob("*.eml")} == set(names)


@by_name
def test_what_arrives_is_what_was_sent(case: Case) -> None:
    raw = message(case)
    check(raw)

    got = read(raw)

    _compare_envelope(case, got)
    _compare_texts(case, got)
    assert got.files == _expected_files(case)


def _compare_envelope(case: Case, got: Read) -> None:
    def name(given: str | None, own: str) -> str:
        return own if given is None else given

    assert got.subject == name(case.gets_subject, case.subject)
    assert got.from_name == name(case.gets_from_name, case.from_name)
    assert got.to_name == name(case.gets_to_name, case.to_name)
    assert (got.from_email, got.to_email) == (case.from_email, case.to_email)
    assert "bcc" not in got.headers
    feedback = got.headers["feedback-id"].split(":")
    assert len(feedback) == 4
    assert 5 <= len(feedback[3]) <= 15
    for header, value in case.gets_headers.items():
        assert got.headers.get(header) == value
    for header, value in case.headers.items():
        if header.lower() not in case.gets_headers:
            assert got.headers[header.lower()] == value


def _compare_texts(case: Case, got: Read) -> None:
    assert got.text is not None
    for piece in case.in_text:
        assert piece in got.text
    if case.gets_text is not None:
        assert got.text == case.gets_text
    if not case.body:
        assert got.html is None
        return
    assert got.html is not None
    for piece in case.in_html:
        assert piece in got.html
    if case.gets_html is not None:
        assert got.html == case.gets_html
    is_plain = case.style == Style.HTML and case.kind != MailKind.MARKETING
    if is_plain and "{" not in case.body and "<" in case.body:
        assert got.html == re.sub("\r\n|\r", "\n", case.body)


def _expected_files(case: Case) -> list[tuple[str, str, str, str, bytes]]:
    """Return the files in the order of their parts: forms of the text, pictures of the
    HTML, then what is attached.
    """

    def place(file: File) -> int:
        if file.is_alternative:
            return 1
        return 0 if file.is_inline and case.body else 2

    return [
        (
            file.filename,
            re.sub(r"^message/.*", "application/octet-stream", file.content_type),
            ""
            if file.is_alternative
            else ("inline" if file.is_inline else "attachment"),
            file.content_ref,
            file.data,
        )
        for file in sorted(case.files, key=place)
    ]


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("plain", "alternative(text/plain, text/html)"),
        ("text_alone", "text/plain"),
        ("inline_pictures", "alternative(text/plain, related(text/html, image/png,"),
        (
            "everything_at_once",
            "mixed(alternative(text/plain, related(text/html, image/png),"
            " text/calendar), application/pdf, application/pdf)",
        ),
        ("invitation_with_text_alone", "alternative(text/plain, text/calendar)"),
        ("text_alone_with_files", "mixed(text/plain, application/pdf, image/png)"),
    ],
)
def test_parts_stand_where_programs_look_for_them(name: str, structure: str) -> None:
    (case,) = [case for case in CASES if case.name == name]

    assert read(message(case)).structure.startswith(structure)


@by_name
def test_the_bytes_are_those_of_the_last_release(case: Case) -> None:
    """Where this is meant to change: `python -m tests.transactional.corpus`."""
    kept, made = (GOLDEN / f"{case.name}.eml").read_bytes(), message(case)

    if made != kept:
        # First what a person can read of the difference.
        assert read(made) == read(kept)
        assert made.split(b"\r\n") == kept.split(b"\r\n")


@pytest.mark.parametrize(
    "name", ["react_email", "react_email_pretty", "jsx_email", "mjml"]
)
def test_a_document_of_another_tool_leaves_as_it_was_written(name: str) -> None:
    """Nothing is parsed and written again: the bytes are its author's."""
    document = re.sub(r"\{\{[^{}]*\}\}", "", html_of(name))

    got = read(message(Case("document", body=document)))

    assert got.html == document


def test_two_megabytes_in_one_line_arrive() -> None:
    """C16."""
    body = f"<p>{'ü' * 1_000_000}</p>"
    started = time.perf_counter()
    raw = message(Case("long", body=body))

    check(raw)
    assert read(raw).html == body
    assert time.perf_counter() - started < 20


#: All that could end a line, a header or a string, and half a character.
nasty = st.text(
    st.sampled_from(
        '\r\n\x00\u2028\u2029\x85\x0b\x0c\x1c\x7f\ud800\udfff\t :;<>@"\\,=?aü🎉'
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(nasty, nasty, nasty, nasty, nasty)
def test_no_header_can_be_added(
    subject: str, from_name: str, to_name: str, value: str, filename: str
) -> None:
    """C7: whatever comes as far as the builder, the headers are those we wrote."""
    raw = build(
        subject=subject,
        from_name=from_name,
        to_name=to_name,
        headers={"X-Tag": value, "Reply-To": f"{value} <a@example.com>"},
        files=[File(filename, "application/pdf", "", is_inline=False, data=b"1")],
    )

    check(raw)
    head = raw.partition(b"\r\n\r\n")[0]
    names = re.findall(rb"(?m)^([^\s:]+):", head)
    assert names == [
        b"From",
        b"To",
        b"Subject",
        b"X-Tag",
        b"Reply-To",
        b"MIME-Version",
        b"Content-Type",
    ]
    assert read(raw).structure == (
        "mixed(alternative(text/plain, text/html), application/pdf)"
    )


@settings(max_examples=150, deadline=None)
@given(nasty)
def test_no_address_and_no_name_of_a_header_can_hold_a_break(text: str) -> None:
    """C7: they are refused, not repaired."""
    for envelope in (
        {"to_email": f"a{text}@example.com"},
        {"from_email": f"a@{text}example.com"},
        {"headers": {f"X{text}": "1"}},
        {"headers": {f"{text}:": "1"}},
    ):
        try:
            raw = build(**envelope)
        except ValueError:
            continue
        check(raw)


@pytest.mark.parametrize(
    "name", ["From", "sUBJECT", "Content-Type", "MIME-version", ""]
)
def test_headers_that_are_ours_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a header"):
        build(headers={name: "x"})


@override_settings(APP_URI="https://elsewhere.example.com")
def test_the_corpus_depends_on_no_setting_of_the_installation() -> None:
    case = CASES[0]

    assert message(case) == (GOLDEN / f"{case.name}.eml").read_bytes()
