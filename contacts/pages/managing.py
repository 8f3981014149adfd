"""The page on which contacts choose what they get: `/manage/…`."""

from __future__ import annotations

from collections.abc import Callable

from contacts import choosing
from contacts.pages import wording
from contacts.pages.sheets import Sheet
from contacts.pages.turns import Turn, ask, choose, read_pause
from contacts.topics import topics_of


def show(turn: Turn) -> Sheet:
    contact = turn.contact
    sheet = Sheet(turn.say.managing(), template="contacts/public/manage.html")
    sheet.state = wording.getting() if contact.subscribed else wording.getting_nothing()
    sheet.is_in = contact.subscribed
    sheet.leaving = turn.say.leaving_everything()
    if contact.snoozed_until:
        sheet.paused = turn.say.paused(contact.snoozed_until)
    if contact.subscribed:
        sheet.pausing = turn.say.resting()
    if not turn.visit.is_signed:
        sheet.remark = wording.with_an_old_link()
        if not contact.subscribed:
            sheet.asking = turn.say.asking_again()
        return sheet
    sheet.joining = turn.say.joining()
    if contact.subscribed:
        sheet.topics = topics_of(contact)
        sheet.keeping = turn.say.choosing()
    return sheet


def act_on(turn: Turn) -> Sheet:
    acts: dict[str, Callable[[Turn], bool]] = {
        "unsubscribe": _leave,
        "pause": _pause,
        "subscribe": _join,
        "topics": _topics,
    }
    act = acts.get(turn.action)
    is_done = act is not None and act(turn)
    wants_in = turn.action in {"ask", "subscribe"}
    if wants_in and not turn.contact.subscribed:
        # A bare id, or a link too old to confirm with.
        return ask(turn)
    sheet = show(turn)
    if is_done:
        sheet.is_news = True
        sheet.notice = wording.saved()
    else:
        sheet.problem = wording.incomplete()
        sheet.status = 400
    return sheet


def _leave(turn: Turn) -> bool:
    act = turn.visit.act(text=turn.say.leaving_everything().as_read)
    choosing.leave(turn.contact, act=act)
    return True


def _pause(turn: Turn) -> bool:
    chosen = read_pause(turn.posted)
    if chosen is None:
        return False
    words = turn.say.resting().with_button(chosen.name)
    act = turn.visit.act(text=words.as_read)
    choosing.pause(turn.contact, days=chosen.days, act=act)
    return turn.contact.snoozed_until is not None


def _join(turn: Turn) -> bool:
    if not turn.visit.is_signed:
        return False
    act = turn.visit.act(text=turn.say.joining().as_read)
    choosing.subscribe(turn.visit, turn.contact, act=act)
    return True


def _topics(turn: Turn) -> bool:
    if not (turn.visit.is_signed and turn.contact.subscribed):
        return False
    choose(turn, turn.say.choosing(), may_join=True)
    return True
