"""What recipients do through the API: no key, only what a link in a mail says."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from contacts.api import public
from contacts.pages import recipients

_CONTACT = r"^contacts/public/(?P<token>[^/]+)"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        r"^unsubscribe/(?P<token>[^/]+)/?$",
        recipients.unsubscribe_by_api,
        name="unsubscribe_by_api",
    ),
    re_path(rf"{_CONTACT}/?$", public.OneVisitor.as_view(), name="api_public"),
    re_path(
        rf"{_CONTACT}/subscribe/?$",
        public.VisitorSubscribe.as_view(),
        name="api_public_subscribe",
    ),
    re_path(
        rf"{_CONTACT}/unsubscribe/?$",
        public.VisitorUnsubscribe.as_view(),
        name="api_public_unsubscribe",
    ),
    re_path(
        rf"{_CONTACT}/snooze/?$",
        public.VisitorSnooze.as_view(),
        name="api_public_snooze",
    ),
]
