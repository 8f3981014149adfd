"""The classic actions that use a template, told by the app that has them.

It is of a floor above, and registers itself in its `AppConfig.ready`.
"""

from __future__ import annotations

from typing import Any, Protocol

from transactional.models import Template


class Source(Protocol):
    """Returns the actions that send a template, as that generation shows them.

    One statement, however many there are; a bounded number of them, the newest first.
    """

    def __call__(self, template: Template) -> list[dict[str, Any]]: ...


_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source, once, from an `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def actions_of(template: Template) -> list[dict[str, Any]]:
    """Return the actions that send a template."""
    return [action for source in _sources for action in source(template)]
