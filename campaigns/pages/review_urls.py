from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from campaigns.pages import review

_ONE = "campaigns/<uuid:campaign_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{_ONE}review/", review.campaign_review, name="campaign_review"),
    path(
        f"{_ONE}review/progress/",
        review.campaign_review_progress,
        name="campaign_review_progress",
    ),
    path(
        f"{_ONE}review/summary/",
        review.campaign_review_summary,
        name="campaign_review_summary",
    ),
    path(
        f"{_ONE}review/start/",
        review.campaign_review_start,
        name="campaign_review_start",
    ),
    path(
        f"{_ONE}review/stop/", review.campaign_review_stop, name="campaign_review_stop"
    ),
    path(
        f"{_ONE}review/mail/<uuid:contact_id>/",
        review.campaign_review_mail,
        name="campaign_review_mail",
    ),
    path(f"{_ONE}try/", review.campaign_try, name="campaign_try"),
]
