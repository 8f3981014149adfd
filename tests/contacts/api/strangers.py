"""How a stranger would ask the contact endpoints for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.conftest import Api
from tests.contacts.api import segment_strangers

#: By the name of the address; see tests/test_strangers.py.
ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    **segment_strangers.ENDPOINTS,
    "classic_contacts": lambda api, it: [
        api.get("/v1/contacts"),
        api.get("/v1/contacts", limit=10),
        api.post("/v1/contacts", {"email": "ann@example.com"}),
        *(
            api.send(method, "/v1/contacts", {"id": str(it.contact.pk), **change})
            for method, change in (
                ("PUT", {"subscribed": False, "data": {"secret": None}}),
                ("DELETE", {}),
            )
        ),
        api.send("DELETE", f"/v1/contacts?id={it.contact.pk}"),
        # By now it means the stranger's own contact of this address.
        api.send("PUT", "/v1/contacts", {"email": "ann@example.com", "data": {"a": 1}}),
    ],
    "classic_contact": lambda api, it: [
        api.get(f"/v1/contacts/{it.contact.pk}"),
        api.get(f"/v1/contacts/{it.contact.pk}", withProject="true"),
        api.send("DELETE", f"/v1/contacts/{it.contact.pk}"),
    ],
    "classic_count": lambda api, it: [api.get("/v1/contacts/count")],
    "classic_subscribe": lambda api, it: [
        api.post("/v1/contacts/subscribe", body) for body in _named(it)
    ],
    "classic_unsubscribe": lambda api, it: [
        api.post("/v1/contacts/unsubscribe", body) for body in _named(it)
    ],
    "api_contacts": lambda api, it: [
        api.get("/api/contacts"),
        api.get("/api/contacts", search="ann"),
        api.get("/api/contacts", sort="email", page=1),
        api.post("/api/contacts", {"email": "ann@example.com", "subscribed": False}),
    ],
    "api_contact": lambda api, it: [
        api.get(f"/api/contacts/{it.contact.pk}"),
        api.send("PATCH", f"/api/contacts/{it.contact.pk}", {"subscribed": False}),
        api.send("PATCH", f"/api/contacts/{it.contact.pk}", {"data": None}),
        api.send("DELETE", f"/api/contacts/{it.contact.pk}"),
    ],
    "api_lookup": lambda api, it: [
        api.post("/api/contacts/lookup", {"emails": ["ann@example.com"]})
    ],
    "api_bulk_subscribe": lambda api, it: _bulk(api, it, "subscribe"),
    "api_bulk_unsubscribe": lambda api, it: _bulk(api, it, "unsubscribe"),
    "api_bulk_delete": lambda api, it: _bulk(api, it, "delete"),
    "api_bulk_job": lambda api, it: [
        api.get(f"/api/contacts/bulk/{it.things['job_id']}")
    ],
    "api_import": lambda api, it: [
        api.client.post(
            "/api/contacts/import",
            {"file": SimpleUploadedFile("a.csv", b"email,secret\nann@example.com,\n")},
            HTTP_AUTHORIZATION=f"Bearer {api.key}",
        )
    ],
    "api_import_job": lambda api, it: [
        api.get(f"/api/contacts/import/{it.things['job_id']}"),
        api.get(f"/api/contacts/import/{it.things['import_id']}"),
    ],
    "api_fields": lambda api, it: [api.get("/api/contacts/fields")],
    "api_field": lambda api, it: [
        api.send("DELETE", "/api/contacts/fields/data.secret")
    ],
    "api_field_values": lambda api, it: [
        api.get("/api/contacts/fields/data.secret/values")
    ],
    "api_field_usage": lambda api, it: [
        api.get("/api/contacts/fields/data.secret/usage")
    ],
}


def _named(it: Any) -> list[dict[str, str]]:
    return [{"id": str(it.contact.pk)}, {"email": "ann@example.com"}]


def _bulk(api: Api, it: Any, verb: str) -> list[Any]:
    path = f"/api/contacts/bulk-{verb}"
    return [
        api.post(path, {"mode": "ids", "contactIds": [str(it.contact.pk)]}),
        api.post(path, {"mode": "query", "filter": {"search": "ann"}}),
    ]
