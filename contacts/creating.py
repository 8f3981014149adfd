"""Contacts made and changed one at a time: by the API, by a page, by a member.

Everything about one contact is one transaction, and whoever asks for an address that is
new at the same moment as somebody else finds the other's contact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from contacts import ledger
from contacts.asking import ask
from contacts.data import DataChange, data_that_fits
from contacts.ledger import Act
from contacts.models import ChangeKind, Confirmation, Contact, Door
from contacts.subscriptions import asks_first, set_subscribed
from contacts.upserting import (
    CONTACT_CTE,
    Person,
    Upserted,
    contact_params,
    upsert_contacts,
)
from plunk.api.errors import Conflict, NotFound
from plunk.api.strictjson import write
from plunk.postgresql import fetch_all, is_postgresql
from plunk.projects.models import User


class ContactNotFound(NotFound):
    code = "CONTACT_NOT_FOUND"
    suggestion = "Look the contact up; contacts belong to one project."

    def __init__(self) -> None:
        super().__init__("There is no such contact.")


class EmailTaken(Conflict):
    suggestion = "Change the contact that has this address instead."

    def __init__(self) -> None:
        super().__init__("Another contact has this address.")


def upsert_contact(
    *,
    project_id: UUID,
    email: str,
    subscribed: bool | None,
    data: DataChange,
    door: Door,
    user: User | None = None,
) -> tuple[Contact, bool]:
    """Find or make the contact with a normalised address; return it and if it is new.

    A new one is subscribed unless `subscribed` says otherwise (under double opt-in it
    is asked to confirm instead), an existing one keeps what it has unless `subscribed`
    says so. Raises Invalid, with nothing stored, where its data grows too large.
    """
    act, must_ask = _act(door, user), asks_first(project_id)
    with data_that_fits(), transaction.atomic():
        write = _write_postgresql if is_postgresql() else _write_portable
        found = write(
            project_id=project_id,
            person=Person(email, data.stored, data.removed),
            subscribed_when_new=subscribed is not False and not must_ask,
            door=door,
        )
        if not found.is_new and subscribed is not None:
            set_subscribed(
                project_id=project_id,
                contact_id=found.id,
                subscribed=subscribed,
                act=act,
                double_opt_in=must_ask,
            )
        elif found.is_new and subscribed is not False:
            _welcome(project_id, found.id, act, must_ask=must_ask)
        return Contact.objects.get(pk=found.id), found.is_new


def create_contact(
    *,
    project_id: UUID,
    email: str,
    subscribed: bool | None,
    data: DataChange,
    door: Door,
    user: User | None = None,
) -> Contact:
    """Make a contact of a normalised address; raises EmailTaken where there is one."""
    act, must_ask = _act(door, user), asks_first(project_id)
    contact = Contact(
        project_id=project_id,
        email=email,
        subscribed=subscribed is not False and not must_ask,
        consent_source=door,
        consent_at=Now(),
        data=data.stored or None,
        created_at=Now(),
        updated_at=Now(),
    )
    with data_that_fits(), transaction.atomic():
        _save_with_free_address(contact, force_insert=True)
        if subscribed is not False:
            _welcome(project_id, contact.pk, act, must_ask=must_ask)
        return Contact.objects.get(pk=contact.pk)


def change_contact(
    *,
    project_id: UUID,
    contact_id: UUID,
    email: str | None = None,
    subscribed: bool | None = None,
    data: DataChange | None = None,
    wipe_data: bool = False,
    act: Act,
) -> Contact:
    """Change what is given of a contact, its data key by key, and return it.

    `wipe_data` empties the data first. Under double opt-in, whoever is subscribed,
    will be after a pause or was asked to confirm is asked anew when the address
    changes. Raises ContactNotFound, EmailTaken, and Invalid where the data grows too
    large; nothing is changed then.
    """
    with data_that_fits(), transaction.atomic():
        contact = _locked(project_id, contact_id)
        address = contact.email
        before = {} if wipe_data else contact.data or {}
        changes: dict[str, Any] = {"data": _merged(before, data)}
        if email is not None:
            changes["email"] = email
        _change(contact, changes)
        is_unproven = contact.email != address and asks_first(project_id)
        if is_unproven and _is_expected(contact):
            _start_anew(contact, act, is_wanted=subscribed is not False)
        elif subscribed is not None:
            set_subscribed(
                project_id=project_id,
                contact_id=contact_id,
                subscribed=subscribed,
                act=act,
            )
        return Contact.objects.get(pk=contact_id)


def _act(door: Door, user: User | None) -> Act:
    return Act(door, user_id=user.pk if user else None)


def _welcome(project_id: UUID, contact_id: UUID, act: Act, *, must_ask: bool) -> None:
    """See to a new contact that is wanted subscribed: note who said so, or ask it."""
    if must_ask:
        ask(project_id=project_id, contact_ids=[contact_id], act=act)
    else:
        ledger.record(
            project_id=project_id,
            contact_ids=[contact_id],
            kind=ChangeKind.SUBSCRIBED,
            act=act,
        )


def _is_expected(contact: Contact) -> bool:
    """Say whether a contact gets mail, or will without another word from here."""
    if contact.subscribed or contact.snoozed_until:
        return True
    return Confirmation.objects.filter(contact=contact).exists()


def _start_anew(contact: Contact, act: Act, *, is_wanted: bool) -> None:
    """Stop writing to an address that never agreed, and ask it where it is wanted."""
    set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=False,
        act=replace(act, reason="new address"),
    )
    if is_wanted:
        ask(project_id=contact.project_id, contact_ids=[contact.pk], act=act)


_UPSERT_SQL = f"WITH {CONTACT_CTE} SELECT * FROM contact"  # noqa: S608 - constants


def _write_postgresql(
    *, project_id: UUID, person: Person, subscribed_when_new: bool, door: Door
) -> Upserted:
    params = contact_params(
        project_id=project_id,
        people=[person],
        subscribed_when_new=subscribed_when_new,
        door=door,
    )
    ((*row,),) = fetch_all(_UPSERT_SQL, params)
    return Upserted(*row)


def _write_portable(
    *, project_id: UUID, person: Person, subscribed_when_new: bool, door: Door
) -> Upserted:
    (found,) = upsert_contacts(
        project_id=project_id,
        people=[person],
        subscribed_when_new=subscribed_when_new,
        door=door,
    )
    return found


def _locked(project_id: UUID, contact_id: UUID) -> Contact:
    contact = (
        Contact.objects.select_for_update()
        .filter(project_id=project_id, pk=contact_id)
        .first()
    )
    if contact is None:
        raise ContactNotFound
    return contact


def _merged(before: dict[str, Any], change: DataChange | None) -> dict[str, Any] | None:
    if change is None:
        return before or None
    merged = {**before, **change.stored}
    for key in change.removed:
        merged.pop(key, None)
    return merged or None


def _change(contact: Contact, changes: dict[str, Any]) -> None:
    """Write what differs; an address that changed is one that nobody has proven."""
    different = [
        name
        for name, value in changes.items()
        if _written(getattr(contact, name)) != _written(value)
    ]
    if not different:
        return
    for name in different:
        setattr(contact, name, changes[name])
    if "email" in different:
        # Asked beforehand: the database would wait for whoever just writes to that
        # contact, and may in turn wait for this one.
        if _taken(contact).exists():
            raise EmailTaken
        contact.confirmed_at = None
        different.append("confirmed_at")
    contact.updated_at = Now()
    _save_with_free_address(contact, update_fields=[*different, "updated_at"])


def _written(value: Any) -> bytes:
    """Return a value as JSON: to Python, true equals 1."""
    return write(value, sort_keys=True)


def _save_with_free_address(contact: Contact, **how: Any) -> None:
    """Save; raises EmailTaken where another contact of the project has the address."""
    try:
        with transaction.atomic():
            contact.save(**how)
    except IntegrityError:
        if not _taken(contact).exists():
            raise
        raise EmailTaken from None


def _taken(contact: Contact) -> QuerySet[Contact]:
    """Return the other contact that has the address, if one has."""
    others = Contact.objects.exclude(pk=contact.pk)
    return others.filter(project_id=contact.project_id, email=contact.email)
