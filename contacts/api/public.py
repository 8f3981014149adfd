"""`/contacts/public/:id`: what a contact does without a key, by the id of its link.

For front ends of the current generation that draw the recipients' pages themselves.
`:id` is a signed token of one of our links, or a contact's bare id, which is believed
no further than it is on our own pages (docs/recipient-pages.md): the address is masked,
and only those who never left are subscribed by it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from contacts import choosing, languages
from contacts.choosing import MAX_PAUSE_DAYS, Outcome
from contacts.ledger import Act
from contacts.links import Purpose
from contacts.models import Contact
from contacts.visits import Visit, masked, visit
from plunk.api.answers import timestamp
from plunk.api.errors import NotFound
from plunk.api.fields import Fields
from plunk.api.ratelimit import limit_visitors
from plunk.api.resources import Resource
from plunk.api.visitors import address_of
from plunk.postgresql import past_deadlocks

#: Requests a minute, from one address and about one contact.
_BY_ADDRESS, _BY_CONTACT = 60, 20


class ContactUnknown(NotFound):
    code = "CONTACT_NOT_FOUND"


class Visitors(Resource):
    """The base: no key, a limit by address and by contact, and one readable id."""

    purposes: ClassVar[tuple[Purpose, ...]] = tuple(Purpose)
    visit: Visit
    contact: Contact

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self._headers = {}
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        limit_visitors({address_of(self.django_request): _BY_ADDRESS})
        seen = visit(kwargs["token"], *self.purposes, claimed=self.query.get("e", ""))
        if seen is None or seen.contact is None:
            raise ContactUnknown("There is no such contact.")
        limit_visitors({f"contact {seen.contact.pk}": _BY_CONTACT})
        self.visit, self.contact = seen, seen.contact

    @property
    def act(self) -> Act:
        return self.visit.act(by="public API")

    def state(self, **more: Any) -> dict[str, Any]:
        email = self.contact.email
        return {
            "id": str(self.contact.pk),
            "email": email if self.visit.is_signed else masked(email),
            "subscribed": self.contact.subscribed,
            **more,
        }


class OneVisitor(Visitors):
    """`GET /contacts/public/:id`."""

    def get(self, request: Request, token: str) -> HttpResponse:
        language = languages.of(self.contact, self.contact.project)
        return self.answer(self.state(language=languages.tag_of(language)))


class VisitorSubscribe(Visitors):
    """`POST /contacts/public/:id/subscribe`.

    202 with `confirmationSent` where the contact has to open a link in a mail first.
    """

    purposes = (Purpose.SUBSCRIBE, Purpose.MANAGE)

    def post(self, request: Request, token: str) -> HttpResponse:
        outcome = past_deadlocks(
            lambda: choosing.subscribe(self.visit, self.contact, act=self.act)
        )
        if outcome is Outcome.ASKED:
            return self.answer(self.state(confirmationSent=True), status=202)
        return self.answer(self.state())


class VisitorUnsubscribe(Visitors):
    """`POST /contacts/public/:id/unsubscribe`."""

    purposes = (Purpose.UNSUBSCRIBE, Purpose.MANAGE)

    def post(self, request: Request, token: str) -> HttpResponse:
        past_deadlocks(lambda: choosing.leave(self.contact, act=self.act))
        return self.answer(self.state())


class VisitorSnooze(Visitors):
    """`POST /contacts/public/:id/snooze` with `days`, 1 to 366.

    Whoever has left stays out: a pause would bring them back.
    """

    purposes = (Purpose.UNSUBSCRIBE, Purpose.MANAGE)

    def post(self, request: Request, token: str) -> HttpResponse:
        days = _read_days(self.body)
        past_deadlocks(lambda: choosing.pause(self.contact, days=days, act=self.act))
        until = self.contact.snoozed_until
        return self.answer(self.state(snoozedUntil=until and timestamp(until)))


def _read_days(body: dict[str, Any]) -> int:
    fields = Fields(body)
    days = fields.value("days")
    fields.require("days", days)
    if days is not None and (isinstance(days, bool) or not isinstance(days, int)):
        fields.wrong_type("days", "integer", days)
    elif days is not None and not 1 <= days <= MAX_PAUSE_DAYS:
        code = "too_small" if days < 1 else "too_big"
        fields.fail("days", f"Must be from 1 to {MAX_PAUSE_DAYS}.", code)
    fields.finish()
    return int(days)
