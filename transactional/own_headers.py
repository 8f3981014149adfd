"""Headers that we add unless the sender wrote them (RFC 2369, 3834, 8058)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from contacts.addresses import domain_of
from transactional.claiming import Claimed
from transactional.models import MailKind, Source

_LIST_HEADERS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
#: A machine wrote it: nobody's holiday notice has to answer.
_BULK = {
    "Precedence": "bulk",
    "Auto-Submitted": "auto-generated",
    "X-Auto-Response-Suppress": "All",
}


def headers_of(mail: Claimed, unsubscribe_url: str) -> dict[str, str]:
    """Return a mail's headers: its sender's, and those of ours that it did not replace.

    A sender who writes either of the two by which mail programs unsubscribe answers for
    both: half of theirs and half of ours would lead to two places.
    """
    given = mail.headers or {}
    written = {name.lower() for name in given}
    ours = {"Feedback-ID": feedback_id(mail)}
    if mail.kind == MailKind.MARKETING or mail.source == Source.CAMPAIGN:
        ours |= _BULK
    if unsubscribe_url and _LIST_HEADERS.isdisjoint(written):
        ours["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        ours["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    kept = {name: value for name, value in ours.items() if name.lower() not in written}
    return {**given, **kept}


def feedback_id(mail: Claimed) -> str:
    """Return by what Gmail's Postmaster Tools count complaints: `a:b:c:sender`.

    From the smallest to the largest: what was sent, whose it is, which kind. The last
    one is for a sender as Gmail knows them, a domain, and has 5 to 15 characters. None
    of them names a recipient.
    """
    return _feedback_id(
        mail.origin_id or mail.template_id,
        mail.source,
        mail.project_id,
        mail.kind,
        domain_of(mail.from_email),
    )


@lru_cache(maxsize=512)
def _feedback_id(
    made_of: UUID | None, source: str, project_id: UUID, kind: str, domain: str
) -> str:
    what = made_of.hex if made_of else source.lower()
    sender = sha256(domain.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{what}:{project_id.hex}:{kind.lower()}:{sender}"
