"""Who may open a project's page: its members, each within their role."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast, overload
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect

from plunk.projects.models import Membership, Project, Role, User

#: The session's note of the project that was open last.
LAST_PROJECT = "last_project"


class ProjectRequest(HttpRequest):
    """A request of a member, within one project."""

    user: User
    project: Project
    membership: Membership


P = ParamSpec("P")
ProjectView = Callable[Concatenate[ProjectRequest, P], HttpResponse]
View = Callable[..., HttpResponse]


@overload
def project_page(view: ProjectView[P], /) -> View: ...


@overload
def project_page(*, role: Role = ...) -> Callable[[ProjectView[P]], View]: ...


def project_page(
    view: ProjectView[P] | None = None, /, *, role: Role = Role.MEMBER
) -> View | Callable[[ProjectView[P]], View]:
    """Open a view to the members of the project that the URL's `project_id` names.

    The view finds the project and the membership on the request and gets the URL's
    other arguments. A stranger is answered exactly as if there were no such project.
    """
    if view is None:
        return lambda decorated: _guard(decorated, role)
    return _guard(view, role)


def _guard(view: ProjectView[P], role: Role) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, project_id: UUID, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return login_redirect(request)
        member = enter_project(request, request.user, project_id)
        require_role(member, role)
        response = cast("View", view)(member, **kwargs)
        # What a member saw must not come back from a cache after they logged out.
        add_never_cache_headers(response)
        return response

    return guarded


def require_role(request: ProjectRequest, role: Role) -> None:
    """Raise PermissionDenied for a member who may not do what `role` may do.

    For a page that all members see and some may change.
    """
    if not request.membership.can(role):
        raise PermissionDenied(f"This needs the role of {role.label.lower()}.")


def enter_project(request: HttpRequest, user: User, project_id: UUID) -> ProjectRequest:
    """Put project and membership on the request; raise Http404 for a stranger."""
    membership = (
        Membership.objects.select_related("project")
        .filter(project_id=project_id, user=user)
        .first()
    )
    if membership is None:
        raise Http404("There is no such project.")
    member = cast("ProjectRequest", request)
    member.membership, member.project = membership, membership.project
    if request.session.get(LAST_PROJECT) != str(project_id):
        request.session[LAST_PROJECT] = str(project_id)
    return member


def login_redirect(request: HttpRequest) -> HttpResponse:
    """Send an anonymous visitor to the log-in page and afterwards back here."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        # Only the page itself can be come back to, not a fragment of it.
        target = htmx.current_url_abs_path or ""
    else:
        target = request.get_full_path() if request.method == "GET" else ""
    url = resolve_url(settings.LOGIN_URL)
    if target:
        url = f"{url}?{urlencode({'next': target})}"
    return HttpResponseClientRedirect(url) if htmx else HttpResponseRedirect(url)
