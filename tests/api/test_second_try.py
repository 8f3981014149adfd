"""A row that goes while a request relies on it: the request is simply done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests.conftest import Api
from transactional import outbox
from transactional.models import Email

MAIL = {"to": "dana@example.com", "subject": "S", "body": "B"}


def failing(times: int, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does its work and then loses it, so many times."""
    left = [None] * times

    def fail(*arguments: Any, **more: Any) -> Any:
        done = work(*arguments, **more)
        if left:
            left.pop()
            raise IntegrityError("a content was erased")
        return done

    return fail


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [{}, {"HTTP_IDEMPOTENCY_KEY": "k"}])
def test_it_is_done_once_more(
    api: Api, monkeypatch: pytest.MonkeyPatch, key: dict[str, str]
) -> None:
    monkeypatch.setattr(outbox, "_settle_consent", failing(1, outbox._settle_consent))
    # With several statements the first try is rolled back; a single one fails itself.
    monkeypatch.setattr(outbox, "_transaction_for", lambda _: transaction.atomic())

    answer = api.post("/v1/send", MAIL, **key)

    assert answer.status_code == 200
    assert Email.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_and_no_more_than_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_settle_consent", failing(2, outbox._settle_consent))
    monkeypatch.setattr(outbox, "_transaction_for", lambda _: transaction.atomic())

    answer = api.post("/v1/send", MAIL)

    assert answer.status_code == 500
    assert not Email.objects.exists()
