"""The mails of a campaign by what became of them, a page at a time.

They are walked state by state, and within a state in the order of their ids: that is
the order of an index, so that the thousandth page costs what the first one does. A mail
that changes its state meanwhile may be met twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q, QuerySet

from transactional.models import Email, EmailState
from transactional.tallies import Tally

_WAY = (
    *(EmailState.COMPLAINED, EmailState.BOUNCED, EmailState.FAILED),
    *(EmailState.SENT, EmailState.DELIVERED),
    *(EmailState.SKIPPED, EmailState.SUPPRESSED, EmailState.CANCELLED),
    *(EmailState.QUEUED, EmailState.SENDING, EmailState.IN_DOUBT),
)
#: States of mails that SES may have taken, those first in which most of them are: few
#: of the others have done what is asked for, and all would be looked at.
_TAKEN = (
    *(EmailState.DELIVERED, EmailState.SENT),
    *(EmailState.COMPLAINED, EmailState.BOUNCED, EmailState.FAILED),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be asked for: mails in some states, of which some deed is known.

    `column` has the time of the deed; `figure` names it in a Tally, or several of them
    that add up to the kind, where it has one.
    """

    states: tuple[EmailState, ...]
    column: str = ""
    condition: Q = field(default_factory=Q)
    figures: tuple[str, ...] = ()

    def total(self, tally: Tally) -> int | None:
        """Return how many mails are of this kind; None where only a count would say."""
        found = [getattr(tally, name) for name in self.figures]
        return sum(found) if found else None

    @property
    def rows(self) -> Q:
        has_done = Q((f"{self.column}__isnull", False)) if self.column else Q()
        return self.condition & has_done


def _deed(name: str, states: tuple[EmailState, ...] = _TAKEN) -> Kind:
    return Kind(states, column=f"{name}_at", figures=(name,))


#: By the words of the API.
KINDS = {
    "all": Kind(_WAY, figures=("mails",)),
    "waiting": Kind(_WAY[8:], figures=("queued", "sending", "in_doubt")),
    "sent": _deed("sent"),
    "delivered": _deed("delivered"),
    "opened": _deed("opened"),
    "notOpened": Kind(
        (EmailState.SENT, EmailState.DELIVERED),
        condition=Q(opened_at=None, clicked_at=None),
    ),
    "clicked": _deed("clicked"),
    "bounced": _deed("bounced", (EmailState.COMPLAINED, EmailState.BOUNCED)),
    "complained": _deed("complained", (EmailState.COMPLAINED,)),
    "failed": Kind((EmailState.FAILED,), figures=("failed",)),
    "skipped": Kind((EmailState.SKIPPED,), figures=("skipped",)),
    "suppressed": Kind((EmailState.SUPPRESSED,), figures=("suppressed",)),
    "cancelled": Kind((EmailState.CANCELLED,), figures=("cancelled",)),
}


def walk(
    campaign_id: UUID, kind: Kind, *, after: tuple[str, UUID] | None, size: int
) -> list[Email]:
    """Return the next mails of a kind after a place, which is a state and an id."""
    found: list[Email] = []
    mails = Email.objects.filter(kind.rows, origin_id=campaign_id)
    for state in _rest(kind.states, after):
        rows: QuerySet[Email] = mails.filter(state=state)
        if after and after[0] == state:
            rows = rows.filter(pk__gt=after[1])
        # The whole order of the index, or a planner takes the other one, of all mails.
        rows = rows.order_by("origin_id", "state", "pk")
        found += rows[: size - len(found)]
        if len(found) >= size:
            break
    return found


def _rest(
    states: tuple[EmailState, ...], after: tuple[str, UUID] | None
) -> tuple[EmailState, ...]:
    """Return the states that are not behind us; none after a place of another kind."""
    if after is None:
        return states
    names = [state.value for state in states]
    return states[names.index(after[0]) :] if after[0] in names else ()
