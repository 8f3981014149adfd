from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from transactional.api import domains

_ONE = r"^domains/(?P<domain_id>[^/]+)"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^domains/?$", domains.Domains.as_view(), name="api_domains"),
    re_path(
        r"^domains/project/(?P<any_id>[^/]+)/?$",
        domains.ProjectDomains.as_view(),
        name="api_project_domains",
    ),
    re_path(
        rf"{_ONE}/verify/?$", domains.VerifyDomain.as_view(), name="api_domain_verify"
    ),
    re_path(rf"{_ONE}/?$", domains.OneDomain.as_view(), name="api_domain"),
]
