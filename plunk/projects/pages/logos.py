"""A project's logo, as recipients' browsers and mail programs fetch it."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from plunk.projects.branding import version_of
from plunk.projects.models import Logo

_YEAR = 365 * 24 * 3600
_MINUTE = 60


@require_safe
def logo(request: HttpRequest, owner_id: UUID, version: int) -> HttpResponse:
    """Serve a logo to anybody: for ever by its own version, for a minute by an old one.

    Old versions stand in mails that were sent; what they show is the logo of today.
    """
    found = Logo.objects.filter(pk=owner_id).first()
    if found is None:
        raise Http404("There is no such logo.")
    response = HttpResponse(bytes(found.png), content_type="image/png")
    is_current = version == version_of(found)
    response["Cache-Control"] = (
        f"public, max-age={_YEAR}, immutable"
        if is_current
        else f"public, max-age={_MINUTE}"
    )
    response["X-Content-Type-Options"] = "nosniff"
    # Opened by itself it is a document of our origin: one that may do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
