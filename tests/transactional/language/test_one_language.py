"""The two ways of the language say the same, and what is checked can be sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transactional.language import Form, Unfillable, check, compile_part
from transactional.language.liquid import LiquidPart, compile_liquid
from transactional.language.placeholders import PlainPart

letters = st.characters(codec="utf-8", exclude_characters="\x00")
texts = st.text(st.sampled_from("ab {}%<>&\"'\n\ufdd0é|"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**16) | st.floats(-10, 10) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c d", "size", "0"]), inner)
    ),
    max_leaves=8,
)
variables = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "c d", "data", "item", "now", "2x", "é"]), values
)
paths = st.sampled_from(
    "a|b|a.b|a.b.a|c d|a.c d|data.a|a.size|a.first|a.0|2x|é|none|a.b.c.d|item.a".split(
        "|"
    )
)
placeholders = st.builds(
    lambda space, path, fallback, raw: f"{{{{{space}{path}{fallback}{space}{raw}}}}}",
    st.sampled_from(["", " ", "  ", "&nbsp;"]),
    paths,
    st.sampled_from(
        ["", " ?? x", "??'x y'", ' ?? "<b>"', " ?? x ?? y", " ?? &quot;q&quot;"]
    ),
    st.sampled_from(["", " | raw", "|raw "]),
)
plain_sources = st.lists(
    placeholders | st.sampled_from(["<p>", " text ", "\n", "x{", "}", " % }", "&amp;"]),
    max_size=6,
).map("".join)
tags = st.sampled_from(
    """{% if a %}|{% if a > 1 %}|{% if a.b == 'x' and c d %}|{% elsif b %}|{% else %}
    |{% endif %}|{% unless a %}|{% endunless %}|{% for item in a %}|{% endfor %}
    |{% for item in a reversed limit: b offset: a %}|{% break %}|{% continue %}
    |{% case a %}|{% when 1, 'x' %}|{% endcase %}|{% assign b = a | split: '' %}
    |{% capture b %}|{% endcapture %}|{% cycle a, b %}|{% raw %}|{% endraw %}
    |{% comment %}|{% endcomment %}|{% tablerow item in a cols: b %}|{% endtablerow %}
    |{{ a | upcase }}|{{ a | join: b | split: '' | sort | uniq | first }}
    |{{ a | plus: b | times: a | divided_by: b | round: 2 }}|{{ a | date: '%c' }}
    |{{ a | map: 'b' | sum }}|{{ a[b] }}|{{ a['c d'] }}|{{ 'now' | date: '%F' }}
    |{{ a | slice: b, 2 | truncate: a, b | replace: 'a', b }}|{{ a | where: 'b', b }}
    |{{ item }}|{{ forloop.index | modulo: 2 }}|{{ b | raw | newline_to_br }}|{{|}}
    |{%|%}|<b>|{{ a | size | at_least: b }}|{{ a ?? x | sort_natural: 'b' | json }}
    |{% increment n %}|{% echo a | concat: b %}|{{ a | url_encode | url_decode }}
    |{% include 'x' %}|{{ a | nope }}|{% if (1..a) contains b %}|{{- a -}}""".split("|")
)
words = st.lists(tags | plain_sources | st.text(letters, max_size=8), max_size=12)


@pytest.mark.parametrize("form", Form)
@settings(max_examples=300, deadline=None)
@given(source=plain_sources, given_=variables)
def test_a_plain_part_says_the_same_in_both_ways(
    form: Form, source: str, given_: dict[str, Any]
) -> None:
    plain = compile_part(source, form)
    liquid = compile_liquid(source, form)

    assert isinstance(plain, PlainPart)
    assert liquid.fill(given_) == plain.fill(given_)
    assert liquid.names <= plain.names


@pytest.mark.parametrize("form", Form)
@settings(max_examples=300, deadline=None)
@given(source=plain_sources, given_=variables)
def test_a_variable_says_the_same_beside_a_tag(
    form: Form, source: str, given_: dict[str, Any]
) -> None:
    plain = compile_part(source, form)
    beside = compile_part(f"{source}{{% if true %}}{{% endif %}}", form)

    assert isinstance(beside, LiquidPart)
    assert beside.fill(given_) == plain.fill(given_)


@settings(max_examples=500, deadline=None)
@given(source=words.map("".join), given_=variables, form=st.sampled_from(list(Form)))
def test_what_passes_the_check_can_be_filled_in_with_anything(
    source: str, given_: dict[str, Any], form: Form
) -> None:
    problems = check(source, form)
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    made = compile_part(source, form).fill(given_)

    assert isinstance(made, str)
    for problem in problems:
        assert problem.message
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    if not problems and ("{%" in source):
        assert isinstance(compile_part(source, form), LiquidPart)


@settings(max_examples=300, deadline=None)
@given(source=words.map("".join), given_=variables, form=st.sampled_from(list(Form)))
def test_what_a_part_says_depends_on_its_names_only(
    source: str, given_: dict[str, Any], form: Form
) -> None:
    """A mail is shown again from the variables that it names."""
    part = compile_part(source, form)
    named = {name: given_[name] for name in part.names if name in given_}

    assert part.fill(given_ if "data" in part.names else named) == part.fill(given_)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("{%}ab |\"'[]().?=<>&;-\n"), max_size=60))
def test_anything_can_be_checked_and_filled_in(source: str) -> None:
    for form in Form:
        check(source, form)
        compile_part(source, form).fill({"a": "{{ b }}", "b": ["x"]})


def test_the_limits_are_the_only_errors() -> None:
    with pytest.raises(Unfillable):
        compile_part("{{ (1..99999) | join }}", Form.TEXT).fill({})
