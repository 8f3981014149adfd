"""Contents, compiled once and kept: in this process's memory, and in a row.

A worker compiles a content the first time it meets it, writes down what came of it, and
from then on only fills in. The row is what a mail is shown again from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from sys import getsizeof
from threading import Lock
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models.functions import Now

from transactional.manuscripts import Manuscript
from transactional.models import CompiledContent, Content
from transactional.rendering import Compiled, compile_content, compile_parts
from transactional.tracking.marking import BEFORE

#: Longer contents are compiled each time instead of kept.
_KEPT_LENGTH = 250_000
#: What the kept contents may take together, in bytes.
_KEPT_BYTES = 64_000_000
_MOST_WRITTEN = 10_000
#: Keys of the rows that this process has written.
_written: set[UUID] = set()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A content, compiled, and the key by which what it was compiled to is kept."""

    id: UUID
    content: Content
    compiled: Compiled
    #: The address of this installation that its links begin with.
    app_uri: str
    #: Where its links are counted, if they are and not under `app_uri`.
    tracking_host: str = ""

    @property
    def is_counted(self) -> bool:
        """Say whether this installation counts its opens and clicks."""
        return BEFORE in self.compiled.html_source


def prepare(
    content: Content, manuscript: Manuscript, *, tracking_host: str = ""
) -> Prepared:
    """Compile a content, or return it from this process's memory."""
    app_uri = settings.APP_URI
    if len(manuscript.body) + len(manuscript.text) > _KEPT_LENGTH:
        return _prepared(content, manuscript, app_uri, tracking_host)
    key = (content.pk, manuscript, app_uri, tracking_host)
    kept = _kept.get(key)
    if kept is None:
        kept = _prepared(content, manuscript, app_uri, tracking_host)
        _kept.keep(key, kept)
    return kept


def _prepared(
    content: Content, manuscript: Manuscript, app_uri: str, tracking_host: str
) -> Prepared:
    compiled = compile_content(manuscript)
    parts = [compiled.html_source, compiled.text_source, app_uri, tracking_host]
    hashed = sha256(content.pk.bytes + orjson.dumps(parts)).digest()
    return Prepared(UUID(bytes=hashed[:16]), content, compiled, app_uri, tracking_host)


def keep_prepared(made: Iterable[Prepared]) -> None:
    """Write down what contents were compiled to, where nobody has yet.

    What this process has written is looked for all the same: a content that lost its
    last mail is deleted, and may come back.
    """
    wanted = {one.id: one for one in made}
    old = wanted.keys() & _written
    if old:
        there = CompiledContent.objects.filter(pk__in=old).values_list("pk", flat=True)
        for key in there:
            del wanted[key]
    if not wanted:
        return
    CompiledContent.objects.bulk_create(
        [_row(wanted[key]) for key in sorted(wanted)], ignore_conflicts=True
    )
    if len(_written) >= _MOST_WRITTEN:
        _written.clear()
    _written.update(wanted)


def _row(made: Prepared) -> CompiledContent:
    html = made.compiled.html_source
    return CompiledContent(
        id=made.id,
        content=made.content,
        html=None if html == made.content.body else html,
        text=made.compiled.text_source,
        app_uri=made.app_uri,
        tracking_host=made.tracking_host,
        created_at=Now(),
    )


def stored(row: CompiledContent, content: Content) -> Prepared:
    """Return what a content was compiled to when the row was written."""
    html = content.body if row.html is None else row.html
    compiled = compile_parts(content.subject, html, row.text)
    return Prepared(row.pk, content, compiled, row.app_uri, row.tracking_host)


_Key = tuple[UUID, Manuscript, str, str]


class _Kept:
    """What was compiled, the least used forgotten first, within so many bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._contents: OrderedDict[_Key, tuple[Prepared, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: _Key) -> Prepared | None:
        with self._lock:
            if key not in self._contents:
                return None
            self._contents.move_to_end(key)
            return self._contents[key][0]

    def keep(self, key: _Key, prepared: Prepared) -> None:
        size = _key_size(key) + _size(prepared.compiled)
        with self._lock:
            _, before = self._contents.pop(key, (None, 0))
            self._contents[key] = (prepared, size)
            self.size += size - before
            while self.size > self.limit:
                _, (_, gone) = self._contents.popitem(last=False)
                self.size -= gone


def _key_size(key: _Key) -> int:
    manuscript = key[1]
    texts = (manuscript.subject, manuscript.body, manuscript.text)
    return 500 + sum(map(getsizeof, texts))


def _size(compiled: Compiled) -> int:
    sources = getsizeof(compiled.html_source) + getsizeof(compiled.text_source)
    return 1_000 + sources + sum(part.size for part in compiled.parts)


_kept = _Kept(_KEPT_BYTES)
