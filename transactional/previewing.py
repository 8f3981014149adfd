"""A template as somebody would read it: rendered as a mail is, and not sent.

Any of the project's contacts may stand in for the reader, or a person we make up. The
way from what was written to what is read is that of every mail; only the reader's own
links lead nowhere, because whoever looks is not the reader.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from contacts.models import Contact
from plunk.projects.models import Project
from transactional.contents import Draft
from transactional.manuscripts import Manuscript
from transactional.marketing import LINK_NAMES
from transactional.models import Template, TemplateVersion
from transactional.presets import preset_of
from transactional.rendering import (
    Compiled,
    Rendered,
    compile_content,
    moment,
    render,
    scope,
)
from transactional.variables import Variable, known_variables

#: How long what is known of a project's contacts is believed.
_SECONDS = 60.0
_MOST_KNOWN = 1_000
#: Who nobody is.
_NOBODY = UUID(int=0)
#: What the person we make up is called, in the spellings that are met most.
_ADA: Mapping[str, Any] = {
    "firstName": "Ada",
    "first_name": "Ada",
    "lastName": "Lovelace",
    "last_name": "Lovelace",
    "name": "Ada Lovelace",
    "company": "Analytical Engines",
}


class CannotBeShown(ValueError):
    """No mail comes of this content with this person's data; says why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who a content is rendered for."""

    id: UUID = _NOBODY
    email: str = "ada@example.com"
    data: Mapping[str, Any] = field(default_factory=lambda: dict(_ADA))
    subscribed: bool = True


def person_of(contact: Contact) -> Person:
    return Person(contact.pk, contact.email, contact.data or {}, contact.subscribed)


def made_up_person(project_id: UUID) -> Person:
    """Return somebody for whom every variable of a project that we know has a value.

    What is known is asked for once in a while: a page shows dozens of previews.
    """
    now = time.monotonic()
    known = _known.get(project_id)
    if known is None or known[0] < now:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = (now + _SECONDS, _examples(project_id))
        _known[project_id] = known
    return Person(data={**known[1], **_ADA})


_known: dict[UUID, tuple[float, dict[str, Any]]] = {}


def _examples(project_id: UUID) -> dict[str, Any]:
    """Return a value for each field of a project's contacts, as they would have it."""
    data: dict[str, Any] = {}
    for variable in known_variables(project_id):
        if variable.is_system or "[" in variable.path:
            continue
        *outer, name = variable.path.split(".")
        place: Any = data
        for step in outer:
            place = place.setdefault(step, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[name] = _as_typed(variable)
    return data


def _as_typed(variable: Variable) -> Any:
    """Return an example as the number or the yes or no that it is written for."""
    if variable.type not in {"number", "boolean"}:
        return variable.example
    try:
        return orjson.loads(variable.example)
    except orjson.JSONDecodeError:
        return variable.example


def draft_of(written: Template | TemplateVersion) -> Draft:
    return Draft(
        written.subject,
        written.body,
        preheader=written.preheader,
        style=written.style,
    )


def compiled_draft(
    project: Project, draft: Draft, kind: str, person: Person
) -> Compiled:
    """Compile a draft as the mails made of it would be."""
    preset = preset_of(project)
    return compile_content(
        Manuscript(
            subject=draft.subject,
            body=draft.body,
            text=draft.text,
            preheader=draft.preheader,
            style=draft.style,
            kind=kind,
            language=preset.language_of(person.data),
            look=preset.look,
        )
    )


def preview(project: Project, draft: Draft, kind: str, person: Person) -> Rendered:
    """Render a draft for somebody; raises CannotBeShown where no mail comes of it."""
    language = preset_of(project).language_of(person.data)
    now = moment(subscribed=person.subscribed, language=language)
    try:
        return render(
            compiled_draft(project, draft, kind, person),
            scope(
                contact_id=person.id,
                address=person.email,
                data={**now, **person.data},
                variables=None,
                links=dict.fromkeys(LINK_NAMES, f"{settings.APP_URI}/preview"),
            ),
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise CannotBeShown(str(error)) from error
