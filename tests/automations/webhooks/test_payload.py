from __future__ import annotations

import json
from typing import Any

import pytest

from automations.webhooks.payload import Rendered, Unrenderable, check_config, render

URL = "https://hooks.acme.example/in"


def rendered(config: dict[str, Any], **data: Any) -> Rendered:
    return render(
        {"url": URL, **config},
        contact={"email": "ann+x@example.com", "subscribed": True, "data": data},
        workflow={"id": "w1", "name": "Welcome"},
        execution={"id": "r1", "startedAt": "2026-01-01T00:00:00+00:00"},
        event={"orderId": 7, "items": ["a", "b"]},
    )


def test_without_a_body_it_says_whom_and_what_it_is_about() -> None:
    request = rendered({}, name="Ann <b>", plan=None)

    assert request.method == "POST"
    assert request.url == URL
    assert request.headers == {"Content-Type": "application/json"}
    assert json.loads(request.body) == {
        "contact": {
            "email": "ann+x@example.com",
            "subscribed": True,
            "data": {"name": "Ann <b>", "plan": None},
        },
        "workflow": {"id": "w1", "name": "Welcome"},
        "execution": {"id": "r1", "startedAt": "2026-01-01T00:00:00+00:00"},
        "event": {"orderId": 7, "items": ["a", "b"]},
    }


def test_a_body_of_ones_own_replaces_it_wholly() -> None:
    request = rendered(
        {
            "body": {
                "who": "{{ name }} <{{ email }}>",
                "order": ["{{ event.orderId }}", 5, None, {"x": "{{ data.name }}"}],
                "{{ name }}": True,
            }
        },
        name='Ann "A" & <b>',
    )

    assert json.loads(request.body) == {
        "who": 'Ann "A" & <b> <ann+x@example.com>',
        "order": ["7", 5, None, {"x": 'Ann "A" & <b>'}],
        "{{ name }}": True,
    }


def test_json_written_as_text_cannot_be_broken_by_a_value() -> None:
    request = rendered(
        {"body": '{"name": "{{ name }}", "role": "user"}'}, name='x", "role": "admin'
    )

    assert json.loads(request.body) == {"name": 'x", "role": "admin', "role": "user"}


def test_a_body_may_be_no_json() -> None:
    request = rendered(
        {"body": "name={{ name }}\nline", "headers": {"content-type": "text/plain"}},
        name="Ann",
    )

    assert request.body == "name=Ann\nline"
    assert request.headers == {"content-type": "text/plain"}


@pytest.mark.parametrize("body", [None, ""])
def test_a_get_has_no_body(body: Any) -> None:
    request = rendered({"method": "GET", "body": body})

    assert (request.body, request.headers) == ("", {})


def test_values_are_encoded_within_a_url() -> None:
    request = rendered(
        {
            "url": "https://x.example/u/{{ name }}/{{ event.orderId }}?q={{ email }}"
            "&t={{ nothing ?? a b }}"
        },
        name="../a b?c#d@e\r\n",
    )

    assert request.url == (
        "https://x.example/u/..%2Fa%20b%3Fc%23d%40e%0D%0A/7"
        "?q=ann%2Bx%40example.com&t=a%20b"
    )


def test_a_value_cannot_lead_to_another_server() -> None:
    request = rendered(
        {"url": "https://{{ tenant }}.acme.example/"}, tenant="evil.example"
    )
    assert request.url == "https://evil.example.acme.example/"

    for tenant in ("evil.example/", "evil.example#", "u@evil.example:80\\", "a b"):
        with pytest.raises(Unrenderable):
            rendered({"url": "https://{{ tenant }}.acme.example/"}, tenant=tenant)


def test_a_url_may_be_a_value() -> None:
    request = rendered({"url": "{{ data.hook }}?a=1"}, hook="https://y.example/a/b")

    assert request.url == "https://y.example/a/b?a=1"
    assert request.endpoint == "https://y.example"


