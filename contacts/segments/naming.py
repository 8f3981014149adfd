"""The names of the events that tell of a tracked segment's comings and goings."""

from __future__ import annotations

import re

from contacts.models import Segment


def slug(segment: Segment) -> str:
    """Return a segment's name as event names write it: “VIP members” is vip-members.

    Letters of all scripts stay. A name without any letter or digit gives way to the id.
    """
    words = re.sub(r"[^\w\s-]", "", segment.name.lower())
    return re.sub(r"[\s-]+", "-", words).strip("-") or str(segment.pk)


def entry_event(segment: Segment) -> str:
    return f"segment.{slug(segment)}.entry"


def exit_event(segment: Segment) -> str:
    return f"segment.{slug(segment)}.exit"
