"""`POST /v1/track` and `POST /v1`, fact by fact.

Each row names where it is promised: P and N rows of the public documentation, sections
of the classic and the current generation, E rows of the robustness catalogue.
"""

from __future__ import annotations

from typing import Any

import pytest

from automations.models import Event, Occurrence
from contacts.models import Contact
from plunk.projects.creating import NewProject
from tests.conftest import Api

EVENT: dict[str, Any] = {"event": "signed-up", "email": "ann@example.com"}

pytestmark = pytest.mark.django_db
each_key = pytest.mark.parametrize("who", ["api", "public_api"])


def good(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post("/v1/track", EVENT | changes)
    body: dict[str, Any] = response.json()
    assert response.status_code == 200, body
    return body


def refusal(api: Api, **changes: Any) -> tuple[int, list[str], list[str]]:
    """Return status, wrong fields and their codes; nothing must be stored."""
    response = api.post("/v1/track", EVENT | changes)
    errors = response.json()["error"].get("errors", [])
    assert not Event.objects.exists()
    assert not Contact.objects.exists()
    fields, codes = [e["field"] for e in errors], [e["code"] for e in errors]
    return response.status_code, fields, codes


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="P3 event and email"),
        pytest.param({"subscribed": True}, id="P3 subscribed"),
        pytest.param({"subscribed": False}, id="P3 not subscribed"),
        pytest.param({"data": {}}, id="P3 no data"),
        pytest.param({"data": {"a": "b", "c": ["d"]}}, id="P24 strings and lists"),
        pytest.param({"data": {"a": 1, "b": True, "c": {}}}, id="README any JSON"),
        pytest.param(
            {"data": {"a": {"value": ["b"], "persistent": False}}}, id="P24 not kept"
        ),
        pytest.param({"data": None, "subscribed": None}, id="README null is absent"),
        pytest.param({"event": "x" * 255}, id="E1 255 characters"),
        pytest.param({"event": "🦄 ünï"}, id="any letters"),
        pytest.param({"event": "subscribed"}, id="not a reserved name"),
        pytest.param({"event": "emailed"}, id="not a reserved beginning"),
        pytest.param({"email": " Ann@Example.COM "}, id="README trimmed, lower-cased"),
        pytest.param({"anything": {"else": 1}}, id="1 unknown keys"),
    ],
)
@each_key
def test_it_takes(
    who: str, changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """P2: with either key."""
    body = good(request.getfixturevalue(who), **changes)

    assert list(body) == ["success", "data", "contact", "event", "timestamp"]
    assert body["success"] is True
    assert body["contact"] == body["data"]["contact"] == str(Contact.objects.get().pk)
    assert body["event"] == body["data"]["event"] == str(Event.objects.get().pk)
    assert body["timestamp"] == body["data"]["timestamp"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        pytest.param({"event": None}, ["event"], id="P3 event required"),
        pytest.param({"email": None}, ["email"], id="P3 email required"),
        pytest.param({"event": ""}, ["event"], id="E1 empty"),
        pytest.param({"event": "  "}, ["event"], id="E1 blank"),
        pytest.param({"event": "x" * 256}, ["event"], id="E1 256"),
        pytest.param({"event": "İ" * 255}, ["event"], id="E1 longer in small letters"),
        pytest.param({"event": "a\nb"}, ["event"], id="E1 line break"),
        pytest.param({"event": "a\u2028b"}, ["event"], id="E1 line separator"),
        pytest.param({"event": "a\x00b"}, ["event"], id="E1 NUL"),
        pytest.param({"event": 7}, ["event"], id="event: number"),
        pytest.param({"event": ["a"]}, ["event"], id="event: array"),
        pytest.param({"email": "nobody"}, ["email"], id="email"),
        pytest.param({"email": ["a@example.com"]}, ["email"], id="email: array"),
        pytest.param({"email": "a@example.com\n"}, ["email"], id="email and a break"),
        pytest.param({"subscribed": "true"}, ["subscribed"], id="2.1 strict boolean"),
        pytest.param({"subscribed": 1}, ["subscribed"], id="2.1 no number"),
        pytest.param({"data": []}, ["data"], id="data: array"),
        pytest.param({"email": 1, "event": 1}, ["email", "event"], id="both"),
    ],
)
def test_it_refuses_naming_the_field(
    api: Api, changes: dict[str, Any], fields: list[str]
) -> None:
    status, found, _ = refusal(api, **changes)

    assert (status, found) == (422, fields)


@pytest.mark.parametrize(
    "name",
    [
        *("subscribe", "unsubscribe", "Subscribe", "UNSUBSCRIBE"),
        *("email.sent", "email.", "Email.Opened", "contact.subscribed", "contact.x"),
        *("segment.vip.entry", "segment.x"),
    ],
)
@each_key
def test_a_reserved_name_is_refused(
    who: str, name: str, request: pytest.FixtureRequest
) -> None:
    """E1, 2.2: the system's own events cannot be forged, by either key."""
    found = refusal(request.getfixturevalue(who), event=name)

    assert found == (422, ["event"], ["reserved_event"])


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Signed Up", "signed-up"),
        ("a  b", "a--b"),
        (" a", "-a"),
        ("ÄÖ", "äö"),
        ("a_b.c:d/e", "a_b.c:d/e"),
    ],
)
def test_a_name_is_spelt_in_one_way(api: Api, sent: str, name: str) -> None:
    """Classic 2.1: lower case, each space a dash."""
    good(api, event=sent)

    assert Event.objects.get().name == name


