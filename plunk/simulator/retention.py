"""What the simulator forgets, so that an installation's disk does not fill."""

from __future__ import annotations

from plunk.simulator.models import PendingFeedback, SimulatedMessage

#: How many mails an installation keeps, and how much feedback nobody took.
KEPT_MESSAGES = 2000
KEPT_FEEDBACK = 2000
_DELETED_AT_ONCE = 200


def forget_old_messages(*, keep: int = KEPT_MESSAGES) -> int:
    """Delete all but the newest mails, a few at a time; return how many went.

    Message ids sort by time, so the primary key alone finds what is old.
    """
    deleted = 0
    while True:
        surplus = SimulatedMessage.objects.order_by("-message_id").values_list(
            "message_id", flat=True
        )[keep : keep + _DELETED_AT_ONCE]
        found = list(surplus)
        if not found:
            return deleted
        deleted += SimulatedMessage.objects.filter(message_id__in=found).delete()[0]


def forget_old_feedback(*, keep: int = KEPT_FEEDBACK) -> int:
    """Delete feedback that was given up long ago; return how much went."""
    given_up = PendingFeedback.objects.filter(due_at=None).order_by("-id")
    found = list(given_up.values_list("id", flat=True)[keep : keep + _DELETED_AT_ONCE])
    return PendingFeedback.objects.filter(id__in=found).delete()[0] if found else 0
