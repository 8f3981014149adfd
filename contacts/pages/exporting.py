"""Contacts out into a file: which of them, which columns, and the stream itself."""

from __future__ import annotations

from typing import cast

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from contacts.data import MAX_KEY_LENGTH
from contacts.exporting import (
    DEFAULT_FIELDS,
    FIELDS,
    MAX_KEY_COLUMNS,
    Columns,
    file_name,
    stream_csv,
)
from contacts.fields_of_data import fields
from contacts.models import Segment
from contacts.pages.listing import Question
from plunk.pages.access import ProjectRequest, project_page

_LABELS = {
    "email": "Address",
    "subscribed": "Marketing mail",
    "id": "Id",
    "created_at": "Added",
    "updated_at": "Changed",
    "consent_source": "Consent came by",
    "consent_at": "Consent at",
    "confirmed_at": "Confirmed at",
    "snoozed_until": "Snoozed until",
}
_MOST_SEGMENTS = 200


@require_safe
@project_page
def contacts_export(request: ProjectRequest) -> HttpResponse:
    """Show the choices; with `download` in the query string, stream the file.

    The rest of the query string narrows it as it does the contacts list.
    """
    question = Question.read(request.GET)
    if "download" in request.GET:
        return _file(request, question)
    segments = Segment.objects.filter(project=request.project).order_by("name", "pk")
    context = {
        "fields": [(name, _LABELS[name], name in DEFAULT_FIELDS) for name in FIELDS],
        # No more than a file can have columns: each is a box to tick.
        "keys": [fact.name for fact in fields(request.project.pk)[:MAX_KEY_COLUMNS]],
        "question": question,
        "filters": [member for member in question.filters() if member[0] != "segment"],
        "segments": segments.only("id", "name")[:_MOST_SEGMENTS],
    }
    return render(request, "contacts/export.html", context)


def _file(request: ProjectRequest, question: Question) -> HttpResponse:
    compress = "gzip" in request.GET
    name = file_name(
        f"{request.project.name} contacts", at=timezone.now(), compress=compress
    )
    content = stream_csv(
        question.rows(request.project.pk), _columns(request.GET), compress=compress
    )
    response = StreamingHttpResponse(
        content, content_type="application/gzip" if compress else "text/csv"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return cast("HttpResponse", response)


def _columns(query: QueryDict) -> Columns:
    """Read the choice of columns; what is no choice does not count."""
    chosen = tuple(name for name in FIELDS if name in query.getlist("field"))
    if query.get("keys") != "chosen":
        return Columns(chosen or DEFAULT_FIELDS)
    keys = [
        key
        for key in dict.fromkeys(query.getlist("key"))
        if 0 < len(key) <= MAX_KEY_LENGTH and "\x00" not in key
    ]
    return Columns(chosen or ("email",), tuple(keys[:MAX_KEY_COLUMNS]))
