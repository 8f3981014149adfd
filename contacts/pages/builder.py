"""What the builder of a condition offers, in the words of the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.templatetags.static import static
from django.urls import reverse

from contacts.segments import vocabulary
from contacts.segments.tree import MAX_DEPTH
from contacts.segments.vocabulary import (
    COUNTED,
    WINDOWED,
    Kind,
    Operator,
    Unit,
)

_AGE = {
    Operator.WITHIN: "is within the last",
    Operator.OLDER: "is longer ago than",
}
_THERE = {
    Operator.EXISTS: "is known",
    Operator.NOT_EXISTS: "is not known",
}
_DAYS = {
    Operator.EQUALS: "is on",
    Operator.NOT_EQUALS: "is not on",
    Operator.GREATER: "is after",
    Operator.LESS: "is before",
    Operator.AT_LEAST: "is on or after",
    Operator.AT_MOST: "is on or before",
    **_AGE,
}
_WORDS: dict[Kind, dict[Operator, str]] = {
    Kind.ADDRESS: {
        Operator.EQUALS: "is",
        Operator.NOT_EQUALS: "is not",
        Operator.CONTAINS: "contains",
        Operator.NOT_CONTAINS: "does not contain",
    },
    Kind.BOOLEAN: {Operator.EQUALS: "is", Operator.NOT_EQUALS: "is not"},
    Kind.CHOICE: {Operator.EQUALS: "is", Operator.NOT_EQUALS: "is not"},
    Kind.MOMENT: _DAYS,
    Kind.OPTIONAL_MOMENT: {**_DAYS, **_THERE},
    Kind.DATA: {
        Operator.EQUALS: "is",
        Operator.NOT_EQUALS: "is not",
        Operator.GREATER: "is more than",
        Operator.LESS: "is less than",
        Operator.AT_LEAST: "is at least",
        Operator.AT_MOST: "is at most",
        Operator.CONTAINS: "contains",
        Operator.NOT_CONTAINS: "does not contain",
        **_THERE,
        Operator.WITHIN: "is a date within the last",
        Operator.OLDER: "is a date longer ago than",
    },
    Kind.HAPPENING: {
        Operator.TRIGGERED: "happened",
        Operator.NOT_TRIGGERED: "never happened",
        Operator.TRIGGERED_WITHIN: "happened within the last",
        Operator.NOT_TRIGGERED_WITHIN: "did not happen within the last",
        Operator.TRIGGERED_OLDER: "last happened longer ago than",
        Operator.TRIGGERED_AT_LEAST: "happened at least",
        Operator.TRIGGERED_LESS: "happened fewer than",
    },
    Kind.SEGMENT: {
        Operator.MEMBER: "they are in it",
        Operator.NOT_MEMBER: "they are not in it",
    },
    Kind.TOPIC: {
        Operator.JOINED: "they get it",
        Operator.NOT_JOINED: "they do not get it",
    },
    Kind.CAMPAIGN: {
        Operator.RECEIVED: "they received it",
        Operator.NOT_RECEIVED: "they did not receive it",
        Operator.OPENED: "they opened it",
        Operator.NOT_OPENED: "they received, but did not open it",
        Operator.CLICKED: "they clicked in it",
        Operator.NOT_CLICKED: "they received, but did not click in it",
    },
}
_GROUPS = {
    "email": "Contact",
    "createdAt": "Contact",
    "updatedAt": "Contact",
    "data.": "Contact",
    "subscribed": "Consent",
    "consentSource": "Consent",
    "consentAt": "Consent",
    "confirmedAt": "Consent",
    "suppressed": "Consent",
    "topic.": "Consent",
    "event.": "What they did",
    "email.": "What they did",
    "campaign.": "What they did",
    "segment.": "Other segments",
}
_ORDER = list(_GROUPS)
_PROMPTS = {
    "data.": "Key, such as plan",
    "event.": "Name of the event",
    "email.": "Choose what happened",
    "topic.": "Choose a topic",
    "segment.": "Choose a segment",
    "campaign.": "Choose a campaign",
}


def config(project_id: UUID, *, without: UUID | None = None) -> dict[str, Any]:
    """Return what static/js/segment-builder.js needs to know, for one project.

    `without` is the segment that is edited: it cannot ask for itself.
    """
    offered = sorted(vocabulary.choices(project_id), key=_place)
    return {
        "first": "subscribed",
        "fields": [_field(choice, str(without or "")) for choice in offered],
        "kinds": [_kind(kind) for kind in Kind],
        "units": [{"value": unit.value, "label": unit.value} for unit in Unit],
        "max_depth": MAX_DEPTH,
        "preview": reverse("segment_preview", args=[project_id]),
        "values": reverse("segment_values", args=[project_id]),
        "icons": static("icons.svg"),
    }


def _place(choice: vocabulary.Choice) -> tuple[int, str]:
    known = choice.field in _ORDER
    return (_ORDER.index(choice.field) if known else len(_ORDER), choice.field)


def _field(choice: vocabulary.Choice, without: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": choice.field,
        "label": choice.label,
        "kind": choice.kind.value,
        "group": _GROUPS.get(choice.field, "More"),
        "options": [
            {"value": option.value, "label": option.label} for option in choice.options
        ],
    }
    if choice.field.endswith("."):
        field["names"] = [
            {"value": name.value, "label": name.label, "type": name.type}
            for name in choice.names
            if name.value != without
        ]
        field["is_open"] = choice.is_open
        field["prompt"] = _PROMPTS.get(choice.field, "Choose")
    return field


def _kind(kind: Kind) -> dict[str, Any]:
    words = _WORDS[kind]
    # In the order of the words here: the most frequent first.
    operators = [op for op in words if op in kind.operators]
    operators += [op for op in kind.operators if op not in words]
    return {
        "name": kind.value,
        "operators": [
            {"value": op.value, "label": words.get(op, op.value), "takes": _takes(op)}
            for op in operators
        ],
    }


def _takes(operator: Operator) -> str:
    """Say which controls an operator needs beside it."""
    if operator in WINDOWED:
        return "window"
    if operator in COUNTED:
        return "count"
    return "value" if operator in vocabulary.COMPARING else "nothing"
