from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.test import Client
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from plunk.projects.models import Project
from plunk.simulator.models import SimulatedMessage
from plunk.simulator.retention import forget_old_messages
from tests.simulator.conftest import RAW, send

MESSAGE_ID = r"0100[0-9a-f]{12}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-000000"


def test_a_raw_mail_is_kept_as_it_was_sent(sesv2: Any, project: Project) -> None:
    message_id = send(sesv2, plunk_project=str(project.pk), plunk_email="e-1")

    kept = SimulatedMessage.objects.get()
    assert re.fullmatch(MESSAGE_ID, message_id)
    assert kept.message_id == message_id
    assert bytes(kept.raw) == RAW
    assert kept.project_id == project.pk
    assert kept.tags == {"plunk_project": str(project.pk), "plunk_email": "e-1"}
    assert kept.recipients == ["ada@example.com"]
    assert kept.sender == "Acme <hello@acme.example>"
    assert kept.subject == "Grüße"


def test_a_mail_without_a_destination_goes_to_its_headers(sesv2: Any) -> None:
    raw = b"From: a@acme.example\nTo: Ada <ada@example.com>\nCc: bob@example.com\n\nHi"

    sesv2.send_email(Content={"Raw": {"Data": raw}})

    kept = SimulatedMessage.objects.get()
    assert kept.recipients == ["ada@example.com", "bob@example.com"]
    assert kept.project_id is None


def test_simple_content_becomes_a_message(sesv2: Any) -> None:
    sesv2.send_email(
        FromEmailAddress="hello@acme.example",
        Destination={"ToAddresses": ["Ada <ada@example.com>"]},
        Content={
            "Simple": {
                "Subject": {"Data": "Grüße"},
                "Body": {"Text": {"Data": "Hi"}, "Html": {"Data": "<p>Hi</p>"}},
            }
        },
    )

    kept = SimulatedMessage.objects.get()
    assert (kept.subject, kept.recipients) == ("Grüße", ["ada@example.com"])
    assert b"multipart/alternative" in bytes(kept.raw)


def test_the_query_api_takes_raw_mail_too(ses: Any, settings: Settings) -> None:
    settings.AWS_SES_CONFIGURATION_SET = "set"
    answer = ses.send_raw_email(
        Source="hello@acme.example",
        Destinations=["ada@example.com", "bob@example.com"],
        RawMessage={"Data": RAW},
        Tags=[{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}],
        ConfigurationSetName="set",
    )

    kept = SimulatedMessage.objects.get()
    assert kept.message_id == answer["MessageId"]
    assert bytes(kept.raw) == RAW
    assert kept.recipients == ["ada@example.com", "bob@example.com"]
    assert kept.tags == {"a": "1", "b": "2"}
    assert kept.configuration_set == "set"


def test_a_configuration_set_that_nobody_made_is_refused(sesv2: Any, ses: Any) -> None:
    with pytest.raises(ClientError) as refusal:
        sesv2.send_email(Content={"Raw": {"Data": RAW}}, ConfigurationSetName="no")
    assert refusal.value.response["Error"]["Code"] == "NotFoundException"

    with pytest.raises(ClientError) as refusal:
        ses.send_raw_email(RawMessage={"Data": RAW}, ConfigurationSetName="no")
    assert refusal.value.response["Error"]["Code"] == "ConfigurationSetDoesNotExist"
    assert not SimulatedMessage.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"Destination": {"ToAddresses": ["no address"]}},
        {"Destination": {"ToAddresses": ["a@b@c.example"]}},
        {"Destination": {"ToAddresses": ["ada@exämple.com"]}},
        {"FromEmailAddress": "nobody"},
        {"EmailTags": [{"Name": "a b", "Value": "1"}]},
        {"EmailTags": [{"Name": "a", "Value": "ü"}]},
        {"Content": {"Raw": {"Data": b"  "}}},
        {"Content": {"Template": {"TemplateName": "t", "TemplateData": "{}"}}},
    ],
)
def test_what_ses_would_refuse_is_refused(sesv2: Any, wrong: dict[str, Any]) -> None:
    right = {
        "FromEmailAddress": "hello@acme.example",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {"Raw": {"Data": RAW}},
    }

    with pytest.raises(sesv2.exceptions.BadRequestException):
        sesv2.send_email(**right | wrong)

    assert not SimulatedMessage.objects.exists()


def test_the_51st_recipient_is_refused(sesv2: Any) -> None:
    to = [f"a{n}@example.com" for n in range(51)]

    with pytest.raises(sesv2.exceptions.MessageRejected, match="Recipient count"):
        sesv2.send_email(
            FromEmailAddress="hello@acme.example",
            Destination={"ToAddresses": to},
            Content={"Raw": {"Data": RAW}},
        )


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b'{"Content": 1}', b'{"Content": {"Raw": []}}',
     b'{"Content": {"Raw": {"Data": "%%"}}}', b'{"Content":{"Raw":{"Data":7}}}',
     b'{"Destination": {"ToAddresses": [1]}, "Content": {"Raw": {"Data": "SGk="}}}'],
)  # fmt: skip
def test_nonsense_gets_a_400_in_aws_form(
    db: None, client: Client, settings: Settings, body: bytes
) -> None:
    response = client.post(
        "/simulator/v2/email/outbound-emails",
        body,
        content_type="application/json",
        HTTP_AUTHORIZATION=(
            f"AWS4-HMAC-SHA256 Credential={settings.AWS_ACCESS_KEY_ID}/x"
        ),
    )

    assert response.status_code == 400
    assert response["x-amzn-ErrorType"]
    assert response["x-amzn-RequestId"]
    assert response.json()["message"]


def test_a_subject_of_strange_bytes_is_kept(sesv2: Any) -> None:
    raw = b"From: a@acme.example\nSubject: \x00a\xff =?nope?b?//?=\n b\n\nHi"

    send(sesv2, raw=raw)

    assert SimulatedMessage.objects.get().subject.startswith("a")


@pytest.mark.parametrize("path", ["/simulator", "/simulator/"])
def test_an_unsigned_query_is_refused(
    live_server: LiveServer, client: Client, path: str
) -> None:
    response = client.post(path, {"Action": "GetSendQuota"})

    assert response.status_code == 403
    assert b"<Code>MissingAuthenticationToken</Code>" in response.content


def test_an_unsigned_call_is_refused(live_server: LiveServer, client: Client) -> None:
    response = client.get("/simulator/v2/email/account")

    assert response.status_code == 403
    assert response["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_an_unknown_action_is_an_error_the_sdk_can_read(ses: Any) -> None:
    with pytest.raises(ClientError, match="InvalidAction"):
        ses.list_templates()


def test_an_unknown_operation_is_an_error_the_sdk_can_read(sesv2: Any) -> None:
    with pytest.raises(ClientError, match="UnknownOperationException"):
        sesv2.list_contact_lists()


def test_only_the_newest_mails_are_kept(sesv2: Any) -> None:
    sent = [send(sesv2) for _ in range(5)]

    forgotten = forget_old_messages(keep=3)

    assert forgotten == 2
    kept = SimulatedMessage.objects.values_list("message_id", flat=True)
    assert set(kept) == set(sent[2:])
