"""Why somebody got a campaign, or why not: a sentence, and what it rests on.

Whoever has a mail has its history. For who has none, the launch is gone through again:
it wrote down everybody who was meant, so that one of its conditions did not hold. Rules
are asked as things stand now; where what decided has changed since, the answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import audience
from campaigns.models import (
    EDITABLE,
    AudienceType,
    Campaign,
    CampaignState,
    Run,
    RunKind,
    RunState,
)
from campaigns.waiting import clock
from contacts.addresses import AddressError, normalise
from contacts.models import (
    ChangeKind,
    ConsentChange,
    Contact,
    Segment,
    SegmentType,
    Suppression,
    TopicChoice,
)
from contacts.segments import tree as trees
from contacts.segments.matching import Reason, members
from contacts.segments.matching import why as why_matching
from contacts.suppressions import suppressed
from plunk.api.errors import ApiError
from transactional.models import Email, EmailEvent, EmailEventKind, EmailState

#: A queue is counted no further than this.
_MOST_COUNTED = 2_000
_MOST_FILTERS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """One sentence, and the lines that it rests on; `tone` is that of a badge."""

    sentence: str
    evidence: tuple[str, ...] = ()
    tone: str = "neutral"
    #: The mails of the contact, the latest run last.
    mails: tuple[Email, ...] = ()
    contact: Contact | None = None


def why(campaign: Campaign, who: str | Contact) -> Answer:
    """Say why somebody got, or did not get, a campaign.

    `who` is a contact of the campaign's project, or an address in any spelling.
    """
    if isinstance(who, Contact):
        return _of_contact(campaign, who)
    try:
        address = normalise(who)
    except AddressError:
        return Answer(f"“{who.strip()[:100]}” is no e-mail address.", tone="warn")
    contact = Contact.objects.filter(
        project_id=campaign.project_id, email=address
    ).first()
    if contact is not None:
        return _of_contact(campaign, contact)
    return Answer(
        f"{address} did not get it: nobody with this address is in the project now.",
        ("Of who was erased or deleted, nothing is known any more.",),
        tone="warn",
    )


def _of_contact(campaign: Campaign, contact: Contact) -> Answer:
    rows = Email.objects.filter(origin_id=campaign.pk, contact=contact).order_by("run")
    mails = tuple(rows)
    if mails:
        return _with_mails(campaign, contact, mails)
    return _without(campaign, contact)


# -- who has a mail --------------------------------------------------------------------
def _with_mails(
    campaign: Campaign, contact: Contact, mails: tuple[Email, ...]
) -> Answer:
    # What got through tells more than what came later and did not.
    told = max(mails, key=lambda mail: (mail.sent_at is not None, mail.run))
    sentence, tone = _of_mail(campaign, contact, told)
    evidence = [
        line for mail in mails for line in _lines(mail, names_run=len(mails) > 1)
    ]
    return Answer(sentence, tuple(evidence), tone, mails, contact)


def _of_mail(campaign: Campaign, contact: Contact, mail: Email) -> tuple[str, str]:
    match EmailState(mail.state):
        case EmailState.QUEUED:
            return _queued(campaign, mail), "info"
        case EmailState.SENDING:
            return f"{mail.to_email} is getting it at this moment.", "info"
        case EmailState.IN_DOUBT:
            return (
                f"Nobody knows yet whether {mail.to_email} got it: Amazon’s answer was"
                f" lost. We wait for its word, at the latest until"
                f" {clock(mail.due_at)}.",
                "warn",
            )
        case EmailState.SENT | EmailState.DELIVERED:
            return _got_it(mail), "good"
        case EmailState.BOUNCED:
            return _bounced(mail), "bad"
        case EmailState.COMPLAINED:
            at = f" at {clock(mail.complained_at)}" if mail.complained_at else ""
            return f"{mail.to_email} got it, and marked it as spam{at}.", "bad"
    return _not_sent(contact, mail)


def _not_sent(contact: Contact, mail: Email) -> tuple[str, str]:
    said = mail.error.rstrip(". ")
    because = f" because {_lower(said)}" if said else ""
    nothing = f"{mail.to_email} did not get it"
    match EmailState(mail.state):
        case EmailState.FAILED:
            return f"{nothing}: sending failed{because}.", "bad"
        case EmailState.SKIPPED:
            by = _unsubscribed_by(contact)
            return f"{nothing}: skipped at the moment of sending{because}{by}.", "warn"
        case EmailState.SUPPRESSED:
            return f"{nothing}: {_suppression(contact)}.", "warn"
    return f"{nothing}: {_lower(said) or 'it was cancelled'}.", "neutral"


def _got_it(mail: Email) -> str:
    at = f" at {clock(mail.sent_at)}" if mail.sent_at else ""
    if mail.delivered_at is None:
        return (
            f"{mail.to_email} was sent it{at}; the recipient’s server has not said yet"
            " that it took it."
        )
    words = f"{mail.to_email} got it at {clock(mail.delivered_at)}"
    if mail.clicked_at:
        return f"{words} and clicked a link at {clock(mail.clicked_at)}."
    if mail.opened_at:
        return f"{words} and opened it at {clock(mail.opened_at)}."
    if mail.machine_opens or mail.machine_clicks:
        return f"{words}; so far only machines have looked at it."
    return f"{words}, and has not opened it as far as can be seen."


def _bounced(mail: Email) -> str:
    events = EmailEvent.objects.filter(email=mail, kind=EmailEventKind.BOUNCE)
    event = events.order_by("-at", "-id").first()
    detail = (event.detail or {}) if event else {}
    said = str(detail.get("diagnosticCode") or detail.get("bounceSubType") or "")[:200]
    at = f" at {clock(mail.bounced_at)}" if mail.bounced_at else ""
    reason = f": {said.rstrip('.')}" if said else ""
    return f"{mail.to_email} did not get it: it bounced{at}{reason}."


def _queued(campaign: Campaign, mail: Email) -> str:
    rows = Email.objects.filter(origin_id=campaign.pk, state=EmailState.QUEUED)
    before = rows.filter(pk__lt=mail.pk).order_by("origin_id", "state", "pk")
    number = before.values_list("pk")[:_MOST_COUNTED].count()
    waits = (
        f"more than {number:,} mails are before it"
        if number == _MOST_COUNTED
        else f"it is number {number + 1:,} in the queue"
    )
    if campaign.state == CampaignState.PAUSED:
        waits += ", and the campaign is paused"
    elif mail.error:
        waits += f"; it is tried again at {clock(mail.due_at)}"
    return f"{mail.to_email} has not got it yet: {waits}."


def _lines(mail: Email, *, names_run: bool) -> list[str]:
    deeds: list[tuple[datetime | None, str]] = [
        (mail.created_at, "Written down for it"),
        (mail.sent_at, "Handed to Amazon SES"),
        (mail.delivered_at, "Taken by the recipient’s server"),
        (mail.opened_at, "First opened"),
        (mail.clicked_at, "First link clicked"),
        (mail.bounced_at, "Bounced"),
        (mail.complained_at, "Marked as spam"),
    ]
    run = f"Run {mail.run}: " if names_run else ""
    return [f"{run}{title}: {clock(at)}" for at, title in deeds if at]


# -- who has none ----------------------------------------------------------------------
def _without(campaign: Campaign, contact: Contact) -> Answer:
    run = Run.objects.filter(campaign=campaign, kind=RunKind.FIRST).first()
    if run is None or campaign.state in EDITABLE:
        sentence = f"{contact.email} has not got it: it has not been sent yet."
        return Answer(sentence, contact=contact)
    launch = f"It was launched at {clock(run.frozen_for)}"
    sentence, evidence = _reason(campaign, contact, run)
    return Answer(
        f"{contact.email} did not get it: {sentence}.",
        (launch, *evidence),
        "warn",
        contact=contact,
    )


def _reason(
    campaign: Campaign, contact: Contact, run: Run
) -> tuple[str, tuple[str, ...]]:
    if contact.created_at > run.frozen_for:
        return (
            f"was added only at {clock(contact.created_at)}, after the launch",
            (),
        )
    try:
        outside = _outside(campaign, contact, run)
        if outside is not None:
            return outside
        left_out = _left_out(campaign, contact, run)
    except ApiError as error:
        return f"what the audience asks for is gone by now ({error.message})", ()
    if left_out is not None:
        return left_out
    if run.state == RunState.FREEZING:
        return "who gets it is still being written down", ()
    if run.state == RunState.CANCELLED and run.frozen_at is None:
        return "the campaign was cancelled before everybody was written down", ()
    return (
        "something about them has changed since the launch; as things stand now, they"
        " would get it",
        tuple(_changes(contact)),
    )


def _outside(
    campaign: Campaign, contact: Contact, run: Run
) -> tuple[str, tuple[str, ...]] | None:
    """Say why the campaign's rule does not name the contact; None where it does."""
    named = audience.named(campaign, now=run.frozen_for)
    if named.filter(pk=contact.pk).exists():
        return None
    kind = AudienceType(campaign.audience_type)
    if kind is AudienceType.RECIPIENTS:
        return "is not among the contacts that were chosen for it", ()
    if kind is AudienceType.SEGMENT and campaign.segment is None:
        return "was not in the segment it was for, which is deleted by now", ()
    tree = _tree(campaign)
    name = f"the segment “{campaign.segment}”" if campaign.segment else "its filter"
    if tree is None:
        return f"is not in {name}", ()
    reason = why_matching(campaign.project_id, contact.pk, tree, now=run.frozen_for)
    failing = _failing(reason)[:_MOST_FILTERS]
    if not failing:
        return f"is not in {name}", ()
    first = failing[0]
    more = f" (found: {_lower(first.found)})" if first.found else ""
    lines = [
        f"Not met: {_lower(each.sentence)}" + (f" ({each.found})" if each.found else "")
        for each in failing
    ]
    return (
        f"is not in {name}, which asks for contacts {_lower(first.sentence)}{more}",
        tuple(lines),
    )


