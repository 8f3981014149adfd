"""`POST /v1/track`: what it takes, what it answers, what it stores."""

from __future__ import annotations

import pytest

from automations.models import Event, Occurrence
from contacts.models import Contact
from tests.conftest import Api

EVENT = {"event": "Signed Up", "email": "ann@example.com"}


def test_both_generations_find_their_members(api: Api) -> None:
    response = api.post("/v1/track", EVENT)

    body = response.json()
    assert response.status_code == 200, body
    assert body["data"]["contact"] == body["contact"] == str(Contact.objects.get().pk)
    assert body["data"]["event"] == body["event"] == str(Event.objects.get().pk)
    assert body["success"] is True


def test_a_second_occurrence_has_the_same_contact_and_event(api: Api) -> None:
    first = api.post("/v1/track", EVENT).json()
    second = api.post("/v1/track", EVENT | {"event": "signed-up"}).json()

    assert (first["contact"], first["event"]) == (second["contact"], second["event"])
    assert Occurrence.objects.count() == 2


def test_the_occurrence_holds_all_data_and_the_contact_what_persists(api: Api) -> None:
    data = {"plan": "pro", "code": {"value": 7, "persistent": False}, "gone": None}

    api.post("/v1/track", EVENT | {"data": data})

    assert Contact.objects.get().data == {"plan": "pro"}
    assert Occurrence.objects.get().data == {"plan": "pro", "code": 7}


@pytest.mark.parametrize("name", ["subscribe", "Unsubscribe", "email.x", "contact.a"])
def test_a_reserved_name_is_refused(api: Api, name: str) -> None:
    response = api.post("/v1/track", EVENT | {"event": name})

    assert response.status_code == 422
    assert response.json()["error"]["errors"][0]["code"] == "reserved_event"


def test_a_public_key_brings_nobody_back(api: Api, public_api: Api) -> None:
    api.post("/v1/track", EVENT | {"subscribed": False})
    public_api.post("/v1/track", EVENT | {"subscribed": True})
    after_public = Contact.objects.get().subscribed
    api.post("/v1/track", EVENT | {"subscribed": True})

    assert after_public is False
    assert Contact.objects.get().subscribed is True


def test_a_flip_is_an_event_in_both_generations(api: Api) -> None:
    api.post("/v1/track", EVENT)
    api.post("/v1/track", EVENT | {"subscribed": False})
    api.post("/v1/track", EVENT | {"subscribed": False})

    names = list(Occurrence.objects.values_list("event__name", flat=True))
    assert names.count("contact.unsubscribed") == 1
    assert names.count("unsubscribe") == 1


def test_v1_is_track(api: Api) -> None:
    assert api.post("/v1", EVENT).status_code == 200


def test_a_preflight_needs_no_key(api: Api) -> None:
    response = api.client.options("/v1/track")

    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response
