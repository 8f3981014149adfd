"""The settings of a project that concern its recipients."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from contacts.pages import appearance, topics

_TOPIC = "settings/topics/<uuid:topic_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/recipients/", appearance.appearance, name="settings_appearance"),
    path("settings/recipients/preview/", appearance.preview, name="settings_preview"),
    path("settings/topics/", topics.topic_list, name="settings_topics"),
    path("settings/topics/new/", topics.topic_new, name="settings_topic_new"),
    path(_TOPIC, topics.topic_edit, name="settings_topic"),
    path(f"{_TOPIC}archive/", topics.topic_archive, name="settings_topic_archive"),
    path(f"{_TOPIC}restore/", topics.topic_restore, name="settings_topic_restore"),
    path(f"{_TOPIC}move/", topics.topic_move, name="settings_topic_move"),
]
