"""The account-level suppression list: kept and listed; mail leaves all the same."""

from __future__ import annotations

from datetime import datetime

from django.db.models.functions import Now

from plunk.simulator.errors import AwsError, bad_request
from plunk.simulator.mail import clean
from plunk.simulator.models import SimulatedSuppression

REASONS = ("BOUNCE", "COMPLAINT")


def put(*, email: str, reason: str) -> None:
    """Add an address, or give it another reason."""
    if reason not in REASONS:
        raise bad_request(f"The reason is none of {', '.join(REASONS)}.")
    if "@" not in email or len(email) > 320:
        raise bad_request("That is not an e-mail address.")
    SimulatedSuppression.objects.update_or_create(
        email=clean(email), defaults={"reason": reason, "updated_at": Now()}
    )


def find(email: str) -> SimulatedSuppression:
    """Return an entry of the list; raises AwsError for an address that is none."""
    found = SimulatedSuppression.objects.filter(email=clean(email)).first()
    if found is None:
        raise _not_found(email)
    return found


def remove(email: str) -> None:
    """Take an address off the list; raises AwsError where it is not on it."""
    if not SimulatedSuppression.objects.filter(email=clean(email)).delete()[0]:
        raise _not_found(email)


def page(
    *,
    reasons: list[str],
    since: datetime | None,
    until: datetime | None,
    after: str,
    size: int,
) -> list[SimulatedSuppression]:
    """Return entries in the order of their addresses, after one of them."""
    rows = SimulatedSuppression.objects.filter(email__gt=clean(after))
    if reasons:
        rows = rows.filter(reason__in=reasons)
    if since:
        rows = rows.filter(updated_at__gte=since)
    if until:
        rows = rows.filter(updated_at__lt=until)
    return list(rows.order_by("email")[:size])


def _not_found(email: str) -> AwsError:
    return AwsError(
        "NotFoundException",
        f"Email address {clean(email)[:320]} does not exist on your suppression list.",
        status=404,
    )
