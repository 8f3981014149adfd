from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from django.test import Client
from pytest_django.fixtures import Settings

from plunk.simulator.faults import faults
from plunk.simulator.models import SimulatedMessage
from tests.simulator.conftest import RAW, Listener, send

Control = Callable[..., Any]


@pytest.fixture
def control(simulator: str, client: Client) -> Control:
    """Set switches over HTTP and return the answer."""

    def set_switches(**changes: Any) -> Any:
        return client.post("/simulator/ctl", changes, content_type="application/json")

    return set_switches


@pytest.mark.parametrize(
    ("switch", "code", "status"),
    [
        ("throttle", "TooManyRequestsException", 429),
        ("quota", "LimitExceededException", 400),
        ("rejected", "MessageRejected", 400),
        ("paused", "SendingPausedException", 400),
        ("not_verified", "MailFromDomainNotVerifiedException", 400),
        ("suspended", "AccountSuspendedException", 400),
        ("e500_before", "InternalServiceErrorException", 500),
    ],
)
def test_a_refusal_accepts_nothing(
    sesv2: Any, control: Control, switch: str, code: str, status: int
) -> None:
    control(**{switch: 100})

    with pytest.raises(ClientError) as caught:
        send(sesv2)

    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["ResponseMetadata"]["RequestId"]
    assert not SimulatedMessage.objects.exists()
    assert faults.counted(switch) == 1


@pytest.mark.parametrize(
    ("switch", "code", "message"),
    [
        ("throttle", "Throttling", "Maximum sending rate exceeded."),
        ("quota", "Throttling", "Daily message quota exceeded."),
        ("e500_before", "InternalFailure", "An internal error occurred."),
    ],
)
def test_the_query_api_has_its_own_names(
    ses: Any, control: Control, switch: str, code: str, message: str
) -> None:
    control(**{switch: 100})

    with pytest.raises(ClientError) as caught:
        ses.send_raw_email(RawMessage={"Data": RAW})

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"] == message


def test_an_answer_can_be_lost_after_the_mail_was_accepted(
    sesv2: Any, control: Control
) -> None:
    control(e500_after=100)

    with pytest.raises(ClientError) as caught:
        send(sesv2)

    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 502
    assert "RequestId" not in metadata
    assert SimulatedMessage.objects.count() == 1


def test_an_answer_can_come_late(
    client_of: Callable[..., Any], control: Control
) -> None:
    client = client_of("sesv2", read_timeout=0.5)
    control(hang=100, hang_seconds=1)

    with pytest.raises(ReadTimeoutError):
        send(client)

    assert SimulatedMessage.objects.count() == 1
    time.sleep(1)  # the server's thread ends before its database does


def test_one_domain_can_lose_its_verification(sesv2: Any, control: Control) -> None:
    control(unverified_domains=["Acme.example"])

    with pytest.raises(sesv2.exceptions.MailFromDomainNotVerifiedException):
        send(sesv2)
    other = b"From: a@other.example\r\n\r\nHi"
    sesv2.send_email(
        Destination={"ToAddresses": ["ada@example.com"]},
        Content={"Raw": {"Data": other}},
    )

    assert SimulatedMessage.objects.get().sender == "a@other.example"


def test_the_rate_is_enforced_when_asked(sesv2: Any, control: Control) -> None:
    control(enforce_rate=True, max_send_rate=1)

    send(sesv2)

    with pytest.raises(sesv2.exceptions.TooManyRequestsException):
        send(sesv2)


def test_a_percent_hits_about_so_often(control: Control) -> None:
    control(reset=True, seed=7)
    control(throttle=30)

    hits = sum(faults.hits("throttle") for _ in range(1000))

    assert 250 < hits < 350


def test_verification_can_be_kept_waiting(ses: Any, control: Control) -> None:
    control(identity_status="PENDING")
    ses.verify_domain_dkim(Domain="acme.example")

    answer = ses.get_identity_dkim_attributes(Identities=["acme.example"])

    status = answer["DkimAttributes"]["acme.example"]["DkimVerificationStatus"]
    assert status == "Pending"


