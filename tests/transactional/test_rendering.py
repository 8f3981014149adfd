"""Filling in: once, escaped, bounded and fast: robustness C14 and plunk-classic 4.3."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transactional.compiling import Prepared, _Kept, prepare
from transactional.manuscripts import Manuscript
from transactional.models import Content, MailKind
from transactional.plaintext import text_of
from transactional.rendering import (
    MAX_RENDERED,
    MAX_SUBJECT,
    Compiled,
    Rendered,
    TooLong,
    compile_content,
    render,
    scope,
)

ID = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
letters = st.characters(codec="utf-8", exclude_characters="\x00")


def rendered(body: str = "", subject: str = "s", **data: Any) -> Rendered:
    variables = scope(
        contact_id=ID, address="ann@example.com", data=data, variables=None
    )
    return render(compile_content(Manuscript(subject, body)), variables)


def compiled_of(body: str) -> Compiled:
    return compile_content(Manuscript("s", body))


def prepared_of(body: str) -> Prepared:
    return prepare(Content(id=ID, subject="s", body=body), Manuscript("s", body))


def html_of(body: str, **data: Any) -> str:
    return (
        rendered(f"<p>{body}</p>", **data).html.removeprefix("<p>").removesuffix("</p>")
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{k}}", "v"),
        ("{{ k }}", "v"),
        ("{{  k  ?? x }}", "v"),
        ("{{ none ?? x }}", "x"),
        ("{{ none ?? a b }}", "a b"),
        ("{{ none ?? first ?? second }}", "first"),
        ('{{ none ?? "x y" }}', "x y"),
        ("{{ none ?? 'x' }}", "x"),
        ("{{ none }}", ""),
        ("{{ null ?? x }}", "x"),
        ("{{ empty ?? x }}", "x"),
        ("{{ false ?? x }}", "x"),
        ("{{ zero ?? x }}", "0"),
        ("{{ true }}", "true"),
        ("{{ int }}", "7"),
        ("{{ whole }}", "3"),
        ("{{ half }}", "0.5"),
        ("{{ o.a.b }}", "deep"),
        ("{{ o.a.c ?? x }}", "x"),
        ("{{ o.a.b.c }}", ""),
        ("{{ dotted.key }}", "dot"),
        ("{{ two words }}", "2w"),
        ("{{ list }}", "<li>a</li>\n<li>b</li>"),
        ("{{ data.k }}", "v"),
        ("{{ email }} {{ plunk_email }}", "ann@example.com ann@example.com"),
        ("{{ id }} {{ plunk_id }}", f"{ID} {ID}"),
        ("{{k}}{{k}}", "vv"),
        ("{{ K }}", ""),
        ("{{\nk }}", "{{\nk }}"),
        ("{ {k} }", "{ {k} }"),
        ("{{}}", ""),
        ("{{ ?? x }}", "x"),
    ],
)
def test_a_placeholder_is_filled_in(body: str, expected: str) -> None:
    data = {
        "k": "v",
        "null": None,
        "empty": "",
        "false": False,
        "true": True,
        "zero": 0,
        "int": 7,
        "whole": 3.0,
        "half": 0.5,
        "o": {"a": {"b": "deep"}},
        "dotted.key": "dot",
        "two words": "2w",
        "list": ["a", "b"],
    }

    assert html_of(body, **data) == expected


@pytest.mark.parametrize("name", ["id", "email", "plunk_id", "plunk_email"])
def test_the_systems_names_win_over_data(name: str) -> None:
    assert "evil" not in html_of(f"{{{{ {name} }}}}", **{name: "evil"})


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('" onload="x', "&quot; onload=&quot;x"),
        ("{{7*7}}", "{{7*7}}"),
        ("{{ k }}", "{{ k }}"),
        ("{% include 'x' %}", "{% include &#x27;x&#x27; %}"),
        ("{{x.__class__}}", "{{x.__class__}}"),
        ("$& $1 \\1 \\g<0>", "$&amp; $1 \\1 \\g&lt;0&gt;"),
        (["<b>"], "<li>&lt;b&gt;</li>"),
        ({"a": "<b>"}, "{&quot;a&quot;:&quot;&lt;b&gt;&quot;}"),
    ],
)
def test_a_value_is_text_and_is_filled_in_once(value: Any, escaped: str) -> None:
    """C14."""
    assert html_of("{{ k }}", k=value) == escaped


def test_raw_is_the_authors_word_for_unescaped() -> None:
    assert html_of("{{ k | raw }}{{ k|raw }}", k="<b>") == "<b><b>"
    assert html_of("{{ none ?? x | raw }}") == "x"


@pytest.mark.parametrize(
    "name", ["(a+)+$", "[", "\\", "a|b", "constructor", "__class__", "k.__class__", "*"]
)
def test_a_name_is_never_a_pattern_or_an_attribute(name: str) -> None:
    """C14."""
    assert html_of(f"{{{{ {name} }}}}", k="v") == ""
    if "|" not in name:
        assert html_of(f"{{{{ {name} }}}}", **{name: "x"}) == "x"


def test_values_in_the_text_part_are_literal() -> None:
    """C14."""
    made = rendered("<p>Hi {{ k }}</p>", k="<b>&")

    assert made.text == "Hi <b>&\n"
    assert made.html == "<p>Hi &lt;b&gt;&amp;</p>"


def test_a_body_without_tags_is_text() -> None:
    made = rendered("a < b & c\n{{ k }}", k="<i>")

    assert made.text == "a < b & c\n<i>"
    assert made.html == "a &lt; b &amp; c<br>\n&lt;i&gt;"


@pytest.mark.parametrize(
    "break_", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x00"]
)
def test_a_value_breaks_no_line_of_a_subject(break_: str) -> None:
    """C7."""
    made = rendered(subject="Hi {{ k }}!", k=f"x{break_}Bcc: y")

    assert made.subject == "Hi x Bcc: y!"


def test_spaces_of_a_subject_stay() -> None:
    """C17: no-break spaces are French, and two spaces are somebody's wish."""
    assert rendered(subject="Prêt\u00a0?  Oui").subject == "Prêt\u00a0?  Oui"


