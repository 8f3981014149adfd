"""The builder of a segment: nested groups, typed values, suggestions, a live count."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from contacts.models import Segment
from plunk.projects.models import Project
from tests.browser.conftest import Visitor
from tests.pages.rows import make_contact, make_occurrence

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.django_db(transaction=True)

_PREVIEW = "[data-preview] [data-preview-count]"


@pytest.fixture
def people(project: Project) -> None:
    ada = make_contact(project, "ada@example.com", data={"plan": "pro", "score": 70})
    make_contact(project, "ben@example.com", data={"plan": "pro", "score": 10})
    make_contact(project, "cleo@example.com", data={"plan": "free", "score": 90})
    dora = {"plan": "pro", "score": 80}
    make_contact(project, "dora@example.com", data=dora, subscribed=False)
    make_occurrence(project, ada, "logged-in")


def control(rule: Locator, part: str) -> Locator:
    return rule.locator(f"[data-part={part}]")


def ask_data(rule: Locator, key: str, operator: str, value: str, type_: str) -> None:
    """Make a rule about a key of the data."""
    control(rule, "field").select_option("data.")
    control(rule, "rest").fill(key)
    control(rule, "rest").blur()
    control(rule, "type").select_option(type_)
    control(rule, "operator").select_option(operator)
    control(rule, "value").fill(value)


def wait_for_count(page: Page, count: int) -> None:
    pattern = re.compile(rf"^{count}$")
    page.locator(_PREVIEW).filter(has_text=pattern).wait_for()
    page.locator("[data-preview][data-preview-state=done]").wait_for()


def test_building_a_segment_and_changing_it(
    member: Visitor, base: str, project: Project, people: None
) -> None:
    page = member.visit(f"{base}/segments/new/")
    rules = page.locator(".rule")

    ask_data(rules.first, "plan", "equals", "pro", "text")
    page.locator("datalist[id^=values-] option[value=pro]").wait_for(state="attached")
    wait_for_count(page, 3)
    page.get_by_role("button", name="Add rule").first.click()
    ask_data(rules.nth(1), "score", "greaterThan", "50", "number")
    wait_for_count(page, 2)
    page.get_by_role("button", name="Add nested conditions").first.click()
    control(rules.nth(2), "field").select_option("subscribed")
    control(rules.nth(3), "field").select_option("event.")
    control(rules.nth(3), "rest").fill("logged-in")
    control(rules.nth(3), "rest").blur()
    wait_for_count(page, 1)
    sample = page.locator("[data-preview-sample]").inner_text()
    page.locator("input[name=name]").fill("Busy pros")
    page.get_by_role("button", name="Create segment").click()

    page.get_by_role("heading", name="Busy pros").wait_for()
    made = Segment.objects.get(name="Busy pros")
    shown = page.get_by_role("link", name="ada@example.com").count()
    page.get_by_role("link", name="Edit").click()
    wait_for_count(page, 1)
    control(rules.nth(1), "operator").select_option("lessThan")
    control(rules.nth(1), "value").fill("20")
    wait_for_count(page, 1)
    page.get_by_role("button", name="Save changes").click()
    page.get_by_role("heading", name="Busy pros").wait_for()
    changed = Segment.objects.get(pk=made.pk)

    assert sample.split() == ["ada@example.com"]
    assert shown == 1
    assert made.project == project
    assert made.condition == _condition("greaterThan", 50)
    assert changed.condition == _condition("lessThan", 20)


def _condition(operator: str, score: int) -> dict[str, object]:
    plan = {"field": "data.plan", "operator": "equals", "value": "pro"}
    nested = {
        "logic": "OR",
        "groups": [
            {"filters": [{"field": "subscribed", "operator": "equals", "value": True}]},
            {"filters": [{"field": "event.logged-in", "operator": "triggered"}]},
        ],
    }
    rest = {"field": "data.score", "operator": operator, "value": score}
    group = {"filters": [plan, rest], "conditions": nested}
    return {"logic": "AND", "groups": [group]}


def test_a_rule_that_makes_no_sense_says_so_where_it_is(
    member: Visitor, base: str, people: None
) -> None:
    page = member.visit(f"{base}/segments/new/")
    rule = page.locator(".rule").first

    control(rule, "field").select_option("createdAt")
    control(rule, "operator").select_option("within")
    control(rule, "value").fill("many")
    rule.locator(".rule-error:not([hidden])").wait_for()
    problem = rule.locator(".rule-error").inner_text()
    control(rule, "value").fill("60")
    wait_for_count(page, 4)

    assert problem
    assert rule.locator(".rule-error").is_hidden()
    # The answer that said what was wrong is one, and no other.
    assert [it for it in member.complaints if "422" not in it] == []
    member.complaints.clear()
