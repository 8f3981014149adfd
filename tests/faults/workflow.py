"""The workflow that is broken on its way, and what each who enters it must come by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.asking import ask
from tests.faults.plant import Plant
from tests.stack.installation import SENDER

ENTRY, CONFIRMATION = "signed-up", "confirmed"
DELAY_SECONDS = 1.8
#: How long a run waits for the second event; longer than clients take to tell of it.
PATIENCE_SECONDS = 10
REASON = "was here"
#: What the first step writes into every contact, and what one after the second event.
INSIDE = {"stage": "inside"}
CONFIRMED = {"confirmed": True}
MAILS = ("welcome", "pro", "goodbye")

_UPDATE = {"subscriptionAction": "none"}
_STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "inside": ("UPDATE_CONTACT", {**_UPDATE, "updates": INSIDE}),
    "call": ("WEBHOOK", {"method": "POST"}),
    "welcome": ("SEND_EMAIL", {}),
    "delay": ("DELAY", {"amount": DELAY_SECONDS / 60, "unit": "minutes"}),
    "asks": (
        "CONDITION",
        {"field": "event.plan", "operator": "equals", "value": "pro"},
    ),
    "pro": ("SEND_EMAIL", {}),
    "waits": (
        "WAIT_FOR_EVENT",
        {"eventName": CONFIRMATION, "timeout": PATIENCE_SECONDS},
    ),
    "confirmed": ("UPDATE_CONTACT", {**_UPDATE, "updates": CONFIRMED}),
    "goodbye": ("SEND_EMAIL", {}),
    "exit": ("EXIT", {"reason": REASON}),
}
_BEFORE_CALL = (("trigger", "inside", ""), ("inside", "welcome", ""))
_WITH_CALL = (
    *(("trigger", "inside", ""), ("inside", "call", "")),
    ("call", "welcome", ""),
)
_WAYS = (
    *(("welcome", "delay", ""), ("delay", "asks", "")),
    *(("asks", "pro", "yes"), ("asks", "waits", "no"), ("pro", "goodbye", "")),
    *(("waits", "confirmed", "EVENT"), ("waits", "goodbye", "TIMEOUT")),
    *(("confirmed", "goodbye", ""), ("goodbye", "exit", "")),
)


@dataclass(frozen=True, slots=True)
class Made:
    """A workflow that is switched on; its steps' names by their ids."""

    id: str
    names: Mapping[str, str]
    #: Whether each who enters it is told to a server.
    has_call: bool


def path(*, is_pro: bool, is_confirmed: bool, has_call: bool) -> list[tuple[str, str]]:
    """Return which steps a run takes, and by which outcome it leaves each."""
    return [
        *(("trigger", ""), ("inside", "")),
        *([("call", "")] if has_call else []),
        *(("welcome", ""), ("delay", ""), ("asks", "yes" if is_pro else "no")),
        *_middle(is_pro=is_pro, is_confirmed=is_confirmed),
        *(("goodbye", ""), ("exit", "")),
    ]


def _middle(*, is_pro: bool, is_confirmed: bool) -> list[tuple[str, str]]:
    if is_pro:
        return [("pro", "")]
    if is_confirmed:
        return [("waits", "EVENT"), ("confirmed", "")]
    return [("waits", "TIMEOUT")]


def make(plant: Plant, *, call: str = "") -> Made:
    """Make the workflow by the API and switch it on; `call` is a server's address."""
    body = {"name": "Harness", "eventName": ENTRY, "allowReentry": True}
    workflow = f"/workflows/{ask(plant, 'POST', '/workflows', body)['id']}"
    first = ask(plant, "GET", workflow)["steps"][0]
    ids = {"trigger": first["id"]}
    for name in _STEPS:
        if name != "call" or call:
            ids[name] = _add(plant, workflow, name, call)
    for source, target, outcome in (*(_WITH_CALL if call else _BEFORE_CALL), *_WAYS):
        way: dict[str, Any] = {"fromStepId": ids[source], "toStepId": ids[target]}
        if source == "waits":
            way["waitOutcome"] = outcome
        elif outcome:
            way["condition"] = {"branch": outcome}
        ask(plant, "POST", f"{workflow}/transitions", way)
    ask(plant, "PATCH", workflow, {"enabled": True})
    names = {pk: name for name, pk in ids.items()}
    return Made(workflow.rpartition("/")[2], names, has_call=bool(call))


def _add(plant: Plant, workflow: str, name: str, call: str) -> str:
    kind, config = _STEPS[name]
    step: dict[str, Any] = {
        "type": kind,
        "name": name,
        "position": {"x": 0, "y": 0},
        "config": config | ({"url": call} if kind == "WEBHOOK" else {}),
        "autoConnect": False,
    }
    if kind == "SEND_EMAIL":
        template = {
            "name": name,
            "subject": f"{name}, {{{{ email }}}}",
            "body": f"<p>This is {name}.</p>",
            "from": SENDER,
            # One that asks for consent, and others that do not.
            "type": "MARKETING" if name == "pro" else "TRANSACTIONAL",
        }
        step["templateId"] = ask(plant, "POST", "/templates", template)["id"]
    return str(ask(plant, "POST", f"{workflow}/steps", step)["id"])
