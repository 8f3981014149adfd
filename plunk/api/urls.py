"""The API: included at `/api/` and, for its unmistakable paths, at the root."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from plunk.api import endpoints, health

#: Served at the root of the dashboard's host as well.
shared: list[URLPattern | URLResolver] = [
    path("", include("transactional.api.urls")),
    path("", include("automations.api.urls")),
    path("", include("contacts.api.classic_urls")),
    path("", include("transactional.api.classic_template_urls")),
    path("", include("campaigns.api.classic_urls")),
    path("", include("webhooks.urls")),
    re_path(r"^health/?$", health.health, name="health"),
    re_path(r"^ready/?$", health.ready, name="ready"),
    re_path(r"^(?P<path>(v1|webhooks)(/.*)?)$", endpoints.unknown_route),
]
urlpatterns: list[URLPattern | URLResolver] = [
    *shared,
    path("", include("contacts.api.urls")),
    path("", include("transactional.api.template_urls")),
    path("", include("campaigns.api.urls")),
    path("", include("automations.api.event_urls")),
    path("", include("automations.api.workflow_urls")),
    path("", include("transactional.api.domain_urls")),
    path("", include("contacts.pages.one_click_urls")),
    re_path(r"^(?P<path>.*)$", endpoints.unknown_route),
]
