from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from plunk.api.errors import Forbidden, Unavailable
from tests.webhooks import sns
from tests.webhooks.conftest import Post
from webhooks import certificates
from webhooks.models import Notification

_FETCH = certificates.fetch


class _Response:
    """What urllib3 gives back, as far as it is read."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self._body = body

    def __enter__(self) -> _Response:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self, amount: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        return self._body[:amount]


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Let Amazon's host answer, and note the requests it gets."""

    def serve(
        status: int = 200, body: bytes = b"", error: Exception | None = None
    ) -> Any:
        requests: list[dict[str, Any]] = []

        def request(method: str, url: str, **options: Any) -> _Response:
            requests.append({"method": method, "url": url, **options})
            if error:
                raise error
            return _Response(status, body)

        monkeypatch.setattr(certificates._pool, "request", request)
        monkeypatch.setattr(certificates, "fetch", _FETCH)
        return requests

    return serve


def test_a_redirect_is_refused_and_not_followed(post: Post, amazon: Any) -> None:
    requests = amazon(302)

    answer = post(sns.envelope())

    assert answer.status_code == 403
    assert [request["redirect"] for request in requests] == [False]


@pytest.mark.parametrize("status", [403, 404])
def test_a_certificate_that_is_not_there_is_refused(
    post: Post, amazon: Any, status: int
) -> None:
    amazon(status)

    assert post(sns.envelope()).status_code == 403


@pytest.mark.parametrize("body", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nx"])
def test_what_is_no_certificate_is_refused(
    post: Post, amazon: Any, body: bytes
) -> None:
    amazon(200, body)

    assert post(sns.envelope()).status_code == 403


def test_an_endless_answer_is_cut_and_refused(post: Post, amazon: Any) -> None:
    amazon(200, sns.certificate() + b"\n" * 100_000)

    assert post(sns.envelope()).status_code == 403


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_unwell_host_makes_sns_come_again(
    post: Post, amazon: Any, status: int
) -> None:
    amazon(status)

    assert post(sns.envelope()).status_code == 503


@pytest.mark.parametrize(
    "error",
    [
        MaxRetryError(certificates._pool, sns.URL),  # type: ignore[arg-type]
        ReadTimeoutError(None, sns.URL, "too slow"),  # type: ignore[arg-type]
        OSError("unreachable"),
    ],
)
def test_an_absent_host_makes_sns_come_again(
    post: Post, amazon: Any, error: Exception
) -> None:
    amazon(error=error)

    answer = post(sns.envelope())

    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert not Notification.objects.exists()


def test_a_failed_fetch_is_forgotten_soon(
    post: Post, amazon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = sns.envelope()
    failing = amazon(503)
    assert [post(fields).status_code for _ in range(3)] == [503, 503, 503]
    assert len(failing) == 1

    amazon(200, sns.certificate())
    monkeypatch.setattr(certificates, "_FAILURE_SECONDS", 0)

    assert post(fields).status_code == 200


def test_a_certificate_is_fetched_once(post: Post, fetched: list[str]) -> None:
    for _ in range(3):
        assert post(sns.envelope()).status_code == 200

    assert fetched == [sns.URL]


def test_a_hundred_at_once_fetch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def fetch(url: str) -> bytes:
        urls.append(url)
        time.sleep(0.2)
        return sns.certificate()

    monkeypatch.setattr(certificates, "fetch", fetch)

    with ThreadPoolExecutor(100) as threads:
        found = list(threads.map(certificates.certificate_at, [sns.URL] * 100))

    assert len(set(map(id, found))) == 1
    assert urls == [sns.URL]


def test_a_hundred_at_once_share_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def fetch(url: str) -> bytes:
        urls.append(url)
        time.sleep(0.2)
        raise Unavailable("down")

    def ask(_: int) -> bool:
        with pytest.raises(Unavailable):
            certificates.certificate_at(sns.URL)
        return True

    monkeypatch.setattr(certificates, "fetch", fetch)

    with ThreadPoolExecutor(100) as threads:
        assert all(threads.map(ask, range(100)))

    assert urls == [sns.URL]


def test_the_memory_of_certificates_is_bounded(fetched: list[str]) -> None:
    for number in range(certificates._KEPT * 3):
        certificates.certificate_at(f"{sns.URL}{number}")

    assert len(certificates._flights) == certificates._KEPT


@pytest.mark.parametrize(("from_days", "to_days"), [(-30, -1), (1, 30)])
def test_a_certificate_out_of_its_time_is_refused(
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
    pinned: Path,
    from_days: int,
    to_days: int,
    settings: Any,
) -> None:
    pem = sns.certificate(from_days=from_days, to_days=to_days)
    monkeypatch.setattr(certificates, "fetch", lambda url: pem)
    pinned.write_bytes(pem)

    by_file = post(sns.envelope())
    settings.SNS_TRUSTED_CERTIFICATES = {}
    by_fetch = post(sns.envelope())

    assert (by_file.status_code, by_fetch.status_code) == (403, 403)


def test_a_pinned_certificate_is_never_fetched(
    post: Post, pinned: Path, fetched: list[str]
) -> None:
    assert post(sns.envelope()).status_code == 200
    assert fetched == []


def test_only_the_exact_pinned_address_is_trusted(
    post: Post, settings: Any, pinned: Path, fetched: list[str]
) -> None:
    url = "http://127.0.0.1:8129/simulator/SimpleNotificationService.pem"
    settings.SNS_TRUSTED_CERTIFICATES = {url: str(pinned)}

    assert post(sns.envelope(SigningCertURL=url)).status_code == 200
    assert post(sns.envelope(SigningCertURL=f"{url}?x")).status_code == 403
    assert post(sns.envelope(SigningCertURL=url.upper())).status_code == 403
    assert fetched == []


def test_a_pinned_file_may_come_later(post: Post, pinned: Path) -> None:
    pem = pinned.read_bytes()
    pinned.unlink()
    assert post(sns.envelope()).status_code == 503

    pinned.write_bytes(pem)

    assert post(sns.envelope()).status_code == 200


def test_a_pinned_file_is_read_again_when_it_changes(post: Post, pinned: Path) -> None:
    assert post(sns.envelope()).status_code == 200

    pinned.write_bytes(sns.certificate(from_days=-9, to_days=-2))
    os.utime(pinned, (1, 1))

    assert post(sns.envelope()).status_code == 403


def test_a_half_written_pinned_file_makes_sns_come_again(
    post: Post, pinned: Path
) -> None:
    pinned.write_bytes(pinned.read_bytes()[:200])

    assert post(sns.envelope()).status_code == 503


def test_nothing_but_the_trusted_addresses_is_accepted() -> None:
    with pytest.raises(Forbidden):
        certificates.require_trusted(sns.URL, region="us-east-1")
