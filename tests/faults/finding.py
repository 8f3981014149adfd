"""What a scenario is, what it is asked for, and what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.clients import Answers
from tests.faults.plant import Plant, Shape
from tests.faults.stories import Stories


@dataclass(frozen=True, slots=True)
class Options:
    """How much of it."""

    mails: int
    kills: int
    flush: bool
    limit_seconds: float
    #: How long to look for mail that should not leave any more.
    after_seconds: float = 30.0


@dataclass
class Finding:
    """What a scenario saw beside the fate of the mails."""

    answers: Answers
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    #: Mails that are meant not to leave.
    left_out: set[str] = field(default_factory=set)
    #: The campaign whose figures are to be compared with its mails, if it was one.
    campaign_id: str = ""
    #: The runs that are to be compared with what began them, if it was a workflow.
    stories: Stories | None = None

    def expect(self, holds: bool, rule: str) -> None:
        if not holds:
            self.broken.append(rule)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and what it may cost."""

    run: Callable[[Plant, Options], Finding]
    shape: Shape = field(default_factory=Shape)
    #: Mails SES took twice after a doubt that nothing settled; each is counted.
    allows_documented_duplicates: bool = False
    allows_refusals: bool = False
    #: At most so many mails, where a fault needs time rather than numbers.
    most_mails: int = 100_000
    own_postgresql: bool = False
