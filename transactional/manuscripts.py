"""What a mail is compiled from: the author's words, and what the project adds."""

from __future__ import annotations

from dataclasses import dataclass

from transactional.models import MailKind, Style


@dataclass(frozen=True, slots=True)
class Look:
    """What a project puts into all of its mails."""

    project: str = ""
    #: `#rrggbb`, or empty for ours.
    color: str = ""
    #: One line, for the footer of marketing; empty: none.
    postal_address: str = ""


@dataclass(frozen=True, slots=True)
class Manuscript:
    """Everything that decides how a content looks before it is filled in.

    Two equal ones are compiled to the same, byte for byte.
    """

    subject: str
    #: HTML in whose place plain text may stand; empty: a mail of `text` alone.
    body: str
    #: The author's own plain text; empty: it is made of the body.
    text: str = ""
    preheader: str = ""
    style: str = Style.HTML
    kind: str = MailKind.TRANSACTIONAL
    #: One of `contacts.languages.LANGUAGES`, for what we add.
    language: str = "en"
    look: Look = Look()
    #: Whether its links are marked, to be counted by this installation.
    marks_links: bool = False
