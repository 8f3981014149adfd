"""The small pieces that every page is put together from."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

TONES = frozenset({"good", "warn", "bad", "info", "neutral"})


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of static/icons.svg; the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def badge(label: object, tone: str = "neutral") -> SafeString:
    """Show a status in words, and the same again in colour."""
    return format_html(
        '<span class="badge badge-{}">{}</span>',
        tone if tone in TONES else "neutral",
        label,
    )


@register.simple_tag
def when(at: datetime | None) -> SafeString:
    """Show a moment: in words of nearness by app.js, exactly as its tooltip."""
    if at is None:
        return format_html('<span class="muted">{}</span>', "never")
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        utc.isoformat(timespec="milliseconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        utc.strftime("%d %b %Y, %H:%M"),
    )


@register.simple_tag
def moment(at: datetime | None) -> SafeString:
    """Show a moment exactly, to the second."""
    if at is None:
        return format_html('<span class="muted">{}</span>', "never")
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        utc.isoformat(timespec="milliseconds"),
        utc.strftime("%d %b %Y, %H:%M:%S UTC"),
    )


@register.simple_tag
def day(at: datetime | None) -> SafeString:
    """Show the day of a moment, which may be to come."""
    if at is None:
        return format_html('<span class="muted">{}</span>', "never")
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(timespec="milliseconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        utc.strftime("%d %b %Y"),
    )
