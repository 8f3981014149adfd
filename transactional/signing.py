"""AWS's Signature Version 4, for the one request that is made by the thousand.

botocore's signer serves requests of every kind and makes an object of each: with its
client library around it, a quarter of all that a mail cost. What it would have signed
is what is signed here (`tests/transactional/test_signing.py`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

_CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose call it is; a role's credentials have a token."""

    access_key: str
    secret_key: str
    token: str | None = None


def signed_head(
    *,
    host: str,
    path: str,
    payload: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    moment: float | None = None,
) -> bytes:
    """Return the head of a signed POST of JSON, with the empty line that ends it.

    `host` is what the Host header says, with a port that is not the scheme's own;
    `path` is percent-encoded already; `moment` is in seconds of Unix time.
    """
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    signed = {"content-type": _CONTENT_TYPE, "host": host, "x-amz-date": at}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(signed)
    canonical = "\n".join(
        [
            # Encoded once more, as AWS has it for all services but S3.
            *("POST", quote(path, safe="/~"), ""),
            *(f"{name}:{value}" for name, value in signed.items()),
            *("", names, hashlib.sha256(payload).hexdigest()),
        ]
    )
    place = f"{at[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{at}\n{place}\n{digest}"
    key = _key(credentials.secret_key, place)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    lines = [
        f"POST {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in signed.items()),
        f"authorization: AWS4-HMAC-SHA256 Credential={credentials.access_key}/{place},"
        f" SignedHeaders={names}, Signature={signature}",
        f"content-length: {len(payload)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


@lru_cache(maxsize=8)
def _key(secret: str, place: str) -> bytes:
    """Derive the key of a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
