"""The simulator stands on the same port as the dashboard: only we may send by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from django.test import Client
from pytest_django.fixtures import Settings

from plunk.simulator.models import SimulatedMessage

SEND = "/simulator/v2/email/outbound-emails"
QUERY = "Action=SendEmail&Source=a@acme.example"

pytestmark = pytest.mark.django_db


def of(id_: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={id_}/20260101/us-east-1/ses/aws4_request"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "AWS4-HMAC-SHA256 anything",
        "AWS4-HMAC-SHA256 Credential=",
        of(""),
        of("simulator"),
        of("any"),
        of("\xe9"),
        of("x" * 100_000),
        "Bearer sk_0123456789abcdef",
    ],
)
def test_a_stranger_is_refused_by_both_apis(client: Client, authorization: str) -> None:
    answers = [
        client.post(SEND, b"{}", "application/json", HTTP_AUTHORIZATION=authorization),
        client.post(
            "/simulator/", QUERY, "text/plain", HTTP_AUTHORIZATION=authorization
        ),
        client.get("/simulator/v2/email/account", HTTP_AUTHORIZATION=authorization),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert not SimulatedMessage.objects.exists()


def test_the_id_that_opens_it_is_made_from_the_secret(settings: Settings) -> None:
    assert len(settings.AWS_ACCESS_KEY_ID) == 32
    assert settings.AWS_ACCESS_KEY_ID == settings.AWS_SES_ACCESS_KEY_ID
    assert settings.AWS_ACCESS_KEY_ID not in settings.SECRET_KEY


def test_a_client_with_another_id_hears_it_as_from_aws(simulator: str) -> None:
    stranger = boto3.client(
        "sesv2",
        endpoint_url=simulator,
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(ClientError, match="security token") as refused:
        stranger.get_account()

    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize("service", ["ses", "sesv2"])
def test_our_own_clients_are_let_in(
    client_of: Callable[..., Any], service: str
) -> None:
    ours = client_of(service)

    answer = ours.get_account() if service == "sesv2" else ours.get_send_quota()

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_name_with_nul_is_just_unknown(client: Client, settings: Settings) -> None:
    """PostgreSQL cannot even be asked for one."""
    ours = of(settings.AWS_ACCESS_KEY_ID)
    identities = "/simulator/v2/email/identities"
    statuses = [
        client.get(f"{identities}/%00", HTTP_AUTHORIZATION=ours).status_code,
        client.delete(f"{identities}/a%00b", HTTP_AUTHORIZATION=ours).status_code,
        client.put(
            f"{identities}/%00/mail-from",
            b'{"MailFromDomain":"a\\u0000"}',
            "application/json",
            HTTP_AUTHORIZATION=ours,
        ).status_code,
        client.get(f"{identities}?NextToken=%00", HTTP_AUTHORIZATION=ours).status_code,
    ]
    for action in ("DeleteIdentity&Identity", "SetIdentityMailFromDomain&Identity"):
        answer = client.post(
            "/simulator/",
            f"Action={action}=a%00b",
            "application/x-www-form-urlencoded",
            HTTP_AUTHORIZATION=ours,
        )
        statuses.append(answer.status_code)

    assert all(status < 500 for status in statuses), statuses
