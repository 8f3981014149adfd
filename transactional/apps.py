from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import AppConfig

from plunk.lifecycle import opening, stopping


class TransactionalConfig(AppConfig):
    name = "transactional"

    def ready(self) -> None:
        stopping.connect(_stop_delivering, dispatch_uid="delivery")
        opening.connect(_take_mail, dispatch_uid="smtp")
        from contacts import erasing, panels, signals
        from contacts.api import history
        from contacts.segments import vocabulary
        from plunk.pages import activity, figures
        from transactional import activity as news
        from transactional import erasing as forgetting
        from transactional.account_suppressions import note_releases
        from transactional.audience import Campaigns, Mails
        from transactional.confirmations import queue_confirmations
        from transactional.history import emails
        from transactional.panels import mails

        vocabulary.register(Mails())
        vocabulary.register(Campaigns())
        erasing.register(forgetting.erase_mails)
        erasing.register_scrubber(forgetting.scrub_holds)
        signals.confirmation_wanted.connect(queue_confirmations)
        signals.suppressions_released.connect(note_releases)
        history.register("emails", emails)
        panels.register(mails)
        activity.register(news.mails)
        activity.register(news.email_events)
        figures.register(news.figures)
        figures.register_beginning(news.has_mail)


def _stop_delivering(**_: Any) -> None:
    """Let every drain of this process put back what it has not begun, and end."""
    # Models cannot be imported before the apps are loaded.
    from transactional.delivery import stop

    stop.set()


def _take_mail(**_: Any) -> Callable[[], None] | None:
    """Take mail by SMTP in this process; return what ends it."""
    from transactional.smtp.embedded import start

    return start()
