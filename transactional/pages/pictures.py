"""The pictures of a project's mails as a page: how many there are, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.pictures import PictureError
from plunk.projects.models import Role
from transactional.images import (
    MAX_UPLOAD,
    MEGABYTE,
    delete_image,
    image_path,
    image_url,
    room_of,
    uses_of,
)
from transactional.models import Image
from transactional.pages.images import TOO_LARGE, is_too_large, take

PAGE_SIZE = 24
_page_methods = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture in the grid.

    Its path is what a browser asks for, its address what stands in mails: the two have
    different hosts where the dashboard is opened by another name.
    """

    image: Image
    path: str
    address: str


@csrf_exempt  # checked by _upload, which reads the body: not before its size is known
@_page_methods
@project_page
def pictures(request: ProjectRequest) -> HttpResponse:
    """Show all pictures, newest first, to every member; take one in."""
    if request.method != "POST":
        return _page(request)
    if is_too_large(request):
        return _page(request, error=TOO_LARGE, status=413)
    return _upload(request)


@_page_methods
@project_page(role=Role.ADMIN)
def picture_delete(request: ProjectRequest, image_id: UUID) -> HttpResponse:
    """Say what deleting does, to mails that were sent too; then do it."""
    rows = Image.objects.filter(project=request.project, pk=image_id)
    image = rows.defer("data", "digest").first()
    if image is None:
        raise Http404("There is no such picture.")
    if request.method == "POST":
        if delete_image(image):
            messages.success(request, f"{image.name or 'The picture'} is deleted.")
        return redirect("settings_pictures", request.project.pk)
    context = {"picture": _shown(image), "uses": uses_of(image)}
    return render(request, "transactional/pictures/delete.html", context)


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponse:
    member = cast("ProjectRequest", request)
    try:
        image, is_new = take(member)
    except PictureError as error:
        return _page(member, error=str(error), status=422)
    name = image.name or "The picture"
    messages.success(
        request, f"{name} is uploaded." if is_new else f"It is here already: {name}."
    )
    return redirect("settings_pictures", member.project.pk)


def _page(
    request: ProjectRequest, *, error: str = "", status: int = 200
) -> HttpResponse:
    rows = Image.objects.filter(project=request.project).defer("data", "digest")
    found = page(rows, cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    context = {
        "page": found,
        "pictures": [_shown(image) for image in found.rows],
        "room": room_of(request.project.pk),
        "limit": MAX_UPLOAD // MEGABYTE,
        "error": error,
        "may_delete": request.membership.can(Role.ADMIN),
    }
    return render(
        request, "transactional/pictures/pictures.html", context, status=status
    )


def _shown(image: Image) -> Shown:
    return Shown(image, image_path(image), image_url(image))
