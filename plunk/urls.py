"""Every door of the dashboard's host; the API's own host has `plunk.api.root_urls`."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("plunk.api.door_urls")),
    path("", include("contacts.pages.public_urls")),
    path("", include("transactional.pages.public_urls")),
    path("", include("transactional.tracking.urls")),
    path("admin/", admin.site.urls),
    path("auth/", include("plunk.projects.pages.account_urls")),
    path("", include("plunk.projects.pages.urls")),
    path("projects/<uuid:project_id>/", include("plunk.pages.urls")),
    path("projects/<uuid:project_id>/", include("contacts.pages.job_urls")),
    path("projects/<uuid:project_id>/", include("contacts.pages.urls")),
    path("projects/<uuid:project_id>/", include("contacts.pages.settings_urls")),
    path("projects/<uuid:project_id>/", include("transactional.pages.urls")),
    path("projects/<uuid:project_id>/", include("campaigns.pages.urls")),
    path("projects/<uuid:project_id>/", include("automations.pages.urls")),
]
if settings.USES_SIMULATOR:
    urlpatterns += [
        path("simulator", include("plunk.simulator.urls")),
        path("projects/<uuid:project_id>/", include("plunk.simulator.pages.urls")),
    ]
