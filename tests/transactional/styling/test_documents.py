"""HTML of its author's: what is put into it, and that nothing else changes."""

from __future__ import annotations

import pytest

from tests.transactional.styling.bodies import KITCHEN_SINK, manuscript
from transactional.gallery import GALLERY
from transactional.models import MailKind, Style
from transactional.styling import dress, looks_written_by_hand

DOCUMENT = (
    "<!DOCTYPE html>\r\n<HTML><head><title>a</title><style>p>a{b:c}</style></head>"
    "<BODY class='x'\n bgcolor=red><p>é &copy; {% if a > 1 %}<b>{% endif %}"
    "<!-- </body> --></p></BODY>\r\n</HTML>\r\n"
)


def written(body: str, **changes: object) -> str:
    changes = {"style": Style.HTML, "preheader": ""} | changes
    return dress(manuscript(body, **changes)).html


def test_without_a_footer_not_a_byte_changes() -> None:
    assert written(DOCUMENT, kind=MailKind.TRANSACTIONAL) == DOCUMENT
    assert written(DOCUMENT, kind=MailKind.HEADLESS) == DOCUMENT


def test_a_footer_is_put_in_and_nothing_else_changes() -> None:
    html = written(DOCUMENT)

    start = html.index("\n<table")
    end = html.index("</table>\n") + len("</table>\n")
    assert html[:start] + html[end:] == DOCUMENT
    assert html[end:] == "</BODY>\r\n</HTML>\r\n"


@pytest.mark.parametrize(
    ("body", "before"),
    [
        (DOCUMENT, DOCUMENT[: DOCUMENT.index("<p>")]),
        ("<p>x</p>", ""),
        ("<!doctype html><p>x</p>", "<!doctype html>"),
        ("<html><head></head><p>x</p></html>", "<html><head></head>"),
        ("<!-- <body> --><p>x</p>", ""),
        ("<body data-a='>' {% if a > b %}x{% endif %}>y", None),
    ],
)
def test_a_preheader_is_the_first_thing_in_the_body(
    body: str, before: str | None
) -> None:
    html = written(body, kind=MailKind.TRANSACTIONAL, preheader="Look & see")
    expected = body[:-1] if before is None else before

    assert html.startswith(f'{expected}<div style="display:none;')
    assert ">Look &amp; see&#847;" in html
    assert html.endswith(f"</div>{body[len(expected) :]}")


def test_text_without_a_tag_is_text() -> None:
    made = dress(
        manuscript(
            "a < b\n{{ k }}", style=Style.HTML, preheader="", kind=MailKind.HEADLESS
        )
    )

    assert (made.html, made.text) == ("a &lt; b<br>\n{{ k }}", "a < b\n{{ k }}")


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (
            "{% for x in y %}\n{{ x }}  1\n{% endfor %}",
            "<table>{% for x in y %}<tr><td>{{ x }}</td><td>1</td></tr>"
            "{% endfor %}</table>",
        ),
        (
            "{% if a > 1 and b < 2 %}\n\nHi\n\n{% endif %}",
            "{% if a &gt; 1 and b &lt; 2 %}<p>Hi</p>{% endif %}",
        ),
        ("{% if a <b %}x{% endif %}", "<div>{% if a <b %}x{% endif %}</div>"),
        ("a", '<p {% if x %}class="b"{% endif %}>a</p>'),
        (
            "b <{% if x %}https://a.co{% else %}https://b.co{% endif %}>",
            '<a href="{% if x %}https://a.co{% else %}https://b.co{% endif %}">b</a>',
        ),
    ],
)
def test_what_liquid_surrounds_stays_within_it_in_the_text(
    text: str, body: str
) -> None:
    made = dress(manuscript(body, style=Style.HTML, kind=MailKind.HEADLESS))

    assert made.text.strip() == text


def test_no_half_of_a_condition_is_shown_in_the_text() -> None:
    """Its other half stands where a text has nothing."""
    body = '<p class="{% if x %}">a</p><p>b{% endif %}</p>'

    for style in Style:
        text = dress(manuscript(body, style=style, kind=MailKind.HEADLESS)).text
        assert "{%" not in text
        assert text.split() == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html><p>x</p>",
        "<table><tr><td>x</td></tr></table>",
        "<div>x</div>",
        "<p class='x'>y</p>",
        "<style>p{}</style><p>x</p>",
        "<!--[if mso]>x<![endif]--><p>x</p>",
        "<center>x</center>",
        DOCUMENT,
    ],
)
def test_a_look_of_its_own_is_seen(body: str) -> None:
    assert looks_written_by_hand(body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Just text, a < b",
        "<p>Hi <strong>you</strong>, <a href='x'>go</a></p><ul><li>a</li></ul>",
        '<p style="text-align:center">x</p><img src="a" alt="">',
        "<!-- a <div> --><p>{{ '<table>' }}</p>",
        KITCHEN_SINK[: KITCHEN_SINK.index('<div data-block="html">')],
        GALLERY[0].body,
    ],
)
def test_what_an_editor_writes_has_none(body: str) -> None:
    assert not looks_written_by_hand(body)


@pytest.mark.parametrize(
    "piece", ["</body", "<!--", "<body ", "{{", "<div", "<a href="]
)
def test_a_million_beginnings_are_read_once(piece: str) -> None:
    body = piece * (1_000_000 // len(piece))

    written(body, preheader="x")
    looks_written_by_hand(body)
