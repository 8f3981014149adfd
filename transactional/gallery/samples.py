"""The mails of the gallery; the body of each stands in `bodies/<slug>.html`.

Every variable has a fallback: a mail reads well for somebody of whom only the address
is known. Links lead to example.com until they are changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from transactional.models import MailKind

_BODIES = Path(__file__).parent / "bodies"

ACCOUNT, ORDERS, NEWS, GROWTH = "Account", "Orders", "News", "Keeping in touch"


@dataclass(frozen=True)
class Sample:
    """A mail to begin with, in our own design."""

    slug: str
    name: str
    description: str
    category: str
    kind: MailKind
    subject: str
    preheader: str

    @cached_property
    def body(self) -> str:
        return (_BODIES / f"{self.slug}.html").read_text(encoding="utf-8")


def _account(slug: str, name: str, description: str, subject: str, then: str) -> Sample:
    return Sample(
        slug, name, description, ACCOUNT, MailKind.TRANSACTIONAL, subject, then
    )


def _order(slug: str, name: str, description: str, subject: str, then: str) -> Sample:
    return Sample(
        slug, name, description, ORDERS, MailKind.TRANSACTIONAL, subject, then
    )


def _news(slug: str, name: str, description: str, subject: str, then: str) -> Sample:
    return Sample(slug, name, description, NEWS, MailKind.MARKETING, subject, then)


def _growth(slug: str, name: str, description: str, subject: str, then: str) -> Sample:
    return Sample(slug, name, description, GROWTH, MailKind.MARKETING, subject, then)


GALLERY: tuple[Sample, ...] = (
    _account(
        "welcome",
        "Welcome",
        "Three first steps for somebody who has just signed up.",
        "Welcome, {{ firstName ?? 'good to have you here' }}",
        "Three small steps, and you are set up.",
    ),
    _account(
        "confirm-address",
        "Confirm an address",
        "Asks whoever signed up to show that the address is theirs.",
        "Please confirm your email address",
        "One click, and your account is ready.",
    ),
    _account(
        "password-reset",
        "Password reset",
        "A link to choose a new password, and what to do if nobody asked for one.",
        "Choose a new password",
        "The link works for {{ validFor ?? 'one hour' }}.",
    ),
    _account(
        "sign-in-code",
        "Sign-in code",
        "A code to type in, and a link that does the same.",
        "{{ code ?? '000 000' }} is your sign-in code",
        "It works once, for {{ validFor ?? '10 minutes' }}.",
    ),
    _order(
        "receipt",
        "Receipt",
        "What was paid, line by line, with a link to the invoice.",
        "Your receipt {{ number ?? '' }}",
        "{{ total ?? 'Your payment' }} received. Thank you.",
    ),
    _order(
        "order-shipped",
        "Order shipped",
        "Says that a parcel is on its way, how far it is, and where to follow it.",
        "Your order {{ number ?? '' }} is on its way",
        "Expected {{ arrivesOn ?? 'in the next few days' }}.",
    ),
    _order(
        "payment-failed",
        "Payment failed",
        "Asks for another card, without alarm, and says until when.",
        "We could not take your payment",
        "Nothing is lost: a new card takes a minute.",
    ),
    _news(
        "newsletter",
        "Newsletter",
        "One story, two shorter ones beside each other, and a note at the end.",
        "This month: what we made, and what we learned",
        "One story to read, two to skim.",
    ),
    _news(
        "announcement",
        "Product announcement",
        "One new thing: what it is, why it is useful, where to try it.",
        "New: plan the whole week on one page",
        "It is in your account already.",
    ),
    _news(
        "weekly-digest",
        "Weekly digest",
        "Three figures and what happened in somebody's week.",
        "Your week in short",
        "{{ summary ?? 'What happened, and what comes next.' }}",
    ),
    _news(
        "event-invitation",
        "Event invitation",
        "What, when and where, and one button to say yes.",
        "You are invited: {{ eventName ?? 'an evening at our workshop' }}",
        "{{ eventDate ?? 'Thursday, 18:00' }}. Places are few, and free.",
    ),
    _growth(
        "trial-ending",
        "Trial ending",
        "A few days before a trial ends: what stays, what goes, what it costs.",
        "Your trial ends {{ endsOn ?? 'in three days' }}",
        "Keep everything you have set up.",
    ),
    _growth(
        "win-back",
        "Win back",
        "To somebody who has not been there for a while: what is new, no pressure.",
        "It has been a while, {{ firstName ?? 'and we thought of you' }}",
        "What changed since you were here, in three lines.",
    ),
    _growth(
        "feedback",
        "Feedback request",
        "One question with five answers, each a click.",
        "One question, {{ firstName ?? 'if you have a minute' }}",
        "A single click is a whole answer.",
    ),
)
