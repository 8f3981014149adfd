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
from contacts.models.counts import ContactTally
from contacts.models.jobs import (
    ImportPiece,
    ImportSeen,
    Job,
    JobKind,
    JobState,
    RejectedRow,
)
from contacts.models.people import (
    DATA_CONSTRAINT,
    ERASED_PREFIX,
    MAX_DATA_LENGTH,
    Contact,
    Erasure,
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
    "ERASED_PREFIX",
    "MAX_DATA_LENGTH",
    "ChangeKind",
    "Confirmation",
    "ConsentChange",
    "Contact",
    "ContactTally",
    "Door",
    "Erasure",
    "ImportPiece",
    "ImportSeen",
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
