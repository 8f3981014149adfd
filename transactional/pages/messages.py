"""The pages about the message itself: the bytes that Amazon SES was given."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from plunk.pages.access import ProjectRequest, project_page
from transactional.explaining import UNRENDERABLE
from transactional.models import Email
from transactional.pages.views import email_of
from transactional.reprinting import Reprint, reprint_for_others

#: More of a message's headers is in the message.
_MOST_HEADERS = 20_000
_SEALED = "sandbox; default-src 'none'; frame-ancestors 'none'"


@require_safe
@project_page
def email_message(request: ProjectRequest, email_id: UUID) -> HttpResponse:
    """Say whether a mail can be shown as it left, with its headers.

    A part of the mail's page, by itself: making a message of many megabytes again must
    not keep the rest of the page waiting.
    """
    email = email_of(request, email_id)
    made = _made_again(email)
    context: dict[str, object] = {"email": email, "made": made}
    if made is not None:
        context |= {
            "headers": _headers_of(made.raw),
            "size": len(made.raw),
            "digest": bytes(email.digest).hex() if email.digest else "",
        }
    return render(request, "transactional/email_message.html", context)


@require_safe
@project_page
def email_download(request: ProjectRequest, email_id: UUID) -> HttpResponse:
    """Give a mail as a file that mail programs open."""
    response = HttpResponse(
        _message_or_404(request, email_id), content_type="message/rfc822"
    )
    response["Content-Disposition"] = f'attachment; filename="{email_id}.eml"'
    return _sealed(response)


@require_safe
@project_page
def email_source(request: ProjectRequest, email_id: UUID) -> HttpResponse:
    """Show a mail's source as text."""
    response = HttpResponse(
        _message_or_404(request, email_id), content_type="text/plain; charset=utf-8"
    )
    return _sealed(response)


def _message_or_404(request: ProjectRequest, email_id: UUID) -> bytes:
    made = _made_again(email_of(request, email_id))
    if made is None:
        raise Http404("No message can be made of this mail.")
    return made.raw


def _made_again(email: Email) -> Reprint | None:
    """Return a mail's message, or None where it can have none."""
    try:
        return reprint_for_others(email)
    except UNRENDERABLE:
        return None


def _headers_of(raw: bytes) -> str:
    headers = raw.partition(b"\r\n\r\n")[0][:_MOST_HEADERS]
    return headers.decode("ascii", "replace").replace("\r\n", "\n")


def _sealed(response: HttpResponse) -> HttpResponse:
    """Nobody's browser keeps it, guesses what it is, or runs any of it."""
    response["Content-Security-Policy"] = _SEALED
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store, private"
    return response
