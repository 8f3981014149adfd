"""The canvas, and what its script asks for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations import workflows
from automations.models import Workflow, WorkflowVersion
from plunk.projects.models import Project, User
from tests.automations.building import live, on, step
from transactional.models import Template

pytestmark = pytest.mark.django_db


def ask(client: Client, workflow: Workflow, deed: str, body: Any) -> Any:
    path = f"/projects/{workflow.project_id}/workflows/{workflow.pk}/{deed}/"
    return client.post(path, body, content_type="application/json")


def test_what_was_edited_meanwhile_is_neither_saved_nor_published(
    member: Client, pausing: Workflow
) -> None:
    draft = {**pausing.draft, "trigger": {"type": "MANUAL"}}
    workflows.change(workflow=pausing, name="Theirs")
    newest = pausing.revision + 1

    for deed, body in (
        ("save", {"document": draft, "revision": pausing.revision}),
        ("save", {"document": draft}),
        ("save", {"document": draft, "revision": True}),
        ("save", {"document": pausing.draft, "revision": 1, "name": "Mine"}),
        ("publish", {"revision": pausing.revision}),
        ("publish", {}),
    ):
        response = ask(member, pausing, deed, body)
        assert (response.status_code, response.json()["revision"]) == (409, newest)
    pausing.refresh_from_db()
    assert pausing.name == "Theirs"
    assert pausing.draft["trigger"]["type"] == "EVENT"
    assert WorkflowVersion.objects.filter(workflow=pausing).count() == 1


def test_what_makes_no_sense_is_answered_and_nothing_of_it_is_kept(
    member: Client, pausing: Workflow
) -> None:
    draft = {**pausing.draft, "trigger": {"type": "MANUAL"}}

    for wrong in (
        {"document": None},
        {"document": {"steps": 1}},
        {"name": ""},
        {"name": " "},
        {"name": "x" * 201},
        {"name": 7},
        {"allowReentry": "yes"},
        {"allowReentry": 1},
    ):
        body = {"document": draft, "revision": pausing.revision, **wrong}
        response = ask(member, pausing, "save", body)
        assert response.status_code == 422, wrong
        assert response.json()["message"]
    assert ask(member, pausing, "save", "{").status_code in (400, 422)
    kept = Workflow.objects.get(pk=pausing.pk)
    assert (kept.draft, kept.name) == (pausing.draft, pausing.name)


def test_publishing_what_is_unfinished_names_each_step(
    member: Client, project: Project
) -> None:
    workflow = live(project, on("signed-up"), step("EXIT"))
    draft = {**workflow.draft, "trigger": {"type": "EVENT", "eventName": ""}}
    changed = workflows.save_draft(workflow=workflow, document=draft)

    response = ask(member, changed, "publish", {"revision": changed.revision})

    start = next(it for it in draft["steps"] if it["type"] == "TRIGGER")
    assert response.status_code == 422
    assert [it["stepId"] for it in response.json()["problems"]] == [start["id"]]


def test_name_and_re_entry_are_saved_with_the_draft(
    member: Client, pausing: Workflow
) -> None:
    wish = {"name": " New ", "allowReentry": True, "revision": pausing.revision}

    response = ask(member, pausing, "save", {"document": pausing.draft, **wish})

    kept = Workflow.objects.get(pk=pausing.pk)
    assert (kept.name, kept.allow_reentry) == ("New", True)
    assert response.json()["revision"] == kept.revision == pausing.revision + 1
    assert response.json()["hasChanges"] is False


def test_strangers_get_nothing(
    client: Client, charlie: User, pausing: Workflow
) -> None:
    client.force_login(charlie)

    answers = [
        ask(client, pausing, deed, {"revision": pausing.revision})
        for deed in ("save", "publish", "enable", "disable")
    ]

    assert {answer.status_code for answer in answers} == {404}


def test_a_canvas_costs_as_much_with_many_steps_as_with_few(
    member: Client, project: Project, template: Template, url: str
) -> None:
    def cost(steps: int) -> int:
        mails = [step("SEND_EMAIL", template=template) for _ in range(steps)]
        workflow = live(project, on("signed-up"), *mails)
        path = f"{url}/{workflow.pk}/"
        member.get(path)
        with CaptureQueriesContext(
            connection,
        ) as page:
            assert member.get(path).status_code == 200
        body = {"document": workflow.draft, "revision": workflow.revision}
        with CaptureQueriesContext(connection) as saving:
            assert ask(member, workflow, "save", body).status_code == 200
        return len(page) * 100 + len(saving)

    assert cost(2) == cost(30)
