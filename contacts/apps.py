from __future__ import annotations

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "contacts"

    def ready(self) -> None:
        from contacts import activity as news
        from plunk.pages import activity, figures

        activity.register(news.new_contacts)
        figures.register(news.figures)
