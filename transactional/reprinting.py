"""A mail shown again: as it left, or as it would leave now if it has not.

Nobody keeps what was sent. The message is built anew from what the mail was made of,
which the database has, and its SHA-256 is compared with that of the message that SES
was given (docs/adr/0018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from typing import Any

from django.conf import settings

from contacts.links import Issuer
from transactional.attachments import File
from transactional.claiming import Claimed, as_claimed, claimed_from
from transactional.compiling import Prepared, prepare, stored
from transactional.composing import files_of, links_of, manuscript_of, message_of
from transactional.marketing import SUBSCRIBE_URL
from transactional.models import CompiledContent, Email, EmailState
from transactional.presets import preset_of
from transactional.rendering import (
    Rendered,
    filled_in,
    moment,
    render,
    scope,
    unmarked,
)

NOT_LEFT = "It has not left yet. This is what would leave now."
NO_DIGEST = "It left before fingerprints of messages were kept."
DIFFERENT = (
    "It cannot be made again to the byte: its fingerprint is another one than that of"
    " the message that left. The secret that signed its links is gone, or this"
    " version writes mails in another way."
)
HIDDEN = (
    "The link by which the recipient confirms the address is left out: whoever follows"
    " it proves to have read the mail."
)


@dataclass(frozen=True, slots=True)
class Reprint:
    """A message, built again from what its mail was made of."""

    raw: bytes
    #: Whether SES was given the same, to the byte; None: nobody can know.
    is_exact: bool | None
    #: Why it is not, why nobody knows, or what was left out on purpose.
    reason: str = ""


def reprint(email: Email) -> Reprint:
    """Build a mail's message again, and say whether it is the one that left.

    For the machine alone: it has all of the recipient's own links. Raises ValueError
    where no message can be made of the mail; then none ever was.
    """
    return _Sheet(email).reprint()


def reprint_for_others(email: Email) -> Reprint:
    """Build a mail's message again for those who only look at it."""
    sheet = _Sheet(email)
    made = sheet.reprint()
    if SUBSCRIBE_URL not in sheet.prepared.compiled.links:
        return made
    # The digest was compared with the link in its place.
    return replace(made, raw=sheet.message_to_show(), reason=made.reason or HIDDEN)


def preview(email: Email) -> Rendered:
    """Render a mail again: as it left, or as it would leave now if it has not.

    Its links lead where their author wanted: who looks at it here is not counted.
    """
    return _Sheet(email).rendered()


def was_composed(email: Email) -> bool:
    """Say whether there is a message that SES was, or may have been, given."""
    if email.sent_at is not None:
        return True
    # One that is in doubt goes again as it is, and is not composed anew.
    is_open = email.state == EmailState.QUEUED and not email.doubts
    return email.digest is not None and not is_open


class _Sheet:
    """All that a mail is made of, as it was when it left or as it is now."""

    def __init__(self, email: Email) -> None:
        self.email = email
        self.is_composed = was_composed(email)
        self.mail: Claimed = claimed_from(email)
        if not self.is_composed:
            contact = email.contact
            self.mail = replace(
                self.mail,
                data=as_claimed(contact.data),
                subscribed=contact.subscribed,
            )

    @cached_property
    def prepared(self) -> Prepared:
        row = _compiled_row(self.email) if self.is_composed else None
        if row is not None:
            return stored(row, self.email.content)
        preset = preset_of(self.email.project)
        manuscript = manuscript_of(self.mail, self.email.content, preset)
        return prepare(self.email.content, manuscript)

    @cached_property
    def filled(self) -> Mapping[str, Any] | None:
        if self.is_composed:
            kept: Mapping[str, Any] | None = as_claimed(self.email.filled_in)
            return kept
        preset = preset_of(self.email.project)
        return filled_in(
            self.prepared.compiled,
            data=self.mail.data,
            variables=self.mail.variables,
            moment=moment(
                subscribed=self.mail.subscribed,
                language=preset.language_of(self.mail.data),
            ),
        )

    @cached_property
    def files(self) -> list[File]:
        return files_of(self.email.content)

    def reprint(self) -> Reprint:
        newest, *older = Issuer.known(self.prepared.app_uri)
        raw = self.message(newest)
        if not self.is_composed:
            return Reprint(raw, None, NOT_LEFT)
        if self.email.digest is None:
            return Reprint(raw, None, NO_DIGEST)
        for made in chain([raw], map(self.message, older)):
            if sha256(made).digest() == bytes(self.email.digest):
                return Reprint(made, is_exact=True)
        return Reprint(raw, is_exact=False, reason=DIFFERENT)

    def message(self, issuer: Issuer) -> bytes:
        links = links_of(self.mail, self.prepared.compiled, issuer)
        return self._message(links, issuer)

    def message_to_show(self) -> bytes:
        return self._message(self._links_to_show(), Issuer.now())

    def _message(self, links: Mapping[str, str], issuer: Issuer) -> bytes:
        return message_of(
            self.mail,
            self.prepared,
            filled=self.filled,
            links=links,
            files=self.files,
            issuer=issuer,
        )

    def rendered(self) -> Rendered:
        made = render(
            self.prepared.compiled,
            scope(
                contact_id=self.mail.contact_id,
                address=self.mail.to_email,
                data=self.filled,
                variables=self.mail.variables,
                links=self._links_to_show(),
            ),
        )
        return replace(made, html=unmarked(made.html))

    def _links_to_show(self) -> dict[str, str]:
        """Return the links without the one that is for nobody else's eyes."""
        links = links_of(self.mail, self.prepared.compiled, Issuer.now())
        if SUBSCRIBE_URL in links:
            links[SUBSCRIBE_URL] = f"{settings.APP_URI}/subscribe/…"
        return links


def _compiled_row(email: Email) -> CompiledContent | None:
    try:
        return email.compiled
    except CompiledContent.DoesNotExist:
        return None
