"""How many requests a project may make (robustness C22, plunk-next 1.8)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from automations.models import Occurrence
from plunk.api import ratelimit
from plunk.projects.creating import NewProject
from plunk.projects.keys import create_key
from plunk.projects.models import KeyKind
from tests.conftest import Api

EVENT = {"event": "signed-up", "email": "ann@example.com"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _five_a_minute(settings: Any) -> Iterator[None]:
    settings.API_RATE_LIMIT_PER_MINUTE = 5
    _forget()
    yield
    _forget()


def _forget() -> None:
    ratelimit._make_local.cache_clear()
    ratelimit._make_shared.cache_clear()
    ratelimit._all_held.clear()
    ratelimit._breaker.closed_again_at = 0.0


def test_every_answer_says_how_many_are_left(api: Api) -> None:
    answers = [api.post("/v1/track", EVENT) for _ in range(5)]

    left = [int(answer["RateLimit-Remaining"]) for answer in answers]
    assert left == [4, 3, 2, 1, 0]
    assert {answer["RateLimit-Limit"] for answer in answers} == {"5"}
    assert all(1 <= int(answer["RateLimit-Reset"]) <= 60 for answer in answers)


def test_one_too_many_is_refused_with_when_to_come_again(api: Api) -> None:
    for _ in range(5):
        api.post("/v1/track", EVENT)

    refused = api.post("/v1/send", {})

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert "suggestion" in refused.json()["error"]
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused["RateLimit-Remaining"] == "0"
    assert Occurrence.objects.count() == 5


def test_a_refusal_frees_the_idempotency_key(api: Api, settings: Any) -> None:
    """D4."""
    for _ in range(5):
        api.post("/v1/track", EVENT)
    refused = api.post("/v1/track", EVENT, HTTP_IDEMPOTENCY_KEY="k")
    settings.API_RATE_LIMIT_PER_MINUTE = 0

    again = api.post("/v1/track", EVENT, HTTP_IDEMPOTENCY_KEY="k")

    assert refused.status_code == 429
    assert again.status_code == 200
    assert "Idempotent-Replayed" not in again


def test_no_header_of_the_client_makes_it_another(api: Api) -> None:
    """C22."""
    statuses = [
        api.post(
            "/v1/track",
            EVENT,
            HTTP_X_FORWARDED_FOR=f"10.0.0.{number}",
            HTTP_X_REAL_IP=f"10.0.0.{number}",
            HTTP_FORWARDED=f"for=10.0.0.{number}",
            REMOTE_ADDR=f"10.0.0.{number}",
        ).status_code
        for number in range(8)
    ]

    assert statuses == [200] * 5 + [429] * 3


def test_a_public_key_uses_up_nothing_of_the_secret_keys_share(
    api: Api, public_api: Api, stranger_api: Api
) -> None:
    """E11: everybody has the public key, and mail must leave all the same."""
    for _ in range(5):
        public_api.post("/v1/track", EVENT)

    refused = public_api.post("/v1/track", EVENT)
    assert refused.status_code == 429
    assert "public keys" in refused.json()["message"]
    assert api.post("/v1/track", EVENT).status_code == 200
    assert stranger_api.post("/v1/track", EVENT).status_code == 200


def test_all_secret_keys_of_a_project_share(api: Api, new_project: NewProject) -> None:
    another = create_key(project=new_project.project, kind=KeyKind.SECRET)
    for _ in range(5):
        api.post("/v1/track", EVENT)

    refused = Api(Client(), another.value).post("/v1/track", EVENT)

    assert refused.status_code == 429


def test_who_has_no_key_uses_up_nobodys_share(api: Api, client: Client) -> None:
    for _ in range(20):
        client.post("/v1/track", EVENT, content_type="application/json")

    assert api.post("/v1/track", EVENT).status_code == 200


def test_zero_switches_it_off(api: Api, settings: Any) -> None:
    settings.API_RATE_LIMIT_PER_MINUTE = 0

    answers = [api.post("/v1/track", EVENT) for _ in range(8)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[0]


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_five_are_let_in(api: Api) -> None:
    """C22."""
    assert _twenty_at_once(api) == {200: 5, 429: 15}


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_five_are_let_in_through_redis(
    api: Api, settings: Any
) -> None:
    """C22: the count that processes share."""
    settings.REDIS_URL = os.environ.get("REDIS_URL", "")
    if not settings.REDIS_URL:
        pytest.skip("needs Redis")

    assert _twenty_at_once(api) == {200: 5, 429: 15}


def test_without_redis_each_process_counts_for_itself(api: Api, settings: Any) -> None:
    """A limit must not be what takes the installation down."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    statuses = [api.post("/v1/track", EVENT).status_code for _ in range(7)]

    assert statuses == [200] * 5 + [429] * 2


def _twenty_at_once(api: Api) -> dict[int, int]:
    barrier = Barrier(20)

    def call(_: int) -> int:
        try:
            barrier.wait(20)
            status: int = Api(Client(), api.key).post("/v1/track", EVENT).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        return dict(Counter(pool.map(call, range(20))))
