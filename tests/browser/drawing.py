"""What a hand does on the canvas of an automation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automations.models import Workflow
from tests.browser.conftest import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def at(visitor: Visitor, workflow: Workflow) -> Page:
    page = visitor.visit(f"/projects/{workflow.project_id}/workflows/{workflow.pk}/")
    page.locator("[data-canvas][data-ready]").wait_for()
    return page


def saved(page: Page, workflow: Workflow) -> dict[str, Any]:
    """Wait until the draft is saved, and return it."""
    page.locator("[data-saved=saved]").wait_for()
    workflow.refresh_from_db()
    draft: dict[str, Any] = workflow.draft
    return draft


def card(page: Page, type_: str) -> Locator:
    return page.locator(f"[data-type={type_}] .step-card")


def open_end(page: Page, type_: str, outcome: str = "") -> Locator:
    step = page.locator(f"[data-type={type_}]")
    return step.locator(f'.port.is-free[data-outcome="{outcome}"]')


def pick(page: Page, label: str) -> None:
    page.locator("dialog .pick-item").filter(has_text=label).first.click()


def close_panel(page: Page) -> None:
    page.locator("[data-panel]").get_by_role("button", name="Close").click()


def shape(draft: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return what leads where: types of steps, and the branch between them."""
    types = {step["id"]: step["type"] for step in draft["steps"]}
    return {
        (
            types[way["fromStepId"]],
            (way["condition"] or {}).get("branch", ""),
            types[way["toStepId"]],
        )
        for way in draft["transitions"]
    }
