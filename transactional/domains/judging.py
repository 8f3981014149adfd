"""What a check means for a domain: verified, still waiting, or in trouble.

SES's word decides; DNS explains. A verified domain is not un-verified by one bad
answer, nor by any number of them in a bad hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from plunk.api.answers import timestamp
from transactional.domains.adding import new_proof
from transactional.domains.expected import Kind
from transactional.domains.identities import Word
from transactional.domains.looking import Finding, Look, State
from transactional.models import Domain

#: A verified domain is un-verified once SES has said no for so long and so often.
GRACE = timedelta(hours=72)
LEAST_FAILURES = 5
#: Minutes to the next check, by how often nothing has changed; then every hour.
BACKOFF_MINUTES = (1, 2, 5, 10, 30)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
#: About a week of hourly checks: afterwards once a day is enough.
_MANY_CHECKS = 200

#: What the column of records keeps from one check to the next.
_KEPT = ("is_ours", "failures", "failingSince")
#: What a check changes of a row.
FIELDS = (
    "status",
    "proof",
    "proven_at",
    "records",
    "verified_at",
    "failing_since",
    "checks",
    "checked_at",
)


def judge(domain: Domain, *, word: Word | None, look: Look, now: datetime) -> None:
    """Write into a row what a check found; `word` is None where SES did not answer."""
    before = _summary(domain)
    if _was_published_before_us(domain, look):
        domain.proof = new_proof()
    published = _once_published(domain)
    gone = _gone(look, published)
    domain.records = {
        **{name: domain.records[name] for name in _KEPT if name in domain.records},
        "zone": look.zone,
        "items": [_item(finding, now) for finding in look.findings],
        "published": sorted(published | _found(look)),
    }
    domain.checked_at = now
    if domain.proof and domain.proven_at is None and _has_proof(look):
        domain.proven_at = now
    if word is not None:
        domain.status = word.dkim
    is_good = word is not None and word.is_good and is_entitled(domain)
    if domain.verified_at is None:
        if is_good:
            domain.verified_at, domain.failing_since = now, None
            _forgive(domain)
    else:
        _follow(domain, is_good=is_good, is_known=word is not None, now=now)
        if gone:
            domain.failing_since = domain.failing_since or now
        elif is_good:
            domain.failing_since = None
    domain.checks = 0 if _summary(domain) != before else domain.checks + 1


def _follow(domain: Domain, *, is_good: bool, is_known: bool, now: datetime) -> None:
    """Count what SES says against a verified domain, until it is too much."""
    if is_good:
        _forgive(domain)
    elif is_known:
        domain.failing_since = domain.failing_since or now
        failures = _number(domain, "failures") + 1
        since = domain.records.setdefault("failingSince", now.isoformat())
        domain.records["failures"] = failures
        is_over = now - datetime.fromisoformat(since) >= GRACE
        if is_over and failures >= LEAST_FAILURES:
            domain.verified_at = None


def _forgive(domain: Domain) -> None:
    domain.records.pop("failures", None)
    domain.records.pop("failingSince", None)


def is_entitled(domain: Domain) -> bool:
    """Say whether SES's word about the name counts for this project."""
    return not domain.proof or domain.proven_at is not None


def pause(domain: Domain, *, word: Word | None) -> timedelta:
    """Return how long a domain is left alone after a check, before jitter."""
    if domain.verified_at and not domain.failing_since:
        if word is None:
            return _HOUR
        if all_found(domain):
            return _DAY
    elif domain.verified_at is None and domain.checks > _MANY_CHECKS:
        return _DAY
    if domain.checks < len(BACKOFF_MINUTES):
        return timedelta(minutes=BACKOFF_MINUTES[domain.checks])
    return _HOUR


def all_found(domain: Domain) -> bool:
    """Say whether every record was there when DNS was last asked."""
    return all(
        item["state"] == State.OK
        for item in items_of(domain)
        if item["kind"] not in {Kind.DMARC, Kind.PROOF}
    )


def items_of(domain: Domain) -> list[dict[str, Any]]:
    """Return what DNS said of each record last; empty before the first check."""
    items = domain.records.get("items", [])
    return items if isinstance(items, list) else []


def dkim_is_published(look: Look) -> bool:
    """Say whether all the DKIM records are there."""
    dkim = [each for each in look.findings if each.record.kind is Kind.DKIM]
    return bool(dkim) and all(each.state is State.OK for each in dkim)


def _was_published_before_us(domain: Domain, look: Look) -> bool:
    """Say whether the records were there when DNS was first asked.

    SES may give a domain the tokens that it had in another project, whose records still
    stand: then they prove nothing about this one.
    """
    is_first = not items_of(domain) and not domain.proof and not domain.verified_at
    return is_first and dkim_is_published(look)


def _has_proof(look: Look) -> bool:
    return any(
        each.record.kind is Kind.PROOF and each.state is State.OK
        for each in look.findings
    )


def _once_published(domain: Domain) -> set[str]:
    """Return the DKIM records that DNS has had before."""
    return set(domain.records.get("published", []))


def _found(look: Look) -> set[str]:
    return {
        each.record.name
        for each in look.findings
        if each.record.kind is Kind.DKIM and each.state is State.OK
    }


def _gone(look: Look, published: set[str]) -> bool:
    """Say whether a DKIM record is gone that DNS had before.

    One that was never seen says more about our view of DNS than about the domain.
    """
    return any(
        each.record.name in published and each.state in {State.MISSING, State.WRONG}
        for each in look.findings
        if each.record.kind is Kind.DKIM
    )


def _number(domain: Domain, name: str) -> int:
    count = domain.records.get(name, 0)
    return count if isinstance(count, int) else 0


def _item(finding: Finding, now: datetime) -> dict[str, Any]:
    record = finding.record
    return {
        "kind": record.kind.value,
        "type": record.type,
        "host": record.name,
        "value": record.value,
        "state": finding.state.value,
        "found": list(finding.found),
        "note": finding.note.value,
        "checkedAt": timestamp(now),
    }


def _summary(domain: Domain) -> tuple[Any, ...]:
    """Return what has to change for a domain to be looked at again soon."""
    return (
        domain.status,
        domain.proof,
        domain.proven_at is None,
        domain.verified_at is None,
        domain.failing_since is None,
        [(item["host"], item["state"]) for item in items_of(domain)],
    )
