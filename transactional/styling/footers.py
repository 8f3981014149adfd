"""What marketing says below its words: why it came, how to leave, and who sent it.

In the recipient's language, in three forms: in our design, in HTML of its author's, and
in plain text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from django.utils.translation import gettext

from contacts import languages
from transactional.manuscripts import Look, Manuscript
from transactional.marketing import MANAGE_URL, UNSUBSCRIBE_URL, names_contact_link
from transactional.models import MailKind
from transactional.styling import surroundings
from transactional.styling.escaping import literal
from transactional.styling.pieces import Kind, masked, pieces

#: Read on white as on black: a document of somebody else's may be either.
_GREY = "#767676"
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_OWN_NAME = re.compile(
    rf"\{{\{{-?\s*(?:&nbsp;|\s)*(?:{UNSUBSCRIBE_URL}|{MANAGE_URL})\b"
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a footer says, in one language, in plain text."""

    why: str
    unsubscribe: str
    manage: str
    #: Who sent it, and where they can be written to; empty: the project says nothing.
    address: str


def words_of(manuscript: Manuscript) -> Words | None:
    """Return what the footer of a mail says; None where it has none."""
    if manuscript.kind != MailKind.MARKETING:
        return None
    look = manuscript.look
    with languages.speaking(manuscript.language):
        project = _one_line(look.project)
        why = gettext("You get this mail because you subscribed to %(project)s.")
        nameless = gettext("You get this mail because you subscribed to it.")
        return Words(
            why=why % {"project": project} if project else nameless,
            unsubscribe=gettext("Unsubscribe"),
            manage=gettext("Choose what you get"),
            address=_address(look),
        )


def in_design(words: Words) -> str:
    """Return the footer below the card of our own design."""
    out = surroundings.footer_link(
        _placeholder(UNSUBSCRIBE_URL), literal(words.unsubscribe)
    )
    choose = surroundings.footer_link(_placeholder(MANAGE_URL), literal(words.manage))
    lines = [literal(words.why), f"{out} &nbsp;&middot;&nbsp; {choose}"]
    if words.address:
        lines.append(literal(words.address))
    return surroundings.footer(lines)


def in_html(words: Words, body: str) -> str:
    """Return the footer that stands by itself at the end of an author's document.

    One who shows a way out in the body is taken at their word: there is no second one,
    only the postal address that the law of many countries asks for.
    """
    link = f"color:{_GREY};text-decoration:underline"
    lines = []
    if not shows_way_out(body):
        lines += [
            literal(words.why),
            f'<a href="{_placeholder(UNSUBSCRIBE_URL)}" style="{link}">'
            f"{literal(words.unsubscribe)}</a> &nbsp;&middot;&nbsp; "
            f'<a href="{_placeholder(MANAGE_URL)}" style="{link}">'
            f"{literal(words.manage)}</a>",
        ]
    if words.address and words.address not in html.unescape(body):
        lines.append(literal(words.address))
    if not lines:
        return ""
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"'
        ' border="0" style="clear:both"><tr><td align="center"'
        f' style="padding:32px 16px 24px;text-align:center;{_FONT};font-size:13px;'
        f'line-height:20px;mso-line-height-rule:exactly;color:{_GREY}">'
        f"{'<br>'.join(lines)}</td></tr></table>\n"
    )


def in_text(words: Words, text: str) -> str:
    """Return the footer of a plain text."""
    lines = []
    if not _OWN_NAME.search(text) and not names_contact_link(text):
        lines += [
            _in_plain(words.why),
            f"{words.unsubscribe}: {_placeholder(UNSUBSCRIBE_URL)}",
            f"{words.manage}: {_placeholder(MANAGE_URL)}",
        ]
    if words.address and words.address not in text:
        lines.append(_in_plain(words.address))
    return "\n".join(["", "", "----", *lines, ""]) if lines else "\n"


def shows_way_out(body: str) -> bool:
    """Say whether a link of a body leads to the recipient's own pages."""
    if not _OWN_NAME.search(body) and not names_contact_link(body):
        return False
    hidden = masked(body)
    return any(
        _OWN_NAME.search(tag) or names_contact_link(tag)
        for piece in pieces(hidden)
        if piece.kind == Kind.START and piece.name == "a"
        for tag in (body[piece.start : piece.end],)
    )


def _address(look: Look) -> str:
    address = _one_line(look.postal_address)
    project = _one_line(look.project)
    if not address or not project or project in address:
        return address
    return f"{project}, {address}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _placeholder(name: str) -> str:
    return f"{{{{{name}}}}}"


def _in_plain(text: str) -> str:
    """Write a name in plain text, where a brace can only be kept from its twin."""
    return re.sub(r"(?<=[{}%])(?=[{}%])", " ", text)
