"""Events that tell what became of mails: the system's, and those of one template.

What is stored, and what only where somebody listens, is in docs/events.md: a campaign
to a million people has a million mails sent and delivered, of which the mails
themselves tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from automations.events.defining import define
from automations.models import Event, Tells, Visit
from automations.tracking import record
from plunk.api.answers import timestamp
from transactional.models import Content, Email, EmailEventKind, Source
from transactional.origins import origins
from transactional.reprinting import preview
from transactional.signals import News

#: The system's event of each kind of news.
NAMES: Mapping[str, str] = {
    EmailEventKind.SEND: "email.sent",
    EmailEventKind.DELIVERY: "email.delivery",
    EmailEventKind.OPEN: "email.open",
    EmailEventKind.CLICK: "email.click",
    EmailEventKind.BOUNCE: "email.bounce",
    EmailEventKind.COMPLAINT: "email.complaint",
}
#: What every mail does, and is stored only where a workflow waits for it.
_OF_EVERY_MAIL = frozenset({EmailEventKind.SEND, EmailEventKind.DELIVERY})
_TELLING: Mapping[str, Tells] = {
    EmailEventKind.DELIVERY: Tells.DELIVERED,
    EmailEventKind.OPEN: Tells.OPENED,
}
_SOURCES: Mapping[str, str] = {
    Source.CAMPAIGN: "CAMPAIGN",
    Source.WORKFLOW: "WORKFLOW",
}
#: What a subject holds where something is filled in.
_PLACEHOLDERS = ("{{", "{%")


@dataclass(frozen=True, slots=True)
class _Known:
    """The definitions that a batch of news may concern, read in one statement."""

    #: Names of the system's events that a workflow waits for, by project.
    heard: frozenset[tuple[UUID, str]]
    #: Name and whether it is heard, by template or campaign and what it tells.
    linked: dict[tuple[UUID, str], tuple[str, bool]]


def record_news(batch: Sequence[News]) -> None:
    """Record what became of mails as events of their contacts.

    A few statements for the batch, and a few for each event that is stored. A scanner
    that opens a mail is nobody, and mails that members send themselves to try something
    are no news.
    """
    news = [
        item
        for item in batch
        if not item.is_machine and item.email.source != Source.TEST
    ]
    if not news:
        return
    known = _known(news)
    wanted = [(item, names) for item in news if (names := _wanted(item, known))]
    if not wanted:
        return
    emails = [item.email for item, _ in wanted]
    workflows, subjects = _workflows_of(emails), _subjects(emails)
    for item, names in wanted:
        email = item.email
        workflow_id = workflows.get(email.origin_id) if email.origin_id else None
        data = _told(item, subjects.get(email.content_id, ""), workflow_id)
        for name in names:
            record(
                project_id=email.project_id,
                contact_ids=[email.contact_id],
                event=name,
                data=data,
                cause_id=workflow_id,
            )


def _known(news: Sequence[News]) -> _Known:
    """Read which of the system's events are heard, and the events of these mails."""
    heard, links = _heard(news), {_link(item) for item in news} - {None}
    templates = {pk for kind, pk in filter(None, links) if kind == "template"}
    campaigns = {pk for kind, pk in filter(None, links) if kind == "campaign"}
    asked = heard
    if templates:
        asked |= Q(template__in=templates)
    if campaigns:
        asked |= Q(campaign_id__in=campaigns)
    rows = Event.objects.existing().filter(asked)
    found = rows.values_list(
        "project_id", "name", "is_heard", "tells", "template_id", "campaign_id"
    )
    names: set[tuple[UUID, str]] = set()
    linked: dict[tuple[UUID, str], tuple[str, bool]] = {}
    for project_id, name, is_heard, tells, template_id, campaign_id in found:
        if tells:
            linked[campaign_id or template_id, tells] = (name, is_heard)
        elif is_heard:
            names.add((project_id, name))
    return _Known(frozenset(names), linked)


def _heard(news: Sequence[News]) -> Q:
    """Return what finds the system's events that are stored only where heard."""
    names = {NAMES[item.event.kind] for item in news if _is_of_everybody(item)}
    projects = {item.email.project_id for item in news}
    return Q(project__in=projects, name__in=names, is_heard=True)


def _wanted(item: News, known: _Known) -> list[str]:
    """Return the names of the events that are to be stored."""
    email, system = item.email, NAMES[item.event.kind]
    is_of_everybody = _is_of_everybody(item)
    is_heard = (email.project_id, system) in known.heard
    names = [system] if not is_of_everybody or is_heard else []
    link = _link(item)
    if link is None:
        return names
    tells = _TELLING[item.event.kind]
    own = known.linked.get((link[1], tells)) or _define(item, known)
    is_of_campaign = email.source == Source.CAMPAIGN and is_of_everybody
    if own and (own[1] or not is_of_campaign):
        names.append(own[0])
    return names


