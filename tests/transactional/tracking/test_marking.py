from __future__ import annotations

import time
from typing import Any

import pytest

from transactional.tracking.marking import AFTER, BEFORE, PLACE, counted, mark, unmarked

#: How these tests write the marks.
SHOWN = str.maketrans({BEFORE: "⟦", AFTER: "⟧"})


def marked(html: str) -> str:
    return mark(html).replace(PLACE, "").translate(SHOWN)


def finished(html: str, **variables: str) -> str:
    for name, value in variables.items():
        html = html.replace(f"{{{{{name}}}}}", value)
    return counted(html, address=lambda url: f"[{url}]", pixel="")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<a href="https://x.example">x</a>',
            '<a href="⟦https://x.example⟧">x</a>',
        ),
        ("<a href='http://x.example'>", "<a href='⟦http://x.example⟧'>"),
        ("<a href=https://x.example>x", "<a href=⟦https://x.example⟧>x"),
        (
            '<A\nTARGET=_blank HREF = "HTTPS://X">',
            '<A\nTARGET=_blank HREF = "⟦HTTPS://X⟧">',
        ),
        ('<area href=" https://x "/>', '<area href="⟦ https://x ⟧"/>'),
        ('<a href="{{resetUrl}}">', '<a href="⟦{{resetUrl}}⟧">'),
        (
            '<a href="{{ url ?? "https://x" }}">',
            '<a href="⟦{{ url ?? "https://x" }}⟧">',
        ),
        (
            '<a href="{% if a > b %}https://a{% else %}https://b{% endif %}">',
            '<a href="⟦{% if a > b %}https://a{% else %}https://b{% endif %}⟧">',
        ),
        (
            '<a {% if a %}href="https://a"{% else %}href="https://b"{% endif %}>',
            '<a {% if a %}href="⟦https://a⟧"{% else %}href="⟦https://b⟧"{% endif %}>',
        ),
        ('<a href="https&#58;//x">', '<a href="⟦https&#58;//x⟧">'),
        (
            '<![if !mso]><a href="https://x">x</a><![endif]>',
            '<![if !mso]><a href="⟦https://x⟧">x</a><![endif]>',
        ),
        (
            '<!--[if !mso]><!--><a href="https://x"><!--<![endif]-->',
            '<!--[if !mso]><!--><a href="⟦https://x⟧"><!--<![endif]-->',
        ),
        ("<a title=it's href=https://x>", "<a title=it's href=⟦https://x⟧>"),
    ],
)
def test_links_to_the_web_are_marked(html: str, expected: str) -> None:
    assert marked(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:a@x.example">',
        '<a href="tel:+49">',
        '<a href="sms:+49">',
        '<a href="#top">',
        '<a href="/relative">',
        '<a href="//x.example">',
        '<a href="javascript:alert(1)">',
        '<a href="data:text/html,x">',
        '<a href="cid:logo">',
        '<a href="">',
        "<a href>",
        '<a name="https://x">',
        '<link href="https://x">',
        '<base href="https://x">',
        '<img src="https://x" alt="<a href=https://y>">',
        '<abbr href="https://x">',
        '</a href="https://x">',
        '<a href="{{unsubscribeUrl}}">',
        '<a href="{{ manageUrl }}?from=mail">',
        '<a href="{{ subscribeUrl ?? "https://x" }}">',
        '<a href="https://app.example/unsubscribe/{{plunk_id}}">',
        '<a href="https://x" data-no-track>',
        '<a data-track="off" href="https://x">',
        '<a href="https://x" ses:no-track="">',
        '<!-- <a href="https://x"> -->',
        '<!--[if mso]><a href="https://x">x</a><![endif]-->',
        '<!--[if mso]><v:roundrect href="https://x"/><![endif]-->',
        '<!-- unfinished <a href="https://x">',
        '<![CDATA[<a href="https://x">]]>',
        '<style>a:after{content:"<a href=https://x>"}</style>',
        '<script>"<a href=https://x>"</script >',
        '<textarea><a href="https://x"></TextArea>',
        '<title><a href="https://x"></title>',
        '<plaintext><a href="https://x">',
        '<xmp><a href="https://x">',
        "no tag at all <a",
        "",
    ],
)
def test_what_is_no_link_to_the_web_stays_byte_for_byte(html: str) -> None:
    assert marked(html) == html


