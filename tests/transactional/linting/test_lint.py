"""What an author is told before a mail goes out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Contact
from plunk.projects.models import Project
from transactional.linting import Finding, lint
from transactional.models import MailKind, Style

pytestmark = pytest.mark.django_db


def found(project: Project, body: str = "<p>Hello</p>", **given_: Any) -> list[Finding]:
    written: dict[str, Any] = {
        "subject": "News",
        "preheader": "More of it",
        "text": "",
        "style": Style.HTML,
        "kind": MailKind.MARKETING,
        **given_,
    }
    return lint(project_id=project.pk, body=body, **written)


def codes(project: Project, body: str = "<p>Hello</p>", **given_: Any) -> list[str]:
    return [finding.code for finding in found(project, body, **given_)]


def place(findings: list[Finding], code: str) -> tuple[int, int]:
    (finding,) = [one for one in findings if one.code == code]
    return finding.line, finding.column


@pytest.fixture
def people(project: Project) -> None:
    for number in range(10):
        data: dict[str, Any] = {"plan": "pro", "address": {"city": "Bonn"}}
        if number < 7:
            data["firstName"] = "Ann"
        if number == 0:
            data |= {"firstName": "", "last name": "Lee"}
        Contact.objects.create(
            project=project, email=f"a{number}@example.com", data=data
        )


def test_a_good_mail_has_no_findings(project: Project, people: None) -> None:
    body = (
        '<h1>Hello {{ firstName ?? "you" }}</h1><p>Your plan is {{ plan }}.</p>'
        '<p><a href="https://acme.test/{{ id }}">Read on</a></p>'
        '<img src="https://acme.test/a.png" alt="Logo" width="200">'
        "{% if firstName %}{{ firstName }}{% endif %}{{ address.city }}"
        '{{ data["last name"] | default: "-" }}<a href="{{ unsubscribeUrl }}">x</a>'
    )

    assert found(project, body) == []


def test_an_unknown_variable_is_told_with_what_was_meant(
    project: Project, people: None
) -> None:
    body = "<p>\n  {{ firstname ?? x }} {{ shoe ?? x }}</p>"

    findings = found(project, body)

    assert [(one.code, one.line, one.column) for one in findings] == [
        ("unknown_variable", 2, 6),
        ("unknown_variable", 2, 27),
    ]
    assert "Is it “firstName”?" in findings[0].message
    (first, second) = found(project, body, kind=MailKind.TRANSACTIONAL)
    assert (first.level, second.level) == ("warning", "hint")


def test_names_of_the_parts_own_are_known(project: Project, people: None) -> None:
    body = (
        "<p>{% for item in data.basket %}{{ item.x }}{{ forloop.index }}{% endfor %}"
        "{% assign total = 3 %}{{ total }}{{ event.name ?? x }}{{ now }}</p>"
    )

    assert codes(project, body, kind=MailKind.TRANSACTIONAL) == ["unknown_variable"]


def test_a_missing_fallback_is_told_with_how_many_miss_it(
    project: Project, people: None
) -> None:
    findings = found(
        project, "<p>{{ firstName | upcase }}</p>", subject="Hi {{ firstName }}!"
    )

    assert [(one.part, one.code, one.contacts) for one in findings] == [
        ("subject", "missing_fallback", 4),
        ("body", "missing_fallback", 4),
    ]
    assert findings[0].message.startswith("4 contacts have no “firstName”")
    assert (findings[0].line, findings[0].column) == (1, 7)
    assert findings[1].column == 7


def test_slips_of_the_language_are_errors(project: Project) -> None:
    findings = found(project, "<p>\n{% if a %}</p>", subject="Hi {{ name")

    assert [(one.level, one.part, one.line, one.column) for one in findings] == [
        ("error", "subject", 1, 4),
        ("error", "body", 2, 1),
    ]


@pytest.mark.parametrize(
    "slip", ["{ {name} }", "{name}}", "*|FNAME|*", "%%name%%", "{ { name }}"]
)
def test_what_looks_like_a_variable_and_is_none(project: Project, slip: str) -> None:
    assert place(found(project, f"<p>Hi {slip}</p>"), "mistyped_variable") == (1, 7)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "empty_link"),
        ("#", "empty_link"),
        (" ", "empty_link"),
        ("javascript:alert(1)", "dangerous_link"),
        ("java\nscript:alert(1)", "dangerous_link"),
        ("&#106;avascript:x", "dangerous_link"),
        ("data:text/html,x", "dangerous_link"),
        ("http://acme.test", "insecure_link"),
        ("https://example.com/x", "placeholder_link"),
        ("https://www.example.org", "placeholder_link"),
        ("https://yourdomain.com", "placeholder_link"),
        ("http://localhost:3000", "placeholder_link"),
        ("www.acme.test", "relative_link"),
        ("/a", "relative_link"),
        ("ftp://acme.test", "unusual_link"),
        ("https://acme.test/?a=1", None),
        ("https://examples.com", None),
        ("mailto:a@acme.test", None),
        ("tel:+49", None),
        ("#chapter", None),
        ("{{ url ?? x }}", None),
        ("{% if a > 1 %}https://a.test{% else %}x{% endif %}", None),
    ],
)
def test_links(project: Project, address: str, code: str | None) -> None:
    for quote in "\"'":
        body = f"<p>A long enough text here, it is.\n<a href={quote}{address}{quote}>x"
        findings = found(project, body)
        assert [one.code for one in findings] == ([code] if code else [])
        if code:
            assert place(findings, code) == (2, 10)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<img src="https://a.test/a" alt="" width="1">', []),
        ('<img src="https://a.test/a" alt="A" style="width:100%">', []),
        ('<img src="https://a.test/a" width="1">', ["picture_without_text"]),
        ('<img src="https://a.test/a" alt="">', ["picture_without_width"]),
        (
            '<a href="https://a.test"><img src="https://a.test/a" alt="" width=1></a>',
            ["linked_picture_without_text"],
        ),
        ('<img src="" alt="" width="1">', ["picture_without_address"]),
        ('<img src="data:image/png;base64,x" alt="" width="1">', ["embedded_picture"]),
        ('<img src="http://a.test/a" alt="" width="1">', ["insecure_picture"]),
        ('<img src="a.png" alt="" width="1">', ["relative_picture"]),
        ('<img src="{{ url ?? x }}" alt="a > b" width="1">', []),
        ("<script>x('<img>')</script>", ["dropped_element"]),
        ("<form><input></form>", ["dropped_element", "dropped_element"]),
        ("<iframe></iframe><video></video>", ["dropped_element", "dropped_element"]),
        ('<link rel="stylesheet" href="https://a.test/a.css">', ["external_style"]),
        ("<style>@import url(x);</style>", ["external_style"]),
        ("<style>p{position:absolute}</style>", ["dropped_style"]),
        ('<p style="position: fixed">', ["dropped_style"]),
        ('<p style="position: relative">', []),
        ('<p style="font-size:0">x</p>', ["invisible_text"]),
        ('<p style="color:#fff;background:#FFF">x</p>', ["invisible_text"]),
        ('<p style="color:#000;background:#FFF">x</p>', []),
        ("<!-- <script> <a href=''> -->", []),
        ("{% comment %}<script>{% endcomment %}", []),
        ("{% raw %}{{ x {% endraw %}<video>", ["dropped_element"]),
        ('<a data-block="button">x</a>', ["empty_link"]),
        ("Wow! " * 9, ["excited_text"]),
    ],
)
def test_markup(project: Project, markup: str, expected: list[str]) -> None:
    body = f"<p>This is a text that is long enough.</p>\n{markup}"

    findings = found(project, body)

    assert [one.code for one in findings] == expected
    assert all(one.line == 2 for one in findings)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("News of the week", []),
        ("", ["empty_subject"]),
        ("BUY NOW AND SAVE", ["shouting_subject"]),
        ("NASA news", []),
        ("{{ id }} {{ email }} UPPER", []),
        ("Now!!!", ["excited_subject"]),
        ("Hi!", []),
        ("RE: your order", ["false_reply"]),
        ("fwd: x", ["false_reply"]),
        ("Report", []),
        ("x" * 61, ["long_subject"]),
        ("x" * 60 + "{{ email }}", []),
    ],
)
def test_subjects(project: Project, subject: str, expected: list[str]) -> None:
    assert codes(project, subject=subject) == expected


def test_preview_texts(project: Project) -> None:
    assert codes(project, preheader="") == ["missing_preheader"]
    assert codes(project, preheader="", kind=MailKind.TRANSACTIONAL) == []
    assert codes(project, preheader="x" * 151) == ["long_preheader"]


def test_marketing_without_our_footer_needs_a_way_out(project: Project) -> None:
    def without(body: str, text: str = "") -> bool:
        made = codes(project, body, text=text, kind=MailKind.HEADLESS)
        return "missing_unsubscribe" in made

    assert without("<p>Hi</p>")
    assert not without('<p><a href="{{ unsubscribeUrl }}">x</a></p>')
    assert not without('<p><a href="{{ manageUrl | append: 1 }}">x</a></p>')
    assert not without("<p>Hi</p>", "{{unsubscribeUrl}}")
    assert "missing_unsubscribe" not in codes(project)


def test_a_mail_of_pictures_only(project: Project) -> None:
    body = '<p><img src="https://a.test/a" alt="Sale" width="600">{{ id }}</p>'

    assert codes(project, body) == ["pictures_only"]


@pytest.mark.parametrize("style", [Style.HTML, Style.PLUNK])
def test_a_mail_that_gmail_cuts(project: Project, style: str) -> None:
    paragraph = "<p>" + "word " * 200 + "</p>"

    assert "clipped" in codes(project, paragraph * 110, style=style)
    assert "clipped" in codes(project, paragraph * 1000, style=style)
    assert "nearly_clipped" in codes(project, paragraph * 95, style=Style.HTML)
    assert codes(project, paragraph * 50, style=style) == []


def test_a_bodys_many_findings_are_cut(project: Project) -> None:
    assert codes(project, "<a href=''>x</a>" * 1000) == ["empty_link"] * 20


def test_linting_takes_a_constant_number_of_statements(
    project: Project, people: None
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            found(project, "<p>{{ firstName }}{{ nobody }}</p>" * 20)
        return len(asked)

    before = statements()
    Contact.objects.create(project=project, email="b@example.com", data={"x": 1})
    assert statements() == before <= 4


@pytest.mark.parametrize(
    "unit",
    [
        *("<a href='", "<a ", "<", "{{", "{% if a %}", "<img>", "{{ a }}", "<!--", "&"),
        *('<a "', "<style>", "x", "<a href=''>", "{ {", "<p style='color:red'>", "*|A"),
        *("{{ a | b }}", "{% comment %}", "<script>", "</", "a='", "{a", "!", "%%a"),
    ],
)
def test_two_megabytes_take_little_time(project: Project, unit: str) -> None:
    body = "<p>" + unit * (1_999_000 // len(unit))
    started = time.thread_time()

    found(project, body)

    assert time.thread_time() - started < 3


pieces = st.sampled_from(
    [
        *(
            "<a href='",
            "'>",
            "<img ",
            "alt=",
            '"',
            ">",
            "{{ a",
            " }}",
            "{% if a %}",
            "<p>",
        ),
        *(
            "{% endif %}",
            "<style>",
            "</style>",
            "<!--",
            "-->",
            "\n",
            "!",
            "javascript:",
        ),
        *("{{ a.b | upcase }}", "&lt;", "style='color:red'", "src=x", "\x00", "\ud800"),
    ]
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(pieces | st.text(max_size=5), max_size=15).map("".join))
def test_anything_can_be_linted(project: Project, source: str) -> None:
    for style in Style.values:
        lint(
            project_id=project.pk,
            subject=source,
            preheader=source,
            body=f"<p>{source}",
            text=source,
            style=style,
            kind=MailKind.HEADLESS,
        )