def test_a_list_in_a_subject_has_commas() -> None:
    assert rendered(subject="{{ k }}", k=["a", 1, "<"]).subject == "a, 1, <"


@settings(max_examples=200, deadline=None)
@given(st.text(letters, max_size=300), st.text(letters, max_size=50))
def test_any_body_can_be_rendered(body: str, value: str) -> None:
    for markup in (body, f"<p>{body}</p>", f"<p>{{{{ k }}}}</p>{body}"):
        made = rendered(markup, subject=body, k=value)
        assert "\n" not in made.subject


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "<table> <tr> <td> </td> </table> <ul> <li> <ol> <pre> <!-- --> <script> "
            "</script> <style> <a href=x> <img> <!doctype> <?xml <b </p> {{k}} {{ }} "
            "<td colspan=99> &amp; &#0; <svg> <plaintext> <br> x".split()
        ),
        max_size=40,
    )
)
def test_any_tag_soup_can_be_rendered(parts: list[str]) -> None:
    soup = "".join(parts)

    made = rendered(soup, k="<v>")

    if "{{" not in soup and "<" in soup and made.html.startswith("<"):
        assert made.html == soup


@pytest.mark.parametrize(
    "unit",
    [
        *("<a", "<", "{{", "{{x}}", "<script>", "<!--", " ", "<p> ", "&", "x"),
        *("<tr><td>a</td></tr>", "<ul><li>", "<table>", "\n", "</script ", "<br>"),
    ],
)
@pytest.mark.parametrize("size", [250_000, 3_000_000])
def test_a_large_body_takes_no_more_than_seconds(unit: str, size: int) -> None:
    """C14: with the table of 2 MB, whose layout took eight, all other mail waited."""
    body = "<p>" + unit * (size // len(unit))
    started = time.thread_time()

    try:
        rendered(body, x="y")
    except TooLong:
        assert unit == "{{x}}"

    assert time.thread_time() - started < 4


def test_what_grows_beyond_reason_when_filled_in_is_refused() -> None:
    """C16: a million times 64 KiB would take the worker's memory."""
    body = "<p>{{ k }}</p>" * 100_000
    started = time.thread_time()

    with pytest.raises(TooLong):
        rendered(body, k="x" * 60_000)

    assert MAX_RENDERED == 10_000_000
    assert time.thread_time() - started < 2


def test_large_contents_are_not_kept_in_memory() -> None:
    small, large = "<p>x</p>", "<p>x</p>" * 100_000

    kind = MailKind.TRANSACTIONAL

    def compiled(body: str) -> Prepared:
        content = Content(id=ID, subject="s", body=body)
        return prepare(content, Manuscript("s", body, kind=kind))

    assert compiled(small) is compiled(small)
    assert compiled(large) is not compiled(large)


def test_a_link_stays_readable_in_the_text() -> None:
    made = rendered('<p><a href="https://example.com/x">Confirm</a></p>')

    assert "https://example.com/x" in made.text
    assert "Confirm" in made.text


@pytest.mark.parametrize("size", [60_000, 1_000_000])
@pytest.mark.parametrize("times", [1, 10, 100])
def test_a_subject_is_cut_while_it_is_filled_in(size: int, times: int) -> None:
    """C7: folding sixty kilobytes of it stood the process still for seconds."""
    compiled = compile_content(Manuscript("Hi {{ a }}" * times, "x"))
    started = time.thread_time()

    made = render(compiled, {"a": "x" * size})

    assert time.thread_time() - started < 0.05
    assert made.subject == ("Hi " + "x" * size)[:MAX_SUBJECT]


#: Small markup whose layout would be large, or would take long.
MONSTERS = {
    "padding": '<p>a</p><ul style="padding-left:99999999em">' + "<li>b" * 10_000,
    "margin": '<p style="margin-top:99999em;margin-bottom:99999em">a' * 5_000,
    "style in style": f'<p style="{"style:" * 40_000}">a',
    "wide column": f"<table><tr><td>{'a' * 25_000}</td></tr>{'<tr><td>b' * 4_000}",
    "wider column": f"<table><tr><td>{'a' * 99_000}</td></tr>{'<tr><td>b' * 20_000}",
    "tall row": f"<table><tr><td>{'a<br>' * 20_000}</td>{'<td>b</td>' * 9_000}",
    "many columns": f"<table><tr>{'<td>' * 20_000}</tr>{'<tr>' * 20_000}",
    "many wide tables": (f"<table><tr><td>{'a' * 400}{'<tr><td>b' * 400}</table>" * 60),
    "tables in tables": "<table><tr><td>" * 80 + "a" * 9_000 + "<tr><td>b" * 5_000,
    "lists in lists": "<ul>" * 200 + "<li>b" * 40_000,
    "boxes in boxes": "<div>" * 200 + "<br>b" * 40_000,
    "lines in boxes": "<div>" * 240 + "<pre>" + "b\n" * 100_000,
    "links in links": f'<a href="{"x" * 200_000}">' + "<a>" * 10_000,
    "small pieces": "<p>" + "<b>xx</b>" * 25_000,
    "a number of many digits": "<p>&#" + "9" * 9_000 + ";",
    "a list from a great number": f'<ol><li value="{"9" * 9_000}">a',
    "a list from no number": '<ol><li value="\u00b2">a',
    "deep": "<b>" * 90_000,
    "spans": "<span>a" * 30_000,
}


@pytest.mark.parametrize("name", MONSTERS)
def test_the_text_of_any_html_is_bounded(name: str) -> None:
    """C14: fifty kilobytes of it took gigabytes, for good."""
    markup = MONSTERS[name]
    started = time.thread_time()
    text = text_of(markup)
    seconds = time.thread_time() - started
    tracemalloc.start()
    text_of(markup)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(text) <= 4 * len(markup) + 20_000
    assert seconds < 2
    assert peak < 60_000_000


def test_hidden_text_stays_hidden() -> None:
    made = rendered('<p style="color:red; DISPLAY : none">Preview</p><p>Hello</p>')

    assert made.text == "Hello\n"


def test_lists_and_tables_are_laid_out() -> None:
    made = rendered(
        "<table><tr><th>Item</th><th>Price</th></tr>"
        "<tr><td>Blue shoes</td><td>10</td></tr></table>"
        "<ul><li>One<ul><li>Two</li></ul></li></ul>"
    )

    assert [line.rstrip() for line in made.text.splitlines() if line.strip()] == [
        "Item        Price",
        "Blue shoes  10",
        "  * One",
        "      + Two",
    ]


def test_raw_values_are_laid_out_only_so_far() -> None:
    """C14: such values come with a public key."""
    compiled = compile_content(
        Manuscript("s", "<p>{{ a | raw }}{{ b | raw }}</p>" * 80)
    )
    value = "<ul style='padding-left:9999em'>" + "<li>b" * 10_000
    started = time.thread_time()

    made = render(compiled, {"a": value, "b": f"{value}c"})

    assert time.thread_time() - started < 2
    assert len(made.text) < 10_000_000


def test_what_is_kept_is_bounded_in_bytes() -> None:
    """D6: five hundred contents took hundreds of megabytes."""
    kept = _Kept(1_000_000)
    contents = [
        (
            (uuid4(), Manuscript("s", f"<p>{number}{'x' * 9_000}"), "", ""),
            prepared_of("x"),
        )
        for number in range(300)
    ]

    for key, compiled in contents:
        kept.keep(key, compiled)
        assert kept.get(contents[0][0]) or number_of(kept, contents) > 10

    assert kept.size <= 1_000_000
    assert 30 < number_of(kept, contents) < 120
    assert kept.get(contents[-1][0])


def test_what_is_used_is_kept() -> None:
    kept = _Kept(100_000)
    used = (ID, Manuscript("s", "used"), "", "")
    kept.keep(used, prepared_of("used"))

    for number in range(200):
        assert kept.get(used)
        kept.keep(
            (ID, Manuscript("s", f"{number}{'x' * 9_000}"), "", ""),
            prepared_of("x"),
        )

    assert kept.size <= 100_000
    kept.keep((ID, Manuscript("s", "x" * 200_000), "", ""), prepared_of("x"))
    assert kept.size == 0


def number_of(kept: _Kept, contents: list[Any]) -> int:
    return sum(kept.get(key) is not None for key, _ in contents)
