"""What answers a tracked link and the picture: public, without cookie or session."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils.encoding import iri_to_uri
from django.views.decorators.csrf import csrf_exempt

from plunk.api.visitors import address_of
from transactional.models import EmailEventKind
from transactional.tracking import hits, hosts
from transactional.tracking.links import clicked_mail, destination, opened_mail

_PATH = "/t/"
_URLS = "transactional.tracking.urls"
_AGENT_LENGTH = 500
#: The smallest picture that every mail program shows: one transparent pixel.
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00"
    b"\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)

GetResponse = Callable[[HttpRequest], HttpResponse]


class TrackingMiddleware:
    """Answer tracked links before anything that only pages need, on every host of ours.

    A project's own host serves them and nothing else. A link that we signed leads on
    whatever host it came by: its project may have another one since, or be gone.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME", "")
        if hosts.is_own(host):
            if request.path_info.startswith(_PATH):
                return _answer(request)
        elif _is_signed(request) or hosts.is_tracking_host(host):
            return _answer(request)
        return self.get_response(request)


def _is_signed(request: HttpRequest) -> bool:
    """Say whether a request is for a link or a picture of a mail of ours."""
    kind, _, token = request.path_info.removeprefix(_PATH).partition("/")
    if kind == "c":
        return clicked_mail(token.removesuffix("/"), _asked(request)) is not None
    token = token.removesuffix("/").removesuffix(".gif")
    return kind == "o" and opened_mail(token) is not None


def _answer(request: HttpRequest) -> HttpResponse:
    try:
        match = resolve(request.path_info, _URLS)
    except Resolver404:
        return _discreet(HttpResponseNotFound("Not found.", content_type="text/plain"))
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return response


@csrf_exempt
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Count a click and lead on to where the mail's link led."""
    if request.method not in ("GET", "HEAD"):
        return _discreet(HttpResponse(status=405, headers={"Allow": "GET, HEAD"}))
    url = _asked(request)
    email_id = clicked_mail(token, url)
    if email_id is None or destination(url) != url:
        return _incomplete()
    _note(request, EmailEventKind.CLICK, email_id, url)
    return _discreet(HttpResponse(status=302, headers={"Location": _location(url)}))


@csrf_exempt
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """Count an open; whatever was asked for, a mail shows no broken picture."""
    email_id = opened_mail(token)
    if email_id and request.method in ("GET", "HEAD"):
        _note(request, EmailEventKind.OPEN, email_id)
    return _discreet(HttpResponse(PIXEL, content_type="image/gif"))


def _note(
    request: HttpRequest, kind: EmailEventKind, email_id: UUID, link: str = ""
) -> None:
    agent = str(request.META.get("HTTP_USER_AGENT", ""))[:_AGENT_LENGTH]
    asked = request.META.get("HTTP_SEC_PURPOSE") or request.META.get("HTTP_PURPOSE", "")
    hits.note(
        hits.Hit(
            kind=kind,
            email_id=email_id,
            at=datetime.now(UTC),
            user_agent="".join(filter(str.isprintable, agent)),
            address="".join(filter(str.isprintable, address_of(request))),
            link=link,
            is_head=request.method == "HEAD",
            is_prefetch=str(asked).lower().startswith(("prefetch", "preview")),
        )
    )


def _asked(request: HttpRequest) -> str:
    """Return where the link leads; whatever somebody hung on to it is left out."""
    for part in str(request.META.get("QUERY_STRING", "")).split("&"):
        name, _, value = part.partition("=")
        if name == "u":
            return unquote(value)
    return ""


def _location(url: str) -> str:
    """Return an address in ASCII, its host as DNS has it."""
    try:
        parts = urlsplit(url)
        if not parts.netloc.isascii() and "@" not in parts.netloc:
            host = parts.netloc.encode("idna").decode("ascii")
            url = urlunsplit(parts._replace(netloc=host))
    except ValueError:
        # No name that DNS could have: the browser will say so.
        return iri_to_uri(url)
    return iri_to_uri(url)


def _incomplete() -> HttpResponse:
    """Say that a link is not one of ours, or not whole; it leads nowhere."""
    nonce = secrets.token_urlsafe(16)
    page = render_to_string("transactional/tracking/incomplete.html", {"nonce": nonce})
    response = _discreet(HttpResponse(page, status=400))
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    )
    return response


def _discreet(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["X-Content-Type-Options"] = "nosniff"
    return response
