from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from automations.pages import webhooks

_ENDPOINT = "webhooks/endpoints/<uuid:endpoint_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/", webhooks.webhook_calls, name="webhook_calls"),
    path("webhooks/calls/<uuid:call_id>/", webhooks.webhook_call, name="webhook_call"),
    path(
        "webhooks/calls/<uuid:call_id>/replay/",
        webhooks.webhook_replay,
        name="webhook_replay",
    ),
    path("webhooks/endpoints/", webhooks.webhook_endpoints, name="webhook_endpoints"),
    path(
        f"{_ENDPOINT}switch/",
        webhooks.webhook_endpoint_switch,
        name="webhook_endpoint_switch",
    ),
    path(
        f"{_ENDPOINT}replay/",
        webhooks.webhook_endpoint_replay,
        name="webhook_endpoint_replay",
    ),
    path("webhooks/secret/", webhooks.webhook_secret, name="webhook_secret"),
    path(
        "webhooks/secret/replace/",
        webhooks.webhook_secret_replace,
        name="webhook_secret_replace",
    ),
    path(
        "webhooks/secret/end-old/",
        webhooks.webhook_secret_end_old,
        name="webhook_secret_end_old",
    ),
]