def _tree(campaign: Campaign) -> trees.Tree | None:
    if campaign.audience_type == AudienceType.FILTERED:
        return trees.parse(campaign.condition, "audienceCondition")
    segment: Segment | None = campaign.segment
    if segment is None or segment.type == SegmentType.STATIC:
        return None
    return trees.parse(segment.condition)


def _failing(reason: Reason) -> list[Reason]:
    """Return the single conditions for which a tree does not match."""
    if reason.matched:
        return []
    if not reason.parts:
        return [reason]
    return [leaf for part in reason.parts for leaf in _failing(part)]


def _left_out(
    campaign: Campaign, contact: Contact, run: Run
) -> tuple[str, tuple[str, ...]] | None:
    """Say what keeps a contact whom the rule names from getting it; None if nothing."""
    mine = Contact.objects.filter(pk=contact.pk)
    judged: Any = audience.judged(mine, campaign, now=run.frozen_for)
    (verdict,) = judged.values_list("verdict", flat=True)
    match verdict:
        case audience.SUPPRESSED:
            return _suppression(contact), ()
        case audience.UNSUBSCRIBED:
            return f"is unsubscribed{_unsubscribed_by(contact)}", ()
        case audience.TOPIC:
            return _topic(campaign, contact), ()
        case audience.EXCLUDED:
            return _excluded(campaign, contact, run), ()
    return None


