"""The links in mails that let a recipient act without logging in.

A link carries ids and a signature, never an address. It does not expire: a mail of
years ago must still lead out. A secret that is replaced stays in `JWT_SECRET_FALLBACKS`
and keeps the links that it signed.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.core import signing

_MAX_LENGTH = 200
#: How long what was done on a page can be undone there.
UNDO = timedelta(hours=1)
_UUID_BYTES, _TIME_BYTES = 16, 8
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_BARE_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class Purpose(StrEnum):
    """What a link is good for; a token of one purpose is worth nothing for another."""

    UNSUBSCRIBE = "unsubscribe"
    SUBSCRIBE = "subscribe"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Link:
    """Whom a link is about, and which mail it stood in."""

    contact_id: UUID
    #: Empty in the links of other installations, which named nothing but the contact.
    project_id: UUID | None = None
    email_id: UUID | None = None


def token_of(
    purpose: Purpose,
    *,
    project_id: UUID,
    contact_id: UUID,
    email_id: UUID | None = None,
    secret: str | None = None,
) -> str:
    """Return what lets its bearer do one thing for one contact, and nothing else."""
    ids = project_id.bytes + contact_id.bytes + (email_id.bytes if email_id else b"")
    value = signing.b64_encode(ids)
    # What Django's signer does, which prepares its key anew for each signature.
    key = _key(purpose, secret or settings.SECRET_KEY)
    signature = signing.b64_encode(hmac.digest(key, value, "sha256"))
    return f"{value.decode()}.{signature.decode()}"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Under which address links are made, and by which secret they are signed."""

    app_uri: str
    secret: str

    @classmethod
    def now(cls) -> Issuer:
        return cls(settings.APP_URI, settings.SECRET_KEY)

    @classmethod
    def known(cls, app_uri: str) -> list[Issuer]:
        """Return who may have made links under an address: today's secret first."""
        secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        return [cls(app_uri, secret) for secret in secrets]

    def url(
        self,
        purpose: Purpose,
        *,
        project_id: UUID,
        contact_id: UUID,
        email_id: UUID | None = None,
    ) -> str:
        """Write a link without `reverse`, which takes as long as all the rest of it."""
        token = token_of(
            purpose,
            project_id=project_id,
            contact_id=contact_id,
            email_id=email_id,
            secret=self.secret,
        )
        return f"{self.app_uri}/{purpose}/{token}"


def unsubscribe_url(
    *, project_id: UUID, contact_id: UUID, email_id: UUID | None = None
) -> str:
    """Return the link for a mail: a page for people, one click for mail programs."""
    return _url(Purpose.UNSUBSCRIBE, project_id, contact_id, email_id)


def subscribe_url(
    *, project_id: UUID, contact_id: UUID, email_id: UUID | None = None
) -> str:
    """Return the link that proves an address: only a mail to it ever carries one."""
    return _url(Purpose.SUBSCRIBE, project_id, contact_id, email_id)


def manage_url(
    *, project_id: UUID, contact_id: UUID, email_id: UUID | None = None
) -> str:
    """Return the link to the page where contacts choose what they get."""
    return _url(Purpose.MANAGE, project_id, contact_id, email_id)


def read_token(token: str, purpose: Purpose) -> Link | None:
    """Return what a token says if we signed it for this purpose, else None."""
    if len(token) > _MAX_LENGTH or not token.isascii():
        return None
    try:
        ids = signing.b64_decode(_signer(purpose).unsign(token).encode())
    except (signing.BadSignature, ValueError):
        return None
    if len(ids) not in (2 * _UUID_BYTES, 3 * _UUID_BYTES):
        return None
    project, contact, *email = (
        UUID(bytes=ids[start : start + _UUID_BYTES])
        for start in range(0, len(ids), _UUID_BYTES)
    )
    return Link(contact, project, email[0] if email else None)


@dataclass(frozen=True, slots=True)
class Undo:
    """What an opt-out on a page took away, and can be given back."""

    project_id: UUID
    contact_id: UUID
    was_confirmed: bool
    #: The contact's `consent_at` after it: a later word is not undone with it.
    since: datetime


def undo_token(undo: Undo) -> str:
    """Return what takes back an opt-out that was just made, for an hour.

    It stands in the answer to that opt-out and nowhere else: a link to unsubscribe,
    which is in every mail and every forwarded mail, can never subscribe.
    """
    since = round((undo.since - _EPOCH) / _MICROSECOND).to_bytes(_TIME_BYTES)
    ids = undo.project_id.bytes + undo.contact_id.bytes
    whole = ids + since + bytes([undo.was_confirmed])
    return _undo_signer().sign(signing.b64_encode(whole).decode())


def read_undo(token: str) -> Undo | None:
    """Return what a token may give back if we signed it within the hour, else None."""
    if len(token) > _MAX_LENGTH or not token.isascii():
        return None
    try:
        ids = signing.b64_decode(_undo_signer().unsign(token, max_age=UNDO).encode())
    except (signing.BadSignature, ValueError):
        return None
    if len(ids) != 2 * _UUID_BYTES + _TIME_BYTES + 1:
        return None
    project_id, contact_id = ids[:_UUID_BYTES], ids[_UUID_BYTES : 2 * _UUID_BYTES]
    since = int.from_bytes(ids[2 * _UUID_BYTES : -1]) * _MICROSECOND
    return Undo(
        UUID(bytes=project_id), UUID(bytes=contact_id), bool(ids[-1]), _EPOCH + since
    )


def read_bare_id(token: str) -> Link | None:
    """Read a link of another installation: the contact's id was all its secret.

    Mails that went out before a move here keep working; new ones carry a signature.
    """
    return Link(UUID(token)) if _BARE_ID.fullmatch(token) else None


def _url(
    purpose: Purpose, project_id: UUID, contact_id: UUID, email_id: UUID | None
) -> str:
    return Issuer.now().url(
        purpose, project_id=project_id, contact_id=contact_id, email_id=email_id
    )


def _signer(purpose: Purpose, secret: str | None = None) -> signing.Signer:
    return signing.Signer(key=secret, sep=".", salt=f"contacts.links.{purpose}")


@lru_cache(maxsize=16)
def _key(purpose: Purpose, secret: str) -> bytes:
    """Return the key of `_signer` (`django.utils.crypto.salted_hmac`)."""
    return sha256(f"contacts.links.{purpose}signer{secret}".encode()).digest()


def _undo_signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(sep=".", salt="contacts.links.undo")
