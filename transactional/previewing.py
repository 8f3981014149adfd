"""A template as somebody would read it: rendered as a mail is, and not sent.

Any of the project's contacts may stand in for the reader, or a person we make up. The
way from what was written to what is read is that of every mail; only the reader's own
links lead nowhere, because whoever looks is not the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

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
    """Return somebody for whom every variable of a project that we know has a value."""
    return Person(data=dict(_ADA))


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
