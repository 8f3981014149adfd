"""The tables of campaigns, one module for each thing that is kept about them."""

from __future__ import annotations

from campaigns.models.campaigns import (
    EDITABLE,
    RUNNING,
    AudienceType,
    Campaign,
    CampaignState,
    Recipient,
    Run,
    RunKind,
    RunState,
    Variant,
)
from campaigns.models.history import (
    CampaignEvent,
    EventKind,
    Preflight,
    Report,
)

__all__ = [
    "EDITABLE",
    "RUNNING",
    "AudienceType",
    "Campaign",
    "CampaignEvent",
    "CampaignState",
    "EventKind",
    "Preflight",
    "Recipient",
    "Report",
    "Run",
    "RunKind",
    "RunState",
    "Variant",
]