def test_contact_and_event_are_made_once(api: Api) -> None:
    """P3: ids are returned when they are not new."""
    first, second = good(api), good(api, event="Signed up", email="ANN@example.com")

    assert (first["contact"], first["event"]) == (second["contact"], second["event"])
    assert Occurrence.objects.count() == 2


@pytest.mark.parametrize("subscribed", [None, True, False])
def test_a_new_contact_is_subscribed_unless_told_otherwise(
    api: Api, subscribed: bool | None
) -> None:
    """P3, P21."""
    good(api, subscribed=subscribed)

    assert Contact.objects.get().subscribed is (subscribed is not False)


@each_key
def test_consent_stays_where_nothing_is_said(
    api: Api, who: str, request: pytest.FixtureRequest
) -> None:
    """2.2."""
    good(api, subscribed=False)

    good(request.getfixturevalue(who))

    assert Contact.objects.get().subscribed is False


@pytest.mark.parametrize(("who", "comes_back"), [("api", True), ("public_api", False)])
def test_only_a_secret_key_brings_somebody_back(
    api: Api, who: str, comes_back: bool, request: pytest.FixtureRequest
) -> None:
    """A9, S8."""
    good(api, subscribed=False)

    good(request.getfixturevalue(who), subscribed=True)

    assert Contact.objects.get().subscribed is comes_back


@each_key
def test_either_key_lets_somebody_out(
    api: Api, who: str, request: pytest.FixtureRequest
) -> None:
    good(api)

    good(request.getfixturevalue(who), subscribed=False)

    assert Contact.objects.get().subscribed is False


def test_a_flip_is_an_event_and_a_repetition_is_not(api: Api) -> None:
    """README: in the names of both generations."""
    for subscribed in (True, False, False, True, True):
        good(api, subscribed=subscribed)

    names = list(Occurrence.objects.values_list("event__name", flat=True))
    for name in ("contact.subscribed", "subscribe"):
        assert names.count(name) == 1
    for name in ("contact.unsubscribed", "unsubscribe"):
        assert names.count(name) == 1
    assert names.count("signed-up") == 5


def test_data_is_on_the_event_complete_and_on_the_contact_as_far_as_it_persists(
    api: Api,
) -> None:
    """2.2, 4.1, classic 4.2."""
    good(api, data={"plan": "free", "tags": ["a"], "gone": "x"})
    good(
        api,
        data={
            "plan": "pro",
            "gone": None,
            "empty": "",
            "once": {"value": 1, "persistent": False},
        },
    )

    last = Occurrence.objects.order_by("-created_at", "-pk")[0]
    assert Contact.objects.get().data == {"plan": "pro", "tags": ["a"]}
    assert last.data == {"plan": "pro", "once": 1}


def test_a_value_may_change_its_type(api: Api) -> None:
    """E5."""
    for value in ("text", {"a": 1}, [1], 7, True):
        good(api, data={"plan": value})
        assert Contact.objects.get().data == {"plan": value}


def test_names_of_the_system_are_not_stored(api: Api) -> None:
    good(api, data={"plunk_id": "x", "email": "y", "id": "z", "ok": 1})

    assert Contact.objects.get().data == {"ok": 1}


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/track", "/v1/track/", "/api/v1", "/api/v1/track"]
)
def test_every_spelling_of_the_path_answers(api: Api, path: str) -> None:
    """Classic 8.6: with and without slash, without a redirect."""
    assert api.post(path, EVENT).status_code == 200


@pytest.mark.parametrize("path", ["/V1/track", "/v1/Track"])
def test_the_path_is_case_sensitive(api: Api, path: str) -> None:
    assert api.post(path, EVENT).status_code in (404, 403)


@pytest.mark.parametrize("path", ["/v1", "/v1/track", "/api/v1/track/"])
def test_a_browser_may_ask_first_without_a_key(api: Api, path: str) -> None:
    """Classic 8.5, E10."""
    response = api.client.options(
        path,
        HTTP_ORIGIN="https://shop.example.com",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,content-type",
    )

    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response["Access-Control-Allow-Methods"]
    allowed = response["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type"} <= {h.strip() for h in allowed.split(",")}
    assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize("body", [EVENT, {}, b"{", b"[]"])
@pytest.mark.parametrize("key", [None, "pk_" + "0" * 48])
def test_a_browser_can_read_every_answer(
    public_api: Api, body: Any, key: str | None
) -> None:
    """Classic 1: errors carry the CORS headers too."""
    public_api.key = key or public_api.key

    response = public_api.post("/v1/track", body)

    assert response["Access-Control-Allow-Origin"] == "*"
    assert "X-Request-ID" in response["Access-Control-Expose-Headers"]


def test_no_other_endpoint_answers_foreign_browsers(api: Api) -> None:
    """E10."""
    for response in (api.client.options("/v1/send"), api.post("/v1/send", {})):
        assert "Access-Control-Allow-Origin" not in response


def test_another_projects_contact_of_the_same_address_is_another(
    api: Api, stranger_api: Api, other_project: NewProject
) -> None:
    """I3."""
    mine, theirs = good(api, data={"a": 1}), good(stranger_api, data={"b": 2})

    assert mine["contact"] != theirs["contact"]
    assert mine["event"] != theirs["event"]
    theirs_row = Contact.objects.get(project=other_project.project)
    assert theirs_row.data == {"b": 2}
