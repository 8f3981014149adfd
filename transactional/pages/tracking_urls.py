from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import tracking

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/tracking/", tracking.tracking, name="settings_tracking"),
    path("settings/tracking/host/", tracking.host, name="settings_tracking_host"),
]
