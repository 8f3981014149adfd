"""Bulk changes and imports by the API (contract 2.4; E9, F1, P23)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts import jobs
from contacts.models import Contact, Job, JobKind, JobState, Segment
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api
from tests.contacts.api.conftest import assert_error, people

pytestmark = pytest.mark.django_db

VERBS = ["subscribe", "unsubscribe", "delete"]


def bulk(api: Api, verb: str, body: Any, **headers: str) -> Any:
    return api.post(f"/api/contacts/bulk-{verb}", body, **headers)


def finished(api: Api, response: Any) -> dict[str, Any]:
    """Let the job be done and return what the API says about it."""
    assert response.status_code == 202, response.json()
    while jobs.work(seconds=60):
        pass
    body: dict[str, Any] = api.get(
        f"/api/contacts/bulk/{response.json()['jobId']}"
    ).json()
    return body


def ids(contacts: list[Contact]) -> list[str]:
    return [str(contact.pk) for contact in contacts]


@pytest.mark.parametrize("verb", VERBS)
def test_those_named_are_changed(api: Api, project: Project, verb: str) -> None:
    made = people(project, 3, subscribed=verb != "subscribe")

    response = bulk(api, verb, {"mode": "ids", "contactIds": ids(made[:2])})

    body = finished(api, response)
    assert response.json().keys() == {"message", "jobId"}
    assert body == {
        "id": response.json()["jobId"],
        "state": "completed",
        "progress": 100,
        "result": {
            "operation": verb,
            "totalRequested": 2,
            "successCount": 2,
            "unchangedCount": 0,
            "failureCount": 0,
            "errors": [],
        },
        "data": {"projectId": str(project.pk), "operation": verb, "mode": "ids"},
        "failedReason": None,
    }
    left = Contact.objects.filter(subscribed=verb != "subscribe").count()
    assert (Contact.objects.count(), left) == {
        "subscribe": (3, 1),
        "unsubscribe": (3, 1),
        "delete": (1, 1),
    }[verb]


def test_a_repetition_changes_nothing(api: Api, project: Project) -> None:
    body = {"contactIds": ids(people(project, 2))}
    finished(api, bulk(api, "unsubscribe", body))

    again = finished(api, bulk(api, "unsubscribe", body))

    assert again["result"]["successCount"] == 0
    assert again["result"]["unchangedCount"] == 2


def test_the_ids_of_others_are_like_unknown_ones(
    api: Api, project: Project, other_project: NewProject
) -> None:
    """E9."""
    own = people(project, 1)
    theirs = Contact.objects.create(
        project=other_project.project, email="x@example.com"
    )
    asked = [str(theirs.pk), *ids(own), str(uuid4())]

    told = finished(api, bulk(api, "delete", {"mode": "IDS", "contactIds": asked}))

    assert told["result"]["successCount"] == 1
    assert told["result"]["failureCount"] == 2
    errors = told["result"]["errors"]
    assert [error.pop("contactId") for error in errors] == [asked[0], asked[2]]
    assert errors[0] == errors[1]
    assert list(Contact.objects.all()) == [theirs]


def test_all_that_a_question_finds(
    api: Api, project: Project, other_project: NewProject
) -> None:
    made = people(project, 4)
    Contact.objects.create(project=project, email="bob@example.org")
    Contact.objects.create(project=other_project.project, email="c9@example.com")
    question = {
        "mode": "query",
        "filter": {"search": "@EXAMPLE.com", "subscribed": True},
        "excludeIds": ids(made[:1]),
    }

    told = finished(api, bulk(api, "unsubscribe", question))

    assert told["result"]["successCount"] == told["result"]["totalRequested"] == 3
    out = Contact.objects.filter(subscribed=False)
    assert set(out) == set(made[1:])


@pytest.mark.parametrize("question", [{}, {"search": None}, {"search": " "}])
def test_an_empty_question_means_everybody(
    api: Api, project: Project, question: dict[str, Any]
) -> None:
    people(project, 2)

    finished(api, bulk(api, "delete", {"mode": "query", "filter": question}))

    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "mode"),
        ({"mode": "all"}, "mode"),
        ({"mode": 7}, "mode"),
        ({"mode": "ids"}, "contactIds"),
        ({"mode": "ids", "contactIds": []}, "contactIds"),
        ({"mode": "ids", "contactIds": "x"}, "contactIds"),
        ({"mode": "ids", "contactIds": ["x"]}, "contactIds.0"),
        ({"mode": "ids", "contactIds": [str(uuid4()), 7]}, "contactIds.1"),
        ({"mode": "ids", "contactIds": [str(uuid4())] * 1001}, "contactIds"),
        ({"mode": "query"}, "filter"),
        ({"mode": "query", "filter": None}, "filter"),
        ({"mode": "query", "filter": []}, "filter"),
        ({"mode": "query", "filter": {"search": 7}}, "filter.search"),
        ({"mode": "query", "filter": {"search": "x" * 256}}, "filter.search"),
        ({"mode": "query", "filter": {"subscribed": "true"}}, "filter.subscribed"),
        ({"mode": "query", "filter": {}, "excludeIds": ["x"]}, "excludeIds.0"),
        ({"mode": "query", "filter": {}, "excludeIds": {"a": 1}}, "excludeIds"),
        (
            {"mode": "query", "filter": {}, "excludeIds": [str(uuid4())] * 10_001},
            "excludeIds",
        ),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_wrong_is_named(
    api: Api, project: Project, verb: str, body: dict[str, Any], field: str
) -> None:
    people(project, 1)

    assert_error(bulk(api, verb, body), 422, "VALIDATION_ERROR", field)
    assert not Job.objects.exists()


def test_the_same_key_begins_one_job(api: Api, project: Project) -> None:
    body = {"mode": "query", "filter": {}}
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}

    answers = [bulk(api, "delete", body, **key) for _ in "12"]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert Job.objects.count() == 1


# -- what became of a job -------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "state", "progress", "reason"),
    [
        ({"state": JobState.WAITING}, "waiting", 0, None),
        ({"state": JobState.ACTIVE, "done": 1, "total": 3}, "active", 33, None),
        ({"state": JobState.ACTIVE, "done": 3, "total": 3}, "active", 99, None),
        ({"state": JobState.ACTIVE, "done": 1}, "active", 0, None),
        ({"state": JobState.COMPLETED}, "completed", 100, None),
        ({"state": JobState.FAILED, "failed_reason": "So."}, "failed", 0, "So."),
        ({"state": JobState.CANCELLED}, "failed", 0, "Cancelled."),
        ({"state": JobState.DRAFT}, "delayed", 0, None),
    ],
)
@pytest.mark.parametrize("kind", [JobKind.DELETE, JobKind.IMPORT])
def test_a_job_is_told_in_the_words_that_clients_know(
    api: Api,
    project: Project,
    kind: JobKind,
    values: dict[str, Any],
    state: str,
    progress: int,
    reason: str | None,
) -> None:
    job = Job.objects.create(
        project=project, kind=kind, parameters={"mode": "ids", "ids": []}, **values
    )
    path = "import" if kind == JobKind.IMPORT else "bulk"

    body = api.get(f"/api/contacts/{path}/{job.pk}").json()

    assert (body["state"], body["progress"]) == (state, progress)
    assert body["failedReason"] == reason
    assert (body["result"] is None) == (state != "completed")


def test_the_job_of_another_project_is_404(
    api: Api, other_project: NewProject, project: Project
) -> None:
    theirs = Job.objects.create(
        project=other_project.project, kind=JobKind.DELETE, parameters={"mode": "ids"}
    )
    own_import = Job.objects.create(project=project, kind=JobKind.IMPORT)
    own_bulk = Job.objects.create(
        project=project, kind=JobKind.DELETE, parameters={"mode": "ids"}
    )

    for path in (
        f"bulk/{theirs.pk}",
        f"import/{theirs.pk}",
        f"bulk/{own_import.pk}",
        f"import/{own_bulk.pk}",
        f"bulk/{uuid4()}",
        "bulk/7",
        "import/x",
    ):
        assert_error(api.get(f"/api/contacts/{path}"), 404, "RESOURCE_NOT_FOUND")


# -- imports --------------------------------------------------------------------------


def upload(api: Api, content: bytes, name: str = "people.csv", **headers: Any) -> Any:
    return api.client.post(
        "/api/contacts/import",
        {"file": SimpleUploadedFile(name, content, "text/csv")},
        HTTP_AUTHORIZATION=f"Bearer {api.key}",
        **headers,
    )


def test_a_file_becomes_contacts(api: Api, project: Project) -> None:
    """P23."""
    response = upload(
        api,
        b"email,subscribed,plan\nAnn@example.com,true,pro\nbob@example.com,false,\n"
        b"nonsense,true,x\nann@EXAMPLE.com,true,max\n",
    )
    while jobs.work(seconds=60):
        pass

    assert response.status_code == 202
    body = api.get(f"/api/contacts/import/{response.json()['jobId']}").json()
    assert (body["state"], body["progress"]) == ("completed", 100)
    assert body["data"]["filename"] == "people.csv"
    result = body["result"]
    assert result["totalRequested"] == 4
    assert result["createdCount"] == 2
    assert result["failureCount"] == 1
    assert result["errors"][0]["row"] == 4
    assert result["errors"][0]["email"] == "nonsense"
    ann = Contact.objects.get(email="ann@example.com")
    bob = Contact.objects.get(email="bob@example.com")
    assert ann.data == {"plan": "max"}
    assert (ann.subscribed, bob.subscribed) == (True, False)


def test_the_same_key_imports_once(api: Api) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    content = b"email\nann@example.com\n"

    answers = [upload(api, content, **key) for _ in "12"]
    other = upload(api, b"email\nbea@example.com\n", **key)

    assert answers[0].json() == answers[1].json()
    assert Job.objects.count() == 1
    assert_error(other, 409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize(
    "content",
    [b"", b"name\nann\n", b"\x00\x01\x02", b"PK\x03\x04zip", b"email", b"\xff\xfe"],
)
def test_a_file_that_is_none_is_an_answer(api: Api, content: bytes) -> None:
    response = upload(api, content)

    if response.status_code != 202:
        assert_error(response, 422, "VALIDATION_ERROR", "file")


def test_five_megabytes_and_a_byte_are_too_many(api: Api) -> None:
    """F1."""
    limit = 5 * 1024 * 1024
    head = b"email,note\n"
    most = head + b"a@example.com," + b"x" * (limit - len(head) - 15) + b"\n"

    assert len(most) == limit
    assert_error(upload(api, most + b"\n"), 413, "PAYLOAD_TOO_LARGE")
    assert upload(api, most).status_code != 413


def test_a_missing_file_is_named(api: Api) -> None:
    for fields in ({}, {"file": "text"}, {"data": SimpleUploadedFile("a", b"email\n")}):
        response = api.client.post(
            "/api/contacts/import", fields, HTTP_AUTHORIZATION=f"Bearer {api.key}"
        )
        assert_error(response, 422, "VALIDATION_ERROR", "file")


def test_ten_thousand_parts_are_refused(api: Api) -> None:
    """F1."""
    part = b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n'
    response = api.post(
        "/api/contacts/import",
        part * 10_000 + b"--x--\r\n",
        CONTENT_TYPE="multipart/form-data; boundary=x",
    )

    assert_error(response, 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"email\nann@example.com\n", "text/csv", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=", 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 422),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 422),
        (b"x", "multipart/form-data; boundary=\xff", 400),
    ],
)
def test_a_body_that_is_no_file_is_an_answer(
    api: Api, body: bytes, content_type: str, status: int
) -> None:
    response = api.post("/api/contacts/import", body, CONTENT_TYPE=content_type)

    assert response.status_code == status, response.json()


def test_a_path_in_a_name_is_ignored(api: Api) -> None:
    """F1."""
    response = upload(api, b"email\nann@example.com\n", "../../etc/passwd")

    assert response.status_code == 202
    name = Job.objects.get(pk=UUID(response.json()["jobId"])).parameters["name"]
    assert "/" not in name


# -- by a condition -------------------------------------------------------------------


def a_condition(field: str, operator: str, value: Any) -> dict[str, Any]:
    leaf = {"field": field, "operator": operator, "value": value}
    return {"logic": "AND", "groups": [{"filters": [leaf]}]}


def test_all_that_a_condition_matches(api: Api, project: Project) -> None:
    """P25: what segments can ask for can be acted on."""
    people(project, 2, data={"plan": "pro"})
    free = Contact.objects.create(project=project, email="x@example.com", data={})
    question = {"condition": a_condition("data.plan", "equals", "pro")}

    told = finished(api, bulk(api, "delete", {"mode": "query", "filter": question}))

    assert told["result"]["successCount"] == 2
    assert list(Contact.objects.all()) == [free]


def test_a_condition_that_is_none_is_named(
    api: Api, project: Project, other_project: NewProject
) -> None:
    theirs = Segment.objects.create(project=other_project.project, name="x")
    for condition, field in (
        ([], "filter.condition"),
        ({"logic": "AND"}, "filter.condition.groups"),
        (
            a_condition("nonsense", "equals", 1),
            "filter.condition.groups.0.filters.0.field",
        ),
        (
            a_condition(f"segment.{theirs.pk}", "memberOfSegment", None),
            "filter.condition.groups.0.filters.0.field",
        ),
    ):
        body = {"mode": "query", "filter": {"condition": condition}}
        assert_error(bulk(api, "delete", body), 422, "VALIDATION_ERROR", field)
    assert not Job.objects.exists()
