from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from plunk.simulator.envelopes import topic_arn
from tests.simulator.conftest import send


def test_the_quota_counts_what_was_accepted(ses: Any, sesv2: Any) -> None:
    send(sesv2)

    quota = ses.get_send_quota()
    account = sesv2.get_account()

    assert quota["MaxSendRate"] == account["SendQuota"]["MaxSendRate"] > 0
    assert quota["SentLast24Hours"] == 1.0
    assert account["SendQuota"]["SentLast24Hours"] == 1.0
    assert account["SendingEnabled"] is True


def test_an_added_domain_is_verified(ses: Any) -> None:
    tokens = ses.verify_domain_dkim(Domain="Acme.example")["DkimTokens"]
    ses.verify_domain_identity(Domain="acme.example")
    ses.set_identity_mail_from_domain(
        Identity="acme.example", MailFromDomain="plunk.acme.example"
    )
    ses.set_identity_feedback_forwarding_enabled(
        Identity="acme.example", ForwardingEnabled=False
    )

    asked = {"Identities": ["acme.example", "unknown.example"]}
    dkim = ses.get_identity_dkim_attributes(**asked)["DkimAttributes"]
    seen = ses.get_identity_verification_attributes(**asked)["VerificationAttributes"]
    mail_from = ses.get_identity_mail_from_domain_attributes(**asked)
    assert len(set(tokens)) == 3
    assert dkim["acme.example"]["DkimTokens"] == tokens
    assert dkim["acme.example"]["DkimVerificationStatus"] == "Success"
    assert dkim["unknown.example"]["DkimVerificationStatus"] == "NotStarted"
    assert seen["acme.example"]["VerificationStatus"] == "Success"
    assert "unknown.example" not in seen
    assert mail_from["MailFromDomainAttributes"]["acme.example"] == {
        "MailFromDomain": "plunk.acme.example",
        "MailFromDomainStatus": "Success",
        "BehaviorOnMXFailure": "UseDefaultValue",
    }


def test_identities_are_listed_and_deleted(ses: Any) -> None:
    ses.verify_domain_dkim(Domain="acme.example")
    ses.verify_email_identity(EmailAddress="ada@example.com")

    listed = ses.list_identities()["Identities"]
    domains = ses.list_identities(IdentityType="Domain")["Identities"]
    ses.delete_identity(Identity="acme.example")

    assert listed == ["acme.example", "ada@example.com"]
    assert domains == ["acme.example"]
    assert ses.list_identities()["Identities"] == ["ada@example.com"]


def test_identities_live_in_the_api_v2_as_well(sesv2: Any) -> None:
    made = sesv2.create_email_identity(EmailIdentity="acme.example")
    sesv2.put_email_identity_mail_from_attributes(
        EmailIdentity="acme.example", MailFromDomain="plunk.acme.example"
    )

    found = sesv2.get_email_identity(EmailIdentity="acme.example")
    listed = sesv2.list_email_identities()["EmailIdentities"]
    assert made["VerifiedForSendingStatus"] is True
    assert found["DkimAttributes"]["Status"] == "SUCCESS"
    assert found["DkimAttributes"]["Tokens"] == made["DkimAttributes"]["Tokens"]
    assert found["MailFromAttributes"]["MailFromDomain"] == "plunk.acme.example"
    assert [one["IdentityName"] for one in listed] == ["acme.example"]
    with pytest.raises(sesv2.exceptions.AlreadyExistsException):
        sesv2.create_email_identity(EmailIdentity="acme.example")
    sesv2.delete_email_identity(EmailIdentity="acme.example")
    with pytest.raises(sesv2.exceptions.NotFoundException):
        sesv2.get_email_identity(EmailIdentity="acme.example")


def test_identities_come_in_pages(sesv2: Any) -> None:
    for name in ("a.example", "b.example", "c.example"):
        sesv2.create_email_identity(EmailIdentity=name)

    first = sesv2.list_email_identities(PageSize=2)
    second = sesv2.list_email_identities(PageSize=2, NextToken=first["NextToken"])

    names = [one["IdentityName"] for one in second["EmailIdentities"]]
    assert names == ["c.example"]
    assert "NextToken" not in second


@pytest.mark.parametrize("name", ["not a domain", "ä.example", "a" * 400])
def test_a_name_that_is_none_is_refused(sesv2: Any, name: str) -> None:
    with pytest.raises(sesv2.exceptions.BadRequestException):
        sesv2.create_email_identity(EmailIdentity=name)


def test_a_subscription_of_our_topic_is_confirmed(
    client_of: Callable[..., Any],
) -> None:
    sns = client_of("sns")

    answer = sns.confirm_subscription(TopicArn=topic_arn(), Token="t")

    assert answer["SubscriptionArn"].startswith(topic_arn())


def test_a_subscription_of_another_topic_is_not(client_of: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="NotFound"):
        client_of("sns").confirm_subscription(
            TopicArn="arn:aws:sns:us-east-1:111111111111:other", Token="t"
        )
