from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from transactional.pages import messages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("transactional.pages.template_urls")),
    path("", include("transactional.pages.editor_urls")),
    path("", include("transactional.pages.domain_urls")),
    path("", include("transactional.pages.sending_urls")),
    path("", include("transactional.pages.tracking_urls")),
    path("", include("transactional.pages.image_urls")),
    path("emails/", views.email_list, name="emails"),
    path("emails/<uuid:email_id>/", views.email_page, name="email"),
    path("emails/<uuid:email_id>/html/", views.email_html, name="email_html"),
    path(
        "emails/<uuid:email_id>/message/", messages.email_message, name="email_message"
    ),
    path("emails/<uuid:email_id>/source/", messages.email_source, name="email_source"),
    path(
        "emails/<uuid:email_id>/message.eml",
        messages.email_download,
        name="email_download",
    ),
]
