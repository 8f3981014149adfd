"""A small body must not fill the memory, whoever sends it (robustness B10)."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest
from django.test import Client

from plunk.api.errors import ApiError, Invalid, InvalidBody
from plunk.api.strictjson import MAX_VALUES, read_object

MEGABYTE = 1024 * 1024
LONG = "k" * 150_000


def peak(work: Callable[[], object]) -> int:
    """Return how many bytes were taken at most while `work` ran."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal(raw: bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_object(raw)
    return caught.value


@pytest.mark.parametrize("item", ["0", '"a"', "[]", '"\\u0000"'])
def test_a_long_key_is_not_repeated_for_each_value_below(item: str) -> None:
    items = ",".join([item] * 10_000)
    raw = f'{{"{LONG}":[{items}],"x":"\\u0000"}}'.encode()

    assert peak(lambda: refusal(raw)) < 20 * MEGABYTE


def test_a_strangers_notification_takes_little(client: Client) -> None:
    raw = f'{{"{LONG}":[{",".join("0" * 10_000)}],"x":"\\ud83d\\ude00"}}'

    def post() -> None:
        answer = client.post("/webhooks/sns", raw, content_type="text/plain")
        assert answer.status_code < 500

    assert peak(post) < 20 * MEGABYTE


def test_an_answer_names_a_hundred_places_and_no_more() -> None:
    items = ",".join(['"\\u0000"'] * 1_000)

    errors = refusal(f'{{"{LONG}":[{items}]}}'.encode()).errors

    assert len(errors) == 100
    assert all(len(error.field) <= 201 for error in errors)


def test_the_place_of_a_bad_string_is_named() -> None:
    raw = rb'{"data":{"a":[1,{"b":"\u0000"}],"k\ud800":1},"\u0000":1}'

    places = {error.field for error in refusal(raw).errors}

    assert places == {"data.a.1.b", "data", "(body)"}


@pytest.mark.parametrize("text", ["\\u00e9", "\\ud83d\\ude00", "\\\\u0000"])
def test_harmless_escapes_are_text(text: str) -> None:
    assert read_object(f'{{"a":"{text}"}}'.encode())["a"]


@pytest.mark.parametrize("item", ["[]", "{}", "0", '""', '{"a":[]}'])
def test_millions_of_values_are_refused_before_they_are_made(item: str) -> None:
    raw = b'{"x":[' + b",".join([item.encode()] * (2 * MAX_VALUES)) + b"]}"

    def read() -> None:
        with pytest.raises(InvalidBody, match="200,000 values"):
            read_object(raw)

    assert peak(read) < MEGABYTE


def test_commas_and_brackets_in_text_are_text() -> None:
    text = 'p { a: \\"b\\", c } [d]\\\\' * MAX_VALUES

    body = read_object(f'{{"body":"{text}","n":[1,2]}}'.encode())

    assert body["n"] == [1, 2]


@pytest.mark.parametrize("piece", [b'\\"', b'",', b'"', b"\\", b'"\\'])
def test_counting_takes_time_in_proportion(piece: bytes) -> None:
    raw = b'{"a":"' + b"," * MAX_VALUES + piece * 1_000_000
    started = time.process_time()

    with pytest.raises(ApiError):
        read_object(raw)

    assert time.process_time() - started < 5
