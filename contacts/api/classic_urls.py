"""The classic generation's addresses, under /v1 wherever the API is served."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from contacts.api import classic

_SUB = classic.ClassicSubscribe.as_view()
_UNSUB = classic.ClassicUnsubscribe.as_view()

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        r"^v1/contacts/?$", classic.ClassicContacts.as_view(), name="classic_contacts"
    ),
    re_path(
        r"^v1/contacts/count/?$", classic.ClassicCount.as_view(), name="classic_count"
    ),
    re_path(r"^v1/contacts/subscribe/?$", _SUB, name="classic_subscribe"),
    re_path(r"^v1/contacts/unsubscribe/?$", _UNSUB, name="classic_unsubscribe"),
    re_path(
        r"^v1/contacts/(?P<contact_id>[^/]+)/?$",
        classic.ClassicContact.as_view(),
        name="classic_contact",
    ),
]
