"""What makes a subject, or the line after it, look like junk or be cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transactional.linting.findings import ERROR, HINT, WARNING, Note
from transactional.linting.markup import masked_source
from transactional.models import MailKind

#: What most inboxes show of a subject, and of the line after it.
_SHOWN, _PREHEADER_SHOWN = 60, 150
_SHOUTED = 8
_REPLY = re.compile(r"\s*(?:re|fwd?|aw|wg)\s*:", re.IGNORECASE)


def about_subject(subject: str) -> Iterator[Note]:
    """Yield what is to be said about a subject."""
    # Without what is filled in, whose length nobody knows.
    said = masked_source(subject).replace("\ufffc", "")
    if not subject.strip():
        yield Note(ERROR, "empty_subject", "There is no subject.")
        return
    if len(said) > _SHOWN:
        yield Note(
            HINT,
            "long_subject",
            f"The subject has {len(said)} characters; many inboxes show {_SHOWN}.",
            _SHOWN,
        )
    letters = [letter for letter in said if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    if len(letters) >= _SHOUTED and capitals > 0.8 * len(letters):
        yield Note(
            WARNING,
            "shouting_subject",
            "The subject is all capitals, as junk mail often is.",
        )
    if said.count("!") >= 3 or "!!" in said:
        yield Note(
            WARNING,
            "excited_subject",
            "The subject has many exclamation marks, as junk mail often does.",
            max(subject.find("!"), 0),
        )
    if _REPLY.match(subject):
        yield Note(
            WARNING,
            "false_reply",
            "The subject begins like an answer. Filters and readers take it for "
            "a trick.",
        )


def about_preheader(preheader: str, kind: str) -> Iterator[Note]:
    """Yield what is to be said about the line that inboxes show after the subject."""
    if not preheader.strip():
        if kind != MailKind.TRANSACTIONAL:
            yield Note(
                HINT,
                "missing_preheader",
                "There is no preview text: inboxes show the first words of the mail "
                "after the subject.",
            )
    elif len(preheader) > _PREHEADER_SHOWN:
        yield Note(
            HINT,
            "long_preheader",
            f"The preview text has {len(preheader)} characters; inboxes show at most "
            f"{_PREHEADER_SHOWN}.",
            _PREHEADER_SHOWN,
        )
