"""Where the links in mails lead; at the root, as other installations had them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from contacts.pages import public

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^unsubscribe/(?P<token>[^/]+)/?$", public.unsubscribe, name="unsubscribe")
]
