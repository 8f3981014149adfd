"""What is asked of Amazon SES about a domain: its identity in the account."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from plunk.api.errors import ApiError, invalid
from transactional.domains.expected import mail_from_domain
from transactional.ses import client

logger = logging.getLogger(__name__)

T = TypeVar("T")

SUCCESS = "Success"
UNKNOWN = "NotStarted"


class SesUnavailable(ApiError):
    status = 503
    code = "EXTERNAL_SERVICE_ERROR"
    suggestion = "Try again in a minute; nothing was stored."


@dataclass(frozen=True, slots=True)
class Identity:
    """A domain in the SES account: its DKIM tokens, and whether it came by us."""

    tokens: list[str]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Word:
    """What SES says of an identity, in its own words (`Success`, `Pending`, …)."""

    dkim: str
    is_known: bool
    mail_from: str = ""
    mail_from_status: str = ""

    @property
    def is_good(self) -> bool:
        return self.dkim == SUCCESS


def create(name: str) -> Identity:
    """Have an identity for a domain, which may have been in the account already.

    SES itself decides which of two that ask at once was first. What was there before is
    left as it is: it may be the operator's own, or another project's.

    Raises Invalid for a name that SES does not take, and SesUnavailable.
    """
    ses = _asked(name, lambda: client("sesv2"))
    try:
        made = ses.create_email_identity(EmailIdentity=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "AlreadyExistsException":
            found = _asked(name, lambda: ses.get_email_identity(EmailIdentity=name))
            return Identity(_tokens(found), is_new=False)
        if code == "BadRequestException":
            raise invalid(
                "domain", "Amazon SES does not take this name.", "invalid_string"
            ) from error
        raise _unavailable(name, error) from error
    except BotoCoreError as error:
        raise _unavailable(name, error) from error
    return Identity(_tokens(made), is_new=True)


def words(names: Sequence[str]) -> dict[str, Word]:
    """Return what SES says of up to 100 domains; raises SesUnavailable."""
    asked = list(names)
    label = ", ".join(asked[:3])
    ses = _asked(label, lambda: client("ses"))
    dkim = _asked(label, lambda: ses.get_identity_dkim_attributes(Identities=asked))
    senders = _asked(
        label, lambda: ses.get_identity_mail_from_domain_attributes(Identities=asked)
    )
    found: dict[str, Word] = {}
    for name in asked:
        about = dkim["DkimAttributes"].get(name, {})
        sender = senders["MailFromDomainAttributes"].get(name)
        found[name] = Word(
            dkim=str(about.get("DkimVerificationStatus", UNKNOWN))[:20],
            is_known=sender is not None,
            mail_from=(sender or {}).get("MailFromDomain", ""),
            mail_from_status=(sender or {}).get("MailFromDomainStatus", ""),
        )
    return found


def set_mail_from(name: str) -> None:
    """Have bounces go to a host of the domain, which SPF then speaks for.

    Where its MX is missing SES uses a host of its own, and mail goes out all the same.
    """
    _asked(
        name,
        lambda: client("ses").set_identity_mail_from_domain(
            Identity=name,
            MailFromDomain=mail_from_domain(name),
            BehaviorOnMXFailure="UseDefaultValue",
        ),
    )


def look_again(name: str) -> list[str]:
    """Have SES look for DKIM records anew, which it gives up after 72 hours; returns
    the tokens that it looks for.
    """
    answer = _asked(name, lambda: client("ses").verify_domain_dkim(Domain=name))
    return [str(token)[:64] for token in answer["DkimTokens"]]


def stop_forwarding(name: str) -> None:
    """Have bounces told by notification only, and not in mails to the sender too."""
    _asked(
        name,
        lambda: client("ses").set_identity_feedback_forwarding_enabled(
            Identity=name, ForwardingEnabled=False
        ),
    )


def delete(name: str) -> None:
    """Remove an identity from the account; raises SesUnavailable."""
    _asked(name, lambda: client("ses").delete_identity(Identity=name))


def _tokens(about: Any) -> list[str]:
    """Return the tokens of Easy DKIM; keys that somebody brought along have none."""
    dkim = about.get("DkimAttributes", {})
    if dkim.get("SigningAttributesOrigin") == "EXTERNAL":
        return []
    return [str(token)[:64] for token in dkim.get("Tokens", [])]


def _asked(name: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise _unavailable(name, error) from error


def _unavailable(name: str, error: Exception) -> SesUnavailable:
    logger.warning("SES did not answer", extra={"domain": name, "error": str(error)})
    return SesUnavailable(f"Amazon SES did not answer about {name}.")
