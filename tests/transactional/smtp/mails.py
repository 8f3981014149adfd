"""Mails as mail programs write them."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
EVENT = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def mail(
    *,
    subject: str = "Hello",
    text: str | None = "Hello Ann",
    html: str | None = None,
    sender: str = "Acme <hello@example.com>",
    to: str = "Ann <ann@example.com>",
    **headers: str,
) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    if text is not None:
        message.set_content(text)
    if html is not None:
        if text is None:
            message.set_content(html, subtype="html")
        else:
            message.add_alternative(html, subtype="html")
    return message


def raw(*lines: str | bytes) -> bytes:
    """Return a message of these lines."""
    return b"\r\n".join(
        line if isinstance(line, bytes) else line.encode() for line in (*lines, "")
    )


HEAD = (
    "From: hello@example.com",
    "To: ann@example.com",
    "Subject: Hello",
    "MIME-Version: 1.0",
)


def full() -> EmailMessage:
    """Return a mail with everything that a mail can have."""
    message = mail(
        subject="Grüße ✓",
        text="Grüße\n.\n..zwei Punkte\n",
        html='<p>Grüße <img src="cid:logo@acme" alt=""></p>',
        Reply_To="Support <help@example.com>",
        X_Tag="welcome",
    )
    body: Any = message.get_payload()
    body[1].add_related(PNG, "image", "png", cid="<logo@acme>", filename="logo.png")
    message.add_attachment(PDF, "application", "pdf", filename="Rechnung für Änne.pdf")
    return message


def shape(message: EmailMessage | bytes) -> list[Any]:
    """Return the types of a mail's parts, as deep as they are nested."""
    if isinstance(message, bytes):
        message = parsed(message)
    if not message.is_multipart():
        return [message.get_content_type()]
    parts: Any = message.get_payload()
    return [message.get_content_type(), *(shape(part) for part in parts)]


def parsed(message: bytes) -> EmailMessage:
    found = message_from_bytes(message, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def leaves(message: bytes) -> list[tuple[str, bytes]]:
    """Return the types and contents of all parts that are no more parts."""
    found: list[tuple[str, Any]] = [
        (part.get_content_type(), part.get_payload(decode=True))
        for part in parsed(message).walk()
        if not part.is_multipart()
    ]
    return found
