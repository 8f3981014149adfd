from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from plunk.projects.pages import keys, logos, projects, settings

_SETTINGS = "projects/<uuid:project_id>/settings/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", projects.home, name="home"),
    path("projects/new/", projects.project_new, name="project_new"),
    path("logos/<uuid:owner_id>/<int:version>.png", logos.logo, name="logo"),
    path(_SETTINGS, settings.general, name="settings_general"),
    path(f"{_SETTINGS}keys/", keys.key_list, name="settings_keys"),
    path(f"{_SETTINGS}keys/new/", keys.key_new, name="settings_key_new"),
    path(
        f"{_SETTINGS}keys/<uuid:key_id>/revoke/",
        keys.key_revoke,
        name="settings_key_revoke",
    ),
    path(
        f"{_SETTINGS}keys/<uuid:key_id>/regenerate/",
        keys.key_regenerate,
        name="settings_key_regenerate",
    ),
]
