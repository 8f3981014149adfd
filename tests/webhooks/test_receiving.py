from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import boto3
import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from django.db import OperationalError, connection
from django.test import Client

from tests.webhooks import sns
from tests.webhooks.conftest import Post
from webhooks import receiving
from webhooks.models import Notification

PATHS = [
    "/webhooks/sns",
    "/webhooks/sns/",
    "/webhooks/incoming/sns",
    "/webhooks/incoming/sns/",
    "/api/webhooks/sns",
    "/api/webhooks/incoming/sns/",
]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Let the AWS API answer, and note what it was asked."""

    def serve(error: Exception | None = None) -> list[Any]:
        asked: list[Any] = []

        class Sns:
            def confirm_subscription(self, **parameters: str) -> dict[str, str]:
                asked.append(parameters)
                if error:
                    raise error
                return {"SubscriptionArn": f"{sns.TOPIC}:1"}

        def client(service: str, **options: Any) -> Sns:
            asked.append((service, options["region_name"], options["endpoint_url"]))
            return Sns()

        monkeypatch.setattr(boto3, "client", client)
        return asked

    return serve


@pytest.mark.parametrize("path", PATHS)
def test_every_door_takes_a_notification(post: Post, path: str) -> None:
    answer = post(sns.envelope('{"a": 1}'), path)

    assert (answer.status_code, answer.json()["status"]) == (200, "stored")
    row = Notification.objects.get()
    assert (row.topic_arn, row.type) == (sns.TOPIC, "Notification")
    assert (row.message, row.applied_at, row.attempts) == ('{"a": 1}', None, 0)
    assert row.received_at == row.due_at


def test_a_worker_is_woken_once_it_is_stored(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(receiving, "wake_on_commit", woken.append)
    fields = sns.envelope()

    post(fields)
    post(fields)

    assert woken == ["webhooks.tasks.apply_notifications"]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_other_methods_are_refused_in_json(method: str) -> None:
    answer = getattr(Client(), method)("/webhooks/sns")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"7", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 100_000]
)
def test_a_body_that_is_no_object_is_refused(post: Post, body: bytes) -> None:
    answer = post(body)

    assert answer.status_code == 400
    assert not Notification.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Type": "Notification"}'])
def test_a_body_that_says_nothing_is_refused(post: Post, body: bytes) -> None:
    assert post(body).status_code == 403


def test_nul_is_refused(post: Post) -> None:
    assert post(sns.envelope("a\x00b")).status_code == 422


def test_a_quarter_of_a_megabyte_is_taken(post: Post) -> None:
    message = orjson.dumps({"eventType": "Open", "filler": "é" * (128 * 1024)}).decode()

    answer = post(sns.envelope(message))

    assert answer.status_code == 200
    assert Notification.objects.get().message == message


def test_a_body_past_the_cap_is_refused(post: Post) -> None:
    answer = post(sns.envelope("x" * (512 * 1024)))

    assert (answer.status_code, answer.json()["error"]["code"]) == (
        413,
        "PAYLOAD_TOO_LARGE",
    )


def test_the_same_message_again_is_a_duplicate(post: Post) -> None:
    fields = sns.envelope("first")
    post(fields)
    Notification.objects.update(outcome="applied")

    answer = post(sns.sign(fields | {"Message": "second"}))

    assert (answer.status_code, answer.json()["status"]) == (200, "duplicate")
    row = Notification.objects.get()
    assert (row.message, row.outcome) == ("first", "applied")


@pytest.mark.django_db(transaction=True)
def test_the_same_message_at_once_is_stored_once(post: Post) -> None:
    fields = sns.envelope()
    start = threading.Barrier(8)
    statuses: list[str] = []

    def work() -> None:
        start.wait()
        statuses.append(post(fields).json()["status"])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == ["duplicate"] * 7 + ["stored"]
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    ("configured", "endpoint"),
    [("", None), ("http://127.0.0.1:8129", "http://127.0.0.1:8129")],
)
def test_a_subscription_to_our_topic_is_confirmed_by_the_aws_api(
    post: Post,
    aws: Any,
    fetched: list[str],
    settings: Any,
    configured: str,
    endpoint: str | None,
) -> None:
    settings.AWS_ENDPOINT_URL = configured
    asked = aws()

    answer = post(sns.confirmation())

    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert asked == [
        ("sns", "eu-west-1", endpoint),
        {"TopicArn": sns.TOPIC, "Token": "a-token-made-up"},
    ]
    assert fetched == [sns.URL]
    row = Notification.objects.get()
    assert row.applied_at is not None
    assert "a-token-made-up" not in row.message


def test_a_confirmation_again_asks_aws_no_more(post: Post, aws: Any) -> None:
    asked = aws()
    fields = sns.confirmation()

    statuses = [post(fields).json()["status"] for _ in range(2)]

    assert statuses == ["confirmed", "duplicate"]
    assert len(asked) == 2


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling"}}, "ConfirmSubscription"),
        EndpointConnectionError(endpoint_url="https://sns.eu-west-1.amazonaws.com"),
    ],
)
def test_a_confirmation_that_aws_does_not_take_comes_again(
    post: Post, aws: Any, error: Exception
) -> None:
    aws(error)
    fields = sns.confirmation()

    first = post(fields)

    assert first.status_code == 503
    assert not Notification.objects.exists()
    aws()
    assert post(fields).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example/?Action=ConfirmSubscription",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com@evil.example/",
        "https://[::1",
        "",
    ],
)
@pytest.mark.parametrize(
    "kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"]
)
def test_a_confirmation_that_points_elsewhere_is_refused_unfetched(
    post: Post, aws: Any, fetched: list[str], url: str, kind: str
) -> None:
    asked = aws()

    answer = post(sns.confirmation(kind, SubscribeURL=url))

    assert answer.status_code == 403
    assert (asked, fetched) == ([], [])
    assert not Notification.objects.exists()


def test_a_confirmation_of_a_foreign_topic_is_refused_unfetched(
    post: Post, aws: Any, fetched: list[str]
) -> None:
    asked = aws()

    answer = post(sns.confirmation(TopicArn=f"{sns.TOPIC}-of-others"))

    assert answer.status_code == 403
    assert (asked, fetched) == ([], [])


@pytest.mark.parametrize("field", ["Token", "SubscribeURL", "Message", "Timestamp"])
def test_an_edited_confirmation_is_refused(post: Post, aws: Any, field: str) -> None:
    asked = aws()
    fields = sns.confirmation()

    answer = post(fields | {field: fields[field] + "x"})

    assert (answer.status_code, asked) == (403, [])


def test_an_ended_subscription_is_an_alert_and_not_renewed(
    post: Post, aws: Any, fetched: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    asked = aws()

    with caplog.at_level(logging.WARNING, logger="webhooks.receiving"):
        answer = post(sns.confirmation("UnsubscribeConfirmation"))

    assert (answer.status_code, answer.json()["status"]) == (200, "noted")
    assert asked == []
    assert fetched == [sns.URL]
    assert "stop its notifications" in caplog.text
    assert Notification.objects.get().applied_at is not None


def test_a_refused_post_tells_the_operator_why(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="webhooks.views"):
        post(sns.envelope(TopicArn=f"{sns.TOPIC}-forgotten"))

    record = caplog.records[0]
    assert record.getMessage() == "notification refused"
    assert vars(record)["topic_arn"] == f"{sns.TOPIC}-forgotten"


def test_a_database_that_is_away_makes_sns_come_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = sns.envelope()

    def away(*_: object, **__: object) -> None:
        raise OperationalError("server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "_store", away)
        answer = post(fields)

    assert (answer.status_code, answer["Retry-After"]) == (503, "3")
    assert post(fields).json()["status"] == "stored"
