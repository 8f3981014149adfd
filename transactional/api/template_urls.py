"""Templates, wherever the API of the current generation is served."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from transactional.api import templates

_ONE = r"^templates/(?P<template_id>[^/]+)"
_VERSION = rf"{_ONE}/versions/(?P<number>[^/]+)"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^templates/?$", templates.Templates.as_view(), name="api_templates"),
    re_path(
        r"^templates/bulk-update/?$",
        templates.BulkUpdate.as_view(),
        name="api_templates_bulk",
    ),
    re_path(rf"{_ONE}/?$", templates.OneTemplate.as_view(), name="api_template"),
    re_path(
        rf"{_ONE}/duplicate/?$",
        templates.Duplicate.as_view(),
        name="api_template_duplicate",
    ),
    re_path(rf"{_ONE}/usage/?$", templates.Usage.as_view(), name="api_template_usage"),
    re_path(
        rf"{_ONE}/versions/?$",
        templates.Versions.as_view(),
        name="api_template_versions",
    ),
    re_path(
        rf"{_VERSION}/?$", templates.OneVersion.as_view(), name="api_template_version"
    ),
    re_path(
        rf"{_VERSION}/restore/?$",
        templates.Restore.as_view(),
        name="api_template_restore",
    ),
]
