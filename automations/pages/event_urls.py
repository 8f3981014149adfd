from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from automations.pages import events

urlpatterns: list[URLPattern | URLResolver] = [
    path("events/", events.event_list, name="events"),
    path(
        "events/occurrences/<uuid:occurrence_id>/",
        events.occurrence_page,
        name="event_occurrence",
    ),
    path("events/<uuid:event_id>/", events.event_page, name="event"),
    path("events/<uuid:event_id>/feed/", events.event_feed, name="event_feed"),
    path("events/<uuid:event_id>/delete/", events.event_delete, name="event_delete"),
]