def _is_of_everybody(item: News) -> bool:
    return item.event.kind in _OF_EVERY_MAIL


def _link(item: News) -> tuple[str, UUID] | None:
    """Return the template or campaign whose own event this is, if it is one's.

    As the classic generation has them: of a template for mails of automations, of a
    campaign for its own; never of a mail that was sent by a call.
    """
    email = item.email
    if item.event.kind not in _TELLING:
        return None
    if email.source == Source.CAMPAIGN and email.origin_id:
        return "campaign", email.origin_id
    if email.source == Source.WORKFLOW and email.template_id:
        return "template", email.template_id
    return None


def _define(item: News, known: _Known) -> tuple[str, bool] | None:
    """Make the events of a campaign or template that has none; return the one meant."""
    email = item.email
    made: dict[str, str] = {}
    owner = None
    if email.source == Source.CAMPAIGN:
        owner = email.origin_id
        origin = origins(email.project_id, [email]).get(owner) if owner else None
        if owner and origin:
            made = define(email.project_id, origin.label, campaign_id=owner)
    elif email.template is not None and email.template.deleted_at is None:
        owner = email.template.pk
        made = define(email.project_id, email.template.name, template_id=owner)
    if owner:
        known.linked.update(
            ((owner, tells), (name, False)) for tells, name in made.items()
        )
    return known.linked.get((owner, _TELLING[item.event.kind])) if owner else None


def _workflows_of(emails: Sequence[Email]) -> dict[UUID, UUID]:
    """Return the workflows that sent mails, by the mails' origins."""
    visits = {
        email.origin_id
        for email in emails
        if email.source == Source.WORKFLOW and email.origin_id
    }
    if not visits:
        return {}
    rows = Visit.objects.filter(pk__in=visits)
    return dict(rows.values_list("pk", "run__workflow_id"))


# -- what comes along ------------------------------------------------------------------


def _told(item: News, subject: str, workflow_id: UUID | None) -> dict[str, Any]:
    """Return the data of the event (contract, next generation 4.6)."""
    email = item.email
    is_campaign = email.source == Source.CAMPAIGN
    told: dict[str, Any] = {
        "subject": _as_read(email, subject),
        "from": email.from_email,
        "fromName": email.from_name or None,
        "messageId": email.message_id,
        "emailId": str(email.pk),
        "templateId": _text(email.template_id),
        "campaignId": _text(email.origin_id) if is_campaign else None,
        "sourceType": _SOURCES.get(email.source, "TRANSACTIONAL"),
    }
    if workflow_id is not None:
        told["workflowId"] = str(workflow_id)
    return told | _particulars(item)


def _particulars(item: News) -> dict[str, Any]:
    email, at = item.email, timestamp(item.event.at)
    match item.event.kind:
        case EmailEventKind.SEND:
            return {"sentAt": at}
        case EmailEventKind.DELIVERY:
            return {"deliveredAt": at}
        case EmailEventKind.OPEN:
            is_first = email.opens == 1
            return {"openedAt": at, "opens": email.opens, "isFirstOpen": is_first}
        case EmailEventKind.CLICK:
            detail = item.event.detail or {}
            return {
                "link": detail.get("link"),
                "clickedAt": at,
                "clicks": email.clicks,
                "isFirstClick": email.clicks == 1,
            }
        case EmailEventKind.COMPLAINT:
            return {"complainedAt": at}
        case _:
            return _bounce(item, at)


def _bounce(item: News, at: str) -> dict[str, Any]:
    kind = str((item.event.detail or {}).get("bounceType") or "Undetermined")
    if kind.lower() == "permanent":
        return {"bounceType": kind, "bouncedAt": at}
    return {"bounceType": kind, "transientBounce": True}


def _subjects(emails: Sequence[Email]) -> dict[UUID, str]:
    """Return the subjects as they were written, by content."""
    rows = Content.objects.filter(pk__in={email.content_id for email in emails})
    return dict(rows.values_list("pk", "subject"))


def _as_read(email: Email, written: str) -> str:
    """Return the subject as its recipient read it."""
    if not any(mark in written for mark in _PLACEHOLDERS):
        return written
    return preview(email).subject


def _text(pk: UUID | None) -> str | None:
    return str(pk) if pk else None
