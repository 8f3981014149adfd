"""The pictures of a project's mails: uploaded by members, fetched by everybody."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.pictures import PictureError
from transactional.images import (
    EXTENSIONS,
    MAX_UPLOAD,
    MEGABYTE,
    TooManyImages,
    image_url,
    save_image,
)
from transactional.models import Image

_YEAR = 365 * 24 * 3600
#: What a form adds to its file.
_FORM_BYTES = 64 * 1024
TOO_LARGE = f"The file may have {MAX_UPLOAD // MEGABYTE} MB."


@csrf_exempt  # checked by _upload, which reads the body: not before its size is known
@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def images(request: ProjectRequest) -> HttpResponse:
    """List pictures, newest first; take one in. Answers in JSON, for the editor."""
    if request.method != "POST":
        return _list(request)
    if is_too_large(request):
        return _refused(TOO_LARGE, status=413)
    return _upload(request)


def is_too_large(request: HttpRequest) -> bool:
    """Say whether a body is more than a picture: known before any of it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return not length.isdecimal() or int(length[:15]) > MAX_UPLOAD + _FORM_BYTES


def take(request: ProjectRequest) -> tuple[Image, bool]:
    """Keep the picture of a form; raises PictureError in words for its sender."""
    file = request.FILES.get("file")
    if file is None:
        raise PictureError("Choose a file first.")
    return save_image(
        project_id=request.project.pk,
        upload=cast("Any", file),
        name=str(file.name or ""),
    )


def _list(request: ProjectRequest) -> HttpResponse:
    rows = Image.objects.filter(project=request.project).defer("data", "digest")
    found = page(rows, cursor=request.GET.get("cursor", ""))
    return JsonResponse(
        {"images": [_shown(row) for row in found.rows], "next": found.next}
    )


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponse:
    member = cast("ProjectRequest", request)
    try:
        image, _ = take(member)
    except TooManyImages as error:
        way_out = reverse("settings_pictures", args=[member.project.pk])
        return _refused(str(error), url=way_out)
    except PictureError as error:
        return _refused(str(error))
    return JsonResponse(_shown(image), status=201)


@require_safe
def media(request: HttpRequest, image_id: UUID, extension: str) -> HttpResponse:
    """Serve a picture to anybody: it stands in mails. One statement, no session."""
    image = Image.objects.filter(pk=image_id).first()
    if image is None or EXTENSIONS.get(image.content_type) != extension:
        return HttpResponse("Not found.", status=404, content_type="text/plain")
    response = HttpResponse(bytes(image.data), content_type=image.content_type)
    response["Content-Length"] = str(image.size)
    response["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    # Opened by itself it is a document of our origin: one that may do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _shown(image: Image) -> dict[str, Any]:
    return {
        "id": str(image.pk),
        "url": image_url(image),
        "width": image.width,
        "height": image.height,
        "name": image.name,
    }


def _refused(message: str, *, status: int = 422, url: str = "") -> HttpResponse:
    """Answer with what is wrong, and with the page where it can be mended."""
    error = {"field": "file", "message": message}
    if url:
        error["url"] = url
    return JsonResponse({"errors": [error]}, status=status)