def _suppression(contact: Contact) -> str:
    row = Suppression.objects.filter(
        project_id=contact.project_id, email=contact.email
    ).first()
    if row is not None:
        why_so = {
            "BOUNCE": "mail to it bounced for good",
            "COMPLAINT": "the person marked a mail as spam",
            "MANUAL": "somebody put it on the list",
        }[row.reason]
        return f"the address is suppressed since {clock(row.created_at)}: {why_so}"
    if suppressed(contact.project_id, [contact.email]):
        return "the address is suppressed"
    return "the address was suppressed at that moment"


def _unsubscribed_by(contact: Contact) -> str:
    """Say since when, and by which door, a contact is unsubscribed, if it is."""
    if contact.subscribed:
        return ""
    rows = ConsentChange.objects.filter(
        contact=contact, kind__in=[ChangeKind.UNSUBSCRIBED, ChangeKind.SNOOZED]
    )
    change = rows.order_by("-created_at", "-id").first()
    if change is None:
        return f", since {clock(contact.consent_at)}"
    door = change.get_door_display()
    return f", since {clock(change.created_at)}, by: {_lower(door)}"


def _topic(campaign: Campaign, contact: Contact) -> str:
    topic = campaign.topic
    if topic is None:
        return "does not get mail about its topic"
    choice = TopicChoice.objects.filter(topic=topic, contact=contact).first()
    if choice is None:
        return f"never joined the topic “{topic.name}”"
    return f"left the topic “{topic.name}” at {clock(choice.changed_at)}"


def _excluded(campaign: Campaign, contact: Contact, run: Run) -> str:
    for segment in campaign.excluded_segments.order_by("name", "pk"):
        if members(segment, now=run.frozen_for).filter(pk=contact.pk).exists():
            return f"is in the segment “{segment.name}”, which was left out"
    return "is in a segment that was left out"


def _changes(contact: Contact) -> list[str]:
    rows = ConsentChange.objects.filter(contact=contact).order_by("-created_at", "-id")
    return [
        f"{change.get_kind_display()}: {clock(change.created_at)}"
        f" ({_lower(change.get_door_display())})"
        for change in rows[:_MOST_FILTERS]
    ] + [f"Last changed: {clock(contact.updated_at)}"]


def _lower(text: str) -> str:
    """Return a sentence as it stands within another; names stay as they are."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
