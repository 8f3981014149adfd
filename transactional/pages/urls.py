from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("emails/", views.email_list, name="emails"),
    path("emails/<uuid:email_id>/", views.email_page, name="email"),
    path("emails/<uuid:email_id>/html/", views.email_html, name="email_html"),
]
