"""The API's address of the unsubscribe link, as mails from elsewhere have it."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from contacts.pages import recipients

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        r"^unsubscribe/(?P<token>[^/]+)/?$",
        recipients.unsubscribe_by_api,
        name="unsubscribe_by_api",
    )
]
