from __future__ import annotations

from django.urls import re_path

from automations.api import views

urlpatterns = [re_path(r"^v1(?:/track)?/?$", views.track_event, name="track")]
