"""Calling again what was called before, and enabling what was disabled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from automations.models import CallState, WebhookCall, WebhookEndpoint
from automations.webhooks.queueing import CALL
from plunk.api.errors import Conflict
from plunk.projects.models import Project
from plunk.waking import wake_on_commit

#: How long calls are kept once they have ended, with what was sent and answered.
KEPT = timedelta(days=30)
_CHUNK = 5000
#: How many calls are played again at once.
MOST_REPLAYED = 50_000


class EndpointDisabled(Conflict):
    suggestion = "Enable the endpoint first."


class BeingCalled(Conflict):
    suggestion = "Wait for the answer, which takes ten seconds at most."


@transaction.atomic
def replay(call: WebhookCall) -> None:
    """Call now, under the same id, what was called before or waits to be called.

    Raises EndpointDisabled, and BeingCalled where that is happening already.
    """
    if call.endpoint.disabled_at is not None:
        raise EndpointDisabled("The endpoint is disabled, so nothing is sent to it.")
    others = WebhookCall.objects.filter(pk=call.pk).exclude(state=CallState.CALLING)
    if not others.update(**_ANEW):
        raise BeingCalled("It is being called at this moment.")
    wake_on_commit(CALL)


@transaction.atomic
def replay_failed(endpoint: WebhookEndpoint) -> int:
    """Call again all that an endpoint did not take; return how many calls.

    The oldest first, at most `MOST_REPLAYED` at once. Raises EndpointDisabled.
    """
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None).exists():
        raise EndpointDisabled("The endpoint is disabled, so nothing is sent to it.")
    failed = _failed(endpoint).order_by("pk").values("pk")[:MOST_REPLAYED]
    count = WebhookCall.objects.filter(pk__in=failed, state=CallState.FAILED).update(
        **_ANEW
    )
    wake_on_commit(CALL)
    return count


#: What a call is changed to that is to be made again, with a whole day of tries.
_ANEW: dict[str, Any] = {
    "state": CallState.PENDING,
    "due_at": Now(),
    "tries": 0,
    "finished_at": None,
    "error": "",
}


def enable(endpoint: WebhookEndpoint) -> bool:
    """Let an endpoint be called again; return False where it was not disabled."""
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=False)
    return bool(
        rows.update(
            disabled_at=None, disabled_reason="", failing_since=None, rests_until=None
        )
    )


def disable(endpoint: WebhookEndpoint, *, reason: str) -> bool:
    """Send nothing more to an endpoint; return False where it was disabled already."""
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None)
    return bool(rows.update(disabled_at=Now(), disabled_reason=reason[:200]))


def are_any_disabled(project: Project) -> bool:
    """Say whether the people of a project should look after an endpoint."""
    own = WebhookEndpoint.objects.filter(project=project, disabled_at__isnull=False)
    return own.exists()


def count_failed(endpoint: WebhookEndpoint, *, most: int = 1000) -> int:
    """Return how many calls an endpoint did not take, counted up to `most`."""
    return len(_failed(endpoint).values_list("pk")[:most])


def _failed(endpoint: WebhookEndpoint) -> QuerySet[WebhookCall]:
    return WebhookCall.objects.filter(endpoint=endpoint, state=CallState.FAILED)


def forget_old() -> int:
    """Delete calls that ended longer ago than they are kept; return how many.

    Their ids sort by the time they were made, so those looked at are the oldest.
    """
    deleted = 0
    old = WebhookCall.objects.filter(created_at__lte=Now() - KEPT).order_by("pk")
    after = UUID(int=0)
    while ids := list(old.filter(pk__gt=after).values_list("pk", flat=True)[:_CHUNK]):
        rows = WebhookCall.objects.filter(
            pk__in=ids,
            state__in=[CallState.DELIVERED, CallState.FAILED],
            finished_at__lte=Now() - KEPT,
        )
        # Without their bodies, which would fill the memory.
        _, by_model = rows.only("pk").delete()
        deleted += by_model.get(WebhookCall._meta.label, 0)
        after = ids[-1]
    return deleted
