"""What the filter language says about mails and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from contacts.models import Contact
from contacts.segments.compiling import Has, Part
from contacts.segments.scopes import Scope
from contacts.segments.sets import Deed, Happening, between
from contacts.segments.tree import Filter
from contacts.segments.vocabulary import Kind, Name, Operator, Relation, read_id
from contacts.segments.wording import clock, spoken
from transactional.models import Email, EmailEvent, Source

#: The mail's column for each spelling of what can become of it.
ACTIVITIES = {
    "sent": "sent_at",
    "delivered": "delivered_at",
    "delivery": "delivered_at",
    "opened": "opened_at",
    "open": "opened_at",
    "clicked": "clicked_at",
    "click": "clicked_at",
    "bounced": "bounced_at",
    "bounce": "bounced_at",
    "complained": "complained_at",
    "complaint": "complained_at",
}


_DEEDS = {
    "sent_at": Deed(
        "were sent a mail", "were never sent a mail", "were not sent a mail"
    ),
    "delivered_at": Deed(
        "got a mail delivered",
        "never got a mail delivered",
        "did not get a mail delivered",
    ),
    "opened_at": Deed("opened a mail", "never opened a mail", "did not open a mail"),
    "clicked_at": Deed(
        "clicked in a mail", "never clicked in a mail", "did not click in a mail"
    ),
    "bounced_at": Deed(
        "had a mail bounce", "never had a mail bounce", "did not have a mail bounce"
    ),
    "complained_at": Deed(
        "complained about a mail",
        "never complained about a mail",
        "did not complain about a mail",
    ),
}
_LABELS = {
    "sent": "Was sent",
    "delivered": "Was delivered",
    "opened": "Was opened",
    "clicked": "Was clicked in",
    "bounced": "Bounced",
    "complained": "Was complained about",
}


class Mails(Happening):
    name = "email."
    label = "Mail"

    def read(self, rest: str) -> str:
        activity = rest.lower()
        if activity not in ACTIVITIES:
            raise ValueError(f"Must end in one of {', '.join(ACTIVITIES)}.")
        return activity

    def offered(self, project_id: UUID) -> list[Name]:
        return [Name(value, label) for value, label in _LABELS.items()]

    def said(self, filter_: Filter, name: str) -> Deed:
        return _DEEDS[self.column(filter_)]

    def rows(self, filter_: Filter, scope: Scope) -> QuerySet[Any]:
        done = {f"{self.column(filter_)}__isnull": False}
        return Email.objects.filter(project_id=scope.project_id, **done)

    def column(self, filter_: Filter) -> str:
        return ACTIVITIES[filter_.rest]

    def recorded(
        self, rows: QuerySet[Any], filter_: Filter, scope: Scope, since: datetime
    ) -> list[Has]:
        """Return mails by our own clock: SES tells of what may be long past."""
        column = self.column(filter_)
        return [Has(between(rows, column, since, None)), told(scope, since)]


def told(scope: Scope, since: datetime) -> Has:
    """Return the mails of which SES told something, or a worker, since a moment."""
    news = EmailEvent.objects.filter(project_id=scope.project_id)
    return Has(between(news, "created_at", since, None), key="email__contact_id")


class Campaigns(Relation):
    """What a contact did with a campaign; that it did not open it, having received it.

    A mail counts as received once SES has taken it.
    """

    name = "campaign."
    kind = Kind.CAMPAIGN
    label = "Campaign"

    def read(self, rest: str) -> str:
        return read_id(rest)

    def phrase(self, filter_: Filter, name: str) -> str:
        campaign = f"the campaign {spoken(name)}"
        match filter_.operator:
            case Operator.RECEIVED:
                return f"who received {campaign}"
            case Operator.NOT_RECEIVED:
                return f"who did not receive {campaign}"
            case Operator.OPENED:
                return f"who opened {campaign}"
            case Operator.NOT_OPENED:
                return f"who received {campaign}, but did not open it"
            case Operator.CLICKED:
                return f"who clicked in {campaign}"
            case _:
                return f"who received {campaign}, but did not click in it"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        mails = self._mails(filter_, scope).filter(sent_at__isnull=False)
        mail = mails.filter(contact=contact).first()
        if mail is None:
            return "Did not receive it."
        said = "Received it"
        if mail.opened_at:
            said += f", opened it on {clock(mail.opened_at)}"
        if mail.clicked_at:
            said += f", clicked in it on {clock(mail.clicked_at)}"
        return f"{said}."

    def part(self, filter_: Filter, scope: Scope) -> Part:
        mails = self._mails(filter_, scope).filter(sent_at__isnull=False)
        opened = mails.filter(opened_at__isnull=False)
        clicked = mails.filter(clicked_at__isnull=False)
        match filter_.operator:
            case Operator.RECEIVED:
                return Has(mails)
            case Operator.NOT_RECEIVED:
                return Has(mails, negated=True)
            case Operator.OPENED:
                return Has(opened)
            case Operator.CLICKED:
                return Has(clicked)
            case Operator.NOT_OPENED:
                return Has(mails.filter(opened_at__isnull=True))
            case _:
                return Has(mails.filter(clicked_at__isnull=True))

    def _mails(self, filter_: Filter, scope: Scope) -> QuerySet[Email]:
        return Email.objects.filter(
            project_id=scope.project_id,
            source=Source.CAMPAIGN,
            origin_id=filter_.rest,
        )

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        mails = self._mails(filter_, scope)
        columns = ("sent_at", "opened_at", "clicked_at")
        recent = [Has(between(mails, column, since, None)) for column in columns]
        return [*recent, told(scope, since)]