def test_a_document_is_changed_at_its_marks_only() -> None:
    html = (
        '\ufeff<!DOCTYPE html>\r\n<html ><body\t>&nbsp;\x0b<a class=b href="https://x'
        '?a=1&amp;b=2" >é&copy</a><br/><a href=#top></a></body>\n</html>'
        "<!-- </body> -->"
    )

    whole = mark(html)

    unmarked = whole.replace(PLACE, "").replace(BEFORE, "").replace(AFTER, "")
    assert unmarked == html
    assert f"{PLACE}</body>\n" in whole


def test_marks_that_an_author_wrote_are_taken_out() -> None:
    html = f'<a href="{BEFORE}https://x{AFTER}">{PLACE}x</a>'

    assert marked(html) == '<a href="⟦https://x⟧">x</a>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<a href="https://x?a=1&amp;b=2&copy=3&lt;&#x26;c">',
            '<a href="[https://x?a=1&amp;b=2&amp;copy=3&lt;&amp;c]">',
        ),
        ('<a href=" https://x/\n ">', '<a href="[https://x/]">'),
        ('<a href="HTTPS://X/a b">', '<a href="[HTTPS://X/a b]">'),
    ],
)
def test_an_address_is_read_as_a_mail_program_reads_it(
    html: str, expected: str
) -> None:
    assert finished(mark(html)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "java&#10;script:alert(1)",
        "data:text/html,https://x",
        "mailto:a@x.example",
        "",
        "/relative",
        "https://",
        "https:///x",
        "http:x",
        "https:\\\\x",
        "https://x/\x7f",
        "https://mail.example.com\x00.evil",
    ],
)
def test_what_a_variable_holds_is_judged_when_it_is_filled_in(value: str) -> None:
    html = '<a href="{{url}}">x</a>'

    assert finished(mark(html), url=value) == html.replace("{{url}}", value)


def test_the_recipients_own_links_are_never_counted(settings: Any) -> None:
    own = f"{settings.APP_URI}/unsubscribe/token"

    assert finished(mark('<a href="{{url}}">'), url=own) == f'<a href="{own}">'


def test_a_marked_document_can_be_shown_without_its_marks() -> None:
    html = '<body><a href="https://x">x</a></body>'

    assert unmarked(mark(html)) == html


def test_the_picture_stands_at_the_end_of_the_body() -> None:
    html = mark("<body>x</body><!-- </body> --></html>")

    whole = counted(html, address=str, pixel="https://x/t/o/y.gif")

    image = whole.removeprefix("<body>x").removesuffix("</body><!-- </body> --></html>")
    assert image.startswith(
        '<img src="https://x/t/o/y.gif" width="1" height="1" alt=""'
    )


@pytest.mark.parametrize(
    "html", ["x", "<p>x", "<html>x</html>", "<body>x</body><a href=https://y>y</a>"]
)
def test_a_fragment_has_one_picture_too(html: str) -> None:
    assert counted(mark(html), address=str, pixel="p").count("<img") == 1


def test_without_a_picture_nothing_is_added() -> None:
    assert counted(mark("<p>x</p>"), address=str, pixel="") == "<p>x</p>"


@pytest.mark.parametrize(
    "piece",
    [
        "{{",
        "{%",
        "{{%",
        "<a ",
        "<!--",
        '<a href="',
        "<a a='",
        "<script>",
        "</",
        "<a =",
        "< a",
        "<a b = ",
        "&",
        BEFORE,
        "<![",
        "<a" + " " * 50,
        "{{ x }}<a href={{y}} ",
    ],
)
def test_hostile_markup_takes_no_longer_than_its_length(piece: str) -> None:
    html = piece * (300_000 // len(piece))

    started = time.perf_counter()
    counted(mark(html), address=str, pixel="x")

    assert time.perf_counter() - started < 3
