from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from automations.models import WebhookCall, WebhookEndpoint
from automations.webhooks import calling
from automations.webhooks.queueing import NewCall, queue_calls
from plunk.ids import new_id
from plunk.projects.models import Project
from tests.outbound.conftest import Serve
from tests.outbound.conftest import loopback_allowed as loopback_allowed
from tests.outbound.conftest import nameserver as nameserver
from tests.outbound.conftest import serve as serve
from tests.outbound.receiver import Receiver

__all__ = ["Owe", "Serve"]

Owe = Callable[..., list[WebhookCall]]


@pytest.fixture(autouse=True)
def _calls_loopback(loopback_allowed: None, settings: Settings) -> Iterator[None]:
    settings.WEBHOOK_THREADS = 8
    calling.stop.clear()
    yield
    calling.stop.clear()


@pytest.fixture
def receiver(serve: Serve) -> Receiver:
    return serve()


@pytest.fixture
def owe(project: Project) -> Owe:
    """Queue calls to somewhere."""

    def queue(url: str, count: int = 1, **values: Any) -> list[WebhookCall]:
        given: dict[str, Any] = {
            "project_id": project.pk,
            "workflow_id": None,
            "contact_id": None,
            "method": "POST",
            "url": url,
            "headers": {"Content-Type": "application/json"},
            "body": '{"a":1}',
        } | values
        visits = [new_id() for _ in range(count)]
        queue_calls([NewCall(visit_id=visit, **given) for visit in visits])
        rows = WebhookCall.objects.filter(visit_id__in=visits)
        return list(rows.select_related("endpoint").order_by("pk"))

    return queue


def make_due(call: WebhookCall) -> None:
    """Let the time of a call have come."""
    WebhookCall.objects.filter(pk=call.pk).update(due_at=Now())
    WebhookEndpoint.objects.filter(pk=call.endpoint_id).update(rests_until=None)
