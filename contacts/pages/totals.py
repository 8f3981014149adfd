"""How many contacts a list is about, as far as it is worth the time to know."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from django.db.models import QuerySet

from contacts.counting import MOST_COUNTED, count_up_to
from contacts.models import Contact
from plunk.postgresql import is_postgresql


@dataclass(frozen=True, slots=True)
class Total:
    """A number, and whether it is more than a good guess."""

    count: int
    is_exact: bool

    @property
    def words(self) -> str:
        """Write it so that nobody takes a guess for a count."""
        if self.is_exact:
            return f"{self.count:,}"
        if self.count <= MOST_COUNTED:
            return f"more than {MOST_COUNTED:,}"
        return f"about {_rounded(self.count):,}"


def total(rows: QuerySet[Contact]) -> Total:
    """Count up to MOST_COUNTED; ask the database's planner about more."""
    counted = count_up_to(rows)
    if counted is not None:
        return Total(counted, is_exact=True)
    return Total(_estimate(rows) if is_postgresql() else 0, is_exact=False)


def _estimate(rows: QuerySet[Contact]) -> int:
    plan = json.loads(rows.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def _rounded(count: int) -> int:
    """Keep two digits: a guess has no more."""
    size = int(10 ** max(0, math.floor(math.log10(count)) - 1))
    return round(count / size) * size
