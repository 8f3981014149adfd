from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from contacts.pages import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("contacts/", views.contact_list, name="contacts"),
    path("contacts/<uuid:contact_id>/", views.contact_page, name="contact"),
    path(
        "contacts/<uuid:contact_id>/activity/",
        views.contact_activity,
        name="contact_activity",
    ),
    path(
        "contacts/<uuid:contact_id>/subscription/",
        views.contact_subscription,
        name="contact_subscription",
    ),
]
