"""Templates in the words of the API, in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from plunk.api.answers import timestamp
from plunk.api.errors import FieldError, Invalid, invalid
from plunk.ids import read_id
from transactional.models import Template, TemplateVersion, Written
from transactional.templates import TemplateNotFound, VersionNotFound, template_of

#: Two million characters, as many bytes as they have at most.
BODY_LIMIT = 8 * 1024 * 1024 + 64 * 1024
_MAX_NUMBER = 2**31 - 1

#: What the current generation calls what is written into a template.
NAMES: Mapping[str, str] = {
    "name": "name",
    "description": "description",
    "subject": "subject",
    "preheader": "preheader",
    "body": "body",
    "from": "from_email",
    "fromName": "from_name",
    "replyTo": "reply_to",
    "type": "kind",
    "style": "style",
    "tracking": "tracks",
}
CLASSIC_NAMES: Mapping[str, str] = {
    "subject": "subject",
    "body": "body",
    "email": "from_email",
    "from": "from_name",
    "type": "kind",
    "style": "style",
}


def read_written(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what a body gives of a template, by our names; null counts as absent."""
    return {
        field: body[name] for name, field in names.items() if body.get(name) is not None
    }


def with_sender(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body whose `from` is an address, where it came with its name.

    Raises Invalid for an object without one: it says who, and then does not.
    """
    sender = body.get("from")
    if not isinstance(sender, dict):
        return dict(body)
    if sender.get("email") is None:
        raise invalid("from.email", "Is required.", "required")
    flat = {**body, "from": sender.get("email")}
    if body.get("fromName") is None:
        flat["fromName"] = sender.get("name")
    return flat


@contextmanager
def named_as(names: Mapping[str, str]) -> Iterator[None]:
    """Let errors name fields by the API's names instead of by ours."""
    theirs = {field: name for name, field in names.items()}
    try:
        yield
    except Invalid as error:
        raise Invalid(
            [
                FieldError(theirs.get(one.field, one.field), one.message, one.code)
                for one in error.errors
            ]
        ) from error


def template_named(project_id: UUID, text: str) -> Template:
    """Return the template that a path or a body names; raises TemplateNotFound."""
    template_id = read_id(text)
    if template_id is None:
        raise TemplateNotFound
    return template_of(project_id, template_id)


def number_named(text: str) -> int:
    """Return the number of a version in a path; raises VersionNotFound."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 10
    if not is_number or int(text) > _MAX_NUMBER:
        raise VersionNotFound
    return int(text)


def written_as_json(written: Written) -> dict[str, Any]:
    return {
        "name": written.name,
        "description": written.description or None,
        "subject": written.subject,
        "preheader": written.preheader or None,
        "body": written.body,
        "from": written.from_email or None,
        "fromName": written.from_name or None,
        "replyTo": written.reply_to or None,
        "type": written.kind,
        "style": written.style,
        "tracking": written.tracks,
    }


def template_as_json(template: Template) -> dict[str, Any]:
    """Return a template as the current generation shows it, and with its version."""
    return {
        "id": str(template.pk),
        **written_as_json(template),
        "version": template.version,
        "projectId": str(template.project_id),
        "createdAt": timestamp(template.created_at),
        "updatedAt": timestamp(template.updated_at),
    }


def version_as_line(version: TemplateVersion) -> dict[str, Any]:
    """Return a version as it stands in the list of them, without its body."""
    return {
        "version": version.number,
        "name": version.name,
        "subject": version.subject,
        "savedBy": version.saved_by,
        "user": version.user.email if version.user else None,
        "createdAt": timestamp(version.created_at),
    }


def version_as_json(version: TemplateVersion) -> dict[str, Any]:
    return written_as_json(version) | version_as_line(version)


def classic_template(template: Template) -> dict[str, Any]:
    """Return a template as the classic generation shows it."""
    return {
        "id": str(template.pk),
        "subject": template.subject,
        "body": template.body,
        "email": template.from_email or None,
        "from": template.from_name or None,
        "type": template.kind,
        "style": template.style,
        "projectId": str(template.project_id),
        "createdAt": timestamp(template.created_at),
        "updatedAt": timestamp(template.updated_at),
    }
