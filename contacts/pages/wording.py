"""What the recipients' pages say, sentence by sentence.

One place for all of it, because a sentence is used twice: the page shows it, and the
consent ledger keeps what the person had read when they chose. Everything here is said
in the language that is spoken at the moment of the call (contacts/languages.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import formats
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around one choice."""

    title: str
    lead: str
    note: str = ""
    button: str = ""

    @property
    def as_read(self) -> str:
        """Return what the ledger keeps: a line a part, the button in brackets."""
        parts = [self.title, self.lead, self.note]
        button = [f"[{self.button}]"] if self.button else []
        return "\n".join([part for part in parts if part] + button)

    def with_button(self, button: str) -> Wording:
        return replace(self, button=button)

    def without_button(self) -> Wording:
        return replace(self, button="")


@dataclass(frozen=True, slots=True)
class Pause:
    days: int
    name: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says everything about one sender and one address, which is masked already."""

    sender: str
    address: str = ""

    def _fill(self, sentence: str, **more: str) -> str:
        return sentence % {"sender": self.sender, "address": self.address, **more}

    # -- leaving ----------------------------------------------------------------------
    def leaving(self) -> Wording:
        return Wording(
            _("Do you want to unsubscribe?"),
            self._fill(
                _("%(sender)s will no longer send news and offers to %(address)s.")
            ),
            button=_("Unsubscribe"),
        )

    def left(self) -> Wording:
        return Wording(
            _("You are unsubscribed"),
            self._fill(_("%(sender)s no longer sends news and offers to %(address)s.")),
            note=_(
                "Messages about what you do yourself, such as a receipt or a new "
                "password, can still come."
            ),
            button=_("That was a mistake: undo it"),
        )

    def leaving_everything(self) -> Wording:
        return Wording(
            _("Leave everything"),
            _("No more news and offers, whatever the topic."),
            button=_("Unsubscribe from everything"),
        )

    # -- pausing ----------------------------------------------------------------------
    def pausing(self) -> Wording:
        return Wording(
            _("Would a pause be better?"),
            self._fill(
                _(
                    "You hear nothing for a while, and then %(sender)s writes to you "
                    "again."
                )
            ),
        )

    def resting(self) -> Wording:
        return replace(self.pausing(), title=_("Take a break"))

    def paused(self, until: datetime) -> Wording:
        date = formats.date_format(until, "DATE_FORMAT")
        return Wording(
            _("Your mail is paused"),
            self._fill(
                _("%(sender)s writes to %(address)s again from %(date)s on."),
                date=date,
            ),
            button=_("End the pause"),
        )

    # -- topics -----------------------------------------------------------------------
    def keeping(self) -> Wording:
        return Wording(
            _("Or get only some of it"),
            _("Tick what you would like to keep."),
            button=_("Keep only these"),
        )

    def kept(self) -> Wording:
        return Wording(
            _("Your choice is saved"),
            self._fill(_("%(sender)s sends only what you kept to %(address)s.")),
            note=_("You can change it or leave at any time."),
        )

    def choosing(self) -> Wording:
        return Wording(
            _("Your topics"),
            _("Tick what you would like to get."),
            button=_("Save my choice"),
        )

    # -- coming -----------------------------------------------------------------------
    def joining(self) -> Wording:
        return Wording(
            _("Do you want to subscribe?"),
            self._fill(
                _(
                    "%(sender)s will send news and offers to %(address)s. You can "
                    "leave at any time, with one click."
                )
            ),
            note=_("If you did not ask for this, close this page: nothing happens."),
            button=_("Subscribe"),
        )

    def joined(self) -> Wording:
        return Wording(
            _("You are subscribed"),
            self._fill(
                _(
                    "%(sender)s sends news and offers to %(address)s. You can leave "
                    "at any time, with one click."
                )
            ),
        )

    def asking(self) -> Wording:
        return Wording(
            _("Do you want to subscribe?"),
            self._fill(
                _(
                    "To be sure that it is you, we send a mail with a link to "
                    "%(address)s."
                )
            ),
            button=_("Send me the mail"),
        )

    def asking_again(self) -> Wording:
        return replace(self.asking(), title=_("Do you want to subscribe again?"))

    def asked(self) -> Wording:
        return Wording(
            _("Please look into your mailbox"),
            self._fill(
                _(
                    "A mail is on its way to %(address)s. Open the link in it, and "
                    "you are subscribed."
                )
            ),
            note=_("Did it not come? Look among the spam, or try again later."),
        )

    # -- managing ---------------------------------------------------------------------
    def managing(self) -> Wording:
        return Wording(
            self._fill(_("Your mail from %(sender)s")),
            self._fill(_("Choose what comes to %(address)s.")),
        )


def getting() -> str:
    return _("You get news and offers.")


def getting_nothing() -> str:
    return _("You get no news and offers.")


def with_an_old_link() -> str:
    return _(
        "With an old link you can only leave or pause. The links in new mails let you "
        "choose more."
    )


def saved() -> str:
    return _("Your choice is saved")


def incomplete() -> str:
    return _("Something was missing in what you sent. Please try again.")


def gone() -> Wording:
    """Speak of a contact that was erased, of whom nothing is known any more."""
    return Wording(
        _("You are unsubscribed"),
        _("Nothing is sent to this address any more."),
        note=_("You can close this page."),
    )


def too_many() -> Wording:
    return Wording(
        _("Please try again in a minute"),
        _("Too many requests came from your network. Nothing was changed."),
    )


def unreadable() -> Wording:
    return Wording(
        _("This link does not work"),
        _("A part of it seems to be missing. Nothing was changed."),
        note=_(
            "Open the link in the mail once more, or copy all of it. If it still does "
            "not work, answer the mail: its sender can help you."
        ),
    )


def pauses() -> list[Pause]:
    return [
        Pause(14, _("2 weeks")),
        Pause(30, _("1 month")),
        Pause(182, _("6 months")),
        Pause(365, _("1 year")),
    ]
