"""The pages that a recipient comes to from a mail: no account, no cookie, no script."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts.ledger import Act
from contacts.links import Link, Purpose, read_bare_id, read_token
from contacts.models import Contact, Door
from contacts.subscriptions import set_subscribed

TokenView = Callable[[HttpRequest, str], HttpResponse]
#: Scanners and previews ask in all these ways; only the last of them does anything.
_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]


def public_page(view: TokenView) -> TokenView:
    """Open a view to whoever has the link, and keep the link from everybody else.

    A mail program that unsubscribes has neither cookie nor CSRF token (RFC 8058, 3.2):
    the token in the link is all the authority there is.
    """

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        add_never_cache_headers(response)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return csrf_exempt(require_http_methods(_METHODS)(opened))


@public_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask before unsubscribing; do it when posted to, by the page or a mail program."""
    link = _read(token)
    if link is None:
        context = {"state": "unreadable"}
        return render(request, "contacts/unsubscribe.html", context, status=400)
    contact = _contact(link)
    if contact and request.method == "POST":
        _unsubscribe(contact)
    return render(request, "contacts/unsubscribe.html", _facts(contact))


@public_page
def unsubscribe_by_api(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the API's address of the same link, which has no page of its own."""
    link = _read(token)
    if link is None:
        return HttpResponse("This link is not valid.", "text/plain", status=400)
    if request.method != "POST":
        return HttpResponseRedirect(f"{settings.APP_URI}/unsubscribe/{token}")
    contact = _contact(link)
    if contact:
        _unsubscribe(contact)
    return HttpResponse("Unsubscribed", "text/plain")


def _read(token: str) -> Link | None:
    return read_token(token, Purpose.UNSUBSCRIBE) or read_bare_id(token)


def _contact(link: Link) -> Contact | None:
    contacts = Contact.objects.select_related("project").defer("data")
    if link.project_id:
        contacts = contacts.filter(project_id=link.project_id)
    return contacts.filter(pk=link.contact_id).first()


def _unsubscribe(contact: Contact) -> None:
    set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=False,
        act=Act(Door.PAGE, "unsubscribe link"),
    )
    contact.subscribed = False


def _facts(contact: Contact | None) -> dict[str, str]:
    if contact is None:
        return {"state": "gone"}
    return {
        "state": "asked" if contact.subscribed else "done",
        "sender": contact.project.name,
        "address": masked(contact.email),
    }


def masked(address: str) -> str:
    """Write an address so that its owner knows it, and nobody learns it from a link."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"
