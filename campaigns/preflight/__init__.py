"""A campaign tried on everybody who would get it, before anything leaves.

`starting` asks for a check and says what became of it, `checking` does it in the
background, `reading` is what one recipient's mail comes to, and `summing` what all of
them come to in words.
"""

from __future__ import annotations

from campaigns.preflight.starting import (
    Check,
    cancel,
    current,
    fingerprint,
    start,
)

__all__ = ["Check", "cancel", "current", "fingerprint", "start"]
