"""What is signed for SES is what botocore would have signed."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from transactional.signing import Credentials, signed_head

_PATH = "/v2/email/outbound-emails"
MOMENT = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("token", [None, "a role's/token+="])
@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        (
            "https://email.eu-west-1.amazonaws.com",
            "email.eu-west-1.amazonaws.com",
            "",
        ),
        ("http://127.0.0.1:4579", "127.0.0.1:4579", "/under/a~path"),
        ("https://[::1]:8443", "[::1]:8443", "/a%20space"),
    ],
)
def test_it_signs_as_botocore_does(
    url: str, host: str, path: str, token: str | None
) -> None:
    payload = b'{"Content":{}}'
    keys = ("AKID", "secret/key+", token)
    theirs = AWSRequest(
        "POST",
        f"{url}{path}{_PATH}",
        data=payload,
        headers={"Content-Type": "application/json"},
    )
    with patch("botocore.auth.get_current_datetime", lambda: MOMENT):
        SigV4Auth(ReadOnlyCredentials(*keys), "ses", "eu-west-1").add_auth(theirs)

    ours = signed_head(
        host=host,
        path=f"{path}{_PATH}",
        payload=payload,
        credentials=Credentials(*keys),
        region="eu-west-1",
        service="ses",
        moment=MOMENT.timestamp(),
    )

    line, *lines = ours.decode().removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(each.split(": ", 1) for each in lines)
    expected = {name.lower(): value for name, value in theirs.headers.items()}
    assert line == f"POST {path}{_PATH} HTTP/1.1"
    assert headers["authorization"] == expected["authorization"]
    assert headers["x-amz-date"] == expected["x-amz-date"]
    assert headers.get("x-amz-security-token") == token
    assert headers["host"] == host
    assert headers["content-length"] == str(len(payload))