def test_the_whole_language_may_be_spoken() -> None:
    request = rendered(
        {
            "url": "https://x.example/{% if plan == 'pro' %}pro{% else %}all{% endif %}"
            "/{{ name | downcase }}",
            "headers": {"X-Plan": "{{ plan | upcase }}"},
            "body": {"n": "{% for i in event.items %}{{ i }};{% endfor %}"},
        },
        plan="pro",
        name="Ann B",
    )

    assert request.url == "https://x.example/pro/ann%20b"
    assert request.headers["X-Plan"] == "PRO"
    assert json.loads(request.body) == {"n": "a;b;"}


def test_a_value_cannot_add_a_header() -> None:
    request = rendered({"headers": {"X-Name": "{{ name }}"}}, name="a\r\nEvil: 1")

    assert request.headers["X-Name"] == "a Evil: 1"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"url": "http://10.0.0.1/"}, "open net"),
        ({"url": "{{ nothing }}"}, "begins with https"),
        ({"url": "https://x.example/{{ long }}"}, "2,000"),
        ({"headers": {"Host": "x"}}, "set by us"),
        ({"headers": {"X": "a\nb\x00{{ x }}"}, "method": "BREW"}, "method"),
        ({"body": {"x": "{{ huge }}"}}, "262,144 bytes"),
    ],
)
def test_what_cannot_be_sent_says_why(config: dict[str, Any], words: str) -> None:
    with pytest.raises(Unrenderable, match=words):
        rendered(config, long="x" * 3000, huge="x" * 300_000)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (URL, URL),
        (f"{URL}?token=1#x", URL),
        (f"{URL}?q={{{{ email }}}}", URL),
        ("https://x.example", "https://x.example/"),
        ("https://x.example/u/{{ email }}/x", "https://x.example/u/"),
        ("https://x.example/u{{ email }}", "https://x.example/"),
        ("https://x.example:81{{ nothing }}", "https://x.example:81"),
        ("https://x.example/" + "a" * 400, "https://x.example"),
    ],
)
def test_calls_of_a_step_have_an_endpoint_in_common(url: str, endpoint: str) -> None:
    assert rendered({"url": url}).endpoint == endpoint


@pytest.mark.parametrize(
    "config",
    [
        {"url": URL},
        {"url": "https://{{ tenant }}.x.example/{{ a }}?b={{ c }}", "method": "PUT"},
        {"url": "{{ data.hook }}", "headers": {"X-A": "{{ b }}"}, "body": {"a": [1]}},
        {"url": "https://x.example/{% if a %}b{% endif %}", "headers": None},
    ],
)
def test_settings_that_work_have_no_problems(config: dict[str, Any]) -> None:
    assert check_config(config) == []


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "url"),
        ({"url": 5}, "url"),
        ({"url": " "}, "url"),
        ({"url": "ftp://x.example"}, "url"),
        ({"url": "x.example"}, "url"),
        ({"url": "http://[::1]:8000/"}, "url"),
        ({"url": "http://169.254.169.254/{{ a }}"}, "url"),
        ({"url": "https://u:p@x.example/"}, "url"),
        ({"url": "https://x.example/{{ a | nope }}"}, "url"),
        ({"url": "https://x.example/{% if %}"}, "url"),
        ({"url": "https://x.example/" + "a" * 2000}, "url"),
        ({"url": URL, "method": "post"}, "method"),
        ({"url": URL, "method": 1}, "method"),
        ({"url": URL, "headers": []}, "headers"),
        ({"url": URL, "headers": {"X": 1}}, "headers.X"),
        ({"url": URL, "headers": {"X": "a\r\nY: b"}}, "headers.X"),
        ({"url": URL, "headers": {"webhook-id": "1"}}, "headers.webhook-id"),
        ({"url": URL, "headers": {"a": "1", "A": "2"}}, "headers.a"),
        ({"url": URL, "headers": {"X": "{{ a | nope }}"}}, "headers.X"),
        ({"url": URL, "headers": {f"X{i}": "1" for i in range(31)}}, "headers"),
        ({"url": URL, "body": {"a": ["{% for %}"]}}, "body.a.0"),
        ({"url": URL, "body": "x" * 70_000}, "body"),
    ],
)
def test_settings_that_do_not_are_told_by_field(
    config: dict[str, Any], field: str
) -> None:
    problems = check_config(config)

    assert field in {problem.field for problem in problems}
    assert all(problem.message for problem in problems)
