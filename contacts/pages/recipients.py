"""The pages that a recipient comes to from a mail: no account, no cookie, no script.

The link is all the authority there is, so that a mail program can unsubscribe with
neither cookie nor CSRF token (RFC 8058, 3.2). Only POST does anything: scanners and
previews follow every link in every mail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts import choosing, languages
from contacts.choosing import Outcome
from contacts.links import Purpose, Undo, undo_token
from contacts.models import Contact, Door
from contacts.pages import wording
from contacts.pages.sheets import Sheet, brief_page, speaker_of
from contacts.topics import TopicState, topics_of
from contacts.visits import Visit, visit

TokenView = Callable[[HttpRequest, str], HttpResponse]
_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]
#: What RFC 8058 has a mail program send.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
#: The most topics that a form names; a project has fewer.
_MOST_TOPICS = 200


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


@dataclass(slots=True)
class Turn:
    """One request of a visitor whose contact is known."""

    visit: Visit
    contact: Contact
    posted: QueryDict
    say: wording.Speaker
    #: What was just done can be taken back with this, within the hour.
    undo: str = ""

    @property
    def action(self) -> str:
        return self.posted.get("action", "")

    def offer(self, undo: Undo | None) -> None:
        self.undo = undo_token(undo) if undo else ""

    @property
    def given_undo(self) -> str:
        return self.posted.get("undo", "")


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
        with languages.speaking(languages.of(contact, contact.project)):
            turn = Turn(seen, contact, _posted(request), speaker_of(contact))
            sheet = (post if request.method == "POST" else get)(turn)
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
        "ask": _ask,
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
    days = _days(turn.posted)
    if days is None:
        sheet = _unsubscribe_get(turn)
        sheet.problem = wording.incomplete()
        sheet.status = 400
        return sheet
    act = turn.visit.act(text=turn.say.pausing().as_read)
    turn.offer(choosing.pause(turn.contact, days=days, act=act, undo=turn.given_undo))
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


def _keep(turn: Turn) -> Sheet:
    """Leave some topics; right after having left everything, come back for the rest."""
    act = turn.visit.act(text=turn.say.keeping().as_read)
    if not turn.contact.subscribed:
        choosing.take_back(turn.contact, token=turn.given_undo, act=act)
    if not turn.contact.subscribed:
        return _left(turn)
    _choose(turn, turn.say.keeping(), may_join=False)
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


def _ask(turn: Turn) -> Sheet:
    act = turn.visit.act(text=turn.say.asking().as_read)
    if not turn.contact.subscribed:
        choosing.ask_by_mail(turn.contact, act=act)
    return Sheet(turn.say.asked(), is_news=True)


def _is_in(contact: Contact) -> bool:
    """Say whether nothing is left to do for somebody who wants to be in."""
    is_confirmed = contact.confirmed_at or not contact.project.double_opt_in
    return contact.subscribed and bool(is_confirmed)


# -- /manage/… ------------------------------------------------------------------------
def _manage_get(turn: Turn) -> Sheet:
    contact, visit_ = turn.contact, turn.visit
    sheet = Sheet(turn.say.managing(), template="contacts/public/manage.html")
    sheet.state = wording.getting() if contact.subscribed else wording.getting_nothing()
    sheet.is_in = contact.subscribed
    sheet.leaving = turn.say.leaving_everything()
    if contact.snoozed_until:
        sheet.paused = turn.say.paused(contact.snoozed_until)
    if contact.subscribed:
        sheet.pausing = turn.say.resting()
    if not visit_.is_signed:
        sheet.remark = wording.with_an_old_link()
        if not contact.subscribed:
            sheet.asking = turn.say.asking_again()
        return sheet
    sheet.joining = turn.say.joining()
    if contact.subscribed:
        sheet.topics = topics_of(contact)
        sheet.keeping = turn.say.choosing()
    return sheet


def _manage_post(turn: Turn) -> Sheet:
    acts: dict[str, Callable[[Turn], bool]] = {
        "unsubscribe": _manage_leave,
        "pause": _manage_pause,
        "subscribe": _manage_join,
        "topics": _manage_topics,
    }
    act = acts.get(turn.action)
    is_done = act is not None and act(turn)
    wants_in = turn.action in {"ask", "subscribe"}
    if wants_in and not turn.contact.subscribed:
        # A bare id, or a link too old to confirm with.
        return _ask(turn)
    sheet = _manage_get(turn)
    if is_done:
        sheet.is_news = True
        sheet.notice = wording.saved()
    else:
        sheet.problem = wording.incomplete()
        sheet.status = 400
    return sheet


def _manage_leave(turn: Turn) -> bool:
    act = turn.visit.act(text=turn.say.leaving_everything().as_read)
    choosing.leave(turn.contact, act=act)
    return True


def _manage_pause(turn: Turn) -> bool:
    days = _days(turn.posted)
    if days is None:
        return False
    act = turn.visit.act(text=turn.say.resting().as_read)
    choosing.pause(turn.contact, days=days, act=act)
    return turn.contact.snoozed_until is not None


def _manage_join(turn: Turn) -> bool:
    if not turn.visit.is_signed:
        return False
    act = turn.visit.act(text=turn.say.joining().as_read)
    choosing.subscribe(turn.visit, turn.contact, act=act)
    return True


def _manage_topics(turn: Turn) -> bool:
    if not (turn.visit.is_signed and turn.contact.subscribed):
        return False
    _choose(turn, turn.say.choosing(), may_join=True)
    return True


# -- what a form said -----------------------------------------------------------------
def _choose(turn: Turn, words: wording.Wording, *, may_join: bool) -> None:
    """Apply a form of topics; the ledger has which were shown and which were ticked."""
    shown, chosen = _ids(turn.posted, "shown"), _ids(turn.posted, "topic")
    lines = [
        f"[{'x' if state.topic.pk in chosen else ' '}] {state.topic.name}"
        for state in topics_of(turn.contact)
        if state.topic.pk in shown
    ]
    choosing.choose_topics(
        turn.contact,
        shown=shown,
        chosen=chosen,
        may_join=may_join,
        act=turn.visit.act(text="\n".join([words.as_read, *lines])),
    )


def _posted(request: HttpRequest) -> QueryDict:
    """Return the form that was sent; whatever cannot be read is an empty one."""
    if request.method != "POST":
        return QueryDict()
    try:
        return request.POST
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return QueryDict()


def _days(posted: QueryDict) -> int | None:
    text = posted.get("days", "")
    return (
        int(text) if text in {str(pause.days) for pause in wording.pauses()} else None
    )


def _ids(posted: QueryDict, name: str) -> set[UUID]:
    ids = set()
    for text in posted.getlist(name)[:_MOST_TOPICS]:
        try:
            ids.add(UUID(text))
        except ValueError:
            continue
    return ids


_LOOKS: dict[Purpose, Page] = {
    Purpose.UNSUBSCRIBE: _unsubscribe_get,
    Purpose.SUBSCRIBE: _subscribe_get,
    Purpose.MANAGE: _manage_get,
}


def look(turn: Turn) -> Sheet:
    """Return what a link's page shows before anything is done on it."""
    return _LOOKS[turn.visit.purpose](turn)


unsubscribe = _page(Purpose.UNSUBSCRIBE, _unsubscribe_get, _unsubscribe_post)
subscribe = _page(Purpose.SUBSCRIBE, _subscribe_get, _subscribe_post)
manage = _page(Purpose.MANAGE, _manage_get, _manage_post)


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
            _leave_quietly(Turn(seen, contact, _posted(request), speaker_of(contact)))
    return HttpResponse("Unsubscribed", "text/plain")
