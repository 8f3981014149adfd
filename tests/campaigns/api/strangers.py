"""How a stranger would ask the campaign endpoints for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaigns.api.steps import STEPS
from tests.conftest import NOBODY, Api

_ANY = {"subject": "taken", "body": "<p>taken</p>", "recipients": ["all"]}


def _one(it: Any) -> str:
    return f"/api/campaigns/{it.campaign.pk}"


def _step(name: str) -> Callable[[Api, Any], list[Any]]:
    body = {"kind": "RETRY", "email": "charlie@example.com"}
    return lambda api, it: [api.post(f"{_one(it)}/{name}", body)]


#: By the name of the address; see tests/test_strangers.py.
ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    "api_campaigns": lambda api, it: [
        api.get("/api/campaigns"),
        api.get("/api/campaigns", search="alices-own"),
        api.get("/api/campaigns", page=1, sort="name"),
        api.post(
            "/api/campaigns",
            {
                **_ANY,
                "name": "taken",
                "from": "a@example.com",
                "recipients": [str(it.contact.pk)],
            },
        ),
    ],
    "api_campaigns_bulk": lambda api, it: [
        api.post("/api/campaigns/bulk-update", {"ids": [NOBODY], "delete": True}),
        *(
            api.post(
                "/api/campaigns/bulk-update", {"ids": [str(it.campaign.pk)], **mode}
            )
            for mode in ({"delete": True}, {"archived": True})
        ),
    ],
    "api_campaign": lambda api, it: [
        api.get(_one(it)),
        api.send("PUT", _one(it), {"name": "taken"}),
        api.send("PATCH", _one(it), {"name": "taken"}),
        api.send("DELETE", _one(it)),
    ],
    "api_campaign_stats": lambda api, it: [api.get(f"{_one(it)}/stats")],
    "api_campaign_recipients": lambda api, it: [
        api.get(f"{_one(it)}/recipients"),
        api.get(f"{_one(it)}/recipients", kind="bounced"),
    ],
    "api_campaign_preflight": lambda api, it: [
        api.get(f"{_one(it)}/preflight"),
        api.post(f"{_one(it)}/preflight", {}),
    ],
    **{f"api_campaign_{step.name}": _step(step.name) for step in STEPS},
    "classic_campaigns": lambda api, it: [
        api.post("/v1/campaigns", {**_ANY, "recipients": [str(it.contact.pk)]}),
        *(
            api.send(method, "/v1/campaigns", {"id": str(it.campaign.pk), **_ANY})
            for method in ("PUT", "DELETE")
        ),
        api.send("DELETE", f"/v1/campaigns?id={it.campaign.pk}"),
    ],
    "classic_campaign": lambda api, it: [
        api.get(f"/v1/campaigns/{it.campaign.pk}"),
        api.send("DELETE", f"/v1/campaigns/{it.campaign.pk}"),
    ],
    "classic_campaign_send": lambda api, it: [
        api.post("/v1/campaigns/send", {"id": str(it.campaign.pk), "live": live})
        for live in (True, False)
    ],
    "classic_campaign_duplicate": lambda api, it: [
        api.post("/v1/campaigns/duplicate", {"id": str(it.campaign.pk)})
    ],
}
