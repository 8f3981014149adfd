from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import drafting, gallery, templates

_ONE = "templates/<uuid:template_id>"
_VERSION = f"{_ONE}/versions/<int:version>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("templates/", templates.template_list, name="templates"),
    path("templates/new/", gallery.template_new, name="template_new"),
    path(
        "templates/gallery/<slug:slug>/",
        gallery.gallery_preview,
        name="gallery_preview",
    ),
    path("templates/preview/", drafting.preview, name="template_preview"),
    path("templates/lint/", drafting.lint_draft, name="template_lint"),
    path("templates/variables/", drafting.variables, name="template_variables"),
    path("templates/contacts/", drafting.contacts, name="template_contacts"),
    path("templates/test/", drafting.test, name="template_test"),
    path(f"{_ONE}/", templates.template_page, name="template"),
    path(f"{_ONE}/html/", templates.template_html, name="template_html"),
    path(f"{_ONE}/duplicate/", templates.template_duplicate, name="template_duplicate"),
    path(f"{_ONE}/delete/", templates.template_delete, name="template_delete"),
    path(f"{_VERSION}/", templates.template_version, name="template_version"),
    path(f"{_VERSION}/restore/", templates.template_restore, name="template_restore"),
]
