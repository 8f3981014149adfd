"""How a stranger would ask the template endpoints for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import NOBODY, Api

_ANY = {"subject": "taken", "body": "<p>taken</p>"}


def _one(it: Any) -> str:
    return f"/api/templates/{it.template.pk}"


#: By the name of the address; see tests/test_strangers.py.
ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    "api_templates": lambda api, it: [
        api.get("/api/templates"),
        api.get("/api/templates", search="alices-own"),
        api.get("/api/templates", page=1, sort="name"),
        api.post("/api/templates", {"id": str(it.template.pk), **_ANY}),
    ],
    "api_templates_bulk": lambda api, it: [
        api.post("/api/templates/bulk-update", {"ids": [NOBODY], "delete": True}),
        api.post(
            "/api/templates/bulk-update",
            {"ids": [str(it.template.pk)], "delete": True},
        ),
    ],
    "api_template": lambda api, it: [
        api.get(_one(it)),
        api.send("PATCH", _one(it), _ANY),
        api.send("DELETE", _one(it)),
    ],
    "api_template_duplicate": lambda api, it: [api.post(f"{_one(it)}/duplicate", {})],
    "api_template_usage": lambda api, it: [api.get(f"{_one(it)}/usage")],
    "api_template_versions": lambda api, it: [api.get(f"{_one(it)}/versions")],
    "api_template_version": lambda api, it: [api.get(f"{_one(it)}/versions/1")],
    "api_template_restore": lambda api, it: [
        api.post(f"{_one(it)}/versions/1/restore", {})
    ],
    "classic_templates": lambda api, it: [
        api.post("/v1/templates", {"id": str(it.template.pk), "subject": "x"}),
        *(
            api.send(method, "/v1/templates", {"id": str(it.template.pk), **_ANY})
            for method in ("PUT", "DELETE")
        ),
        api.send("DELETE", f"/v1/templates?id={it.template.pk}"),
    ],
    "classic_template": lambda api, it: [
        api.get(f"/v1/templates/{it.template.pk}"),
        api.send("DELETE", f"/v1/templates/{it.template.pk}"),
    ],
    "classic_template_duplicate": lambda api, it: [
        api.post("/v1/templates/duplicate", {"id": str(it.template.pk)})
    ],
}
