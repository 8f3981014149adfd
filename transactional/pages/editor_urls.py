from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import editing

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "templates/<uuid:template_id>/edit/",
        editing.template_edit,
        name="template_edit",
    ),
    path("templates/dressed/", editing.template_dressed, name="template_dressed"),
]
