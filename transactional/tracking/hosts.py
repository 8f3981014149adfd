"""The hosts of projects' own tracked links: which ones are ours to answer for."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.db import Error
from django.http.request import split_domain_port, validate_host

from plunk.projects.models import Project

logger = logging.getLogger(__name__)

#: How long a host that was just given, or taken away, may wait.
_SECONDS = 15.0
_MOST = 1_000
_known: dict[str, tuple[float, bool]] = {}


def is_own(host: str) -> bool:
    """Say whether a Host header names the installation itself."""
    return validate_host(_name(host), settings.ALLOWED_HOSTS)


def is_tracking_host(host: str) -> bool:
    """Say whether a Host header names the host of some project's links.

    Also where the database cannot be asked: a link says nothing of its host, and
    whoever clicked it wants to get on.
    """
    name = _name(host)
    if not name or len(name) > 253:
        return False
    until, answer = _known.get(name, (0.0, False))
    if until > time.monotonic():
        return answer
    try:
        answer = Project.objects.filter(tracking_host=name).exists()
    except Error as error:
        logger.warning("a host cannot be looked up", extra={"error": str(error)})
        return True
    if len(_known) >= _MOST:
        _known.clear()
    _known[name] = (time.monotonic() + _SECONDS, answer)
    return answer


def forget_hosts() -> None:
    """Ask the database again, in this process."""
    _known.clear()


def _name(host: str) -> str:
    return split_domain_port(host)[0].removesuffix(".").replace("\x00", "")
