"""Opens and clicks: for which mails they are counted, by whom, and what a person did.

Amazon SES counts by its configuration sets, or this installation by links and a picture
of its own; docs/tracking.md tells both.
"""

from __future__ import annotations

from transactional.tracking.links import link_address, pixel_address
from transactional.tracking.marking import counted, mark
from transactional.tracking.resolving import Counter, counter, is_tracked

__all__ = [
    "Counter",
    "counted",
    "counter",
    "is_tracked",
    "link_address",
    "mark",
    "pixel_address",
]
