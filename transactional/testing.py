"""Test mails: what is being written, sent for real to members of the project.

A test is a mail like any other: queued, rendered, sent and shown among the mails. It is
addressed to the member, whose own way out stands in it, and filled in with the data of
whoever stands in for the reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from contacts.addresses import AddressError, normalise
from contacts.data import SYSTEM_NAMES
from plunk.api.errors import ProjectDisabled, invalid
from plunk.api.ratelimit import limit_visitors
from plunk.projects.models import Membership, Project
from transactional.contents import Draft
from transactional.models import MailKind, Source
from transactional.outbox import Accepted, Order, Recipient, accept
from transactional.previewing import Person, compiled_draft
from transactional.rendering import MAX_SUBJECT, Compiled
from transactional.senders import Sender, choose_sender

#: Requests for tests that a project may make in a minute.
MOST_A_MINUTE = 20
MOST_MEMBERS = 20
PREFIX = "[Test] "
#: What the system knows of the moment in which a mail is written.
_OF_THE_MOMENT = frozenset({"now", "subscribed", "locale", "data"})


def send_test(
    *,
    project: Project,
    draft: Draft,
    kind: MailKind,
    person: Person,
    sender: Sender,
    reply_to: str,
    members: Sequence[UUID],
    tracks: bool | None = None,
) -> list[Accepted]:
    """Queue a test to some members, by their users' ids; one mail for each.

    A member who is no contact yet becomes one, not subscribed. Raises Invalid (field
    `to`) for anybody else, ProjectDisabled and RateLimited.
    """
    if project.is_disabled:
        raise ProjectDisabled("This project is disabled: nothing is sent.")
    limit_visitors({f"tests of {project.pk}": MOST_A_MINUTE})
    recipients = [Recipient(address) for address in _addresses(project, members)]
    compiled = compiled_draft(project, draft, kind, person)
    return accept(
        Order(
            project_id=project.pk,
            recipients=recipients,
            draft=replace(draft, subject=f"{PREFIX}{draft.subject}"[:MAX_SUBJECT]),
            sender=sender,
            reply_to=reply_to or project.reply_to,
            kind=kind,
            source=Source.TEST,
            tracks=tracks,
            variables=_variables(compiled, person),
        )
    )


def sender_of_test(project: Project, *, email: str, name: str) -> Sender:
    """Return who a test comes from: whoever the mail will, or else the project.

    Raises Invalid and DomainNotVerified, as `choose_sender` does.
    """
    return choose_sender(
        project_id=project.pk,
        email=email or project.from_email,
        name=name or project.from_name or project.name,
    )


def _addresses(project: Project, members: Sequence[UUID]) -> list[str]:
    wanted = set(members)
    if not 1 <= len(wanted) <= MOST_MEMBERS:
        raise invalid(
            "to", f"Choose 1 to {MOST_MEMBERS} members of the project.", "too_small"
        )
    found = Membership.objects.filter(project=project, user_id__in=wanted)
    emails = list(found.order_by("user__email").values_list("user__email", flat=True))
    if len(emails) != len(wanted):
        raise invalid(
            "to", "Tests go to members of the project only.", "invalid_recipient"
        )
    try:
        return [normalise(email) for email in emails]
    except AddressError as error:
        raise invalid("to", str(error), error.code) from error


def _variables(compiled: Compiled, person: Person) -> dict[str, Any]:
    """Return what the content names of a person's data, and nothing else of it.

    What the person lacks is empty, whatever is known of the member who gets the test.
    """
    data: Mapping[str, Any] = person.data
    if "data" in compiled.names:
        return {**data, "subscribed": person.subscribed}
    names = compiled.names - SYSTEM_NAMES - _OF_THE_MOMENT
    known = {name: data.get(name) for name in names}
    if "subscribed" in compiled.names:
        known["subscribed"] = data.get("subscribed", person.subscribed)
    if "locale" in compiled.names and "locale" in data:
        known["locale"] = data["locale"]
    return known
