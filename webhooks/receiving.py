"""Taking in what SNS posts: store it once, and confirm subscriptions to our topics."""

from __future__ import annotations

import logging
from enum import StrEnum

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import connection

from plunk.api.errors import Unavailable
from plunk.waking import wake_on_commit
from webhooks.models import Notification
from webhooks.signatures import NOTIFICATION, SUBSCRIPTION, Envelope

logger = logging.getLogger(__name__)

_AWS_CONNECT_SECONDS = 3.0
_AWS_READ_SECONDS = 8.0


class Receipt(StrEnum):
    """What became of a post; SNS repeats one until it is answered."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFIRMED = "confirmed"
    NOTED = "noted"


def receive(envelope: Envelope) -> Receipt:
    """Store a genuine envelope once and see to it.

    Raises Unavailable where Amazon does not confirm a subscription; nothing is stored
    then, and SNS posts again.
    """
    if envelope.type == NOTIFICATION:
        if not _store(envelope):
            return Receipt.DUPLICATE
        wake_on_commit("webhooks.tasks.apply_notifications")
        return Receipt.STORED
    if Notification.objects.filter(pk=envelope.message_id).exists():
        return Receipt.DUPLICATE
    if envelope.type == SUBSCRIPTION:
        confirm_subscription(envelope)
        _store(envelope, outcome="subscription confirmed")
        return Receipt.CONFIRMED
    logger.warning(
        "SNS was told to stop its notifications: subscribe the topic again "
        "unless that was meant",
        extra={"topic_arn": envelope.topic_arn},
    )
    _store(envelope, outcome="subscription ended")
    return Receipt.NOTED


def confirm_subscription(envelope: Envelope) -> None:
    """Confirm through the AWS API, which asks for no URL from outside."""
    client = boto3.client(
        "sns",
        region_name=envelope.region,
        endpoint_url=settings.AWS_ENDPOINT_URL or None,
        aws_access_key_id=settings.AWS_ACCESS_KEY_ID or None,
        aws_secret_access_key=settings.AWS_SECRET_ACCESS_KEY or None,
        config=Config(
            connect_timeout=_AWS_CONNECT_SECONDS,
            read_timeout=_AWS_READ_SECONDS,
            retries={"total_max_attempts": 1},
        ),
    )
    try:
        client.confirm_subscription(TopicArn=envelope.topic_arn, Token=envelope.token)
    except (BotoCoreError, ClientError) as error:
        logger.warning(
            "subscription not confirmed",
            extra={"topic_arn": envelope.topic_arn, "error": str(error)[:200]},
        )
        raise Unavailable("Amazon did not confirm the subscription.") from error
    logger.info("subscription confirmed", extra={"topic_arn": envelope.topic_arn})


_INSERT = """
    INSERT INTO webhooks_notification
        (message_id, topic_arn, type, message, outcome, applied_at)
    VALUES (%s, %s, %s, %s, %s, CASE WHEN %s THEN CURRENT_TIMESTAMP END)
    ON CONFLICT (message_id) DO NOTHING
"""


def _store(envelope: Envelope, *, outcome: str = "") -> bool:
    """Insert the row unless it is there; an outcome says that nothing is left to do.

    One statement that counts its rows, where the ORM could only answer with an error
    that ends the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                envelope.message_id,
                envelope.topic_arn,
                envelope.type,
                envelope.message,
                outcome,
                bool(outcome),
            ],
        )
        return bool(cursor.rowcount == 1)