def test_feedback_can_be_off(sesv2: Any, control: Control, listener: Listener) -> None:
    control(feedback=False)
    send(sesv2)
    control(feedback=True)
    message_id = send(sesv2)

    posts = listener.wait(2)

    assert {post.message["mail"]["messageId"] for post in posts} == {message_id}


def test_feedback_can_come_twice(
    sesv2: Any, control: Control, listener: Listener
) -> None:
    control(feedback_duplicate=100)

    send(sesv2)

    posts = listener.wait(4)
    assert len({post.envelope["MessageId"] for post in posts}) == 2


def test_feedback_can_come_late(
    sesv2: Any, control: Control, listener: Listener
) -> None:
    control(feedback_delay_seconds=1.5)
    started = time.monotonic()

    send(sesv2)

    listener.wait(2)
    assert time.monotonic() - started >= 1.4


def test_a_signature_of_version_1_can_be_asked_for(
    sesv2: Any, control: Control, listener: Listener
) -> None:
    control(signature_version="1")

    send(sesv2)

    assert listener.wait(1)[0].envelope["SignatureVersion"] == "1"


def test_an_event_can_be_emitted(
    sesv2: Any, control: Control, listener: Listener
) -> None:
    message_id = send(sesv2)
    listener.wait(2)

    answer = control(emit={"message_id": message_id, "kind": "Click"})

    assert answer.status_code == 200
    assert "link" in listener.wait(3)[2].message["click"]


def test_an_event_says_what_it_is_told_to(
    sesv2: Any, control: Control, listener: Listener
) -> None:
    message_id = send(sesv2)
    listener.wait(2)

    detail = {"userAgent": "Mozilla/5.0"}
    control(emit={"message_id": message_id, "kind": "Open", "detail": detail})

    opened = listener.wait(3)[2].message["open"]
    assert (opened["userAgent"], opened["ipAddress"]) == ("Mozilla/5.0", "192.0.2.1")


def test_a_set_that_counts_nothing_tells_of_no_open(
    sesv2: Any, control: Control, settings: Settings
) -> None:
    name = settings.SES_CONFIGURATION_SET_NO_TRACKING
    sent = sesv2.send_email(Content={"Raw": {"Data": RAW}}, ConfigurationSetName=name)

    answer = control(emit={"message_id": sent["MessageId"], "kind": "Open"})

    assert answer.status_code == 400
    late = control(emit={"message_id": sent["MessageId"], "kind": "Complaint"})
    assert late.status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"nope": 1},
        {"throttle": 101},
        {"throttle": "x"},
        {"throttle": None},
        {"feedback": 1},
        {"unverified_domains": "a"},
        {"signature_version": "3"},
        {"seed": "x"},
        {"emit": 1},
        {"emit": {"message_id": "none", "kind": "Open"}},
        {"throttle": 5, "quota": -1},
    ],
)
def test_nonsense_changes_nothing(control: Control, wrong: dict[str, Any]) -> None:
    answer = control(**wrong)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert faults.switches.throttle == 0


def test_the_state_can_be_read_and_reset(
    sesv2: Any, control: Control, client: Client
) -> None:
    send(sesv2)
    control(throttle=100)

    before = client.get("/simulator/ctl").json()
    after = control(reset=True).json()

    assert before["state"]["throttle"] == 100
    assert before["counters"]["accepted"] == 1
    assert after["state"]["throttle"] == 0
    assert "accepted" not in after["counters"]


def test_there_is_no_control_unless_settings_allow_it(
    db: None, client: Client, settings: Settings
) -> None:
    settings.SIMULATOR_CONTROL = False

    response = client.post("/simulator/ctl", {}, content_type="application/json")

    assert response.status_code == 404
