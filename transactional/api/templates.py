"""Templates in the API (contract, current generation 2.5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse

from plunk.api.errors import FieldError, Invalid
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page, is_numbered, numbered_page
from plunk.api.resources import Resource
from transactional import templates
from transactional.api.template_fields import (
    BODY_LIMIT,
    NAMES,
    named_as,
    number_named,
    read_written,
    template_as_json,
    template_named,
    version_as_json,
    version_as_line,
    with_sender,
)
from transactional.models import MailKind, SavedBy, Style, Template, TemplateVersion
from transactional.styling import looks_written_by_hand
from transactional.template_uses import UseKind, uses

_ORDERS = {"createdAt": "created_at", "updatedAt": "updated_at", "name": "name"}


class _OfTemplates(Resource):
    body_limit = BODY_LIMIT

    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    def template(self, template_id: str) -> Template:
        return template_named(self.project_id, template_id)

    def written(self) -> dict[str, Any]:
        return read_written(with_sender(self.body), NAMES)


class Templates(_OfTemplates):
    """The list of a project's templates."""

    def get(self, request: Any) -> HttpResponse:
        rows = self._rows()
        paged = numbered_page if is_numbered(self.query) else cursor_page
        of = List("templates", self.project_id, _ORDERS)
        return self.answer(
            paged(of, rows, query=self.query, item=template_as_json, total=rows.count)
        )

    def _rows(self) -> QuerySet[Template]:
        rows = Template.objects.existing().filter(project_id=self.project_id)
        kind = self.query.get("type", "").upper()
        if kind:
            if kind not in MailKind.values:
                choices = ", ".join(MailKind.values)
                message = f"Expected one of: {choices}."
                raise Invalid([FieldError("type", message, "invalid_enum_value")])
            rows = rows.filter(kind=kind)
        return templates.search(rows, self.query.get("search", ""))

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /templates", self._create)

    def _create(self) -> Answer:
        written = self.written()
        if "style" not in written:
            written["style"] = _style_of(written.get("body"))
        with named_as(NAMES):
            template = templates.create(
                project_id=self.project_id,
                written=written,
                saved_by=SavedBy.API,
                required=("from_email",),
            )
        return Answer(template_as_json(template), status=201)


def _style_of(body: Any) -> Style:
    """Say who makes a body into a document, where the client does not."""
    by_hand = isinstance(body, str) and looks_written_by_hand(body)
    return Style.HTML if by_hand else Style.PLUNK


class OneTemplate(_OfTemplates):
    """One template."""

    def get(self, request: Any, template_id: str) -> HttpResponse:
        return self.answer(template_as_json(self.template(template_id)))

    def patch(self, request: Any, template_id: str) -> HttpResponse:
        written, expected = self.written(), self._expected_version()
        with named_as(NAMES):
            template = templates.change(
                template=self.template(template_id),
                written=written,
                saved_by=SavedBy.API,
                expected_version=expected,
            )
        return self.answer(template_as_json(template))

    def _expected_version(self) -> int | None:
        """Read `version`, by which a client says what its change is made to."""
        value = self.body.get("version")
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        fields = Fields(self.body)
        fields.wrong_type("version", "whole number", value)
        raise Invalid(fields.errors)

    def delete(self, request: Any, template_id: str) -> HttpResponse:
        templates.delete(template=self.template(template_id))
        return self.nothing()


class BulkUpdate(_OfTemplates):
    """Many templates at once: all of them or none."""

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /templates/bulk-update", self._update)

    def _update(self) -> dict[str, int]:
        fields = Fields(self.body)
        ids = fields.ids("ids", maximum=templates.MOST_AT_ONCE)
        fields.require("ids", ids)
        deletes = fields.boolean("delete")
        fields.finish()
        if not deletes:
            return {"updated": 0}
        deleted = templates.delete_all(
            project_id=self.project_id, template_ids=ids or []
        )
        return {"deleted": deleted}


class Duplicate(_OfTemplates):
    """A copy of a template."""

    def post(self, request: Any, template_id: str) -> HttpResponse:
        name = f"POST /templates/{template_id}/duplicate"
        return self.once(name, lambda: self._duplicate(template_id))

    def _duplicate(self, template_id: str) -> Answer:
        copy = templates.duplicate(
            template=self.template(template_id), saved_by=SavedBy.API
        )
        return Answer(template_as_json(copy), status=201)


class Usage(_OfTemplates):
    """What a template is used for."""

    def get(self, request: Any, template_id: str) -> HttpResponse:
        template = self.template(template_id)
        needed = uses(self.project_id, [template.pk])
        steps = [use for use in needed if use.kind is UseKind.WORKFLOW_STEP]
        return self.answer(
            {
                "workflowSteps": len(steps),
                "emailsSent": templates.emails_of(template),
            }
        )


class Versions(_OfTemplates):
    """What a template was after each save, the newest first."""

    def get(self, request: Any, template_id: str) -> HttpResponse:
        template = self.template(template_id)
        rows = TemplateVersion.objects.filter(template=template)
        of = List(
            f"templates/{template.pk}/versions",
            self.project_id,
            {"createdAt": "created_at"},
        )
        return self.answer(
            cursor_page(
                of,
                rows.select_related("user").defer("body"),
                query=self.query,
                item=version_as_line,
                total=rows.count,
            )
        )


class OneVersion(_OfTemplates):
    """A template as it was after one save."""

    def get(self, request: Any, template_id: str, number: str) -> HttpResponse:
        template = self.template(template_id)
        version = templates.version_of(template, number_named(number))
        return self.answer(version_as_json(version))


class Restore(_OfTemplates):
    """An older version made the newest again."""

    def post(self, request: Any, template_id: str, number: str) -> HttpResponse:
        name = f"POST /templates/{template_id}/versions/{number}/restore"
        return self.once(name, lambda: self._restore(template_id, number))

    def _restore(self, template_id: str, number: str) -> dict[str, Any]:
        restored = templates.restore(
            template=self.template(template_id),
            number=number_named(number),
            saved_by=SavedBy.API,
        )
        return template_as_json(restored)
