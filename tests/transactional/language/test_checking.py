"""What an author is told about a slip, and where."""

from __future__ import annotations

import time

import pytest

from transactional.language import Form, Problem, check, compile_part


def only(source: str, form: Form = Form.HTML) -> Problem:
    (problem,) = check(source, form)
    return problem


@pytest.mark.parametrize(
    ("source", "line", "column", "said"),
    [
        ("Hi {{ name", 1, 4, "no “}}”"),
        ("Hi\n  {% if a", 2, 3, "no “%}”"),
        ("a\r\nb\r\n{% if a %}x", 3, 1, "{% endif %}"),
        ("a\rb{% endfor %}", 2, 2, "no {% for %}"),
        ("{% if a %}{% for i in b %}{% endif %}", 1, 27, "Expected {% endfor %}"),
        ("{% foor i in b %}", 1, 1, "Is it {% for %}?"),
        ("{% nosuchthing %}", 1, 1, "Tags are if"),
        ("x{% include 'a' %}", 1, 2, "no other templates"),
        ("x{% render 'a' %}", 1, 2, "no other templates"),
        ("x{% layout 'a' %}", 1, 2, "no other templates"),
        ("{{ name | upcasse }}", 1, 11, "Is it “upcase”?"),
        ("{{ name | zzzz }}", 1, 11, "no filter “zzzz”"),
        ("{% assign a = b | zzzz %}", 1, 19, "no filter “zzzz”"),
        ("{{ name | append }}", 1, 11, "needs something"),
        ("{{ name | upcase: 1, 2 }}", 1, 11, "takes no values"),
        ("{{ name | }}", 1, 9, "{{ name | upcase }}"),
        ("{% if a = b %}{% endif %}", 1, 9, "“==”"),
        ("{% if a && b %}{% endif %}", 1, 9, "“and”"),
        ("{% if a || b %}{% endif %}", 1, 9, "“or”"),
        ("{% if a &amp;&amp; b %}{% endif %}", 1, 9, "“and”"),
        ("{% if &nbsp;a &gt; 1 # %}{% endif %}", 1, 22, "no meaning"),
        ('{% if a == "b %}{% endif %}', 1, 12, "no second one"),
        ("{% if a == “b” %}{% endif %}", 1, 12, "straight"),
        ("{% if %}{% endif %}", 1, 1, "{% if plan == "),
        ("{% for a %}{% endfor %}", 1, 8, "{% for item in items %}"),
        ("{% for a of b %}{% endfor %}", 1, 13, "{% for item in items %}"),
        ("{% case a %}{% when %}{% endcase %}", 1, 13, '{% when "pro" %}'),
        ("{% else %}", 1, 1, "no {% if %}"),
        ("{% if a %}{% else %}{% else %}{% endif %}", 1, 21, "an {% else %}"),
        ("{% break %}", 1, 1, "{% for %}"),
        ("{% if a %}{% else if b %}{% endif %}", 1, 19, "{% elsif"),
        ("{% if a %}{% elseif b %}{% endif %}", 1, 11, "Is it {% elsif %}?"),
        ("{% assign = 3 %}", 1, 11, "{% assign name"),
        ("{% if a %}{% endif x %}", 1, 20, "Nothing stands after"),
        ("{{ }}", 1, 1, "name of a variable"),
        ("{{ a > 1 }}", 1, 6, "{% if age > 18 %}"),
        ("{{ <b>name</b> }}", 1, 4, "There is HTML"),
        ("{{\nname }}", 1, 1, "one line"),
        ("{% raw %}{{ x", 1, 1, "{% endraw %}"),
        ("{% comment %}{{ x", 1, 1, "{% endcomment %}"),
        ("{% %}", 1, 1, "name of a tag"),
        ("é𝄞{{ a | zzzz }}", 1, 10, "zzzz"),
    ],
)
def test_a_slip_is_named_with_its_place(
    source: str, line: int, column: int, said: str
) -> None:
    problem = only(source)

    assert (problem.line, problem.column) == (line, column), problem
    assert said in problem.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ name | append: '<b>' }}",
        "{{ name ?? a & b }}",
        "{{{ name }}}",
        "a } b }} c %}",
        "{{ 2nd name }}{{ größe }}{{ a-b }}",
        "<style>a{b:c}@media x{d{e:f}}</style>{% if a %}{% endif %}",
        "{% # a remark, with 'anything' %}",
        "{% if a %}{% comment %}{% endif %}{% endcomment %}{% endif %}",
    ],
)
def test_what_is_right_is_right(source: str) -> None:
    assert check(source, Form.HTML) == []


