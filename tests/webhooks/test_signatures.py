from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks import sns
from tests.webhooks.conftest import Post
from webhooks.models import Notification

SIGNED = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]


def _refused(answer: Any) -> bool:
    return answer.status_code == 403 and not Notification.objects.exists()


@pytest.mark.parametrize("field", SIGNED)
def test_an_edited_field_is_refused(post: Post, field: str) -> None:
    fields = sns.envelope(Subject="Amazon SES")

    answer = post(fields | {field: fields[field] + "x"})

    assert _refused(answer)


@pytest.mark.parametrize("field", [*SIGNED, "Signature", "SigningCertURL"])
def test_a_missing_field_is_refused(post: Post, field: str) -> None:
    fields = sns.envelope(Subject="Amazon SES")
    del fields[field]

    assert _refused(post(fields))


@pytest.mark.parametrize("field", [*SIGNED, "Signature", "SignatureVersion"])
@pytest.mark.parametrize("value", [None, 7, [], {"a": "b"}, True])
def test_a_field_of_another_type_is_refused(
    post: Post, field: str, value: object
) -> None:
    assert _refused(post(sns.envelope(Subject="Amazon SES") | {field: value}))


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "ä", "A" * 400_000])
def test_another_signature_is_refused(post: Post, signature: str) -> None:
    assert _refused(post(sns.envelope() | {"Signature": signature}))


@pytest.mark.parametrize("version", [None, "", "0", "3", "02", 2, "1 "])
def test_an_unknown_signature_version_is_refused(post: Post, version: object) -> None:
    assert _refused(post(sns.envelope() | {"SignatureVersion": version}))


def test_a_missing_signature_version_is_refused(post: Post) -> None:
    fields = sns.envelope()
    del fields["SignatureVersion"]

    assert _refused(post(fields))


def test_a_version_other_than_the_one_signed_is_refused(post: Post) -> None:
    assert _refused(post(sns.envelope() | {"SignatureVersion": "1"}))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES Email Event", "Grüße ✉"])
def test_both_versions_verify_with_and_without_a_subject(
    post: Post, version: str, subject: str | None
) -> None:
    fields = sns.envelope("a message\nof two lines ✉")
    if subject:
        fields["Subject"] = subject

    answer = post(sns.sign(fields, version))

    assert answer.status_code == 200
    assert Notification.objects.get().message == "a message\nof two lines ✉"


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com:443/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0a.pem",
        "https://me:pw@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.s3.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns-eu-west-1.s3.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://snsXeu-west-1.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem?x=.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem#.pem",
        "https://sns.eu-west-1.amazonaws.com/a/SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0a.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem\n",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://169.254.169.254/SimpleNotificationService-0a.pem",
        "file:///etc/ssl/SimpleNotificationService-0a.pem",
        "",
    ],
)
def test_a_certificate_elsewhere_is_refused_unfetched(
    post: Post, fetched: list[str], url: str
) -> None:
    answer = post(sns.envelope(SigningCertURL=url))

    assert _refused(answer)
    assert fetched == []


def test_a_certificate_of_the_chinese_partition_is_fetched(
    post: Post, fetched: list[str], settings: Any
) -> None:
    settings.SNS_TOPIC_ARNS = ["arn:aws-cn:sns:cn-north-1:123456789012:plunk"]
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a.pem"

    answer = post(sns.envelope(TopicArn=settings.SNS_TOPIC_ARNS[0], SigningCertURL=url))

    assert (answer.status_code, fetched) == (200, [url])


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sns:eu-west-1:999999999999:plunk",
        "arn:aws:sns:us-east-1:123456789012:plunk",
        "arn:aws:sns:eu-west-1:123456789012:plunk ",
        "arn:aws:sns:eu-west-1:123456789012:plunk\n",
        "plunk",
    ],
)
def test_a_foreign_topic_is_refused_before_any_fetch(
    post: Post, fetched: list[str], arn: str
) -> None:
    answer = post(sns.envelope(TopicArn=arn))

    assert _refused(answer)
    assert fetched == []


def test_no_topic_is_ours_where_none_is_configured(
    post: Post, fetched: list[str], settings: Any
) -> None:
    settings.SNS_TOPIC_ARNS = []

    assert _refused(post(sns.envelope()))
    assert fetched == []


def test_an_odd_message_id_is_refused(post: Post) -> None:
    assert _refused(post(sns.envelope(MessageId="x" * 101)))
    assert _refused(post(sns.envelope(MessageId="")))
