"""The tables about events and about what follows from them."""

from __future__ import annotations

from automations.models.events import Event, EventDay, Occurrence, Tells
from automations.models.runs import (
    ACTIVE,
    Arrival,
    Run,
    RunState,
    StepTally,
    Visit,
    VisitState,
)
from automations.models.webhooks import (
    CallState,
    SigningSecret,
    WebhookAttempt,
    WebhookCall,
    WebhookEndpoint,
)
from automations.models.workflows import (
    Listener,
    Moves,
    StepTemplate,
    TriggerType,
    Workflow,
    WorkflowKind,
    WorkflowVersion,
)

__all__ = [
    "ACTIVE",
    "Arrival",
    "CallState",
    "Event",
    "EventDay",
    "Listener",
    "Moves",
    "Occurrence",
    "Run",
    "RunState",
    "SigningSecret",
    "StepTally",
    "StepTemplate",
    "Tells",
    "TriggerType",
    "Visit",
    "VisitState",
    "WebhookAttempt",
    "WebhookCall",
    "WebhookEndpoint",
    "Workflow",
    "WorkflowKind",
    "WorkflowVersion",
]
