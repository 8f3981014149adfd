"""Whom a request without a key comes from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

_MAX_LENGTH = 45


def address_of(request: HttpRequest) -> str:
    """Return the visitor's IP address, as the last proxy that we trust saw it.

    Whatever a client writes into X-Forwarded-For stands further left than what our own
    proxies add (`TRUSTED_PROXY_COUNT`), and is not looked at.
    """
    trusted: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if trusted else []
    if len(hops) >= trusted > 0:
        return str(hops[-trusted]).strip()[:_MAX_LENGTH]
    return str(request.META.get("REMOTE_ADDR") or "unknown")[:_MAX_LENGTH]
