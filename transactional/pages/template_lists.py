"""What the list of templates is asked for: a text, a kind and an order."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.db.models import Model, Q, QuerySet, TextChoices
from django.http import QueryDict

from plunk.pages.paging import ByTime, Order
from plunk.projects.models import Project
from transactional import templates
from transactional.models import MailKind, Template

M = TypeVar("M", bound=Model)
_MOST_TEXT = 100
_MOST_CURSOR = 1000


@dataclass(frozen=True, slots=True)
class ByName:
    """The order of names, which need not differ, then of the id."""

    columns: tuple[str, ...] = ("name", "id")

    def place(self, row: Any) -> str:
        packed = orjson.dumps([row.name, row.pk.hex])
        return base64.urlsafe_b64encode(packed).decode()

    def after(self, rows: QuerySet[M], cursor: str) -> QuerySet[M] | None:
        found = _read(cursor)
        if found is None:
            return None
        name, pk = found
        # The first condition alone is a range of the index on (project, name, id).
        return rows.filter(Q(name__gte=name), Q(name__gt=name) | Q(id__gt=pk))


def _read(cursor: str) -> tuple[str, UUID] | None:
    if len(cursor) > _MOST_CURSOR:
        return None
    try:
        name, pk = orjson.loads(base64.b64decode(cursor, b"-_", validate=True))
        if not isinstance(name, str) or "\x00" in name:
            return None
        return name, UUID(hex=pk)
    except (ValueError, TypeError, AttributeError):
        return None


class Sort(TextChoices):
    CHANGED = "changed", "Last changed first"
    NEWEST = "newest", "Newest first"
    NAME = "name", "Name A to Z"


#: Each is kept by an index of the templates.
ORDERS: Mapping[Sort, Order] = {
    Sort.CHANGED: ByTime("updated_at"),
    Sort.NEWEST: ByTime(),
    Sort.NAME: ByName(),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what is empty does not narrow it."""

    text: str = ""
    kind: str = ""
    sort: Sort = Sort.CHANGED

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        """Read a query string; whatever makes no sense in it does not count."""
        kind, sort = query.get("kind", "").upper(), query.get("sort", "")
        return cls(
            text=query.get("q", "").strip()[: _MOST_TEXT + 1],
            kind=kind if kind in MailKind.values else "",
            sort=Sort(sort) if sort in Sort.values else Sort.CHANGED,
        )

    @property
    def order(self) -> Order:
        return ORDERS[self.sort]

    @property
    def is_narrow(self) -> bool:
        return bool(self.text or self.kind)

    @property
    def query(self) -> str:
        """Return the query string that asks for the same."""
        given = {"q": self.text, "kind": self.kind, "sort": self.sort.value}
        if self.sort is Sort.CHANGED:
            del given["sort"]
        return urlencode({name: value for name, value in given.items() if value})

    def rows(self, project: Project) -> QuerySet[Template]:
        rows = Template.objects.existing().filter(project=project)
        if self.kind:
            rows = rows.filter(kind=self.kind)
        return templates.search(rows, self.text)
