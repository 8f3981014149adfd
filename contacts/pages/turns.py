"""One request of a recipient: by which link, about whom, and what the form said."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError

from contacts import choosing
from contacts.links import Undo, undo_token
from contacts.models import Contact
from contacts.pages import wording
from contacts.pages.sheets import Sheet
from contacts.topics import topics_of
from contacts.visits import Visit

#: The most topics that a form names; a project has fewer.
_MOST_TOPICS = 200
#: In bytes; fifty topics are a tenth of it.
_MAX_FORM = 256 * 1024


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


def ask(turn: Turn) -> Sheet:
    act = turn.visit.act(text=turn.say.asking().as_read)
    if not turn.contact.subscribed:
        choosing.ask_by_mail(turn.contact, act=act)
    return Sheet(turn.say.asked(), is_news=True)


def choose(turn: Turn, words: wording.Wording, *, may_join: bool) -> None:
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


def read_form(request: HttpRequest) -> QueryDict:
    """Return the form that was sent; one that cannot be read is an empty one."""
    if request.method != "POST" or _is_too_long(request):
        return QueryDict()
    try:
        return request.POST
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return QueryDict()


def read_pause(posted: QueryDict) -> wording.Pause | None:
    """Return which of the offered pauses was chosen."""
    offered = {str(pause.days): pause for pause in wording.pauses()}
    return offered.get(posted.get("days", ""))


def _is_too_long(request: HttpRequest) -> bool:
    """Say whether a body is longer than any form of ours; it is not even received."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    is_number = length.isascii() and length.isdigit() and len(length) < 10
    return not is_number or int(length) > _MAX_FORM


def _ids(posted: QueryDict, name: str) -> set[UUID]:
    ids = set()
    for text in posted.getlist(name)[:_MOST_TOPICS]:
        try:
            ids.add(UUID(text))
        except ValueError:
            continue
    return ids
