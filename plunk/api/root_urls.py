"""What the API's own host serves (`API_URI`): the API at the root, and under /api."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/", include("plunk.api.urls")),
    path("", include("plunk.api.urls")),
]
