"""What events are called: by whom they are tracked, by the system, after mails."""

from __future__ import annotations

import re

from plunk.api.fields import Fields

MAX_NAME = 255
#: Names under which only the system records. Nobody else may, and none is deleted.
_RESERVED = re.compile(
    r"subscribe|unsubscribe|(?:email|contact|segment)\..*", re.DOTALL
)
#: What the system records of every project, in the order of a contact's life.
SYSTEM_EVENTS = (
    "contact.subscribed",
    "contact.unsubscribed",
    "email.sent",
    "email.delivery",
    "email.open",
    "email.click",
    "email.bounce",
    "email.complaint",
)
#: What the classic generation leaves out of the name of a template or campaign.
_DROPPED = str.maketrans("", "", ".,/#!$%^&*;:{}=-_`~()")
_MAX_SLUG = 200


def as_tracked(name: str) -> str:
    """Return the name under which an event is kept that was tracked as `name`."""
    return name.lower().replace(" ", "-")


def is_reserved(name: str) -> bool:
    """Say whether only the system records events of this name."""
    return bool(_RESERVED.fullmatch(name))


def read_name(fields: Fields, field: str) -> str:
    """Read the name of an event that somebody tracks, as both generations spell it.

    Lower case, and a hyphen for each space; what is wrong with it is noted.
    """
    given = fields.text(field, maximum=MAX_NAME, blank=False)
    if given is None:
        fields.require(field, fields.value(field))
        return ""
    name = as_tracked(given)
    if len(name) > MAX_NAME:
        # Some capitals have a small letter of two characters.
        fields.fail(field, f"Has more than {MAX_NAME} characters.", "too_big")
    if is_reserved(name):
        fields.fail(field, "Is a name that only the system uses.", "reserved_event")
    return name


def slug(title: str) -> str:
    """Return a template's or campaign's name as its events are called after it.

    The classic rule (contract 4.4): lower case, some characters left out, a hyphen for
    each space. `Hi {{name}} - your code` is `hi-name--your-code`.
    """
    return as_tracked(title.lower().translate(_DROPPED))[:_MAX_SLUG]
