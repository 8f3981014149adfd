"""The filters of the language.

None of them fails: one that cannot do its work with a value leaves the value as it is,
for a mail that says too much is better than none. What would grow without bounds is
refused before it does.
"""

from __future__ import annotations

from transactional.language.filters.calling import FILTERS, MAX_TEXT, Filter, apply

__all__ = ["FILTERS", "MAX_TEXT", "Filter", "apply"]
