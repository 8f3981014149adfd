"""Writing down calls that are owed, in the transaction of the step that owes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from automations.models import WebhookCall, WebhookEndpoint
from automations.webhooks.payload import endpoint_of
from plunk.outbound import Refused
from plunk.waking import wake_on_commit

CALL = "automations.tasks.call_webhooks"


@dataclass(frozen=True, slots=True)
class NewCall:
    """A request that a step owes, rendered."""

    visit_id: UUID | None
    project_id: UUID
    workflow_id: UUID | None
    contact_id: UUID | None
    method: str
    url: str
    headers: dict[str, str]
    body: str
    #: As `payload.render` returns it; without one it is the server's own address.
    endpoint: str = ""


def queue_calls(calls: Sequence[NewCall]) -> None:
    """Write down calls, in a constant number of statements.

    A visit owes one call however often this is asked for. Workers are woken once the
    transaction is committed.
    """
    if not calls:
        return
    places = [
        (call.project_id, call.endpoint or _server_of(call.url)) for call in calls
    ]
    endpoints = _endpoints(set(places))
    WebhookCall.objects.bulk_create(
        [
            WebhookCall(
                project_id=call.project_id,
                endpoint_id=endpoints[place],
                visit_id=call.visit_id,
                workflow_id=call.workflow_id,
                contact_id=call.contact_id,
                method=call.method,
                url=call.url,
                headers=call.headers,
                body=call.body,
            )
            for call, place in zip(calls, places, strict=True)
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    wake_on_commit(CALL)


def _server_of(url: str) -> str:
    try:
        return endpoint_of("", url)
    except Refused:
        # It is never called, and says why once it is tried.
        return url[:300]


def _endpoints(places: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """Return the ids of endpoints, those made that did not exist."""
    found = _find(places)
    missing = places - found.keys()
    if missing:
        # In order, so that two who make the same ones do not wait in a circle.
        WebhookEndpoint.objects.bulk_create(
            [WebhookEndpoint(project_id=pk, url=url) for pk, url in sorted(missing)],
            ignore_conflicts=True,
        )
        found |= _find(missing)
    return found


def _find(places: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    rows = WebhookEndpoint.objects.filter(
        project__in={pk for pk, _ in places}, url__in={url for _, url in places}
    )
    return {(pk, url): row for pk, url, row in rows.values_list("project", "url", "pk")}
