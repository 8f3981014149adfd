from __future__ import annotations

from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "automations"

    def ready(self) -> None:
        from automations import activity as news
        from automations import erasing as forgetting
        from automations import receivers
        from automations.audience import Events
        from automations.history import triggers
        from contacts import erasing, signals
        from contacts.api import history
        from contacts.segments import vocabulary
        from plunk.pages import activity, figures

        history.register("triggers", triggers)
        vocabulary.register(Events())
        erasing.register(forgetting.erase_occurrences)
        activity.register(news.occurrences)
        figures.register(news.figures)

        signals.contacts_subscribed.connect(receivers.record_subscribed)
        signals.contacts_unsubscribed.connect(receivers.record_unsubscribed)
        signals.segment_entered.connect(receivers.record_entered)
        signals.segment_exited.connect(receivers.record_exited)
