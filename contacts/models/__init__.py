"""The tables about people, one module for each thing that is kept about them."""

from __future__ import annotations

from contacts.models.consent import (
    ChangeKind,
    Confirmation,
    ConsentChange,
    Door,
    Topic,
    TopicChoice,
)
from contacts.models.jobs import ImportPiece, Job, JobKind, JobState, RejectedRow
from contacts.models.people import (
    DATA_CONSTRAINT,
    MAX_DATA_LENGTH,
    Contact,
    Suppression,
    SuppressionReason,
)
from contacts.models.segments import (
    SavedView,
    Segment,
    SegmentMembership,
    SegmentType,
)

__all__ = [
    "DATA_CONSTRAINT",
    "MAX_DATA_LENGTH",
    "ChangeKind",
    "Confirmation",
    "ConsentChange",
    "Contact",
    "Door",
    "ImportPiece",
    "Job",
    "JobKind",
    "JobState",
    "RejectedRow",
    "SavedView",
    "Segment",
    "SegmentMembership",
    "SegmentType",
    "Suppression",
    "SuppressionReason",
    "Topic",
    "TopicChoice",
]
