"""Outgoing webhooks: what was called, where it goes, and what it is signed with."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from automations.models import (
    CallState,
    Visit,
    WebhookAttempt,
    WebhookCall,
    WebhookEndpoint,
)
from automations.webhooks import replaying, retries, signing
from plunk.api.errors import ApiError
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.projects.models import Project, Role

_MOST_ATTEMPTS = 50
_MOST_NOTICES = 10
_FILTERS = {
    "": ("All", tuple(CallState.values)),
    "failed": ("Given up", (CallState.FAILED,)),
    "waiting": ("Not there yet", (CallState.PENDING, CallState.CALLING)),
}
TONES = {
    CallState.PENDING: "info",
    CallState.CALLING: "info",
    CallState.DELIVERED: "good",
    CallState.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what makes no sense does not narrow it."""

    show: str = ""
    endpoint: UUID | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        show = query.get("show", "")
        return cls(
            show=show if show in _FILTERS else "",
            endpoint=read_id(query.get("endpoint", "")),
        )

    @property
    def query(self) -> str:
        given = {"show": self.show, "endpoint": self.endpoint or ""}
        return urlencode({name: value for name, value in given.items() if value})


@require_safe
@project_page
def webhook_calls(request: ProjectRequest) -> HttpResponse:
    """List calls, the newest first, all or those that did not arrive."""
    question = Question.read(request.GET)
    calls = WebhookCall.objects.filter(project=request.project)
    if question.show:
        calls = calls.filter(state__in=_FILTERS[question.show][1])
    endpoint = None
    if question.endpoint is not None:
        endpoint = _own_endpoints(request).filter(pk=question.endpoint).first()
        calls = calls.filter(endpoint=endpoint)
    shown = page(calls.defer("headers", "body"), cursor=request.GET.get("cursor", ""))
    context = {
        "question": question,
        "endpoint": endpoint,
        "filters": [(value, label) for value, (label, _) in _FILTERS.items()],
        "page": shown,
        "rows": [(call, TONES[CallState(call.state)]) for call in shown.rows],
        "disabled": _disabled(request.project),
    }
    return render(request, "automations/webhooks/calls.html", context)


@require_safe
@project_page
def webhook_call(request: ProjectRequest, call_id: UUID) -> HttpResponse:
    """Show one call: what was sent, and what was answered each time."""
    call = _call_of(request, call_id)
    attempts = WebhookAttempt.objects.filter(call=call).order_by("-number")
    visits = (
        Visit.objects.filter(pk=call.visit_id)
        if call.visit_id
        else Visit.objects.none()
    )
    run = visits.values_list("run", flat=True).first()
    context = {
        "call": call,
        "tone": TONES[CallState(call.state)],
        "body": _readable(call.body),
        "attempts": attempts[:_MOST_ATTEMPTS],
        "run_id": run,
        "is_moving": call.state in (CallState.PENDING, CallState.CALLING),
        "most_tries": retries.MOST_TRIES,
        "may_replay": call.state != CallState.CALLING
        and call.endpoint.disabled_at is None,
    }
    return render(request, "automations/webhooks/call.html", context)


@require_POST
@project_page
def webhook_replay(request: ProjectRequest, call_id: UUID) -> HttpResponse:
    """Call again, under the same id."""
    call = _call_of(request, call_id)
    try:
        replaying.replay(call)
    except ApiError as error:
        messages.error(request, f"{error.message} {error.suggestion}")
    else:
        messages.success(request, "It is called again, with the same id.")
    return redirect("webhook_call", request.project.pk, call.pk)


@require_safe
@project_page
def webhook_endpoints(request: ProjectRequest) -> HttpResponse:
    """List where calls go, and how that goes lately."""
    failed = WebhookCall.objects.filter(endpoint=OuterRef("pk"), state=CallState.FAILED)
    shown = page(
        _own_endpoints(request).annotate(has_failed=Exists(failed)),
        cursor=request.GET.get("cursor", ""),
    )
    context = {"page": shown, "disabled": _disabled(request.project)}
    return render(request, "automations/webhooks/endpoints.html", context)


@require_POST
@project_page
def webhook_endpoint_switch(request: ProjectRequest, endpoint_id: UUID) -> HttpResponse:
    """Enable or disable an endpoint; both can be taken back."""
    endpoint = _endpoint_of(request, endpoint_id)
    if request.POST.get("to") == "off":
        replaying.disable(endpoint, reason="Somebody of this project disabled it.")
        messages.success(request, "Nothing is sent there until you enable it again.")
    else:
        replaying.enable(endpoint)
        messages.success(
            request, "It is called again. What failed can be replayed from here."
        )
    return redirect("webhook_endpoints", request.project.pk)


@require_POST
@project_page
def webhook_endpoint_replay(request: ProjectRequest, endpoint_id: UUID) -> HttpResponse:
    """Call again all that an endpoint did not take."""
    endpoint = _endpoint_of(request, endpoint_id)
    try:
        count = replaying.replay_failed(endpoint)
    except ApiError as error:
        messages.error(request, f"{error.message} {error.suggestion}")
    else:
        what = "One call is" if count == 1 else f"{count:,} calls are"
        messages.success(request, f"{what} made again, with the same ids.")
    return redirect("webhook_endpoints", request.project.pk)


@require_safe
@project_page(role=Role.ADMIN)
def webhook_secret(request: ProjectRequest) -> HttpResponse:
    """Show what receivers verify with."""
    context = {
        "secret": signing.secret_of(request.project),
        "old": signing.old_secret_of(request.project),
    }
    return render(request, "automations/webhooks/secret.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.ADMIN)
def webhook_secret_replace(request: ProjectRequest) -> HttpResponse:
    """Say what replacing does; then do it."""
    if request.method != "POST":
        return render(request, "automations/webhooks/secret_replace.html")
    signing.rotate(request.project)
    messages.success(
        request, "There is a new secret. The old one signs beside it for 24 hours."
    )
    return redirect("webhook_secret", request.project.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(role=Role.ADMIN)
def webhook_secret_end_old(request: ProjectRequest) -> HttpResponse:
    """Say what ending the old secret early does; then do it."""
    if request.method != "POST":
        return render(request, "automations/webhooks/secret_end_old.html")
    signing.forget_old(request.project)
    messages.success(request, "Only the new secret signs from now on.")
    return redirect("webhook_secret", request.project.pk)


def _own_endpoints(request: ProjectRequest) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(project=request.project)


def _endpoint_of(request: ProjectRequest, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = _own_endpoints(request).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise Http404("There is no such endpoint.")
    return endpoint


def _call_of(request: ProjectRequest, call_id: UUID) -> WebhookCall:
    call = (
        WebhookCall.objects.select_related("endpoint")
        .filter(project=request.project, pk=call_id)
        .first()
    )
    if call is None:
        raise Http404("There is no such call.")
    return call


def _disabled(project: Project) -> list[WebhookEndpoint]:
    """Return endpoints that somebody should look after, for a notice."""
    rows = WebhookEndpoint.objects.filter(project=project, disabled_at__isnull=False)
    return list(rows.order_by("-disabled_at", "-pk")[:_MOST_NOTICES])


def _readable(body: str) -> str:
    """Lay JSON out for reading; anything else is shown as it is."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body
