"""A send call: checked as SES checks, refused or accepted, answered or not."""

from __future__ import annotations

import re
import time

from django.conf import settings

from plunk.simulator import sendlog
from plunk.simulator.errors import AnswerLost, AwsError, bad_request
from plunk.simulator.faults import REFUSALS, faults
from plunk.simulator.mail import Mail
from plunk.simulator.storing import accept

#: SES takes messages up to 40 MB after encoding.
MESSAGE_LIMIT = 40 * 1024 * 1024
_RECIPIENT_LIMIT = 50
_TAG_LIMIT = 50
_TAG_PART = re.compile(r"[A-Za-z0-9_.@-]{1,256}")
_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def send(mail: Mail) -> str:
    """Carry out one send call and return the message id.

    Raises AwsError if it is refused, AnswerLost if it was carried out in silence.
    """
    check(mail)
    state = faults.switches
    if state.latency_ms:
        time.sleep(state.latency_ms / 1000)
    refusal = faults.refusal(
        sender_domain=mail.sender_domain, recipients=len(mail.recipients)
    )
    if refusal:
        faults.count(refusal)
        sendlog.write(mail=mail, outcome=refusal, message_id=None, answer=refusal)
        raise _again(REFUSALS[refusal])
    message_id = accept(
        mail=mail,
        has_feedback=state.feedback,
        delay_seconds=state.feedback_delay_seconds,
    )
    loss = faults.loss()
    faults.count("accepted")
    sendlog.write(
        mail=mail, outcome="accepted", message_id=message_id, answer=loss or "ok"
    )
    _lose_answer(loss)
    return message_id


def check(mail: Mail) -> None:
    """Refuse what SES would refuse: size, addresses, tags, an unknown set."""
    if not mail.raw.strip():
        raise bad_request("The raw message is empty.")
    if len(mail.raw) > MESSAGE_LIMIT:
        raise bad_request(f"Message length is more than {MESSAGE_LIMIT} bytes long.")
    if not mail.sender_domain:
        raise bad_request("Missing final '@domain' in the sender.")
    if not mail.recipients:
        raise bad_request("The message has no recipients.")
    if len(mail.recipients) > _RECIPIENT_LIMIT:
        raise AwsError(
            "MessageRejected", f"Recipient count exceeds {_RECIPIENT_LIMIT}."
        )
    for recipient in mail.recipients:
        if len(recipient) > 320 or not _ADDRESS.fullmatch(recipient):
            raise bad_request("Illegal address among the recipients.")
    _check_tags(mail.tags)
    _check_set(mail.configuration_set)


def _check_set(name: str) -> None:
    """Refuse a configuration set that nobody has made: the two of the settings exist.

    A mail may name none.
    """
    sets = {
        "",
        settings.AWS_SES_CONFIGURATION_SET,
        settings.SES_CONFIGURATION_SET_NO_TRACKING,
    }
    if name not in sets:
        raise AwsError(
            "NotFoundException",
            f"Configuration set <{name[:64]}> does not exist.",
            query_code="ConfigurationSetDoesNotExist",
            status=404,
        )


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > _TAG_LIMIT:
        raise bad_request(f"There are more than {_TAG_LIMIT} tags.")
    for part in (*tags, *tags.values()):
        if not _TAG_PART.fullmatch(part):
            raise bad_request(
                f"Invalid tag <{part[:100]}>: only alphanumeric ASCII characters, "
                "'_', '-', '.' and '@' are allowed."
            )


def _lose_answer(loss: str) -> None:
    if loss:
        faults.count(loss)
    if loss == "hang":
        time.sleep(faults.switches.hang_seconds)
    elif loss:
        raise AnswerLost(is_cut=loss == "drop_after")


def _again(error: AwsError) -> AwsError:
    """Return a fresh copy: a raised exception keeps its caller's frames alive."""
    return AwsError(
        error.code, error.message, query_code=error.query_code, status=error.status
    )
