"""Which of its queues a worker looks at next."""

from __future__ import annotations

from collections.abc import Iterable


class FirstThenTurns:
    """The first queue before all others, whenever it has something; those in turns.

    A cycle of kombu's (`kombu.utils.scheduling`). Work that hints at more of itself
    never leaves its queue empty: in a fixed order, whoever stands behind mail that goes
    out for hours would wait as long.
    """

    def __init__(self) -> None:
        self.items: list[str] = []

    def update(self, items: Iterable[str]) -> None:
        """Take these queues, in this order, from now on."""
        self.items = list(items)

    def consume(self, count: int) -> list[str]:
        """Return queues in the order in which to look at them."""
        return self.items[:count]

    def rotate(self, last_used: str) -> str:
        """Let a queue that was served stand behind the others, but for the first."""
        if last_used in self.items[1:]:
            self.items.remove(last_used)
            self.items.append(last_used)
        return last_used
