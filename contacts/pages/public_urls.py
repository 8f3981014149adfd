"""Where the links in mails lead; at the root, as other installations had them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from contacts.pages import recipients

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(rf"^{name}/(?P<token>[^/]+)/?$", view, name=name)
    for name, view in (
        ("unsubscribe", recipients.unsubscribe),
        ("subscribe", recipients.subscribe),
        ("manage", recipients.manage),
    )
]
