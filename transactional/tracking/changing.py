"""What a project's admins decide about opens and clicks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.http.request import validate_host

from plunk.api.errors import Invalid, invalid
from plunk.projects.models import Project, Tracker, Tracking
from transactional.domains.names import normalise_domain
from transactional.models import Domain
from transactional.tracking.hosts import forget_hosts
from transactional.tracking.pointing import Pointing, look
from transactional.tracking.resolving import has_choice


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mails are tracked, by whom, and on which host our own links lead."""

    tracking: Tracking
    tracker: Tracker
    #: Empty: the installation's own.
    host: str = ""


def change_tracking(
    *, project_id: UUID, choice: Choice, is_sure: bool = False
) -> Choice:
    """Save how a project's mail is tracked; returns what was saved.

    Raises Invalid, with nothing saved, for what this installation cannot do, and for a
    host that is not the project's or does not lead here: all links in its mail would be
    dead. `is_sure` says that it does although DNS does not show it, as behind a proxy.
    """
    if not has_choice() and (choice.tracking, choice.tracker) != (
        Tracking.ENABLED,
        Tracker.SES,
    ):
        raise invalid("tracking", NEEDS_SECOND_SET, "needs_second_set")
    host = _host(project_id, choice.host, is_sure=is_sure)
    Project.objects.filter(pk=project_id).update(
        tracking=choice.tracking,
        tracker=choice.tracker,
        tracking_host=host,
        updated_at=Now(),
    )
    forget_hosts()
    return Choice(choice.tracking, choice.tracker, host)


NEEDS_SECOND_SET = (
    "Amazon SES counts the opens and clicks of every mail here, until the operator"
    " names a second configuration set that does not"
    " (SES_CONFIGURATION_SET_NO_TRACKING)."
)


def _host(project_id: UUID, text: str, *, is_sure: bool) -> str:
    """Return a host as DNS has it, if the project may and can use it."""
    if not text.strip():
        return ""
    try:
        host = normalise_domain(text)
    except Invalid as error:
        raise invalid("tracking_host", _MALFORMED, "invalid_host") from error
    if validate_host(host, settings.ALLOWED_HOSTS):
        raise invalid("tracking_host", _OURS, "own_host")
    if not settings.REQUIRES_VERIFIED_DOMAIN:
        return host
    labels = host.split(".")
    above = [".".join(labels[at:]) for at in range(len(labels) - 1)]
    if not Domain.objects.filter(
        project_id=project_id, name__in=above, verified_at__isnull=False
    ).exists():
        raise invalid("tracking_host", _FOREIGN, "foreign_host")
    is_known = Project.objects.filter(pk=project_id, tracking_host=host).exists()
    if not is_sure and not is_known and look(host).state is not Pointing.HERE:
        raise invalid("tracking_host", _ELSEWHERE, "host_leads_elsewhere")
    return host


_MALFORMED = "Write a host such as click.example.com, without https:// and a path."
_OURS = "This is the installation's own host: leave the field empty to use it."
_FOREIGN = "It must be a verified domain of this project, or belong to one."
_ELSEWHERE = (
    "DNS does not show that it leads here. Add the record below and save again once it"
    " is there, or say that it leads here all the same."
)
