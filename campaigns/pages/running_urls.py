from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from campaigns.pages import recipients, results, running, steps

_ONE = "campaigns/<uuid:campaign_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{_ONE}progress/", running.campaign_progress, name="campaign_progress"),
    path(f"{_ONE}pause/", steps.campaign_pause, name="campaign_pause"),
    path(f"{_ONE}resume/", steps.campaign_resume, name="campaign_resume"),
    path(f"{_ONE}cancel/", steps.campaign_cancel, name="campaign_cancel"),
    path(f"{_ONE}again/", steps.campaign_again, name="campaign_again"),
    path(f"{_ONE}links/", results.campaign_links, name="campaign_links"),
    path(f"{_ONE}history/", results.campaign_history, name="campaign_history"),
    path(
        f"{_ONE}recipients/", recipients.campaign_recipients, name="campaign_recipients"
    ),
    path(
        f"{_ONE}recipients/csv/",
        recipients.campaign_recipients_csv,
        name="campaign_recipients_csv",
    ),
    path(f"{_ONE}why/", recipients.campaign_why, name="campaign_why"),
]
