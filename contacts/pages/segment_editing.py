"""Making and changing segments: the builder, and what it asks while one writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from contacts import fields_of_data
from contacts.models import Segment, SegmentType
from contacts.pages import builder
from contacts.pages.segment_forms import DynamicForm, SegmentForm
from contacts.segments import keeping
from contacts.segments.counting import count, sample
from contacts.segments.explaining import sentence
from contacts.segments.tree import parse
from plunk.api.endpoints import read_bytes
from plunk.api.errors import ApiError, BadRequest, Invalid, invalid
from plunk.api.fields import Fields
from plunk.api.strictjson import read_object, write
from plunk.pages.access import ProjectRequest, project_page

#: How many people the builder shows.
SAMPLE = 6
_MAX_BODY = 512 * 1024
_MAX_VALUES = 50

require_page_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_page_methods
@project_page
def segment_new(request: ProjectRequest) -> HttpResponse:
    """Make a segment: by a condition, or `?type=static` an empty list."""
    is_static = request.GET.get("type") == "static"
    return _edit(request, None, is_static=is_static)


@require_page_methods
@project_page
def segment_edit(request: ProjectRequest, segment_id: UUID) -> HttpResponse:
    rows = Segment.objects.filter(project=request.project, pk=segment_id)
    segment = rows.first()
    if segment is None:
        raise Http404("There is no such segment.")
    return _edit(request, segment, is_static=segment.type == SegmentType.STATIC)


def _edit(
    request: ProjectRequest, segment: Segment | None, *, is_static: bool
) -> HttpResponse:
    form = _form(request, segment, is_static=is_static)
    problems: list[dict[str, str]] = []
    if request.method == "POST" and form.is_valid():
        try:
            saved = _save(request, segment, form, is_static=is_static)
        except Invalid as error:
            problems = [item.as_dict() for item in error.errors]
        except ApiError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"“{saved.name}” is saved.")
            return redirect("segment", request.project.pk, saved.pk)
    context: dict[str, Any] = {
        "form": form,
        "segment": segment,
        "is_static": is_static,
        "problems": problems,
    }
    if not is_static:
        context["config"] = builder.config(
            request.project.pk, without=segment.pk if segment else None
        )
        context["starters"] = STARTERS if segment is None else ()
    return render(request, "contacts/segments/edit.html", context)


def _form(
    request: ProjectRequest, segment: Segment | None, *, is_static: bool
) -> forms.Form:
    kind = SegmentForm if is_static else DynamicForm
    if request.method == "POST":
        return kind(request.POST)
    if segment is None:
        return kind()
    initial = {
        "name": segment.name,
        "description": segment.description,
        "track_membership": segment.track_membership,
        "condition": json.dumps(segment.condition, ensure_ascii=False, indent=2),
    }
    return kind(initial=initial)


def _save(
    request: ProjectRequest,
    segment: Segment | None,
    form: forms.Form,
    *,
    is_static: bool,
) -> Segment:
    values: dict[str, Any] = {
        "name": form.cleaned_data["name"],
        "description": form.cleaned_data["description"],
    }
    if not is_static:
        values["track_membership"] = form.cleaned_data["track_membership"]
        values["condition"] = _condition(form.cleaned_data["condition"])
    if segment is not None:
        return keeping.change_segment(
            project_id=request.project.pk, segment_id=segment.pk, **values
        )
    kind = SegmentType.STATIC if is_static else SegmentType.DYNAMIC
    return keeping.create_segment(project_id=request.project.pk, type=kind, **values)


def _condition(text: str) -> dict[str, Any]:
    """Read the condition that the builder, or somebody by hand, has written."""
    try:
        return read_object(text.encode())
    except ApiError as error:
        message = f"Is no JSON object: {error.message}"
        raise invalid("condition", message, "invalid_json") from error


# -- while one writes -----------------------------------------------------------------


def _json(view: Callable[..., dict[str, Any]]) -> Callable[..., HttpResponse]:
    """Answer what a view returns as JSON, and what it raises too."""

    @wraps(view)
    def answering(*args: Any, **kwargs: Any) -> HttpResponse:
        try:
            body, status = view(*args, **kwargs), 200
        except ApiError as error:
            body, status = {"message": error.message, "errors": []}, error.status
            if isinstance(error, Invalid):
                body["errors"] = [item.as_dict() for item in error.errors]
        return HttpResponse(write(body), status=status, content_type="application/json")

    return answering


@require_POST
@project_page
@_json
def segment_preview(request: ProjectRequest) -> dict[str, Any]:
    """Count who matches what is being written, and show a few of them.

    A newer question with the same token ends an older one, which is then a 409.
    """
    fields = Fields(read_object(read_bytes(request, _MAX_BODY)))
    token = fields.text("token", maximum=100) or ""
    condition = fields.mapping("condition")
    fields.require("condition", condition)
    fields.finish()
    tree = parse(condition)
    project_id = request.project.pk
    # Of one member in one window: nobody ends the counting of another.
    own = f"{request.user.pk} {token}" if token else ""
    return {
        "count": count(project_id, tree, token=own),
        "sentence": sentence(project_id, tree),
        "sample": [
            {
                "email": contact.email,
                "url": reverse("contact", args=[project_id, contact.pk]),
            }
            for contact in sample(project_id, tree, SAMPLE)
        ],
    }


@require_safe
@project_page
@_json
def segment_values(request: ProjectRequest) -> dict[str, Any]:
    """Suggest values of a key of the contacts' data, the most frequent first."""
    field = request.GET.get("field", "")
    if not field.startswith("data.") or len(field) > 1000 or "\x00" in field:
        raise BadRequest("The field must begin with data.")
    key = field.removeprefix("data.")
    return {"values": fields_of_data.values(request.project.pk, key, _MAX_VALUES)}


def _starter(label: str, *filters: dict[str, Any]) -> tuple[str, str]:
    tree = {"logic": "AND", "groups": [{"filters": list(filters)}]}
    return label, json.dumps(tree)


_SUBSCRIBED = {"field": "subscribed", "operator": "equals", "value": True}
#: Conditions that many begin with.
STARTERS = (
    _starter(
        "New this week",
        {"field": "createdAt", "operator": "within", "value": 7, "unit": "days"},
    ),
    _starter(
        "Opened a mail lately",
        _SUBSCRIBED,
        {
            "field": "email.opened",
            "operator": "triggeredWithin",
            "value": 30,
            "unit": "days",
        },
    ),
    _starter(
        "Never opened",
        _SUBSCRIBED,
        {"field": "email.delivered", "operator": "triggered"},
        {"field": "email.opened", "operator": "notTriggered"},
    ),
    _starter(
        "On a plan",
        {"field": "data.plan", "operator": "equals", "value": "pro"},
    ),
)
