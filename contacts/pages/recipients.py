"""The pages that a recipient comes to from a mail: no account, no cookie, no script.

The link is all the authority there is, so that a mail program can unsubscribe with
neither cookie nor CSRF token (RFC 8058, 3.2). Only POST does anything: scanners and
previews follow every link in every mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts import choosing, languages
from contacts.choosing import Outcome
from contacts.links import Purpose, Undo
from contacts.models import Contact, Door
from contacts.pages import managing, wording
from contacts.pages.sheets import Sheet, brief_page, speaker_of
from contacts.pages.turns import Turn, ask, choose, read_form, read_pause
from contacts.topics import TopicState, topics_of
from contacts.visits import visit
from plunk.api.errors import RateLimited
from plunk.api.ratelimit import limit_visitors
from plunk.api.visitors import address_of
from plunk.postgresql import past_deadlocks

TokenView = Callable[[HttpRequest, str], HttpResponse]
_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]
#: What RFC 8058 has a mail program send.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
#: What may send a mail for a bare id, and how often one address may have it done.
_MAILS = frozenset({"ask", "subscribe"})
_MAILS_A_MINUTE = 20


def public_page(view: TokenView) -> TokenView:
    """Open a view to whoever has the link, and keep the link from everybody else."""

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        add_never_cache_headers(response)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return csrf_exempt(require_http_methods(_METHODS)(opened))


Page = Callable[[Turn], Sheet]


def _page(purpose: Purpose, get: Page, post: Page) -> TokenView:
    """Return the view of one kind of link: `get` looks, `post` acts; both show."""

    @public_page
    def view(request: HttpRequest, token: str) -> HttpResponse:
        seen = visit(token, purpose, claimed=request.GET.get("e", ""))
        if seen is None:
            return brief_page(request, wording.unreadable, status=400)
        contact = seen.contact
        if contact is None:
            return brief_page(request, wording.gone)
        form = read_form(request)
        if not seen.is_signed and form.get("action") in _MAILS:
            try:
                limit_visitors({f"mails from {address_of(request)}": _MAILS_A_MINUTE})
            except RateLimited:
                return brief_page(request, wording.too_many, status=429)
        with languages.speaking(languages.of(contact, contact.project)):
            turn = Turn(seen, contact, form, speaker_of(contact))
            act = post if request.method == "POST" else get
            sheet = past_deadlocks(lambda: act(turn))
            return sheet.render(request, contact.project)

    view.__name__ = purpose.value
    return view


# -- /unsubscribe/… -------------------------------------------------------------------
def _unsubscribe_get(turn: Turn) -> Sheet:
    contact = turn.contact
    if contact.snoozed_until:
        return _paused(turn, contact.snoozed_until)
    if not contact.subscribed and not choosing.is_asked(contact):
        return _left(turn)
    return Sheet(
        turn.say.leaving(),
        action="unsubscribe",
        pausing=turn.say.pausing() if contact.subscribed else None,
        **_topics_to_keep(turn, are_ticked=True),
    )


def _unsubscribe_post(turn: Turn) -> Sheet:
    """Do what a button says; a body that says nothing unsubscribes, as the link does.

    That is so for every mail program that posts something else than RFC 8058 has it.
    """
    acts: dict[str, Page] = {
        "pause": _pause,
        "keep": _keep,
        "undo": _undo,
        "ask": ask,
    }
    return acts.get(turn.action, _leave)(turn)


def _leave(turn: Turn) -> Sheet:
    turn.offer(_leave_quietly(turn))
    return _left(turn, is_news=True)


def _leave_quietly(turn: Turn) -> Undo | None:
    name, value = _ONE_CLICK
    if turn.posted.get(name) == value:
        act = turn.visit.act(door=Door.ONE_CLICK)
    else:
        act = turn.visit.act(text=turn.say.leaving().as_read)
    return choosing.leave(turn.contact, act=act)


def _left(turn: Turn, *, is_news: bool = False) -> Sheet:
    """Show that somebody is out; right afterwards, what they may like better."""
    words = turn.say.left()
    if not turn.undo:
        return Sheet(
            words.without_button(), is_news=is_news, asking=turn.say.asking_again()
        )
    return Sheet(
        words,
        action="undo",
        is_quiet=True,
        is_news=is_news,
        undo=turn.undo,
        pausing=turn.say.pausing(),
        **_topics_to_keep(turn, are_ticked=False),
    )


def _pause(turn: Turn) -> Sheet:
    chosen = read_pause(turn.posted)
    if chosen is None:
        sheet = _unsubscribe_get(turn)
        sheet.problem = wording.incomplete()
        sheet.status = 400
        return sheet
    words = turn.say.pausing().with_button(chosen.name)
    act = turn.visit.act(text=words.as_read)
    turn.offer(
        choosing.pause(turn.contact, days=chosen.days, act=act, undo=turn.given_undo)
    )
    until = turn.contact.snoozed_until
    if until is None:
        return _left(turn)
    return _paused(turn, until)


def _paused(turn: Turn, until: datetime) -> Sheet:
    words = turn.say.paused(until)
    if turn.undo:
        return Sheet(words, action="undo", is_quiet=True, is_news=True, undo=turn.undo)
    leave = words.with_button(turn.say.leaving().button)
    return Sheet(leave, action="unsubscribe", is_quiet=True)


def _undo(turn: Turn) -> Sheet:
    words = turn.say.left()
    act = turn.visit.act(text=f"[{words.button}]")
    choosing.take_back(turn.contact, token=turn.given_undo, act=act)
    if not turn.contact.subscribed:
        return _left(turn)
    return Sheet(turn.say.joined(), is_news=True)


@transaction.atomic
def _keep(turn: Turn) -> Sheet:
    """Leave some topics; right after having left everything, come back for the rest."""
    act = turn.visit.act(text=turn.say.keeping().as_read)
    if not turn.contact.subscribed:
        choosing.take_back(turn.contact, token=turn.given_undo, act=act)
    if not turn.contact.subscribed:
        return _left(turn)
    choose(turn, turn.say.keeping(), may_join=False)
    return Sheet(turn.say.kept(), is_news=True)


def _topics_to_keep(turn: Turn, *, are_ticked: bool) -> dict[str, Any]:
    """Return the topics of somebody who could leave some of them: two or more."""
    if not (turn.contact.subscribed or turn.undo):
        return {}
    joined = [state for state in topics_of(turn.contact) if state.is_joined]
    if len(joined) < 2:
        return {}
    return {
        "keeping": turn.say.keeping(),
        "topics": [TopicState(state.topic, are_ticked) for state in joined],
    }


# -- /subscribe/… ---------------------------------------------------------------------
def _subscribe_get(turn: Turn) -> Sheet:
    contact = turn.contact
    if _is_in(contact):
        return Sheet(turn.say.joined())
    if turn.visit.is_signed or not choosing.needs_a_mail(contact):
        return Sheet(turn.say.joining(), action="subscribe")
    return Sheet(turn.say.asking(), action="ask")


def _subscribe_post(turn: Turn) -> Sheet:
    words = _subscribe_get(turn).words
    act = turn.visit.act(text=words.as_read)
    outcome = choosing.subscribe(turn.visit, turn.contact, act=act)
    if outcome is Outcome.ASKED:
        return Sheet(turn.say.asked(), is_news=True)
    return Sheet(turn.say.joined(), is_news=True)


def _is_in(contact: Contact) -> bool:
    """Say whether nothing is left to do for somebody who wants to be in."""
    is_confirmed = contact.confirmed_at or not contact.project.double_opt_in
    return contact.subscribed and bool(is_confirmed)


_LOOKS: dict[Purpose, Page] = {
    Purpose.UNSUBSCRIBE: _unsubscribe_get,
    Purpose.SUBSCRIBE: _subscribe_get,
    Purpose.MANAGE: managing.show,
}


def look(turn: Turn) -> Sheet:
    """Return what a link's page shows before anything is done on it."""
    return _LOOKS[turn.visit.purpose](turn)


unsubscribe = _page(Purpose.UNSUBSCRIBE, _unsubscribe_get, _unsubscribe_post)
subscribe = _page(Purpose.SUBSCRIBE, _subscribe_get, _subscribe_post)
manage = _page(Purpose.MANAGE, managing.show, managing.act_on)


@public_page
def unsubscribe_by_api(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the API's address of the same link, which has no page of its own."""
    claimed = request.GET.get("e", "")
    seen = visit(token, Purpose.UNSUBSCRIBE, claimed=claimed)
    if seen is None:
        return HttpResponse("This link is not valid.", "text/plain", status=400)
    if request.method != "POST":
        query = f"?{urlencode({'e': claimed})}" if seen.claimed_email_id else ""
        page = f"{settings.APP_URI}/unsubscribe/{token}{query}"
        return HttpResponseRedirect(page)
    contact = seen.contact
    if contact:
        with languages.speaking(languages.of(contact, contact.project)):
            turn = Turn(seen, contact, read_form(request), speaker_of(contact))
            past_deadlocks(lambda: _leave_quietly(turn))
    return HttpResponse("Unsubscribed", "text/plain")
