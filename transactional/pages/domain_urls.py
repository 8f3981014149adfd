from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import domains

_DOMAIN = "settings/domains/<uuid:domain_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/domains/", domains.domain_list, name="settings_domains"),
    path("settings/domains/new/", domains.domain_new, name="settings_domain_new"),
    path(_DOMAIN, domains.domain_page, name="settings_domain"),
    path(f"{_DOMAIN}check/", domains.domain_check, name="settings_domain_check"),
    path(f"{_DOMAIN}remove/", domains.domain_remove, name="settings_domain_remove"),
]
