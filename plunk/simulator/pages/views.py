"""The Inbox: what would have left, as its recipients would have got it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as notices
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from plunk.pages.access import ProjectRequest, project_page
from plunk.simulator.listing import OUTCOMES, Row, listing, visible
from plunk.simulator.models import SimulatedMessage
from plunk.simulator.reading import Reading, framed, links, read
from plunk.simulator.storing import NotCounted, report

#: How the mail itself is shown: nothing runs, nothing is fetched, nothing is ours.
FRAME_POLICY = (
    "sandbox; default-src 'none'; img-src data: cid:; style-src 'unsafe-inline'"
)
VIEWS = ("html", "text", "headers", "source")
#: What somebody may pretend to have happened to a mail.
REACTIONS = ("Open", "Click", "Bounce", "Complaint")
_SOURCE_LIMIT = 200_000


@require_safe
@project_page
def inbox(request: ProjectRequest) -> HttpResponse:
    """Show the list; answer a poll with what is new, and the rest page by page."""
    if getattr(request, "htmx", False) and "seen" in request.GET:
        return _news(request)
    context = _list_context(request, before=request.GET.get("before", ""))
    if getattr(request, "htmx", False) and "before" in request.GET:
        return render(request, "simulator/inbox_rows.html", context)
    return render(request, "simulator/inbox.html", context)


@require_safe
@project_page
def inbox_message(request: ProjectRequest, message_id: str) -> HttpResponse:
    """Show one mail beside the list."""
    message = _message(request, message_id)
    reading = read(bytes(message.raw))
    view = _view(request.GET.get("view", ""), reading)
    context = _list_context(request, open_id=message_id) | {
        "row": Row(message, is_open=True),
        "reading": reading,
        "view": view,
        "links": links(reading.html) if view == "html" else [],
        "source": _source(message) if view == "source" else "",
        "reactions": [(kind, OUTCOMES[kind][0]) for kind in REACTIONS],
    }
    return render(request, "simulator/inbox.html", context)


@require_safe
@xframe_options_sameorigin
@project_page
def inbox_html(request: ProjectRequest, message_id: str) -> HttpResponse:
    """Answer the mail's HTML, harmless even when it is opened by itself."""
    reading = read(bytes(_message(request, message_id).raw))
    return _sealed(
        HttpResponse(framed(reading), content_type="text/html; charset=utf-8")
    )


@require_safe
@project_page
def inbox_raw(request: ProjectRequest, message_id: str) -> HttpResponse:
    """Download the mail as it would have left."""
    message = _message(request, message_id)
    return _download(bytes(message.raw), f"{message.message_id}.eml", "message/rfc822")


@require_safe
@project_page
def inbox_attachment(
    request: ProjectRequest, message_id: str, number: int
) -> HttpResponse:
    """Download one attachment; never shown, whatever it says it is."""
    reading = read(bytes(_message(request, message_id).raw))
    for attachment in reading.attachments:
        if attachment.number == number:
            return _download(
                attachment.content, attachment.name, "application/octet-stream"
            )
    raise Http404("There is no such attachment.")


@require_POST
@project_page
def inbox_react(request: ProjectRequest, message_id: str) -> HttpResponse:
    """Pretend that the recipient opened, clicked, bounced or complained."""
    message = _message(request, message_id)
    kind = request.POST.get("kind", "")
    if kind not in REACTIONS:
        return HttpResponseBadRequest("There is no such reaction.")
    try:
        report(message=message, kind=kind)
    except NotCounted:
        notices.info(
            request,
            "Nothing to report: this mail left by the configuration set that counts no"
            " opens and clicks. Where this installation counts them, its own links and"
            " picture in the mail do.",
        )
    else:
        notices.success(request, f"Reported as SES would: {OUTCOMES[kind][0].lower()}.")
    return HttpResponseRedirect(
        reverse("inbox_message", args=[request.project.pk, message_id])
    )


def _message(request: ProjectRequest, message_id: str) -> SimulatedMessage:
    found = (
        visible(project_id=request.project.pk, is_superuser=request.user.is_superuser)
        .filter(message_id=message_id)
        .first()
    )
    if found is None:
        raise Http404("There is no such mail.")
    return found


def _list_context(
    request: ProjectRequest, *, before: str = "", open_id: str = ""
) -> dict[str, Any]:
    messages = visible(
        project_id=request.project.pk, is_superuser=request.user.is_superuser
    )
    return {
        "listing": listing(messages, before=before, open_id=open_id),
        "open_id": open_id,
        "is_first": not before,
    }


def _news(request: ProjectRequest) -> HttpResponse:
    """Answer a poll: 204 when the page shows it all, else the newest mails again.

    When more came than fit, the list begins anew: a gap in it would hide mails. A page
    without any mail yet has no list at all and is loaded again.
    """
    context = _list_context(request)
    found = context["listing"]
    if found.fingerprint == request.GET["seen"]:
        return HttpResponse(status=204)
    response = render(request, "simulator/inbox_news.html", context)
    newest = request.GET.get("newest", "")
    if not newest:
        response["HX-Refresh"] = "true"
    elif not any(row.id <= newest for row in found.rows):
        response["HX-Reswap"] = "innerHTML"
    return response


def _view(asked: str, reading: Reading) -> str:
    """Return the view to show: the one asked for if the mail has it, else the best."""
    if asked in VIEWS[2:] or (asked in VIEWS and getattr(reading, asked)):
        return asked
    if reading.html:
        return "html"
    return "text" if reading.text else "source"


def _source(message: SimulatedMessage) -> str:
    raw = bytes(message.raw)
    text = raw[:_SOURCE_LIMIT].decode("utf-8", "replace")
    return text if len(raw) <= _SOURCE_LIMIT else f"{text}\n… more in the download"


def _download(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    header = content_disposition_header(as_attachment=True, filename=name)
    response["Content-Disposition"] = header or "attachment"
    return _sealed(response)


def _sealed(response: HttpResponse) -> HttpResponse:
    """Give an answer made of foreign content a policy of its own."""
    response["Content-Security-Policy"] = FRAME_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "no-referrer"
    return response
