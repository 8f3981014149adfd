from __future__ import annotations

from django.urls import re_path

from automations.api import actions, events, views

urlpatterns = [
    re_path(r"^v1(?:/track)?/?$", views.track_event, name="track"),
    re_path(r"^v1/events/?$", events.ClassicEvents.as_view(), name="classic_events"),
    re_path(
        r"^v1/events/(?P<event_id>[^/]+)/?$",
        events.ClassicEvents.as_view(),
        name="classic_event",
    ),
    re_path(
        r"^v1/actions/?$", actions.ClassicActions.as_view(), name="classic_actions"
    ),
    re_path(
        r"^v1/actions/(?P<action_id>[^/]+)/?$",
        actions.ClassicAction.as_view(),
        name="classic_action",
    ),
    re_path(
        r"^v1/actions/(?P<action_id>[^/]+)/related/?$",
        actions.ClassicRelated.as_view(),
        name="classic_action_related",
    ),
]
