from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from contacts.pages import segment_editing, segments

urlpatterns: list[URLPattern | URLResolver] = [
    path("", segments.segment_list, name="segments"),
    path("new/", segment_editing.segment_new, name="segment_new"),
    path("preview/", segment_editing.segment_preview, name="segment_preview"),
    path("values/", segment_editing.segment_values, name="segment_values"),
    path("<uuid:segment_id>/", segments.segment_page, name="segment"),
    path("<uuid:segment_id>/edit/", segment_editing.segment_edit, name="segment_edit"),
    path("<uuid:segment_id>/delete/", segments.segment_delete, name="segment_delete"),
    path("<uuid:segment_id>/count/", segments.segment_count, name="segment_count"),
    path(
        "<uuid:segment_id>/members/", segments.segment_members, name="segment_members"
    ),
    path("<uuid:segment_id>/remove/", segments.segment_remove, name="segment_remove"),
]
