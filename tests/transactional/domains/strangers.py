"""How a stranger would ask the domain endpoints for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Api
from transactional.models import Domain


def _id(it: Any) -> object:
    return Domain.objects.get(project=it.project).pk


#: By the name of the address; see tests/test_strangers.py.
ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    "api_domains": lambda api, it: [
        api.get("/api/domains"),
        api.get("/api/domains", limit=5, sort="name"),
        api.post(
            "/api/domains",
            {"domain": "gmail.com", "projectId": str(it.project.pk), "verified": True},
        ),
    ],
    "api_project_domains": lambda api, it: [
        api.get(f"/api/domains/project/{it.project.pk}")
    ],
    "api_domain": lambda api, it: [
        api.get(f"/api/domains/{_id(it)}"),
        api.send("DELETE", f"/api/domains/{_id(it)}"),
    ],
    "api_domain_verify": lambda api, it: [api.get(f"/api/domains/{_id(it)}/verify")],
}
