from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from plunk.pages import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("activity/", views.overview_activity, name="overview_activity"),
]
