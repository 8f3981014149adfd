"""What the parts of a mail have in common, in whatever of the language they speak."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol

#: The most characters that one part may have once it is filled in.
MAX_RENDERED = 10_000_000
#: The most characters that a part may have before: longer ones are not compiled.
MAX_SOURCE = 2_000_000
#: How deep its tags may stand in each other, and of how many pieces it may be made, the
#: texts in between counted.
MAX_DEPTH = 30
MAX_PIECES = 10_000


class Unfillable(ValueError):
    """No whole part comes of a content with these variables."""


class TooLong(Unfillable):
    """What a content is with these variables no mail can carry."""


class TooSlow(Unfillable):
    """Filling in takes longer than a mail may take."""


class Form(Enum):
    """What a part is made of, which decides how values are written into it."""

    #: One line of plain text, such as a subject: lists with commas, no line breaks.
    LINE = "line"
    #: HTML: values are escaped, lists become list items.
    HTML = "html"
    #: Plain text: values as they are, raw ones without their tags.
    TEXT = "text"


class Part(Protocol):
    """A part of a mail, compiled."""

    @property
    def names(self) -> frozenset[str]:
        """The names of the variables that it reads, and the first of each dotted one.

        Has `data` where any of them may be read, and `now` where it asks for the time:
        a mail is the same when it is shown again, so whoever composes it puts `now`,
        a datetime or one in ISO 8601, into the variables, and keeps it with them.
        """
        ...

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        ...

    def fill(self, variables: Mapping[str, Any], limit: int = MAX_RENDERED) -> str:
        """Fill in `variables`; an unknown one is empty.

        Raises Unfillable, of which TooLong is one, where no whole part comes of it: a
        mail is never half rendered. A LINE that gets longer than `limit` is cut.
        """
        ...
