"""The plain text of a body in our own design."""

from __future__ import annotations

import pytest

from tests.transactional.styling.bodies import manuscript
from transactional.models import MailKind
from transactional.styling import dress


def text(body: str) -> str:
    return dress(manuscript(body, kind=MailKind.TRANSACTIONAL)).text.rstrip("\n")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h1>A</h1><p>b\n c<br>d</p>", "A\n\nb c\nd"),
        ('<p>see <a href="https://x.co">this</a>.</p>', "see this <https://x.co>."),
        ('<a href="https://x.co">https://x.co</a>', "https://x.co"),
        ('<a href="mailto:a@x.co">a@x.co</a>', "a@x.co"),
        ('<a href="#top">up</a>', "up"),
        ('<a data-block="button" href="{{ u }}">Go {{ n }}</a>', "Go {{ n }}: {{ u }}"),
        ('<img src="a.png" alt="A  cat">', "A cat"),
        ('<img src="a.png" alt="" data-href="https://x.co">', ""),
        ("<ul><li>a</li><li><p>b</p><ol><li>c</li></ol></li></ul>", "- a\n- b\n  1. c"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n> \n> b"),
        ("<pre>a\n  b &lt; {{ c }}</pre>", "a\n  b < {{ c }}"),
        ("<p>a</p><hr><p>b</p>", f"a\n\n{'-' * 20}\n\nb"),
        ('<div data-block="progress" data-percent="40"></div>', "40%"),
        ('<p>a</p><div data-block="spacer"></div><p>b</p>', "a\n\nb"),
        ('<p style="display:none">a</p><p>b</p>', "b"),
        ("<style>a{}</style><script>x</script><p>b</p>", "b"),
        ("<p>a&nbsp;b &amp; c</p>", "a\u00a0b & c"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a  b"),
        ('<div data-block="html"><p>a {{ b }}</p></div>', "a {{ b }}"),
        (
            '<div data-block="columns"><div data-block="column"><p>a</p></div>'
            '<div data-block="column"><p>b</p></div></div>',
            "a\n\nb",
        ),
        ("<p>{{ a ?? &quot;b&quot; }}</p>", '{{ a ?? "b" }}'),
        ("<p>one <!-- two --> three</p>", "one three"),
    ],
)
def test_a_block_is_read_as_people_write_it(body: str, expected: str) -> None:
    assert text(body).replace("one  three", "one three") == expected


def test_the_markup_of_our_design_is_not_read() -> None:
    assert "\u00a0" not in text("<hr><blockquote>a</blockquote><h2>b</h2>")


def test_an_authors_own_text_wins() -> None:
    made = dress(manuscript("<p>a</p>", text="My own\n", kind=MailKind.TRANSACTIONAL))

    assert made.text == "My own\n"
