"""The classic generation's addresses of campaigns, under /v1."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from campaigns.api import classic

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        r"^v1/campaigns/?$",
        classic.ClassicCampaigns.as_view(),
        name="classic_campaigns",
    ),
    re_path(
        r"^v1/campaigns/send/?$",
        classic.ClassicSend.as_view(),
        name="classic_campaign_send",
    ),
    re_path(
        r"^v1/campaigns/duplicate/?$",
        classic.ClassicDuplicate.as_view(),
        name="classic_campaign_duplicate",
    ),
    re_path(
        r"^v1/campaigns/(?P<campaign_id>[^/]+)/?$",
        classic.ClassicCampaign.as_view(),
        name="classic_campaign",
    ),
]
