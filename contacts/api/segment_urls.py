from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from contacts.api import segments

_ONE = r"^segments/(?P<segment_id>[^/]+)"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^segments/?$", segments.Segments.as_view(), name="api_segments"),
    re_path(rf"{_ONE}/?$", segments.OneSegment.as_view(), name="api_segment"),
    re_path(
        rf"{_ONE}/contacts/?$",
        segments.SegmentContacts.as_view(),
        name="api_segment_contacts",
    ),
    re_path(
        rf"{_ONE}/members/?$",
        segments.SegmentMembers.as_view(),
        name="api_segment_members",
    ),
    re_path(
        rf"{_ONE}/compute/?$",
        segments.ComputeSegment.as_view(),
        name="api_segment_compute",
    ),
    re_path(
        rf"{_ONE}/refresh/?$",
        segments.RefreshSegment.as_view(),
        name="api_segment_refresh",
    ),
]
