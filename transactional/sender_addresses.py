"""The senders a project keeps to choose from."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from plunk.api.errors import Conflict
from plunk.projects.models import Project
from transactional.models import SenderAddress
from transactional.senders import MOST_SENDERS


class SenderTaken(Conflict):
    """The project has a sender of this address."""


class TooManySenders(Conflict):
    suggestion = "Remove a sender that is not needed any more."


def add_sender(
    *, project_id: UUID, email: str, name: str, reply_to: str
) -> SenderAddress:
    """Add a sender; raises SenderTaken where there is one of this address, and
    TooManySenders.
    """
    if SenderAddress.objects.filter(project_id=project_id).count() >= MOST_SENDERS:
        raise TooManySenders(f"A project has at most {MOST_SENDERS} senders.")
    try:
        with transaction.atomic():
            return SenderAddress.objects.create(
                project_id=project_id, email=email, name=name, reply_to=reply_to
            )
    except IntegrityError as error:
        raise SenderTaken(f"{email} is one of the senders already.") from error


def change_sender(
    *, sender: SenderAddress, email: str, name: str, reply_to: str
) -> bool:
    """Save a sender; False if it is gone. Raises SenderTaken.

    Where it is the default, the default changes with it.
    """
    own = SenderAddress.objects.filter(pk=sender.pk)
    try:
        with transaction.atomic():
            if not own.update(email=email, name=name, reply_to=reply_to):
                return False
            Project.objects.filter(
                pk=sender.project_id, from_email=sender.email
            ).update(from_email=email, from_name=name, updated_at=Now())
    except IntegrityError as error:
        raise SenderTaken(f"{email} is one of the senders already.") from error
    return True


def remove_sender(*, sender: SenderAddress) -> bool:
    """Remove a sender; False if it was gone already.

    The project's default stays what it is: mail must come from somebody.
    """
    deleted, _ = SenderAddress.objects.filter(pk=sender.pk).delete()
    return bool(deleted)


def make_default(*, sender: SenderAddress) -> None:
    """Have mail come from this sender where a request names none."""
    Project.objects.filter(pk=sender.project_id).update(
        from_email=sender.email, from_name=sender.name, updated_at=Now()
    )
