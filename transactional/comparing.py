"""What differs between two versions of a template, for people to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from transactional.models import Template, TemplateVersion

#: What each field is called, in the order in which a change is told.
LABELS = {
    "name": "Name",
    "description": "Description",
    "subject": "Subject",
    "preheader": "Preheader",
    "from_email": "From",
    "from_name": "Sender's name",
    "reply_to": "Reply to",
    "kind": "Kind",
    "style": "Style",
    "tracks": "Opens and clicks",
    "body": "Body",
}
_TRACKS = {None: "as the project says", True: "counted", False: "not counted"}
#: Finding what is common takes a square of this many lines at worst.
MOST_LINES = 1_500
#: Lines around a change that are shown with it.
_AROUND = 2
#: A body of the editor is one line: these begin new ones.
_BLOCK = re.compile(
    r"(?<=>)(?=<(?:h[1-6]|p|ul|ol|li|div|blockquote|pre|hr|img|table|tr|td)\b)"
    r"|(?<=[^>\s])(?=</(?:ul|ol|div|blockquote|table|tr)>)",
    re.IGNORECASE,
)

Written = Template | TemplateVersion


@dataclass(frozen=True, slots=True)
class Change:
    """A field that is not what it was; the body's texts are in a diff."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a diff; `kind` is `added`, `removed`, `same` or `gap`."""

    kind: str
    text: str = ""


def changed_fields(before: Written, after: Written) -> list[Change]:
    """Return the fields that differ, all but the body."""
    return [
        Change(label, _shown(before, name), _shown(after, name))
        for name, label in LABELS.items()
        if name != "body" and getattr(before, name) != getattr(after, name)
    ]


def _shown(written: Written, name: str) -> str:
    if name == "tracks":
        return _TRACKS[written.tracks]
    if name == "kind":
        return written.get_kind_display()
    if name == "style":
        return written.get_style_display()
    value: str = getattr(written, name)
    return value


def body_diff(before: str, after: str) -> list[Line] | None:
    """Return how a body changed, line by line; None where that takes too long."""
    old, new = _lines(before), _lines(after)
    start = _alike(zip(old, new, strict=False))
    end = _alike(zip(reversed(old[start:]), reversed(new[start:]), strict=False))
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if len(middle_old) + len(middle_new) > MOST_LINES:
        return None
    lines = [Line("same", text) for text in old[:start]]
    lines += _compared(middle_old, middle_new)
    lines += [Line("same", text) for text in old[len(old) - end :]]
    return list(_folded(lines))


def _lines(body: str) -> list[str]:
    return _BLOCK.sub("\n", body).splitlines()


def _alike(pairs: Iterator[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, old, new)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            yield from (Line("same", text) for text in old[i1:i2])
            continue
        yield from (Line("removed", text) for text in old[i1:i2])
        yield from (Line("added", text) for text in new[j1:j2])


def _folded(lines: Sequence[Line]) -> Iterator[Line]:
    """Leave out what is the same and far from every change."""
    changed = [place for place, line in enumerate(lines) if line.kind != "same"]
    shown = {
        near
        for place in changed
        for near in range(place - _AROUND, place + _AROUND + 1)
    }
    is_open = False
    for place, line in enumerate(lines):
        if place in shown:
            is_open = False
            yield line
        elif changed and not is_open:
            is_open = True
            yield Line("gap")
