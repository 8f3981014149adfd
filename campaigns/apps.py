from __future__ import annotations

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from campaigns import activity as news
        from campaigns import neighbours
        from campaigns.freezing import FreezeWorker
        from campaigns.preflight.checking import PreflightWorker
        from contacts import erasing, jobs, signals
        from contacts.models import JobKind
        from contacts.segments import uses, vocabulary
        from plunk.pages import activity, figures
        from transactional import origins
        from transactional.models import Source

        jobs.register(JobKind.FREEZE, FreezeWorker)
        jobs.register(JobKind.PREFLIGHT, PreflightWorker)
        uses.register(neighbours.uses_of_segment)
        vocabulary.register(neighbours.KnownCampaigns())
        origins.register(Source.CAMPAIGN, neighbours.names_of)
        erasing.register(neighbours.erase_choices)
        erasing.register_scrubber(neighbours.scrub)
        activity.register(news.campaigns)
        figures.register(neighbours.figures)
        signals.contacts_unsubscribed.connect(neighbours.note_unsubscribed)
