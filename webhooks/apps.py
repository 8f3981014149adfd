from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from transactional import sweeping
        from webhooks.applying import has_backlog

        sweeping.listen(has_backlog)
