from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from campaigns.pages import (
    aiming,
    details,
    keeping,
    leaving,
    lists,
    overview,
    starting,
    writing,
)

_ONE = "campaigns/<uuid:campaign_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("campaigns/", lists.campaign_list, name="campaigns"),
    path("campaigns/new/", starting.campaign_new, name="campaign_new"),
    path("campaigns/bulk/", lists.campaigns_bulk, name="campaigns_bulk"),
    path(_ONE, overview.campaign_page, name="campaign"),
    path(f"{_ONE}size/", overview.campaign_size, name="campaign_size"),
    path(f"{_ONE}write/", writing.campaign_write, name="campaign_write"),
    path(f"{_ONE}html/", writing.campaign_html, name="campaign_html"),
    path(f"{_ONE}audience/", aiming.campaign_audience, name="campaign_audience"),
    path(
        f"{_ONE}audience/count/",
        aiming.campaign_audience_count,
        name="campaign_audience_count",
    ),
    path(f"{_ONE}details/", details.campaign_details, name="campaign_details"),
    path(f"{_ONE}send/", leaving.campaign_send, name="campaign_send"),
    path(f"{_ONE}schedule/", leaving.campaign_schedule, name="campaign_schedule"),
    path(
        f"{_ONE}schedule/words/",
        leaving.campaign_schedule_words,
        name="campaign_schedule_words",
    ),
    path(f"{_ONE}unschedule/", leaving.campaign_unschedule, name="campaign_unschedule"),
    path(f"{_ONE}duplicate/", keeping.campaign_duplicate, name="campaign_duplicate"),
    path(f"{_ONE}archive/", keeping.campaign_archive, name="campaign_archive"),
    path(f"{_ONE}unarchive/", keeping.campaign_unarchive, name="campaign_unarchive"),
    path(f"{_ONE}delete/", keeping.campaign_delete, name="campaign_delete"),
]
