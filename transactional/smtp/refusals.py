"""What a client of SMTP is told when its mail is not taken (RFC 5321, 3463)."""

from __future__ import annotations

import logging
import re

from django.db import InterfaceError, OperationalError

from plunk.api.errors import (
    ApiError,
    Conflict,
    IdempotencyKeyReused,
    Invalid,
    InvalidKey,
    ProjectDisabled,
    RateLimited,
)
from transactional.senders import DomainNotVerified

logger = logging.getLogger(__name__)

#: A reply's line has 512 octets (RFC 5321, 4.5.3.1.5).
_LINE = 480
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")

OUT_OF_ORDER = "451 4.3.0 Something went wrong on our side; try again."
NO_DATABASE = "451 4.3.0 The database cannot be reached; try again."
CLOSING = "421 4.3.2 The service is shutting down."
NOT_FROM_THERE = "550 5.7.1"
UNREADABLE = "554 5.6.0"


class Refused(Exception):
    """A mail, or a part of one, that is not taken; `reply` is what its client reads."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.reply = line(code, words)


def line(code: str, words: str) -> str:
    """Return a reply: one line of ASCII, whatever is repeated in it."""
    return f"{code} {_NOT_PRINTABLE.sub('?', words)}"[:_LINE]


def reply_to(error: Exception) -> str:
    """Return what the client is told of whatever went wrong; nothing internal."""
    if isinstance(error, Refused):
        return error.reply
    if isinstance(error, RecursionError):
        return line(UNREADABLE, "The mail is nested too deeply.")
    if isinstance(error, ApiError):
        return line(_code(error), error.message)
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("database unavailable", extra={"error": str(error)})
        return NO_DATABASE
    logger.error("a mail by SMTP was not accepted", exc_info=error)
    return OUT_OF_ORDER


def _code(error: ApiError) -> str:
    if isinstance(error, RateLimited):
        return "451 4.7.1"
    if isinstance(error, InvalidKey):
        return "535 5.7.8"
    if isinstance(error, DomainNotVerified | ProjectDisabled):
        return NOT_FROM_THERE
    if isinstance(error, Conflict) and not isinstance(error, IdempotencyKeyReused):
        # The same mail is being accepted by another connection.
        return "451 4.5.0"
    if isinstance(error, Invalid) and error.errors[0].field == "from":
        return NOT_FROM_THERE
    return "451 4.3.0" if error.status >= 500 else "554 5.6.0"
