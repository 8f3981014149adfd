"""Who comes with a link out of a mail, and how far we believe them.

A signed link was in a mail to the contact's address. A bare id is all the secret that
the links of other installations had, and ids stand in logs, exports and forwarded
mails: with one, a visitor may get less mail, never more.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from contacts.ledger import Act
from contacts.links import Purpose, read_bare_id, read_token
from contacts.models import ChangeKind, ConsentChange, Contact, Door
from contacts.subscriptions import OWN_DOORS

#: An import may bring opt-outs that were made elsewhere.
# Contacts of before there was a ledger have no door, but may well have left.
_OPT_OUT_DOORS = OWN_DOORS | {Door.IMPORT, ""}


@dataclass(slots=True)
class Visit:
    """A visitor with a readable link."""

    purpose: Purpose
    #: None when the contact was erased: its links are still answered.
    contact: Contact | None
    is_signed: bool = False
    #: The mail that the link stood in, where we signed that.
    email_id: UUID | None = None
    #: The mail that the address names without proof, as other installations write it.
    claimed_email_id: UUID | None = None

    def act(self, *, door: Door = Door.PAGE, text: str = "", by: str = "link") -> Act:
        """Return what the ledger is to say of something done on this visit."""
        link = f"{self.purpose} {by}" if self.is_signed else f"bare {self.purpose} {by}"
        claim = f" of mail {self.claimed_email_id}" if self.claimed_email_id else ""
        return Act(door=door, reason=link + claim, email_id=self.email_id, text=text)


def visit(token: str, *purposes: Purpose, claimed: str = "") -> Visit | None:
    """Read a link that is good for one of some purposes, or a bare id; else None.

    `claimed` is the query's `e`: believed only as far as it is a UUID.
    """
    for purpose in purposes:
        link = read_token(token, purpose)
        if link:
            contact = contact_of(link.contact_id, link.project_id)
            return Visit(purpose, contact, is_signed=True, email_id=link.email_id)
    link = read_bare_id(token)
    if link is None:
        return None
    claimed_link = read_bare_id(claimed)
    return Visit(
        purposes[0],
        contact_of(link.contact_id, None),
        claimed_email_id=claimed_link.contact_id if claimed_link else None,
    )


def has_opted_out(contact: Contact) -> bool:
    """Say whether somebody, sometime, took this contact's consent back.

    A contact that was only ever added without consent has not opted out.
    """
    if contact.subscribed:
        return False
    return (
        contact.consent_source in _OPT_OUT_DOORS
        or ConsentChange.objects.filter(
            contact=contact, kind=ChangeKind.UNSUBSCRIBED
        ).exists()
    )


def masked(address: str) -> str:
    """Write an address so that its owner knows it, and nobody learns it from a link."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def contact_of(contact_id: UUID, project_id: UUID | None) -> Contact | None:
    """Return a contact with its project and all of the project's logo but the bytes."""
    contacts = Contact.objects.select_related("project", "project__logo").defer(
        "project__logo__png"
    )
    if project_id:
        contacts = contacts.filter(project_id=project_id)
    return contacts.filter(pk=contact_id).first()
