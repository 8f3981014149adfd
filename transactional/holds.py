"""Reasons for mail to wait that are not the mail's own: an account paused, a quota used
up, a domain that lost its verification. Nothing fails; one mail at a time finds out
whether it is over.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from transactional.models import Domain, Hold, HoldScope

logger = logging.getLogger(__name__)

DAILY_QUOTA = "daily quota"


@dataclass(frozen=True, slots=True)
class Gate:
    """What the holds of this moment let through."""

    is_open: bool = True
    #: This worker is the one that may try a single mail of the whole account.
    is_probe: bool = False
    held_domains: list[str] = field(default_factory=list)
    #: A domain of which this worker may try a single mail.
    probe_domain: str = ""

    @property
    def has_holds(self) -> bool:
        return not self.is_open or self.is_probe or bool(self.held_domains)


def are_any() -> bool:
    """Say whether anything is held, taking nobody's turn."""
    return Hold.objects.exists()


def gate() -> Gate:
    """Return what may be sent now, taking the turn to probe where one is due."""
    holds = list(Hold.objects.annotate(now=Now()).order_by("pk"))
    account = [hold for hold in holds if hold.scope == HoldScope.ACCOUNT]
    domains = [hold for hold in holds if hold.scope == HoldScope.DOMAIN]
    names = [hold.key for hold in domains]
    if account:
        is_probe = all(_take_turn(hold) for hold in account)
        return Gate(is_open=is_probe, is_probe=is_probe, held_domains=names)
    probe = next((hold.key for hold in domains if _take_turn(hold)), "")
    return Gate(held_domains=names, probe_domain=probe)


def probe_seconds(reason: str) -> float:
    """Return how long a hold lasts before one mail tries again."""
    if reason == DAILY_QUOTA:
        return float(settings.QUOTA_PROBE_SECONDS)
    return float(settings.HOLD_PROBE_SECONDS)


def place(*, scope: HoldScope, key: str, reason: str, detail: str) -> None:
    """Hold the account (`key` empty) or a domain, until a probe succeeds."""
    probe_at = Now() + timedelta(seconds=probe_seconds(reason))
    _, is_new = Hold.objects.get_or_create(
        scope=scope,
        key=key,
        defaults={
            "reason": reason[:60],
            "detail": detail[:500],
            "probe_at": probe_at,
        },
    )
    if is_new:
        logger.error(
            "sending is held",
            extra={"scope": scope, "key": key, "reason": reason, "detail": detail},
        )
        # What SES has against it is to be seen on the domain's page.
        Domain.objects.filter(name=key).update(next_check_at=Now())
    else:
        Hold.objects.filter(scope=scope, key=key, probe_at__isnull=False).update(
            reason=reason[:60], detail=detail[:500], probe_at=probe_at
        )


def release(*, domain: str) -> None:
    """Let mail go again after SES took one of this domain.

    A hold without a probe, such as the fence's, is an operator's to release.
    """
    released = Hold.objects.filter(probe_at__isnull=False, scope=HoldScope.ACCOUNT)
    released = released | Hold.objects.filter(
        probe_at__isnull=False, scope=HoldScope.DOMAIN, key=domain
    )
    if released.delete()[0]:
        logger.warning("sending is released", extra={"domain": domain})


def release_domains(names: Collection[str]) -> bool:
    """Let mail of domains go again that SES says are verified; say whether any waited.

    The account's own holds have other reasons and stay.
    """
    released, _ = Hold.objects.filter(
        probe_at__isnull=False, scope=HoldScope.DOMAIN, key__in=list(names)
    ).delete()
    if released:
        logger.warning("sending is released", extra={"domains": sorted(names)})
    return bool(released)


def _take_turn(hold: Hold) -> bool:
    """Claim the right to probe; another worker's turn pushes ours away."""
    now = hold.now  # type: ignore[attr-defined]
    if hold.probe_at is None or hold.probe_at > now:
        return False
    pause = timedelta(seconds=probe_seconds(hold.reason))
    return (
        Hold.objects.filter(pk=hold.pk, probe_at=hold.probe_at).update(
            probe_at=Now() + pause
        )
        == 1
    )
