"""What the sessions of a server share, and how much of mails they hold at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from transactional.smtp.guarding import Guard
from transactional.smtp.options import Options

if TYPE_CHECKING:
    from transactional.smtp.conversations import Conversation

T = TypeVar("T")

#: What ends a mail (RFC 5321, 4.1.1.4).
END_OF_MAIL = b"\r\n.\r\n"


class House(Protocol):
    """What all sessions share."""

    options: Options
    guard: Guard
    is_closing: bool
    #: Bytes of mails that are being received or accepted.
    held: int

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns in a thread that may ask the database."""

    def joined(self, conversation: Conversation) -> None: ...
    def left(self, conversation: Conversation) -> None: ...


class Held:
    """The bytes of one mail, counted among those of all."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._pieces: list[bytes] = []
        self._size = 0
        self._counted = 0

    def add(self, piece: bytes) -> str:
        """Keep a piece; return why it cannot be kept, or nothing."""
        options = self._house.options
        self._size += len(piece)
        if self._size > options.max_bytes + len(END_OF_MAIL) + 2:
            return f"552 5.3.4 The mail has more than {options.max_bytes} bytes."
        if self._house.held + len(piece) > options.max_held:
            return "452 4.3.1 Too much mail at once; try again."
        self._house.held += len(piece)
        self._counted += len(piece)
        self._pieces.append(piece)
        return ""

    def take(self) -> bytes:
        """Return the mail, without its end and without the dots that guard it."""
        whole = b"".join(self._pieces)
        self._pieces.clear()
        # Before it stands the line break that `_collect` put there.
        return whole.removesuffix(b".\r\n").replace(b"\r\n.", b"\r\n")[2:]

    def release(self) -> None:
        """Give back what was counted."""
        self._pieces.clear()
        self._house.held -= self._counted
        self._counted = 0
