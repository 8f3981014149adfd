"""Templates in the classic API: bare objects, always 200 (contract 2.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from plunk.api.fields import Fields
from plunk.api.resources import Resource
from transactional import templates
from transactional.api.template_actions import actions_of
from transactional.api.template_fields import (
    BODY_LIMIT,
    CLASSIC_NAMES,
    classic_template,
    named_as,
    read_written,
    template_named,
)
from transactional.models import SavedBy, Template

MAX_SUBJECT = 70


class _Classic(Resource):
    is_classic = True
    body_limit = BODY_LIMIT

    def named(self) -> Template:
        """Return the template whose id the body or the query string gives."""
        given = self.body.get("id")
        fields = Fields({"id": self.query.get("id") if given is None else given})
        text = fields.text("id", maximum=200)
        fields.require("id", text)
        fields.finish()
        return template_named(self.caller.project_id, text or "")

    def remove(self, template: Template) -> HttpResponse:
        shown = _listed(template)
        templates.delete(template=template)
        return self.answer(shown)


def _listed(template: Template) -> dict[str, Any]:
    """Return a template with the actions that use it: workflows are no actions."""
    return classic_template(template) | {"actions": actions_of(template)}


class ClassicTemplates(_Classic):
    """`/v1/templates`."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/templates", self._create)

    def _create(self) -> dict[str, Any]:
        written = read_written(self.body, CLASSIC_NAMES)
        if isinstance(subject := written.get("subject"), str):
            written["name"] = subject
        return classic_template(
            self._checked(
                lambda: templates.create(
                    project_id=self.caller.project_id,
                    written=written,
                    saved_by=SavedBy.API,
                )
            )
        )

    def put(self, request: Any) -> HttpResponse:
        """Change a template; what is absent stays, and so does a name of its own."""
        template = self.named()
        written = read_written(self.body, CLASSIC_NAMES)
        if "subject" in written and template.name == template.subject:
            written["name"] = written["subject"]
        changed = self._checked(
            lambda: templates.change(
                template=template, written=written, saved_by=SavedBy.API
            )
        )
        return self.answer(_listed(changed))

    def delete(self, request: Any) -> HttpResponse:
        return self.remove(self.named())

    def _checked(self, save: Callable[[], Template]) -> Template:
        """Save what this generation allows; both of its required fields are named."""
        fields = Fields(self.body)
        subject = fields.text("subject", maximum=MAX_SUBJECT, blank=False)
        body = fields.value("body")
        fields.require("subject", subject)
        fields.require("body", body)
        fields.finish()
        with named_as(CLASSIC_NAMES):
            return save()


class ClassicTemplate(_Classic):
    """`/v1/templates/:id`."""

    def get(self, request: Any, template_id: str) -> HttpResponse:
        return self.answer(_listed(self._template(template_id)))

    def delete(self, request: Any, template_id: str) -> HttpResponse:
        return self.remove(self._template(template_id))

    def _template(self, template_id: str) -> Template:
        return template_named(self.caller.project_id, template_id)


class ClassicDuplicate(_Classic):
    """`POST /v1/templates/duplicate`."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/templates/duplicate", self._duplicate)

    def _duplicate(self) -> dict[str, Any]:
        copy = templates.duplicate(template=self.named(), saved_by=SavedBy.API)
        return classic_template(copy)
