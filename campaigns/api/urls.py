"""Campaigns, wherever the API of the current generation is served."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from campaigns.api import campaigns, checking, recipients
from campaigns.api.steps import STEPS

_ONE = r"^campaigns/(?P<campaign_id>[^/]+)"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^campaigns/?$", campaigns.Campaigns.as_view(), name="api_campaigns"),
    re_path(
        r"^campaigns/bulk-update/?$",
        campaigns.BulkUpdate.as_view(),
        name="api_campaigns_bulk",
    ),
    re_path(rf"{_ONE}/?$", campaigns.OneCampaign.as_view(), name="api_campaign"),
    re_path(rf"{_ONE}/stats/?$", recipients.Stats.as_view(), name="api_campaign_stats"),
    re_path(
        rf"{_ONE}/recipients/?$",
        recipients.Recipients.as_view(),
        name="api_campaign_recipients",
    ),
    re_path(
        rf"{_ONE}/preflight/?$",
        checking.Preflights.as_view(),
        name="api_campaign_preflight",
    ),
    *(
        re_path(
            rf"{_ONE}/{step.name}/?$",
            step.as_view(),
            name=f"api_campaign_{step.name}",
        )
        for step in STEPS
    ),
]
