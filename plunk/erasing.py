"""What the stores of every floor need to forget a person: the word, and a way to look.

An address may stand in the middle of a text: the answer of a request, a rejected row of
a file. No index leads there, so it is looked for afterwards, for all who were erased
meanwhile in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.dispatch import Signal

#: Sent within the transaction that erases contacts, with `project_id` (UUID) and
#: `emails` (list of str): whoever can find them by an index forgets them at once.
addresses_erased = Signal()

#: What stands in the place of an address.
ERASED = "erased"
_CHUNK = 2000
#: What looks like an address, or like the id of a contact, to somebody in a hurry: what
#: stands between separators, without the full stop of a sentence.
_BETWEEN = r"\s\"'`,;:<>()\[\]{}|\\=/&?!"
_WORD = re.compile(rf"[^{_BETWEEN}]*[^{_BETWEEN}.]")


@dataclass(frozen=True)
class Forgotten:
    """Addresses (and contact ids) of one project, to be found in texts."""

    project_id: UUID
    words: frozenset[str]
    #: Nothing written after this can still come from before the erasure.
    until: datetime

    @cached_property
    def _odd(self) -> list[re.Pattern[str]]:
        """Return what finds those that are no single word, as `"a b"@example.com`.

        There are hardly any, so each is looked for by itself; in JSON too, where its
        quotes are escaped.
        """
        return [
            re.compile(
                rf"(?<![^{_BETWEEN}]){re.escape(spelling)}(?![\w-])", re.IGNORECASE
            )
            for word in self.words
            if not _WORD.fullmatch(word)
            for spelling in {word, word.replace('"', '\\"')}
        ]

    def stands_in(self, text: str) -> bool:
        """Say whether one of them stands in a text, in whatever case."""
        return any(found in self.words for found in _WORD.findall(text.lower())) or any(
            odd.search(text) for odd in self._odd
        )

    def redacted(self, text: str) -> str:
        """Return a text with a placeholder for each of them."""
        for odd in self._odd:
            text = odd.sub(ERASED, text)
        return _WORD.sub(self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        return ERASED if match[0].lower() in self.words else match[0]


def rows_in_chunks(rows: QuerySet[Any], *names: str) -> Iterator[tuple[Any, ...]]:
    """Return columns of rows, the primary key first, a bounded number at a time."""
    last: Any = None
    ordered = rows.order_by("pk")
    while True:
        some = ordered if last is None else ordered.filter(pk__gt=last)
        chunk = list(some.values_list("pk", *names)[:_CHUNK])
        yield from chunk
        if len(chunk) < _CHUNK:
            return
        last = chunk[-1][0]
