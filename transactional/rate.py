"""One rate for the whole installation: a token bucket in a row of the database.

Every worker takes its permits here, a batch at a time, so that many of them together
keep to what SES allows; a flushed Redis or a restarted worker changes nothing. The
clock is the database's, and the bucket starts empty.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now

from transactional.models import SendingAccount
from transactional.ses import client

logger = logging.getLogger(__name__)

#: How much of a second's mails may leave at once.
_BURST_SECONDS = 0.25
#: How fast a halved rate comes back: this share of the full one a second.
_RECOVERY = 0.05
#: How long the account's figures are believed when SES gives no newer ones.
_TRUSTED_FOR = timedelta(minutes=15)
#: The share of the day's quota that campaigns leave to transactional mail.
CAMPAIGN_RESERVE = 0.1


@dataclass(frozen=True, slots=True)
class Permits:
    """How many mails may go now, and whether campaigns may be among them."""

    count: int
    rate: float
    campaigns_may_send: bool = True

    def less(self, used: int) -> Permits:
        """Return what is left after `used` of them; a negative number adds."""
        return replace(self, count=self.count - used)


@dataclass(frozen=True, slots=True)
class Budget:
    """What the account allows, as far as is known; mails a second, mails a day."""

    rate: float
    max_rate: float
    #: None where it is unlimited or unknown.
    left_today: float | None
    campaigns_may_send: bool


def budget() -> Budget | None:
    """Return what may be sent, taking none of it; None before anything was."""
    account = SendingAccount.objects.annotate(now=Now()).filter(pk=1).first()
    if account is None:
        return None
    elapsed = max(0.0, (account.now - account.refilled_at).total_seconds())
    rate = min(account.max_rate, account.rate + _RECOVERY * account.max_rate * elapsed)
    return Budget(
        rate, account.max_rate, _quota_left(account), _campaigns_may_send(account)
    )


@transaction.atomic
def take(wanted: int) -> Permits:
    """Take up to `wanted` permits; fewer where bucket or daily quota are short."""
    account = _locked()
    elapsed = max(0.0, (account.now - account.refilled_at).total_seconds())  # type: ignore[attr-defined]
    rate = min(account.max_rate, account.rate + _RECOVERY * account.max_rate * elapsed)
    burst = max(1.0, rate * _BURST_SECONDS)
    tokens = min(burst, account.tokens + rate * elapsed)
    count = max(0, min(wanted, math.floor(tokens), _left_today(account)))
    SendingAccount.objects.filter(pk=account.pk).update(
        rate=rate,
        tokens=tokens - count,
        # The very moment that was reckoned with: the clock has gone on since.
        refilled_at=_refilled_at(account),
        sent_24_hours=F("sent_24_hours") + count,
    )
    return Permits(count, rate, _campaigns_may_send(account))


def _refilled_at(account: SendingAccount) -> datetime:
    """Return the moment up to which the bucket is filled.

    Two takers read the clock in one order and get the row in the other, so it may lie
    a moment ahead; a clock that was set back must not stop the bucket for as long.
    """
    now: datetime = account.now  # type: ignore[attr-defined]
    is_moment = account.refilled_at - now < timedelta(seconds=1)
    return max(account.refilled_at, now) if is_moment else now


def give_back(count: int) -> None:
    """Return permits that were not used."""
    SendingAccount.objects.filter(pk=1).update(
        tokens=F("tokens") + count,
        sent_24_hours=Greatest(F("sent_24_hours") - count, 0.0),
    )


def slow_down() -> None:
    """Halve the rate after SES said it was too fast, at most once a second."""
    is_recent = Q(throttled_at__gt=Now() - timedelta(seconds=1))
    SendingAccount.objects.filter(pk=1).exclude(is_recent).update(
        rate=Greatest(F("rate") / 2, F("max_rate") * _RECOVERY),
        tokens=0.0,
        # Only time that passes from here on is recovery.
        refilled_at=Greatest(F("refilled_at"), Now()),
        throttled_at=Now(),
    )


def refresh_quota() -> bool:
    """Follow the account's own quota; return False where SES did not answer."""
    if not settings.SES_FOLLOWS_QUOTA:
        _pin_rate()
        return True
    try:
        quota = client("sesv2").get_account()["SendQuota"]
    except (BotoCoreError, ClientError) as error:
        logger.warning("SES quota unknown", extra={"error": str(error)})
        return False
    max_rate = float(quota["MaxSendRate"])
    make_account()
    SendingAccount.objects.filter(pk=1).exclude(max_rate=max_rate).update(rate=max_rate)
    SendingAccount.objects.filter(pk=1).update(
        max_rate=max_rate,
        max_24_hours=quota["Max24HourSend"],
        sent_24_hours=quota["SentLast24Hours"],
        quota_checked_at=Now(),
    )
    return True


def _pin_rate() -> None:
    """Use the rate of the settings, and forget what the account once allowed."""
    pinned = settings.SES_DEFAULT_RATE
    make_account()
    account = SendingAccount.objects.filter(pk=1)
    account.exclude(max_rate=pinned).update(max_rate=pinned, rate=pinned)
    account.exclude(max_24_hours=None).update(max_24_hours=None)


def _locked() -> SendingAccount:
    rows = SendingAccount.objects.select_for_update().annotate(now=Now())
    account = rows.filter(pk=1).first()
    if account is None:
        make_account()
        account = rows.get(pk=1)
    return account


def make_account() -> None:
    """Make the row where there is none, at the rate that SES gives everybody."""
    rate = settings.SES_DEFAULT_RATE
    SendingAccount.objects.bulk_create(
        [SendingAccount(pk=1, max_rate=rate, rate=rate)], ignore_conflicts=True
    )


def _left_today(account: SendingAccount) -> int:
    left = _quota_left(account)
    return 1_000_000 if left is None else math.floor(left)


def _campaigns_may_send(account: SendingAccount) -> bool:
    left = _quota_left(account)
    return left is None or left > (account.max_24_hours or 0) * CAMPAIGN_RESERVE


def _quota_left(account: SendingAccount) -> float | None:
    """Return what is left of the day's quota; None where it is unlimited or unknown.

    Old figures count as unknown: SES itself says when its quota is used up.
    """
    if account.max_24_hours is None or account.max_24_hours < 0:
        return None
    checked = account.quota_checked_at
    now: datetime = account.now  # type: ignore[attr-defined]
    if checked is None or now - checked > _TRUSTED_FOR:
        return None
    return account.max_24_hours - account.sent_24_hours
