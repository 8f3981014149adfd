from __future__ import annotations

from django.urls import re_path

from transactional.api import views

urlpatterns = [re_path(r"^v1/send/?$", views.send, name="send")]
