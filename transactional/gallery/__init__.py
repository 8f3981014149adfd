"""Mails to begin with: our own words, to be changed into the project's.

sample("welcome").subject
"""

from __future__ import annotations

from transactional.gallery.samples import GALLERY, Sample

__all__ = ["GALLERY", "Sample", "sample"]


def sample(slug: str) -> Sample | None:
    """Return a mail of the gallery; None if there is none of that name."""
    return next((each for each in GALLERY if each.slug == slug), None)
