"""Mails that may have left already: the same message once more, not another one.

An answer was lost, or a worker died, and SES's word did not come. What the first
attempt was made of is still written down. Should both have left, the recipient has the
same mail twice, and whichever of them SES speaks of can be shown as it left.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import UUID

from django.db import Error

from transactional.claiming import Claimed, as_claimed
from transactional.composing import Composed, compose, counter_of
from transactional.models import Email
from transactional.presets import preset_of
from transactional.recording import Attempt, Trace
from transactional.reprinting import reprint
from transactional.tracking import Counter
from transactional.tracking.marking import BEFORE

logger = logging.getLogger(__name__)


def compose_again(mails: list[Claimed]) -> Iterator[Composed | Attempt]:
    """Compose mails as they may have left; anew where that cannot be done to the byte,
    and those that nobody composed before.
    """
    known = _written_down({mail.id for mail in mails})
    anew = []
    for mail in mails:
        email = known.get(mail.id)
        again = _again(mail, email) if email else None
        if again is None:
            anew.append(mail)
        else:
            yield again
    yield from compose(anew)


def _written_down(ids: set[UUID]) -> dict[UUID, Email]:
    rows = Email.objects.filter(
        pk__in=ids, digest__isnull=False, compiled__isnull=False
    )
    return {
        row.pk: row for row in rows.select_related("compiled", "content", "project")
    }


def _again(mail: Claimed, email: Email) -> Composed | None:
    """Return the message that was written down; None if it cannot be made again."""
    try:
        made = reprint(email)
    except Error:
        raise
    except Exception:
        logger.exception("a mail is composed anew", extra={"email": str(mail.id)})
        return None
    if not made.is_exact or email.compiled_id is None or email.digest is None:
        return None
    trace = Trace(email.compiled_id, bytes(email.digest), as_claimed(email.filled_in))
    return Composed(mail, made.raw, trace, _counter(mail, email))


def _counter(mail: Claimed, email: Email) -> Counter:
    """Return who counts it: its links are what they were, whatever is wanted now."""
    if email.compiled is not None and BEFORE in (email.compiled.html or ""):
        return Counter.OWN
    who = counter_of(mail, preset_of(email.project))
    return Counter.NOBODY if who is Counter.OWN else who
