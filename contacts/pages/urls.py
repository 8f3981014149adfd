from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from contacts.pages import editing, lists, many, saved_views, suppressions, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("segments/", include("contacts.pages.segment_urls")),
    path("contacts/", lists.contact_list, name="contacts"),
    path("contacts/new/", editing.contact_new, name="contact_new"),
    path("contacts/columns/", lists.contact_columns, name="contact_columns"),
    path("contacts/bulk/", many.contacts_bulk, name="contacts_bulk"),
    path("contacts/views/", saved_views.contact_views, name="contact_views"),
    path(
        "contacts/views/<uuid:view_id>/",
        saved_views.contact_view,
        name="contact_view",
    ),
    path("contacts/<uuid:contact_id>/", views.contact_page, name="contact"),
    path("contacts/<uuid:contact_id>/edit/", editing.contact_edit, name="contact_edit"),
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
    path(
        "contacts/<uuid:contact_id>/topics/",
        views.contact_topics,
        name="contact_topics",
    ),
    path(
        "contacts/<uuid:contact_id>/consent/",
        views.contact_consent,
        name="contact_consent",
    ),
    path(
        "contacts/<uuid:contact_id>/segments/",
        views.contact_segments,
        name="contact_segments",
    ),
    path(
        "contacts/<uuid:contact_id>/erase/", views.contact_erase, name="contact_erase"
    ),
    path("suppressions/", suppressions.suppression_list, name="suppressions"),
    path("suppressions/new/", suppressions.suppression_new, name="suppression_new"),
    path(
        "suppressions/<uuid:suppression_id>/",
        suppressions.suppression,
        name="suppression",
    ),
]
