from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import sending

_SENDER = "settings/senders/<uuid:sender_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/sending/", sending.sending, name="settings_sending"),
    path("settings/senders/new/", sending.sender_new, name="settings_sender_new"),
    path(_SENDER, sending.sender_edit, name="settings_sender"),
    path(f"{_SENDER}default/", sending.sender_default, name="settings_sender_default"),
    path(f"{_SENDER}remove/", sending.sender_remove, name="settings_sender_remove"),
]
