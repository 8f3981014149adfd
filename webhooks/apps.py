from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from contacts import erasing
        from transactional import sweeping
        from webhooks.applying import has_backlog, scrub

        sweeping.listen(has_backlog)
        erasing.register_scrubber(scrub)
