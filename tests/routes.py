"""Every address the installation answers at, read from its URL configurations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Route:
    """One pattern: where it is mounted, its name if it has one, and its view."""

    pattern: str
    name: str
    namespace: str
    view: str

    @property
    def label(self) -> str:
        """Return what names this route in a table of cases."""
        name = f"{self.namespace}:{self.name}" if self.namespace else self.name
        return name or self.view


def routes(urlconf: str) -> list[Route]:
    """Return all patterns of a URL configuration, included ones too."""
    return list(_walk(get_resolver(urlconf).url_patterns, "", ""))


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[Route]:
    for entry in patterns:
        where = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = ":".join(filter(None, [namespace, entry.namespace]))
            yield from _walk(entry.url_patterns, where, inner)
        elif isinstance(entry, URLPattern):
            view = entry.callback
            name = f"{view.__module__}.{getattr(view, '__name__', type(view).__name__)}"
            yield Route(where, entry.name or "", namespace, name)
