"""How a project looks to its recipients: its colour, made readable, and its logo."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.urls import reverse

from plunk.projects.models import Logo, Project

#: What is used where a project has chosen nothing.
DEFAULT_COLOR = "#5546d6"
#: The surfaces of the recipients' pages (static/css/public.css), light and dark.
LIGHT, DARK = "#ffffff", "#17171c"
#: WCAG 2.2: text, and the parts of a control.
TEXT_CONTRAST, CONTROL_CONTRAST = 4.5, 3.0
_WHITE, _BLACK = "#ffffff", "#000000"
_HEX = re.compile(r"#[0-9a-f]{6}")
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Brand:
    """The colours of a page, each readable on what it stands on."""

    #: Of buttons, as it was chosen, and the text on them.
    fill: str
    on_fill: str
    #: Of marks and outlines, strong enough for a light and for a dark page.
    on_light: str
    on_dark: str


def brand_of(project: Project) -> Brand:
    """Return a project's colours."""
    return brand(project.color)


def brand(color: str) -> Brand:
    """Return the colours that go with a chosen one, `#rrggbb`; any other is ours."""
    fill = color if _HEX.fullmatch(color) else DEFAULT_COLOR
    return Brand(
        fill=fill,
        on_fill=readable_on(fill),
        on_light=strong_enough(fill, ground=LIGHT, towards=_BLACK),
        on_dark=strong_enough(fill, ground=DARK, towards=_WHITE),
    )


def readable_on(color: str) -> str:
    """Return white or black, whichever is better read on a colour.

    One of the two always has a contrast of 4.5 or more.
    """
    return max(_WHITE, _BLACK, key=lambda text: contrast(text, color))


def strong_enough(color: str, *, ground: str, towards: str) -> str:
    """Return a colour, mixed with black or white until it stands out on its ground."""
    for step in range(_STEPS):
        mixed = mix(color, towards, step / _STEPS)
        if contrast(mixed, ground) >= CONTROL_CONTRAST:
            return mixed
    return towards


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """Return a colour with a share of another, 0 to 1."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def logo_url(logo: Logo) -> str:
    """Return where a logo is served; each version has an address of its own."""
    return reverse("logo", args=[logo.project_id, version_of(logo)])


def version_of(logo: Logo) -> int:
    """Return what tells one logo of a project from the next: its time, in ms."""
    return int(logo.updated_at.timestamp() * 1000)


def _channels(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def _luminance(color: str) -> float:
    """Return the relative luminance of a colour in sRGB, 0 to 1."""
    linear = [_linear(channel / 255) for channel in _channels(color)]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
