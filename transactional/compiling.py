"""Contents, compiled once and kept: in this process's memory, and in a row.

A worker compiles a content the first time it meets it, writes down what came of it, and
from then on only fills in. The row is what a mail is shown again from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
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

#: Longer contents are compiled each time instead of kept.
_KEPT_LENGTH = 250_000
#: What the kept contents may take together, in bytes.
_KEPT_BYTES = 64_000_000
_MOST_WRITTEN = 10_000
#: Keys of the rows that this process has written.
_written: set[UUID] = set()


def compiled_content(content_id: UUID, manuscript: Manuscript) -> Compiled:
    """Compile a content, or return it from this process's memory."""
    if len(manuscript.body) + len(manuscript.text) > _KEPT_LENGTH:
        return compile_content(manuscript)
    key = (content_id, manuscript)
    kept = _kept.get(key)
    if kept is None:
        kept = compile_content(manuscript)
        _kept.keep(key, kept)
    return kept


def compiled_id(content_id: UUID, compiled: Compiled) -> UUID:
    """Return the key of what a content was compiled to: 128 bits of its SHA-256."""
    parts = [compiled.html_source, compiled.text_source, settings.APP_URI]
    return UUID(bytes=sha256(content_id.bytes + orjson.dumps(parts)).digest()[:16])


def keep_compiled(made: Sequence[tuple[Content, UUID, Compiled]]) -> None:
    """Write down what contents were compiled to, each once in this process.

    One statement for all of them; what another process wrote stays as it is.
    """
    new = {key: (content, made) for content, key, made in made if key not in _written}
    if not new:
        return
    CompiledContent.objects.bulk_create(
        [
            CompiledContent(
                id=key,
                content=content,
                html=None if made.html_source == content.body else made.html_source,
                text=made.text_source,
                app_uri=settings.APP_URI,
                created_at=Now(),
            )
            for key, (content, made) in sorted(new.items())
        ],
        ignore_conflicts=True,
    )
    if len(_written) >= _MOST_WRITTEN:
        _written.clear()
    _written.update(new)


def stored_compiled(row: CompiledContent) -> Compiled:
    """Return what a content was compiled to when the row was written."""
    content: Content = row.content
    html = content.body if row.html is None else row.html
    return compile_parts(content.subject, html, row.text)


_Key = tuple[UUID, Manuscript]


class _Kept:
    """What was compiled, the least used forgotten first, within so many bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._contents: OrderedDict[_Key, tuple[Compiled, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: _Key) -> Compiled | None:
        with self._lock:
            if key not in self._contents:
                return None
            self._contents.move_to_end(key)
            return self._contents[key][0]

    def keep(self, key: _Key, compiled: Compiled) -> None:
        size = _key_size(key) + _size(compiled)
        with self._lock:
            _, before = self._contents.pop(key, (None, 0))
            self._contents[key] = (compiled, size)
            self.size += size - before
            while self.size > self.limit:
                _, (_, gone) = self._contents.popitem(last=False)
                self.size -= gone


def _key_size(key: _Key) -> int:
    _, manuscript = key
    texts = (manuscript.subject, manuscript.body, manuscript.text)
    return 500 + sum(map(getsizeof, texts))


def _size(compiled: Compiled) -> int:
    sources = getsizeof(compiled.html_source) + getsizeof(compiled.text_source)
    return 1_000 + sources + sum(part.size for part in compiled.parts)


_kept = _Kept(_KEPT_BYTES)
