"""The classic generation's addresses of templates, under /v1."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from transactional.api import classic_templates

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        r"^v1/templates/?$",
        classic_templates.ClassicTemplates.as_view(),
        name="classic_templates",
    ),
    re_path(
        r"^v1/templates/duplicate/?$",
        classic_templates.ClassicDuplicate.as_view(),
        name="classic_template_duplicate",
    ),
    re_path(
        r"^v1/templates/(?P<template_id>[^/]+)/?$",
        classic_templates.ClassicTemplate.as_view(),
        name="classic_template",
    ),
]
