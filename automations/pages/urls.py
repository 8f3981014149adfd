from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("automations.pages.canvas_urls")),
    path("", include("automations.pages.event_urls")),
    path("", include("automations.pages.run_urls")),
    path("", include("automations.pages.webhook_urls")),
]
