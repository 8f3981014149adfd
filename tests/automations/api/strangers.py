"""How a stranger would ask the workflow endpoints for what is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import NOBODY, Api

_STEP = {"type": "EXIT", "name": "taken", "position": {"x": 1, "y": 1}, "config": {}}
_ACTION = {"name": "taken", "template": NOBODY, "events": [NOBODY]}


def _one(it: Any) -> str:
    return f"/api/workflows/{it.things['workflow_id']}"


def _each(api: Api, path: str, *methods: str) -> list[Any]:
    return [api.send(method, path, {"name": "taken"}) for method in methods]


#: By the name of the address; see tests/test_strangers.py.
ENDPOINTS: dict[str, Callable[[Api, Any], list[Any]]] = {
    "api_workflows": lambda api, it: [
        api.get("/api/workflows"),
        api.get("/api/workflows", search="alices-own"),
        api.get("/api/workflows", page=1, sort="steps"),
        api.post("/api/workflows", {"name": "taken", "eventName": "bought"}),
    ],
    "api_workflow_fields": lambda api, it: [
        api.get("/api/workflows/fields"),
        api.get("/api/workflows/fields", eventName="bought"),
    ],
    "api_workflows_bulk": lambda api, it: [
        api.post(
            "/api/workflows/bulk-update",
            {"ids": [str(it.things["workflow_id"])], "delete": True},
        )
    ],
    "api_workflow": lambda api, it: [
        api.get(_one(it)),
        *_each(api, _one(it), "PATCH", "PUT", "DELETE"),
    ],
    "api_workflow_duplicate": lambda api, it: [api.post(f"{_one(it)}/duplicate", {})],
    "api_workflow_steps": lambda api, it: [api.post(f"{_one(it)}/steps", _STEP)],
    "api_workflow_step": lambda api, it: _each(
        api, f"{_one(it)}/steps/{NOBODY}", "PATCH", "PUT", "DELETE"
    ),
    "api_workflow_transitions": lambda api, it: [
        api.post(f"{_one(it)}/transitions", {"fromStepId": NOBODY, "toStepId": NOBODY})
    ],
    "api_workflow_transition": lambda api, it: _each(
        api, f"{_one(it)}/transitions/{NOBODY}", "DELETE"
    ),
    "api_workflow_insert_step": lambda api, it: [
        api.post(f"{_one(it)}/transitions/{NOBODY}/insert-step", _STEP)
    ],
    "api_executions": lambda api, it: [
        api.get(f"{_one(it)}/executions"),
        api.post(f"{_one(it)}/executions", {"contactId": str(it.contact.pk)}),
    ],
    "api_executions_cancel": lambda api, it: [
        api.post(f"{_one(it)}/executions/cancel-all", {})
    ],
    "api_execution": lambda api, it: [
        api.get(f"{_one(it)}/executions/{it.things['run_id']}"),
        api.send("DELETE", f"{_one(it)}/executions/{it.things['run_id']}"),
    ],
    "classic_actions": lambda api, it: [
        api.post("/v1/actions", {**_ACTION, "template": str(it.template.pk)}),
        *(
            api.send(method, "/v1/actions", {"id": str(pk), **_ACTION})
            for method in ("PUT", "DELETE")
            for pk in (it.things["workflow_id"], NOBODY)
        ),
        api.send("DELETE", f"/v1/actions?id={it.things['workflow_id']}"),
    ],
    "classic_action": lambda api, it: [
        api.get(f"/v1/actions/{it.things['workflow_id']}"),
        api.send("DELETE", f"/v1/actions/{it.things['workflow_id']}"),
    ],
    "classic_action_related": lambda api, it: [
        api.get(f"/v1/actions/{it.things['workflow_id']}/related")
    ],
}
