"""One rate for the whole installation: robustness N3 and N4."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from transactional import rate
from transactional.models import SendingAccount

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Callable[..., None]:
    def make(**fields: float | None) -> None:
        values = {"max_rate": 100.0, "rate": 100.0, "tokens": 0.0}
        SendingAccount.objects.update_or_create(pk=1, defaults=values | fields)

    return make


def pass_time(seconds: float) -> None:
    """Let the database believe that the bucket was last looked at long ago."""
    SendingAccount.objects.update(
        refilled_at=F("refilled_at") - timedelta(seconds=seconds)
    )


def test_a_bucket_holds_a_quarter_of_a_second(account: Callable[..., None]) -> None:
    account()
    pass_time(3600)

    assert rate.take(1000).count == 25
    assert rate.take(1000).count <= 2


def test_a_slow_account_has_one_permit_at_a_time(account: Callable[..., None]) -> None:
    account(max_rate=1.0, rate=1.0)
    empty = rate.take(10).count
    pass_time(1.1)

    assert (empty, rate.take(10).count, rate.take(10).count) == (0, 1, 0)


def test_an_account_of_less_than_one_a_second_sends_too(
    account: Callable[..., None],
) -> None:
    account(max_rate=0.1, rate=0.1)
    pass_time(11)

    assert rate.take(10).count == 1


def test_a_bucket_starts_empty(db: None) -> None:
    assert rate.take(1000).count == 0


def test_throttling_halves_the_rate_at_most_once_a_second(
    account: Callable[..., None],
) -> None:
    account(tokens=25.0)
    for _ in range(5):
        rate.slow_down()

    row = SendingAccount.objects.get()
    assert (row.rate, row.tokens) == (50.0, 0.0)


def test_a_rate_that_was_halved_again_and_again_keeps_a_floor(
    account: Callable[..., None],
) -> None:
    account()
    for _ in range(20):
        SendingAccount.objects.update(throttled_at=Now() - timedelta(seconds=2))
        rate.slow_down()

    assert SendingAccount.objects.get().rate == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 5.0), (1, 10.0), (10, 55.0), (18, 95.0), (60, 100.0)]
)
def test_a_halved_rate_comes_back(
    account: Callable[..., None], seconds: float, expected: float
) -> None:
    """N3: five percent of the whole a second; over nine tenths after twenty."""
    account(rate=5.0)
    rate.take(0)
    SendingAccount.objects.update(rate=5.0)
    pass_time(seconds)

    assert rate.take(1).rate == pytest.approx(expected, abs=2.0)


def test_time_before_the_throttling_does_not_count_as_recovery(
    account: Callable[..., None],
) -> None:
    """A worker that waited long for SES hears "too fast" and must not forget it."""
    account()
    pass_time(30)

    rate.slow_down()

    assert rate.take(1).rate == pytest.approx(50.0, abs=2.0)


def test_permits_given_back_can_be_taken_again(account: Callable[..., None]) -> None:
    account()
    pass_time(1)
    taken = rate.take(25).count
    rate.give_back(20)

    assert taken == 25
    assert 20 <= rate.take(25).count <= 25


def test_the_days_quota_ends_at_its_last_mail(account: Callable[..., None]) -> None:
    """N4."""
    account(
        max_24_hours=200.0, sent_24_hours=197.0, tokens=25.0, quota_checked_at=Now()
    )

    counts = [rate.take(10).count for _ in range(3)]

    assert counts == [3, 0, 0]


def test_a_tenth_of_the_days_quota_is_not_for_campaigns(
    account: Callable[..., None],
) -> None:
    """N4: what is left belongs to transactional mail."""
    account(
        max_24_hours=200.0, sent_24_hours=179.0, tokens=25.0, quota_checked_at=Now()
    )
    before = rate.take(1)
    SendingAccount.objects.update(sent_24_hours=181.0, tokens=25.0)
    after = rate.take(1)

    assert (before.campaigns_may_send, after.campaigns_may_send) == (True, False)
    assert after.count == 1


@pytest.mark.parametrize("unlimited", [None, -1.0])
def test_an_account_without_a_quota_is_not_limited(
    account: Callable[..., None], unlimited: float | None
) -> None:
    account(max_24_hours=unlimited, sent_24_hours=1e9, tokens=25.0)

    permits = rate.take(10)

    assert (permits.count, permits.campaigns_may_send) == (10, True)


def test_a_clock_that_goes_back_gives_no_permits(
    account: Callable[..., None],
) -> None:
    account()
    SendingAccount.objects.update(refilled_at=Now() + timedelta(hours=1))

    assert rate.take(10).count == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("per_second", [50.0, 14.0])
def test_many_workers_share_one_rate(
    account: Callable[..., None], per_second: float
) -> None:
    """Together they stay within the rate and one burst, and do not starve."""
    account(max_rate=per_second, rate=per_second)
    barrier = Barrier(6)
    seconds = 3.0

    def work(_: int) -> int:
        barrier.wait(20)
        taken, ends_at = 0, time.monotonic() + seconds
        try:
            while time.monotonic() < ends_at:
                taken += rate.take(10).count
                time.sleep(0.02)
        finally:
            connection.close()
        return taken

    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        taken = sum(pool.map(work, range(6)))
    took = time.monotonic() - started

    assert taken <= per_second * took + max(1.0, per_second / 4) + 1
    assert taken >= per_second * seconds * 0.5
