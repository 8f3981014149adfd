"""Liquid in mails: conditions, loops and filters, with our rules for values."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from transactional.language import Form, check, compile_part
from transactional.language.liquid import LiquidPart
from transactional.language.parts import Unfillable
from transactional.manuscripts import Manuscript
from transactional.styling import dress

DATA: dict[str, Any] = {
    "name": "Ada <b>",
    "plain": "Ada",
    "first name": "Ann",
    "items": [{"n": "x", "price": 3}, {"n": "y", "price": 4.5}],
    "tags": ["b", "a", "b"],
    "age": "20",
    "ten": 10,
    "zero": 0,
    "void": "",
    "no": False,
    "none": None,
    "nothing": [],
    "a": {"b": {"c": "deep"}},
    "x.y": "flat",
    "html": "<i>1</i>",
    "lines": "1\r\n2",
    "day": "2026-03-07T18:05:09Z",
}


def filled(source: str, form: Form = Form.HTML, **more: Any) -> str:
    variables = {**DATA, **more}
    return compile_part(source, form).fill({**variables, "data": variables})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ name | upcase }}", "ADA &lt;B&gt;"),
        ("{{ first name | upcase }}", "ANN"),
        ('{{ data["first name"] }}', "Ann"),
        ('{{ data["first name"] ?? "you" }}', "Ann"),
        ('{{ data["last name"] ?? "you" }}', "you"),
        ('{{ unknown ?? "you" | upcase }}', "YOU"),
        ("{{ unknown ?? my friend | upcase }}", "MY FRIEND"),
        ("{{ unknown ?? first ?? second | upcase }}", "FIRST"),
        ("{{ unknown | default: plain | upcase }}", "ADA"),
        ("{{ void ?? x | upcase }}{{ no ?? x | upcase }}", "XX"),
        ("{{ zero ?? x | plus: 1 }}", "1"),
        ("{{ unknown | upcase }}", ""),
        ("{{ plain | nosuch }}", "Ada"),
        ("{{ plain | truncate }}", "Ada"),
        ("{{ plain | append }}", "Ada"),
        ("{{ tags | nosuch }}", "<li>b</li>\n<li>a</li>\n<li>b</li>"),
        ("{{ items[0].n }}{{ items.last.n }}{{ items[-1]['n'] }}", "xyy"),
        ("{{ items.size | plus: 0 }}{{ plain.size | plus: 0 }}", "23"),
        ("{{ items.0.n }}{{ items.size }}", "x2"),
        ("{{ items[9].n }}{{ a.size | upcase }}{{ plain.first | upcase }}", ""),
        ("{{ a.b.c | upcase }}{{ x.y | upcase }}", "DEEPFLAT"),
        ("{{ a['b']['c'] }}{{ a[unknown] }}", "deep"),
        ("a {{- plain -}} b", "aAdab"),
        ("a {%- if ten -%} b {%- endif -%} c", "abc"),
        ('{{ "text" }}{{ "<b>" }}', "text&lt;b&gt;"),
        ("{{ 3 | plus: 4 }}", "7"),
    ],
)
def test_what_stands_between_braces_is_filled_in(source: str, expected: str) -> None:
    assert filled(source) == expected


@pytest.mark.parametrize(
    ("condition", "is_true"),
    [
        ("plain", True),
        ("void", False),
        ("none", False),
        ("unknown", False),
        ("no", False),
        ("zero", False),
        ("ten", True),
        ("nothing", True),
        ('"text"', True),
        ("age > 18", True),
        ("age >= 20 and age <= 20", True),
        ("age < 18 or ten == 10", True),
        ("ten > plain", False),
        ("ten < unknown", False),
        ("items > 3", False),
        ('age == "20"', True),
        ("age == 20", False),
        ("ten == 10.0", True),
        ("true == 1", False),
        ('plain contains "d"', True),
        ('tags contains "a"', True),
        ('tags contains "z"', False),
        ("ten contains 1", False),
        ('a contains "b"', True),
        ("nothing == empty", True),
        ("unknown == blank", True),
        ("plain != blank", True),
        ("unknown == nil", True),
        ("not void and zero", False),
        ("not void and ten", True),
        ("not plain or ten", True),
        ("first name == 'Ann'", True),
        ("age &gt; 18 and plain == &quot;Ada&quot;", True),
        ("&nbsp;age&nbsp;&gt;&nbsp;18", True),
    ],
)
@pytest.mark.parametrize("form", Form)
def test_a_condition_holds_or_not(condition: str, is_true: bool, form: Form) -> None:
    source = f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}"

    assert filled(source, form) == ("yes" if is_true else "no")
    assert check(source, form) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% unless no %}1{% endunless %}", "1"),
        ("{% if no %}1{% elsif ten %}2{% else %}3{% endif %}", "2"),
        ("{% case age %}{% when '1', '20' %}A{% else %}B{% endcase %}", "A"),
        ("{% case age %}{% when '1' or '2' %}A{% else %}B{% endcase %}", "B"),
        ("{% for i in items %}{{ i.n }}{{ forloop.index }}{% endfor %}", "x1y2"),
        ("{% for i in nothing %}1{% else %}none{% endfor %}", "none"),
        ("{% for i in unknown %}1{% else %}none{% endfor %}", "none"),
        ("{% for i in plain %}{{ i }}{% endfor %}", "Ada"),
        ("{% for i in (1..ten) %}{% if i > 3 %}{% break %}{% endif %}{{ i }}"
         "{% endfor %}", "123"),
        ("{% for i in tags reversed limit: 2 offset: 1 %}{{ i }}{% endfor %}", "ba"),
        ("{% for i in tags limit: 1 %}{{ i }}{% endfor %}-"
         "{% for i in tags offset: continue %}{{ i }}{% endfor %}", "b-ab"),
        ("{% for pair in a %}{{ pair[0] }}:{{ pair[1].c }}{% endfor %}", "b:deep"),
        ("{% assign x = plain | upcase %}{{ x }}", "ADA"),
        ("{% assign my list = 'a,b' | split: ',' %}{{ my list }}",
         "<li>a</li>\n<li>b</li>"),
        ("{% capture c %}<i>{{ name }}</i>{% endcapture %}{{ c }}",
         "<i>Ada &lt;b&gt;</i>"),
        ("{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}", "aba"),
        ("{% increment n %}{% increment n %}{% decrement m %}", "01-1"),
        ("{% raw %}{{ plain }}{% x %}{% endraw %}", "{{ plain }}{% x %}"),
        ("1{% comment %}{{ {% if %} {% endcomment %}2", "12"),
        ("1{% # a remark %}2", "12"),
        ("{% echo plain | upcase %}", "ADA"),
        ("{% tablerow i in tags cols: 2 %}{{ i }}{% endtablerow %}",
         '<tr class="row1">\n<td class="col1">b</td><td class="col2">a</td></tr>\n'
         '<tr class="row2"><td class="col1">b</td></tr>\n'),
        ("{% for item in items %}{{ item.n }}{{ item.none ?? '-' }}{% endfor %}",
         "x-y-"),
    ],
)  # fmt: skip
def test_tags_do_what_they_say(source: str, expected: str) -> None:
    assert filled(source) == expected
    assert check(source, Form.HTML) == []


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Form.LINE, "b, a, b|<i>1</i>|<i>1</i>|1 2"),
        (
            Form.HTML,
            "<li>b</li>\n<li>a</li>\n<li>b</li>|&lt;i&gt;1&lt;/i&gt;|<i>1</i>|1\r\n2",
        ),
        (Form.TEXT, "- b\n- a\n- b|<i>1</i>|1|1\r\n2"),
    ],
)
def test_each_form_writes_values_in_its_way(form: Form, expected: str) -> None:
    source = "{{ tags | compact }}|{{ html | strip }}|{{ html | strip | raw }}|"

    assert filled(source + "{{ lines | strip }}", form) == expected


def test_a_value_is_text_whatever_filters_do_to_it() -> None:
    """C14."""
    evil = "<script>{{ x }}{% y %}"

    for chain in (
        "append: '<b>'",
        "escape | upcase",
        "escape | url_decode",
        "split: '' | join: ''",
        "escape_once",
        "url_encode | url_decode",
        "base64_encode | base64_decode",
        "strip_newlines",
        "slice: 0, 99",
        "json",
        "newline_to_br",
        "replace: 'x', '<'",
        "escape | replace: '&lt;', '<'",
    ):
        made = filled(f"{{{{ evil | {chain} }}}}", evil=evil)
        assert "<" not in made.replace("<br>", ""), chain
        made = filled(f"{{{{ evil | {chain} }}}}", evil="%3Cscript%3E&lt;b&#60;")
        assert "<" not in made.replace("<br>", ""), chain


def test_html_that_was_made_as_such_is_not_escaped_twice() -> None:
    assert filled("{{ lines | newline_to_br }}") == "1<br>\n2"
    assert filled("{{ name | escape }}") == "Ada &lt;b&gt;"
    assert filled("{{ name | escape }}", Form.TEXT) == "Ada <b>"
    assert filled("{{ amp | escape_once }}", amp="&amp;<") == "&amp;&lt;"


def test_the_marks_of_addresses_come_in_no_value() -> None:
    for source in ("{{ k }}", "{{ k | append: k }}", "{{ o }}", "{{ l | join: k }}"):
        for form in Form:
            made = filled(
                source, form, k="a\ufdd0b\ufdd1", o={"\ufdd0": 1}, l=["\ufdd1"]
            )
            assert "\ufdd0" not in made
            assert "\ufdd1" not in made

    marked = '{% capture c %}<a href="\ufdd0https://x\ufdd1">{% endcapture %}{{ c }}'
    assert filled(marked) == '<a href="\ufdd0https://x\ufdd1">'


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ a.b | upcase }}", {"a", "a.b"}),
        ("{% if a %}{{ b }}{% elsif c.d %}{% endif %}", {"a", "b", "c", "c.d"}),
        ("{% for i in list %}{{ i.n }}{{ forloop.index }}{{ o }}{% endfor %}",
         {"list", "o"}),
        ("{% for i in list %}{% endfor %}{{ i | upcase }}", {"list", "i"}),
        ("{% assign x = a %}{{ x | upcase }}", {"a"}),
        ("{{ x | upcase }}{% assign x = a %}", {"x", "a"}),
        ("{% if a %}{% assign x = 1 %}{% endif %}{{ x | upcase }}", {"a", "x"}),
        ("{% if a %}{% assign x = 1 %}{{ x | upcase }}{% endif %}", {"a"}),
        ("{% capture x %}{{ a }}{% endcapture %}{{ x }}", {"a"}),
        ('{{ data["a b"] }}', {"data", "data.a b"}),
        ("{{ data[key] }}", {"data", "key"}),
        ("{{ a[b.c] }}", {"a", "b", "b.c"}),
        ("{{ a | default: b }}", {"a", "b"}),
        ("{{ 'now' | date: '%Y' }}", {"now"}),
        ("{% assign t = 'today' %}{{ t | date: '%Y' }}", {"now"}),
        ("{{ when | date: '%Y' }}", {"when"}),
        ("{% case a %}{% when b %}{{ c }}{% endcase %}", {"a", "b", "c"}),
        ("{{ first name ?? x | upcase }}", {"first name"}),
        ("{% if a contains b and c > 1 %}{% endif %}", {"a", "b", "c"}),
        ("{% for i in (1..n) limit: m %}{% endfor %}", {"n", "m"}),
    ],
)  # fmt: skip
def test_the_names_that_a_part_reads_are_known(source: str, names: set[str]) -> None:
    part = compile_part(source, Form.HTML)

    assert isinstance(part, LiquidPart)
    assert part.names == names


def test_now_is_when_the_mail_was_composed() -> None:
    source = '{{ "now" | date: "%Y-%m-%d" }} {{ "today" | date: "%-d %B" }}'

    assert filled(source, now="2026-03-07T23:30:00-05:00") == "2026-03-08 8 March"
    assert filled(source) == "now today"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-03-07 18:05:09"),
        ("%A, %-d %B %Y", "Saturday, 7 March 2026"),
        ("%a %e %b, %l:%M %p", "Sat  7 Mar,  6:05 PM"),
        ("%dth %q %y %j %s %z %%", "07th th 26 066 1772906709 +0000 %"),
        ("%F %T %D %R %^a", "2026-03-07 18:05:09 03/07/26 18:05 SAT"),
        ("%999999999d %", "%999999999d %"),
        ("%E", "%E"),
    ],
)
def test_a_date_is_written_in_utc(form: str, expected: str) -> None:
    assert filled(f"{{{{ day | date: '{form}' }}}}") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-07", "2026-03-07"),
        ("2026-03-07 23:00:00+02:00", "2026-03-07"),
        (1772906709, "2026-03-07"),
        ("1772906709", "2026-03-07"),
        ("20260307", "2026-03-07"),
        ("Sat, 07 Mar 2026 18:05:09 +0000", "2026-03-07"),
        ("soon", "soon"),
        ("10:30", "10:30"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (1e15, "1000000000000000"),
        (["x"], "<li>x</li>"),
    ],
)
def test_what_is_no_date_stays(value: Any, expected: str) -> None:
    assert filled("{{ v | date: '%F' }}", v=value) == expected


def test_several_threads_render_one_part() -> None:
    part = compile_part(
        "{% for i in list %}{% cycle 'a', 'b' %}{{ i | upcase }}{% endfor %}", Form.HTML
    )

    def rendered(number: int) -> bool:
        made = part.fill({"list": [f"x{number}"] * 20})
        return made == f"aX{number}bX{number}" * 10

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(rendered, range(200)))


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}{{ k }}",
        "{% include 'x' %}{{ k }}",
        "{% render 'x' %}{{ k }}",
        "{% nosuch %}{{ k }}",
        "{% if a %}{{ k }}",
        "{% endif %}{{ k }}",
        "{{ a | }}{{ k }}",
        "{% if a = b %}{{ k }}{% endif %}",
        "{{ unclosed {% if x %}{{ k }}{% endif %}",
    ],
)
def test_what_cannot_be_read_is_plain_substitution(source: str) -> None:
    expected = source.replace("{{ k }}", "v").replace("{{ a | }}", "")

    assert compile_part(source, Form.HTML).fill({"k": "v"}) == expected


@pytest.mark.parametrize(
    "name", ["__class__", "constructor", "mro", "__init__", "items", "keys", "get"]
)
def test_a_value_has_its_own_keys_only(name: str) -> None:
    source = f"{{{{ a.{name} | upcase }}}}{{{{ a['{name}'] }}}}{{{{ plain.{name} }}}}"

    assert filled(source) == ""
    assert filled(source, a={name: "own"}) == "OWNown"


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(
    "inner",
    [
        "{{ LOOP }}",
        "{{ LOOP | append: 'x' | upcase | replace: 'X', '' }}",
        "{{ LOOP | json | replace: 'null', '' }}",
        "{% if LOOP == a %}1{% endif %}",
        "{% if a contains LOOP %}1{% endif %}",
        "{% assign kept = LOOP %}{{ kept | join }}",
        "{{ LOOP[a] }}{{ LOOP[tags] }}{{ LOOP.parentloop }}",
    ],
)
def test_a_loop_is_no_value(inner: str, form: Form) -> None:
    plain = inner.replace("LOOP", "forloop")
    inside = inner.replace("LOOP", "tablerowloop")

    said = filled(f"{{% for i in (1..2) %}}{plain}{{% endfor %}}", form)
    rows = filled(f"{{% tablerow i in (1..2) %}}{inside}{{% endtablerow %}}", form)

    assert said == ""
    assert "1" not in rows.replace("row1", "").replace("col1", "")


@pytest.mark.parametrize("columns", ["unknown", "none", "a", "tags", "void", "'x'"])
def test_columns_that_are_no_number_are_one_row(columns: str) -> None:
    source = f"{{% tablerow t in tags cols: {columns} %}}{{{{ t }}}}{{% endtablerow %}}"

    assert filled(source).count("<tr") == 1
    assert filled(source, Form.TEXT) == "b  a  b\n"


def test_a_tag_on_its_own_line_leaves_no_empty_line_in_a_text() -> None:
    source = (
        "Hi\n\n{% for i in tags %}\n- {{ i }}\n{% endfor %}  \n"
        "Bye {% if ten %}\nx{% endif %}"
    )

    assert filled(source, Form.TEXT) == "Hi\n\n- b\n- a\n- b\nBye \nx"
    assert filled("{% if ten %}\r\na\r\n{% endif %}\r\n", Form.TEXT) == "a\r\n"
    assert filled("{% if ten %}\na\n{% endif %}\n") == "\na\n\n"


def test_the_text_made_of_html_speaks_the_language_too() -> None:
    """Editors write references and break lines within tags; layout moves both."""
    body = (
        "<p>Hi {{ plain |\n   upcase }}</p><table>{% for x in items %}"
        "<tr><td>{{ x.n }}</td><td>{{ x.price | times: 2 }}</td></tr>{% endfor %}"
        "</table>"
        "<p>{% if ten &gt; 1 %}yes{% else %}no{% endif %}</p>"
        "<p>{{ unknown ?? &quot;you&quot; | upcase }}{{&nbsp;plain&nbsp;}}</p>"
        '<a href="{% if ten > 1 %}https://a.test{% endif %}">Link</a>'
    )
    dressed = dress(Manuscript(subject="s", body=body))

    assert [line for line in filled(dressed.text, Form.TEXT).split("\n") if line] == [
        "Hi ADA",
        "x  6",
        "y  9",
        "yes",
        "YOUAda",
        "Link <https://a.test>",
    ]
    assert "<td>y</td><td>9</td>" in filled(dressed.html)
    assert '<a href="https://a.test">' in filled(dressed.html)


#: A text of a million characters, and a list that names it thirty thousand times.
_LONG = (
    "{% assign long = 'abcdefgh' %}"
    "{% for i in (1..17) %}{% assign long = long | append: long %}{% endfor %}"
)
_LIST = (
    "{% assign list = long | concat: long %}"
    "{% for i in (1..14) %}{% assign list = list | concat: list %}{% endfor %}"
)


@pytest.mark.parametrize(
    "source",
    [
        _LONG + _LIST + "{{ list }}",
        _LONG + _LIST + "{{ list | sort_natural | size }}",
        _LONG + _LIST + "{{ list | append: '' | size }}",
        _LONG + _LIST + "{{ list | json | size }}",
        "{% assign long = data %}" + _LIST + "{{ list | json | size }}",
        _LONG + "{% cycle " + ", ".join(["long"] * 190) + " %}",
        _LONG
        + "".join(
            f"{{% assign n{i} = long | append: '{i}' | split: '~' %}}"
            for i in range(300)
        ),
    ],
)
def test_a_long_text_that_is_named_often_is_refused_before_it_is_written(
    source: str,
) -> None:
    wide = {str(key): "y" * 50 for key in range(1000)}
    part = compile_part(source, Form.HTML)

    tracemalloc.start()
    try:
        with pytest.raises(Unfillable):
            part.fill({"data": wide})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 40_000_000
