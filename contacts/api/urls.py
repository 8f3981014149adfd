"""The current generation's addresses, wherever the API alone is served."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from contacts.api import bulk, contacts, fields, imports

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("contacts.api.segment_urls")),
    re_path(r"^contacts/?$", contacts.Contacts.as_view(), name="api_contacts"),
    re_path(r"^contacts/lookup/?$", contacts.Lookup.as_view(), name="api_lookup"),
    re_path(
        r"^contacts/bulk-subscribe/?$",
        bulk.BulkSubscribe.as_view(),
        name="api_bulk_subscribe",
    ),
    re_path(
        r"^contacts/bulk-unsubscribe/?$",
        bulk.BulkUnsubscribe.as_view(),
        name="api_bulk_unsubscribe",
    ),
    re_path(
        r"^contacts/bulk-delete/?$", bulk.BulkDelete.as_view(), name="api_bulk_delete"
    ),
    re_path(
        r"^contacts/bulk/(?P<job_id>[^/]+)/?$",
        bulk.BulkJob.as_view(),
        name="api_bulk_job",
    ),
    re_path(r"^contacts/import/?$", imports.Import.as_view(), name="api_import"),
    re_path(
        r"^contacts/import/(?P<job_id>[^/]+)/?$",
        imports.ImportJob.as_view(),
        name="api_import_job",
    ),
    re_path(r"^contacts/fields/?$", fields.FieldList.as_view(), name="api_fields"),
    # A field may be named anything, slashes included.
    re_path(
        r"^contacts/fields/(?P<field>.+)/values/?$",
        fields.FieldValues.as_view(),
        name="api_field_values",
    ),
    re_path(
        r"^contacts/fields/(?P<field>.+)/usage/?$",
        fields.FieldUsage.as_view(),
        name="api_field_usage",
    ),
    re_path(
        r"^contacts/fields/(?P<field>.+?)/?$",
        fields.OneField.as_view(),
        name="api_field",
    ),
    re_path(
        r"^contacts/(?P<contact_id>[^/]+)/?$",
        contacts.OneContact.as_view(),
        name="api_contact",
    ),
]
