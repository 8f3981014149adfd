"""The API on the dashboard's host: under /api, and by its unmistakable paths."""

from __future__ import annotations

from django.urls import include, path

from plunk.api.urls import shared

urlpatterns = [*shared, path("api/", include("plunk.api.urls"))]
