"""A new campaign: from nothing, a template, a sample, or an earlier campaign."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from campaigns import drafts
from campaigns.errors import CampaignNotFound
from campaigns.lifecycle import campaign_of
from campaigns.models import Campaign, Variant
from plunk.api.errors import Invalid
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page
from transactional.gallery import GALLERY, sample
from transactional.models import WRITTEN_FIELDS, MailKind, Style, Template
from transactional.pages.gallery import BLANK_BODY, BLANK_HTML
from transactional.senders import DomainNotVerified
from transactional.templates import TemplateNotFound, template_of

#: Of each kind of beginning, the latest.
TEMPLATES = 8
CAMPAIGNS = 6
_UNTITLED = "Untitled campaign"
_SENDER = ("from_email", "from_name")
#: A description of a template is for who looks for a template.
_TAKEN = tuple(name for name in WRITTEN_FIELDS if name != "description")


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def campaign_new(request: ProjectRequest) -> HttpResponse:
    """Offer what to begin with; make it, and go on to its overview."""
    name = " ".join(request.POST.get("name", "").split())
    error = ""
    if request.method == "POST":
        try:
            made = _begin(request, request.POST.get("start", ""), name)
        except Invalid as problem:
            error = problem.errors[0].message
        else:
            return redirect("campaign", request.project.pk, made.pk)
    context = {
        "name": name,
        "error": error,
        "templates": _templates(request),
        "campaigns": _campaigns(request),
        "samples": [one for one in GALLERY if one.kind != MailKind.TRANSACTIONAL],
    }
    return render(request, "campaigns/draft/new.html", context)


def _templates(request: ProjectRequest) -> list[Template]:
    rows = Template.objects.existing().filter(project=request.project)
    rows = rows.exclude(kind=MailKind.TRANSACTIONAL).defer("body")
    return list(rows.order_by("-updated_at", "-id")[:TEMPLATES])


def _campaigns(request: ProjectRequest) -> list[Any]:
    first = Variant.objects.filter(campaign=OuterRef("pk"), run=1, position=0)
    rows = Campaign.objects.filter(project=request.project)
    rows = rows.annotate(subject=Subquery(first.values("subject")[:1]))
    return list(rows.order_by("-created_at", "-id")[:CAMPAIGNS])


def _begin(request: ProjectRequest, start: str, name: str) -> Campaign:
    """Make the campaign; raises Http404 for a beginning that there is not."""
    kind, _, which = start.partition(":")
    if kind == "campaign":
        return _again(request, which, name)
    written = _written(request, kind, which)
    if name:
        written["name"] = name
    try:
        return drafts.create(
            project=request.project, written=written, user=request.user
        )
    except DomainNotVerified:
        messages.warning(
            request,
            f"Mail cannot come from {written['from_email']} at the moment: "
            "the project’s sender took its place.",
        )
        without = {key: it for key, it in written.items() if key not in _SENDER}
        return drafts.create(
            project=request.project, written=without, user=request.user
        )


def _written(request: ProjectRequest, kind: str, which: str) -> dict[str, Any]:
    if kind == "blank":
        return {"name": _UNTITLED, "body": BLANK_BODY, "style": Style.PLUNK}
    if kind == "html":
        return {"name": _UNTITLED, "body": BLANK_HTML, "style": Style.HTML}
    if kind == "template":
        template = _template(request, which)
        return {name: getattr(template, name) for name in _TAKEN}
    one = sample(which) if kind == "sample" else None
    if one is None:
        raise Http404("There is no such beginning.")
    return {
        "name": one.name,
        "subject": one.subject,
        "preheader": one.preheader,
        "body": one.body,
        "kind": one.kind,
        "style": Style.PLUNK,
    }


def _template(request: ProjectRequest, which: str) -> Template:
    template_id = read_id(which)
    try:
        if template_id is None:
            raise TemplateNotFound
        return template_of(request.project.pk, template_id)
    except TemplateNotFound as error:
        raise Http404(error.message) from error


def _again(request: ProjectRequest, which: str, name: str) -> Campaign:
    """Make a copy of an earlier campaign."""
    campaign_id = read_id(which)
    try:
        if campaign_id is None:
            raise CampaignNotFound
        earlier = campaign_of(request.project.pk, campaign_id)
    except CampaignNotFound as error:
        raise Http404(error.message) from error
    copy = drafts.duplicate(campaign=earlier, user=request.user)
    if not name:
        return copy
    return drafts.change(campaign=copy, written={"name": name}, user=request.user)
