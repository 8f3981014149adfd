from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from plunk.simulator.pages import views

_MESSAGE: list[URLPattern | URLResolver] = [
    path("", views.inbox_message, name="inbox_message"),
    path("html/", views.inbox_html, name="inbox_html"),
    path("raw/", views.inbox_raw, name="inbox_raw"),
    path("react/", views.inbox_react, name="inbox_react"),
    path("attachments/<int:number>/", views.inbox_attachment, name="inbox_attachment"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("inbox/", views.inbox, name="inbox"),
    re_path(r"^inbox/(?P<message_id>[0-9a-f-]{10,100})/", include(_MESSAGE)),
]
