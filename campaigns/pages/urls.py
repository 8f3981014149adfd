from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("campaigns.pages.draft_urls")),
    path("", include("campaigns.pages.review_urls")),
    path("", include("campaigns.pages.running_urls")),
]
