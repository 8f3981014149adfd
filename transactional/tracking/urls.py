"""Where tracked links lead, at the root; `TrackingMiddleware` serves them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from transactional.tracking import views

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^t/c/(?P<token>[^/]+)/?$", views.click, name="tracked_click"),
    re_path(r"^t/o/(?P<token>[^/]+?)(?:\.gif)?/?$", views.picture, name="tracked_open"),
]
