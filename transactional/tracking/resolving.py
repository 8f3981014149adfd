"""Whether the opens and clicks of a mail are counted, and who counts them."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings

from plunk.projects.models import Tracker, Tracking
from transactional.models import MailKind


class Counter(StrEnum):
    """Who counts the opens and clicks of a mail."""

    NOBODY = "nobody"
    SES = "ses"
    OWN = "own"


def is_tracked(*, tracks: bool | None, mode: str, kind: str) -> bool:
    """Say whether a mail is tracked.

    `tracks` is what the request says, or else its template; None leaves it to the
    project's `mode` (`Tracking`). `kind` is a `MailKind`.
    """
    if tracks is not None:
        return tracks
    if mode == Tracking.MARKETING_ONLY:
        return kind != MailKind.TRANSACTIONAL
    return mode == Tracking.ENABLED


def counter(*, tracks: bool | None, kind: str, mode: str, tracker: str) -> Counter:
    """Return who counts a mail's opens and clicks.

    Without a second configuration set SES counts whatever it is given: then nobody else
    does, or each open and click would be counted twice.
    """
    if not has_choice():
        return Counter.SES
    if not is_tracked(tracks=tracks, mode=mode, kind=kind):
        return Counter.NOBODY
    return Counter.OWN if tracker == Tracker.OWN else Counter.SES


def configuration_set(who: Counter) -> str:
    """Return the name of the configuration set that SES is given a mail with."""
    if who is Counter.SES or not has_choice():
        return str(settings.AWS_SES_CONFIGURATION_SET)
    return str(settings.SES_CONFIGURATION_SET_NO_TRACKING)


def has_choice() -> bool:
    """Say whether SES can be given a mail without counting its opens and clicks."""
    return bool(settings.SES_CONFIGURATION_SET_NO_TRACKING)
