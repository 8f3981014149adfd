"""Workflows in plain sentences: triggers, steps, and what a run did at each of them.

Pure: definitions, values and names in; words out.
"""

from __future__ import annotations

from automations.wording.moments import clock, cron_in_words, soon
from automations.wording.steps import Names, does, trigger_in_words
from automations.wording.visits import Told, told, way_in_words

__all__ = [
    "Names",
    "Told",
    "clock",
    "cron_in_words",
    "does",
    "soon",
    "told",
    "trigger_in_words",
    "way_in_words",
]
