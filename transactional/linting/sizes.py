"""How large a mail gets: Gmail shows its first 102 kB."""

from __future__ import annotations

from collections.abc import Iterator

from transactional.linting.findings import HINT, WARNING, Note
from transactional.manuscripts import Manuscript
from transactional.styling import dress

#: In bytes: where Gmail cuts a mail, and where one is close to it.
CLIPPED, CLOSE = 102 * 1024, 90 * 1024
#: Longer bodies are too long whatever the design adds.
_UNDRESSED = 250_000


def about_size(manuscript: Manuscript) -> Iterator[Note]:
    """Yield whether a mail is shown whole, with its design and footer around it."""
    size = len(manuscript.body)
    if size <= _UNDRESSED:
        size = len(dress(manuscript).html.encode("utf-8", "replace"))
    kilobytes = round(size / 1024)
    if size >= CLIPPED:
        yield Note(
            WARNING,
            "clipped",
            f"With its design the mail has {kilobytes:,} kB. Gmail shows the first "
            "102 kB and hides the rest, the unsubscribe link too.",
        )
    elif size >= CLOSE:
        yield Note(
            HINT,
            "nearly_clipped",
            f"With its design the mail has {kilobytes:,} kB; Gmail hides what is "
            "beyond 102 kB.",
        )
