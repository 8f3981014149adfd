from __future__ import annotations

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from campaigns.freezing import FreezeWorker
        from contacts import jobs
        from contacts.models import JobKind

        jobs.register(JobKind.FREEZE, FreezeWorker)