def test_all_slips_are_told_at_once_in_their_order() -> None:
    source = "{{ a | zz }}\n{% foo %}\n{% if a = b %}{% endif %}"

    assert [problem.line for problem in check(source, Form.HTML)] == [1, 2, 3]


def test_deep_nesting_is_refused() -> None:
    deep = "{% if a %}" * 31 + "x" + "{% endif %}" * 31

    assert "30 deep" in only(deep).message
    assert check(deep[10:-11], Form.HTML) == []
    assert compile_part(deep[10:-11], Form.HTML).fill({"a": 1}) == "x"
    assert compile_part(deep, Form.HTML).fill({"a": 1}) == deep


def test_a_long_expression_is_refused() -> None:
    for source in (
        f"{{% if {'a and ' * 5000} b %}}{{% endif %}}",
        f"{{{{ a{'[a' * 2000}{']' * 2000} }}}}",
        f"{{{{ a{' | upcase' * 500} }}}}",
    ):
        assert "too long" in only(source).message


def test_too_much_is_refused() -> None:
    assert "2,000,000" in only("x" * 2_000_001).message
    assert "5,000" in only("{{ a }}" * 12_000).message
    assert len(check("{{ a | zz }}" * 500, Form.HTML)) == 50


@pytest.mark.parametrize(
    "unit",
    [
        *("{{", "{%", "{% raw %}", "{% comment %}", "{% if a %}", "{{ a | b }}", "}}"),
        *("{% if a %}{% endif %}", "{{ a }}", "{{ '", "{% a '", "&amp;", "{", "{%-"),
        *("{% for a in b %}", "{{ a[", "{{ a | b: ", "{% comment %}{% endcomment %}"),
    ],
)
def test_two_megabytes_of_anything_take_no_more_than_seconds(unit: str) -> None:
    """C14."""
    source = unit * (1_999_990 // len(unit))
    started = time.thread_time()

    check(source, Form.HTML)
    compile_part(source, Form.HTML).fill({"a": 1})

    assert time.thread_time() - started < 4


BOMBS = (
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{{ (1..1000000000) | join }}",
    "{% if (1..1000000000) contains 'x' %}{% endif %}",
    "{% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}",
    "{% for i in (1..9999) %}{% endfor %}" * 20,
    "{% for i in (1..9999) reversed %}" * 9 + "x" + "{% endfor %}" * 9,
    "{% assign a = 'xxxxxxxxxx' %}{% for i in (1..99) %}"
    "{% assign a = a | append: a %}{% endfor %}{{ a }}",
    "{% capture a %}xxxxxxxxxx{% endcapture %}{% for i in (1..99) %}"
    "{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}{{ a }}",
    "{% assign a = 'x' | split: '' %}{% for i in (1..99) %}"
    "{% assign a = a | concat: a %}{% endfor %}",
    "{% assign a = 'x' %}{% for i in (1..99) %}"
    "{% assign a = a | replace: 'x', 'xxxxxxxxxx' %}{% endfor %}",
    "{% for i in (1..9999) %}"
    + "{{ k | split: '' | join: 'x' }}" * 400
    + "{% endfor %}",
    "{% for i in (1..9000) %}{% assign a = k | split: '' | sort | uniq %}{% endfor %}",
    "{{ big | replace: 'x', big }}",
    "{{ big | split: '' | join: big }}",
    "{% for i in (1..9999) %}{{ tags | strip_html }}{% endfor %}",
)


@pytest.mark.parametrize("number", range(len(BOMBS)))
def test_what_grows_beyond_reason_is_stopped(number: int) -> None:
    """C14: the most a mail costs is a second."""
    source = BOMBS[number]
    assert check(source, Form.HTML) == []
    part = compile_part(source, Form.HTML)
    started = time.thread_time()

    with pytest.raises(ValueError, match=r"[A-Z].*\."):
        part.fill(
            {"k": "lorem ipsum " * 20, "big": "x" * 60_000, "tags": "<script>" * 20_000}
        )

    assert time.thread_time() - started < 2.5


def test_a_number_that_multiplies_itself_stays_small() -> None:
    source = (
        "{% assign a = 7 %}{% for i in (1..1000) %}{% assign a = a | times: a %}"
        "{% endfor %}{{ a }}"
    )

    assert len(compile_part(source, Form.TEXT).fill({})) < 400
