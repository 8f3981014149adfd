"""Events, wherever the API of the current generation is served.

An event may have the very name that an address has: it can be deleted all the same.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from automations.api import events

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^events/?$", events.Events.as_view(), name="api_events"),
    *(
        re_path(
            rf"^events/{word}/?$",
            view.as_view(),
            {"event_name": word},
            name=f"api_event_{word}",
        )
        for word, view in (
            ("track", events.TrackEvent),
            ("stats", events.EventStats),
            ("names", events.EventNames),
        )
    ),
    re_path(
        r"^events/contact/(?P<contact_id>[^/]+)/?$",
        events.ContactEvents.as_view(),
        name="api_events_of_contact",
    ),
    re_path(
        r"^events/(?P<event_name>.+)/usage/?$",
        events.EventUsage.as_view(),
        name="api_event_usage",
    ),
    re_path(
        r"^events/(?P<event_name>.+?)/?$",
        events.OneEvent.as_view(),
        name="api_event",
    ),
]
