"""Whatever comes to the campaign endpoints, an answer goes back (A3, B1-B17, M7)."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import uuid4

import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns import drafts
from campaigns.api.steps import STEPS
from campaigns.models import Campaign
from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from tests.api.bad_bodies import BAD_BODIES
from tests.api.test_any_input import PROFILE, texts, values
from tests.campaigns.api.bodies import BODY, CLASSIC, CONDITION
from tests.campaigns.conftest import MakeCampaign
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error

_FILTERED = BODY | {"audienceType": "FILTERED", "audienceCondition": CONDITION}
_CHOSEN = BODY | {"audienceType": "RECIPIENTS", "recipients": ["a@example.com"]}
#: Every endpoint with a body: method, path and a body that is right.
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/campaigns", BODY),
    ("POST", "/api/campaigns", _FILTERED),
    ("POST", "/api/campaigns", _CHOSEN),
    ("PUT", "/api/campaigns/{id}", {"subject": "x", "version": 1}),
    ("PATCH", "/api/campaigns/{id}", {"deadline": "2027-01-01T00:00:00Z"}),
    ("POST", "/api/campaigns/bulk-update", {"ids": [NOBODY], "delete": True}),
    ("POST", "/api/campaigns/{id}/test", {"email": "alice@example.com"}),
    ("POST", "/api/campaigns/{id}/send", {"scheduledFor": "2027-01-01T00:00:00Z"}),
    ("POST", "/api/campaigns/{id}/again", {"kind": "RETRY", "subject": "x"}),
    ("POST", "/v1/campaigns", CLASSIC),
    ("PUT", "/v1/campaigns", CLASSIC | {"id": NOBODY}),
    ("DELETE", "/v1/campaigns", {"id": NOBODY}),
    ("POST", "/v1/campaigns/send", {"id": NOBODY, "live": False, "delay": 1}),
    ("POST", "/v1/campaigns/duplicate", {"id": NOBODY}),
]
#: Every endpoint that reads none.
OTHERS = [
    ("GET", "/api/campaigns"),
    ("GET", "/api/campaigns/{id}"),
    ("DELETE", "/api/campaigns/{id}"),
    ("GET", "/api/campaigns/{id}/stats"),
    ("GET", "/api/campaigns/{id}/recipients"),
    *(("POST", f"/api/campaigns/{{id}}/{step.name}") for step in STEPS),
    ("GET", "/v1/campaigns/{id}"),
    ("DELETE", "/v1/campaigns/{id}"),
]


@pytest.fixture
def campaign(make_campaign: MakeCampaign) -> Campaign:
    return make_campaign()


def at(path: str, campaign: Campaign | None = None) -> str:
    return path.replace("{id}", str(campaign.pk if campaign else uuid4()))


@pytest.mark.django_db
def test_only_a_secret_key_opens(public_api: Api, campaign: Campaign) -> None:
    """A1, A3."""
    keys = {
        "": "MISSING_AUTH",
        f"sk_{'0' * 48}": "INVALID_API_KEY",
        public_api.key: "INVALID_API_KEY",
    }
    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        for key, code in keys.items():
            response = Api(Client(), key).send(method, at(path, campaign), {})
            assert_error(response, 401, code)

    assert Campaign.objects.get().version == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/campaigns", "GET, POST"),
        ("/api/campaigns/bulk-update", "POST"),
        ("/api/campaigns/{id}", "GET, PUT, PATCH, DELETE"),
        ("/api/campaigns/{id}/send", "POST"),
        ("/api/campaigns/{id}/stats", "GET"),
        ("/api/campaigns/{id}/recipients", "GET"),
        ("/v1/campaigns", "POST, PUT, DELETE"),
        ("/v1/campaigns/send", "POST"),
        ("/v1/campaigns/duplicate", "POST"),
        ("/v1/campaigns/{id}", "GET, DELETE"),
    ],
)
@pytest.mark.parametrize("method", ["PURGE", "PATCH", "PUT", "OPTIONS", "POST", "GET"])
def test_another_method_is_405(api: Api, path: str, allowed: str, method: str) -> None:
    """B16."""
    if method in allowed.split(", "):
        return
    response = api.send(method, at(path), {})

    assert_error(response, 405, "METHOD_NOT_ALLOWED")
    assert set(response["Allow"].split(", ")) - {"HEAD"} == set(allowed.split(", "))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        *BAD_BODIES,
        (b'{"body": "\\u0000"}', 422),
        (b'{"body": "\\ud800"}', 422),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_body_is_an_answer(
    api: Api, campaign: Campaign, raw: bytes, status: int
) -> None:
    for method, path, _ in BODIES:
        response = api.send(method, at(path, campaign), raw)

        assert response.status_code == status, (method, path)
        assert response.json()["success"] is False
    assert Campaign.objects.get().version == 1


@pytest.mark.django_db
def test_the_longest_body_comes_through(api: Api) -> None:
    for body, status in (("é" * 2_000_000, 201), ("x" * 2_000_001, 422)):
        response = api.post("/api/campaigns", BODY | {"body": body})
        assert response.status_code == status


@pytest.mark.django_db
def test_more_recipients_than_there_may_be(api: Api) -> None:
    many = [f"p{number}@example.com" for number in range(50_001)]

    for path, body in (("/api/campaigns", _CHOSEN), ("/v1/campaigns", CLASSIC)):
        response = api.post(path, body | {"recipients": many})
        assert_error(response, 422, "VALIDATION_ERROR", "recipients")


@pytest.mark.django_db
def test_unknown_members_are_ignored(api: Api, campaign: Campaign) -> None:
    """B13, M7: among them those of our own rows."""
    own = {
        "projectId": str(uuid4()),
        "project_id": str(uuid4()),
        "createdAt": "2020-01-01T00:00:00Z",
        "status": "SENT",
        "state": "SENT",
        "sentCount": 7,
        "archived": True,
        "scheduled_at": "2020-01-01T00:00:00Z",
        "from_email": "x@example.com",
        "__proto__": {},
    }
    before = Campaign.objects.values().get()

    response = api.send("PUT", f"/api/campaigns/{campaign.pk}", own)

    after = Campaign.objects.values().get()
    counted = ("audience_count", "audience_counted_at")
    assert response.json()["data"]["version"] == 1
    assert {k: v for k, v in after.items() if k not in counted} == {
        k: v for k, v in before.items() if k not in counted
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        *("limit=%00", "cursor=%ff", "search=%ed%a0%80", "status=%00", "sort=%F0"),
        *("&&=", "kind=%00", "page=1e99", "archived=%00"),
    ],
)
def test_any_query_is_an_answer(api: Api, campaign: Campaign, query: str) -> None:
    for path in (path for method, path in OTHERS if method == "GET"):
        response = api.send("GET", f"{at(path, campaign)}?{query}")
        assert response.status_code in {200, 422}, path


@pytest.mark.django_db
@pytest.mark.parametrize("pk", ["%00", "..%2f", "x" * 8000, "%ff", "00000000"])
def test_any_id_is_an_answer(api: Api, pk: str) -> None:
    for method, path in OTHERS:
        if "{id}" in path:
            response = api.send(method, path.replace("{id}", pk))
            assert response.status_code in {400, 404, 422}, (method, path)


@pytest.mark.django_db
def test_a_disabled_project_may_look_and_not_touch(
    api: Api, campaign: Campaign
) -> None:
    """A5."""
    Project.objects.update(is_disabled=True)

    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        response = api.send(method, at(path, campaign), None)
        if method == "GET":
            assert response.status_code == 200
        else:
            assert_error(response, 403, "PROJECT_DISABLED")


def wrong(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return right bodies with one or several members gone wrong, or added."""
    names = st.one_of(
        st.sampled_from(
            [
                *body,
                *("id", "from", "type", "tracking", "recipients", "segmentId"),
                *("topicId", "excludedSegmentIds", "audienceCondition", "deadline"),
                *("timezone", "scheduledAt", "version", "archived", "live", "kind"),
            ]
        ),
        texts,
    )
    return st.dictionaries(names, values, min_size=1, max_size=4).map(
        lambda changes: body | changes
    )


class AnyInput(TestCase):
    """B14, for each endpoint with a body at once."""

    api: ClassVar[Api]
    campaign: ClassVar[Campaign]

    @classmethod
    def setUpTestData(cls) -> None:
        alice = User.objects.create_user("alice@example.com", "correct horse")
        made = create_project(name="A", owner=alice)
        cls.api = Api(Client(), made.secret.value)
        cls.campaign = drafts.create(
            project=made.project, written={"name": "A", "subject": "A", "body": "A"}
        )

    @PROFILE
    @given(
        st.sampled_from(BODIES).flatmap(
            lambda one: st.tuples(st.just(one), wrong(one[2]))
        )
    )
    def test_a_wrong_member(self, case: Any) -> None:
        (method, path, _), body = case

        response = self.api.send(
            method, at(path, self.campaign), json.dumps(body).encode()
        )

        told = orjson.loads(response.content)
        assert response.status_code < 500, (method, path, body, told)
        assert len(response.content) < 400_000
        if response.status_code >= 400:
            assert told["success"] is False
