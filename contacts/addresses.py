"""The one way an e-mail address is checked and written, whichever door it came by."""

from __future__ import annotations

import re

from email_validator import (
    SPECIAL_USE_DOMAIN_NAMES,
    EmailNotValidError,
    validate_email,
)
from email_validator.exceptions import EmailSyntaxError

#: What nearly every address looks like, and what has nothing left to be decided: ASCII,
#: short parts, no hyphens in a row (IDNA), a domain that is not reserved.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@[^@]{4,63}\Z)"
    r"[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*"
    r"@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+"
    rf"(?!(?i:{'|'.join(name.split('.')[-1] for name in SPECIAL_USE_DOMAIN_NAMES)})\Z)"
    r"[A-Za-z]{2,}"
)


class AddressError(ValueError):
    """An address SES could not deliver to; `code` says what is wrong with it."""

    def __init__(self, message: str, code: str = "invalid_email") -> None:
        super().__init__(message)
        self.code = code


def normalise(text: str) -> str:
    """Return an address in the form it is stored, compared and sent in.

    Surrounding spaces are cut, all of it is lower case, and an international domain is
    written as A-labels (IDNA 2008 with UTS 46). Raises AddressError for what SES cannot
    deliver to: no or special-use domain, IP literals, over-long parts (RFC 5321 4.5.3),
    and a local part beyond ASCII, because SES has no SMTPUTF8 (RFC 6531).
    """
    trimmed = text.strip(" ")
    if _PLAIN.fullmatch(trimmed):
        return trimmed.lower()
    return _normalise_in_full(trimmed)


def _normalise_in_full(trimmed: str) -> str:
    local = trimmed.rpartition("@")[0]
    if not local.isascii():
        raise AddressError(
            "Only ASCII is possible before the @: Amazon SES has no SMTPUTF8.",
            "smtputf8_unsupported",
        )
    if len(trimmed) > 254:
        raise AddressError("An address has at most 254 characters.")
    try:
        parts = validate_email(
            trimmed, check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailSyntaxError as error:
        raise AddressError(f"Is not an e-mail address: {error}") from error
    except EmailNotValidError as error:
        raise AddressError(f"Cannot receive mail: {error}") from error
    address = f"{parts.local_part}@{parts.ascii_domain}".lower()
    if len(address) > 254:
        raise AddressError("An address has at most 254 characters.")
    return address


def domain_of(address: str) -> str:
    """Return the domain of a normalised address."""
    return address.rpartition("@")[2]
