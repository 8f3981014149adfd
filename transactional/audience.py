"""What the filter language says about mails and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from contacts.segments.compiling import Has, Part, Scope
from contacts.segments.sets import Happening, between
from contacts.segments.tree import Filter
from contacts.segments.vocabulary import Kind, Operator, Relation, read_id
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


class Mails(Happening):
    name = "email."
    label = "Mail"

    def read(self, rest: str) -> str:
        activity = rest.lower()
        if activity not in ACTIVITIES:
            raise ValueError(f"Must end in one of {', '.join(ACTIVITIES)}.")
        return activity

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
