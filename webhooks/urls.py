from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from webhooks import views

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^webhooks/(?:incoming/)?sns/?$", views.receive_sns, name="receive_sns"),
]
