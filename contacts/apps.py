from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register

from plunk.lifecycle import stopping


class ContactsConfig(AppConfig):
    name = "contacts"

    def ready(self) -> None:
        stopping.connect(_stop_working, dispatch_uid="jobs")
        from contacts import activity as news
        from contacts import erasing, jobs
        from contacts.bulk import AddWorker, BulkWorker
        from contacts.checks import check_search
        from contacts.dropping import DropWorker
        from contacts.importing import ImportWorker
        from contacts.models import JobKind
        from contacts.segments import vocabulary
        from contacts.segments.columns import COLUMNS
        from contacts.segments.sets import SETS
        from plunk.api import idempotency
        from plunk.pages import activity, figures

        erasing.register(erasing.erase_own)
        for scrub in (
            idempotency.scrub,
            erasing.scrub_jobs,
            erasing.scrub_rules,
            erasing.scrub_admin_log,
        ):
            erasing.register_scrubber(scrub)
        for relation in (*COLUMNS, *SETS):
            vocabulary.register(relation)
        activity.register(news.new_contacts)
        figures.register(news.figures)
        register(check_search, Tags.database)
        for kind in (JobKind.SUBSCRIBE, JobKind.UNSUBSCRIBE, JobKind.DELETE):
            jobs.register(kind, BulkWorker)
        jobs.register(JobKind.ADD, AddWorker)
        jobs.register(JobKind.DROP_FIELD, DropWorker)
        jobs.register(JobKind.IMPORT, ImportWorker)


def _stop_working(**_: Any) -> None:
    """Let the work of this process end with the chunk in hand."""
    # Models cannot be imported before the apps are loaded.
    from contacts import jobs
    from contacts.segments import claims

    jobs.stop.set()
    claims.stop.set()
