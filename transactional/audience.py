"""What the filter language says about mails and what became of them."""

from __future__ import annotations

from contacts.segments.sets import Happening
from contacts.segments.vocabulary import Kind, Relation, read_id

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


class Campaigns(Relation):
    name = "campaign."
    kind = Kind.CAMPAIGN
    label = "Campaign"

    def read(self, rest: str) -> str:
        return read_id(rest)
