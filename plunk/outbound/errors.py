from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plunk.outbound.asking import Answer


class Refused(Exception):
    """This is never called, in words for whoever wrote it; nothing was connected."""


class Failed(Exception):
    """It was called, or looked for, and there is no whole answer; it may come later."""


class Redirected(Failed):
    """The server wants to be called elsewhere, which nobody has checked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(
            f"The server answered {answer.status} and sent us elsewhere. Redirects are "
            "not followed: put the final address into the step."
        )
        self.answer = answer
