"""Looking at domains again, each at its own time, a batch of them at once.

A batch is claimed by pushing its next check away, so that no two workers ask about the
same domain, and one that dies costs its batch two minutes.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from plunk.waking import wake_on_commit
from transactional import holds
from transactional.domains import identities, judging
from transactional.domains.adding import CHECK_TASK
from transactional.domains.expected import dns_records, mail_from_domain
from transactional.domains.identities import SesUnavailable, Word
from transactional.domains.judging import dkim_is_published, is_entitled
from transactional.domains.looking import Look, look
from transactional.models import Domain

logger = logging.getLogger(__name__)

#: Far below the hundred that SES takes at once: some two hundred questions to DNS.
BATCH = 25
#: How long DNS is asked, for a batch as for a single domain.
DNS_SECONDS = 6.0
#: In a request of the API, whose client waits.
HASTY_DNS_SECONDS = 3.0
#: Longer than SES's time-outs and DNS's together.
_LEASE = timedelta(seconds=120)
#: A check that is younger is not repeated because somebody asks.
FRESH = timedelta(seconds=10)
_DELIVER = "transactional.tasks.deliver"


@dataclass(frozen=True, slots=True)
class Checked:
    """A domain after a check, and how it stood before."""

    domain: Domain
    was_verified_at: datetime | None
    was_failing_since: datetime | None

    @property
    def is_newly_verified(self) -> bool:
        return bool(self.domain.verified_at and not self.was_verified_at)

    @property
    def is_well_again(self) -> bool:
        """Say whether mail may go that had to wait."""
        is_well = self.domain.verified_at and not self.domain.failing_since
        return bool(is_well and (self.is_newly_verified or self.was_failing_since))

    def log(self) -> None:
        domain = self.domain
        about = {"domain": domain.name, "project_id": str(domain.project_id)}
        if self.is_newly_verified:
            logger.info("domain verified", extra=about)
        elif self.was_verified_at and not domain.verified_at:
            logger.error("domain lost its verification", extra=about)
        elif domain.failing_since and not self.was_failing_since:
            logger.warning("domain is in trouble", extra=about)


def check_due(*, limit: int = BATCH) -> list[Domain]:
    """Check the domains whose time has come, at most `limit`; returns them as they are
    now.
    """
    claimed = _claim(limit)
    if not claimed:
        return []
    try:
        # A name may be two projects'.
        names = list(dict.fromkeys(domain.name for domain in claimed))
        words: dict[str, Word] | None = identities.words(names)
    except SesUnavailable:
        words = None
    return _check(claimed, words, seconds=DNS_SECONDS)


def check_domain(*, domain: Domain) -> Domain:
    """Check one domain now, unless that was done a moment ago; returns it as it is now.

    Raises SesUnavailable, with nothing changed, where SES does not answer.
    """
    fresh = Domain.objects.annotate(now=Now()).get(pk=domain.pk)
    now: datetime = fresh.now
    if fresh.checked_at and now - fresh.checked_at < FRESH:
        return fresh
    words = identities.words([fresh.name])
    lease = now + _LEASE
    Domain.objects.filter(pk=fresh.pk).update(next_check_at=lease)
    fresh.next_check_at = lease
    done = _check([fresh], words, seconds=HASTY_DNS_SECONDS)
    return done[0] if done else fresh


def request_check(*, domain: Domain) -> bool:
    """Have a domain checked as soon as a worker is there; False where it just was."""
    stale = Q(checked_at=None) | Q(checked_at__lt=Now() - FRESH)
    due = Domain.objects.filter(stale, pk=domain.pk)
    if not due.update(next_check_at=Now()):
        return False
    wake_on_commit(CHECK_TASK)
    return True


@transaction.atomic
def _claim(limit: int) -> list[Domain]:
    rows = list(
        Domain.objects.select_for_update(skip_locked=True)
        .filter(next_check_at__lte=Now())
        .annotate(now=Now())
        .order_by("next_check_at", "pk")[:limit]
    )
    if rows:
        lease = rows[0].now + _LEASE
        Domain.objects.filter(pk__in=[row.pk for row in rows]).update(
            next_check_at=lease
        )
        for row in rows:
            row.next_check_at = lease
    return [*rows]


def _check(
    claimed: Sequence[Domain], words: dict[str, Word] | None, *, seconds: float
) -> list[Domain]:
    # A name may be two projects': each has records of its own.
    looks = look(
        {domain.pk: (domain.name, dns_records(domain)) for domain in claimed},
        seconds=seconds,
    )
    found = {
        domain.pk: (
            words.get(domain.name) if words is not None else None,
            looks[domain.pk],
        )
        for domain in claimed
    }
    leases = {domain.pk: domain.next_check_at for domain in claimed}
    results = _store(found, leases)
    for result in results:
        word, seen = found[result.domain.pk]
        if word is not None:
            _keep_up(result, word, seen)
    _release([result.domain.name for result in results if result.is_well_again])
    return [result.domain for result in results]


@transaction.atomic
def _store(
    found: dict[UUID, tuple[Word | None, Look]], leases: dict[UUID, datetime | None]
) -> list[Checked]:
    """Write what was found."""
    rows = list(
        Domain.objects.select_for_update()
        .filter(pk__in=list(found))
        .annotate(now=Now())
        .order_by("pk")
    )
    results = []
    for row in rows:
        word, seen = found[row.pk]
        now: datetime = row.now
        result = Checked(row, row.verified_at, row.failing_since)
        judging.judge(row, word=word, look=seen, now=now)
        if row.next_check_at == leases[row.pk]:
            jitter = random.uniform(0.9, 1.1)  # noqa: S311 - no secret
            row.next_check_at = now + jitter * judging.pause(row, word=word)
        results.append(result)
    if rows:
        Domain.objects.bulk_update(rows, [*judging.FIELDS, "next_check_at"])
    for result in results:
        result.log()
    return results


def _keep_up(result: Checked, word: Word, seen: Look) -> None:
    """Have SES do its part: an identity that exists, looks for the records that are
    there, and sends bounces to the domain's own host.

    An identity that was there before us is left alone until the project has proven that
    the domain is its own.
    """
    domain = result.domain
    if not is_entitled(domain):
        return
    try:
        if not word.is_known:
            _restore(domain)
        elif not domain.dkim_tokens or (
            not word.is_good and word.dkim != "Pending" and dkim_is_published(seen)
        ):
            _take_tokens(domain, identities.look_again(domain.name))
        ours = mail_from_domain(domain.name)
        if word.mail_from != ours or word.mail_from_status == "Failed":
            identities.set_mail_from(domain.name)
        if result.is_newly_verified:
            identities.stop_forwarding(domain.name)
    except SesUnavailable:
        # It was logged, and the next check tries again.
        return


def _restore(domain: Domain) -> None:
    """Add a domain to SES again, where somebody took it out of the account."""
    _take_tokens(domain, identities.create(domain.name).tokens)


def _take_tokens(domain: Domain, tokens: list[str]) -> None:
    if tokens and tokens != domain.dkim_tokens:
        Domain.objects.filter(pk=domain.pk).update(
            dkim_tokens=tokens, checks=0, next_check_at=Now()
        )


def _release(names: list[str]) -> None:
    """Let mail go at once that waited for one of these domains."""
    if names and holds.release_domains(names):
        wake_on_commit(_DELIVER)
