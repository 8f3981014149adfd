from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from contacts.pages import exporting, importing, jobs

urlpatterns: list[URLPattern | URLResolver] = [
    path("contacts/export/", exporting.contacts_export, name="contacts_export"),
    path("imports/", importing.import_list, name="imports"),
    path("imports/new/", importing.import_new, name="import_new"),
    path("imports/<uuid:job_id>/", importing.import_page, name="import"),
    path(
        "imports/<uuid:job_id>/options/",
        importing.import_options,
        name="import_options",
    ),
    path(
        "imports/<uuid:job_id>/discard/",
        importing.import_discard,
        name="import_discard",
    ),
    path("jobs/<uuid:job_id>/", jobs.job_page, name="job"),
    path("jobs/<uuid:job_id>/progress/", jobs.job_progress, name="job_progress"),
    path("jobs/<uuid:job_id>/cancel/", jobs.job_cancel, name="job_cancel"),
    path("jobs/<uuid:job_id>/rejected.csv", jobs.job_rejected, name="job_rejected"),
]
