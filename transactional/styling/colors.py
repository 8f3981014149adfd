"""The colours of our design, by day and by night, each readable on its ground."""

from __future__ import annotations

from dataclasses import dataclass, field

from plunk.projects.branding import (
    DARK,
    LIGHT,
    TEXT_CONTRAST,
    brand,
    contrast,
    mix,
    strong_enough,
)

_WHITE, _BLACK = "#ffffff", "#000000"
#: By night thin letters need more than the 4.5 that WCAG asks for.
_NIGHT_CONTRAST = 6.0
#: A surface that stands out less from white paper gets a border.
_PALE = 1.4
_STEPS = 20
#: The most colours of an author's own that get a twin for the night: style sheets of
#: more than 8,192 characters are dropped by Gmail.
_MOST = 30


@dataclass(frozen=True, slots=True)
class Shade:
    """What one thing is coloured in, by day and by night."""

    light: str
    dark: str


PAGE = Shade("#f4f4f6", "#0d0d10")
CARD = Shade(LIGHT, DARK)
HEADING = Shade("#16161b", "#f2f2f5")
TEXT = Shade("#34343d", "#d8d8e0")
SOFT = Shade("#5c5c67", "#a9a9b5")
RULE = Shade("#e4e4ea", "#2e2e38")
SUNKEN = Shade("#f3f3f6", "#23232b")


@dataclass(slots=True)
class Palette:
    """The colours of one mail: ours, the project's, and those its author picked."""

    #: `#rrggbb` of the project.
    own: str
    link: Shade
    #: Of lines and bars, which only have to stand out.
    mark: Shade
    #: What a class is by night: text, and surfaces such as buttons.
    texts: dict[str, str] = field(default_factory=dict)
    fills: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, color: str) -> Palette:
        chosen = brand(color)
        return cls(
            chosen.fill,
            link=Shade(by_day(chosen.fill), by_night(chosen.fill)),
            mark=Shade(chosen.on_light, chosen.on_dark),
        )

    def text_class(self, color: str) -> str:
        """Return the class of text whose author picked its colour."""
        return _class_of(self.texts, "m-t-", color, by_night(color))

    def fill_class(self, color: str) -> str:
        """Return the class of a surface, such as a button, of a colour."""
        dark = strong_enough(color, ground=DARK, towards=_WHITE)
        return _class_of(self.fills, "m-f-", color, dark)


def by_day(color: str) -> str:
    """Return a colour, mixed with black until text in it can be read on paper."""
    return _readable(color, LIGHT, _BLACK, TEXT_CONTRAST)


def by_night(color: str) -> str:
    """Return a colour, mixed with white until text in it can be read at night."""
    return _readable(color, DARK, _WHITE, _NIGHT_CONTRAST)


def outline(color: str) -> str:
    """Return the border of a surface: itself, unless it is as pale as the paper."""
    return mix(color, _BLACK, 0.25) if contrast(color, LIGHT) < _PALE else color


def _readable(color: str, ground: str, towards: str, wanted: float) -> str:
    for step in range(_STEPS):
        mixed = mix(color, towards, step / _STEPS)
        if contrast(mixed, ground) >= wanted:
            return mixed
    return towards


def _class_of(known: dict[str, str], prefix: str, color: str, dark: str) -> str:
    name = prefix + color[1:]
    if name not in known and len(known) >= _MOST:
        return ""
    known[name] = dark
    return name
