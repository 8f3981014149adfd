"""Sending domains in the API (contract, next generation 2.10)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse

from plunk.api.answers import timestamp
from plunk.api.errors import NotFound, invalid
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page
from plunk.api.resources import Resource
from plunk.ids import read_id
from plunk.projects.models import Project
from transactional.domains import (
    MOST_DOMAINS,
    check_domain,
    dns_records,
    prepare,
    remove_domain,
    store,
)
from transactional.models import Domain

MIN_NAME, MAX_NAME = 3, 253
#: What is shown of a domain that SES has not been asked about yet.
NOT_ASKED = "Pending"


class DomainNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such domain in this project.")


def domain_as_json(domain: Domain) -> dict[str, Any]:
    """Return a domain as the documentation of the API shows it."""
    return {
        "id": str(domain.pk),
        "domain": domain.name,
        "verified": domain.verified_at is not None,
        "dkimTokens": domain.dkim_tokens,
        "projectId": str(domain.project_id),
        "status": domain.status or NOT_ASKED,
        "createdAt": timestamp(domain.created_at),
        "updatedAt": timestamp(domain.checked_at or domain.created_at),
    }


def records_as_json(domain: Domain) -> list[dict[str, Any]]:
    """Return the records to publish, and what DNS said of each last."""
    items = {(item["host"], item["type"]): item for item in _items(domain)}
    shown = []
    for record in dns_records(domain):
        item = items.get((record.name, record.type), {})
        shown.append(
            {
                "kind": record.kind.value,
                "type": record.type,
                "name": record.name,
                "expected": record.value,
                "required": record.is_required,
                "state": item.get("state", "unchecked"),
                "found": item.get("found", []),
                "note": item.get("note") or None,
                "checkedAt": item.get("checkedAt"),
            }
        )
    return shown


class _OfDomains(Resource):
    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    def domain(self, domain_id: str) -> Domain:
        """Return the project's domain that a path names.

        Raises Invalid for what is no id, and DomainNotFound.
        """
        pk = read_id(domain_id)
        if pk is None:
            raise invalid("id", "Is not the id of a domain.", "invalid_string")
        found = Domain.objects.filter(project_id=self.project_id, pk=pk).first()
        if found is None:
            raise DomainNotFound
        return found


class Domains(_OfDomains):
    """The list of a project's domains."""

    def get(self, request: Any) -> HttpResponse:
        rows = Domain.objects.filter(project_id=self.project_id)
        of = List("domains", self.project_id, {"createdAt": "created_at"})
        body = cursor_page(
            of, rows, query=self.query, item=domain_as_json, total=rows.count
        )
        return self.answer(body)

    def post(self, request: Any) -> HttpResponse:
        fields = Fields(self.body)
        name = fields.text("domain", maximum=MAX_NAME, blank=False)
        if name is not None and len(name.strip()) < MIN_NAME:
            fields.fail("domain", f"Has less than {MIN_NAME} characters.", "too_small")
        fields.require("domain", name)
        _check_project_id(fields)
        fields.finish()
        # SES is asked outside of the transaction that keeps the Idempotency-Key.
        prepared = prepare(project_id=self.project_id, name=name or "")

        def work() -> Answer:
            domain = store(prepared)
            project = Project.objects.values_list("name", flat=True)
            body = domain_as_json(domain) | {
                "project": {"name": project.get(pk=self.project_id)}
            }
            return Answer(body, status=201)

        return self.once("POST /domains", work)


class ProjectDomains(_OfDomains):
    """All the domains at once; the project is the key's, whatever the path says."""

    def get(self, request: Any, any_id: str) -> HttpResponse:
        rows = Domain.objects.filter(project_id=self.project_id)
        found = rows.order_by("-created_at", "-pk")[:MOST_DOMAINS]
        return self.answer([domain_as_json(row) for row in found])


class VerifyDomain(_OfDomains):
    """How a domain stands with SES and DNS, asked anew unless that was just done."""

    def get(self, request: Any, domain_id: str) -> HttpResponse:
        domain = check_domain(domain=self.domain(domain_id))
        return self.answer(
            {
                "domain": domain.name,
                "tokens": domain.dkim_tokens,
                "status": domain.status or NOT_ASKED,
                "verified": domain.verified_at is not None,
                "records": records_as_json(domain),
                "failingSince": (
                    timestamp(domain.failing_since) if domain.failing_since else None
                ),
            }
        )


class OneDomain(_OfDomains):
    """One domain."""

    def get(self, request: Any, domain_id: str) -> HttpResponse:
        domain = self.domain(domain_id)
        return self.answer(
            domain_as_json(domain) | {"records": records_as_json(domain)}
        )

    def delete(self, request: Any, domain_id: str) -> HttpResponse:
        if not remove_domain(domain=self.domain(domain_id)):
            raise DomainNotFound
        return self.answer({"success": True})


def _check_project_id(fields: Fields) -> None:
    """Refuse what is no id; which one it is makes no difference: a key opens one."""
    given = fields.text("projectId", maximum=100)
    if given is not None and read_id(given) is None:
        fields.fail("projectId", "Is not an id.", "invalid_string")


def _items(domain: Domain) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = domain.records.get("items", [])
    return items
