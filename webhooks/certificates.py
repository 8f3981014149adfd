"""SNS's signing certificates: which are believed, how they are fetched and kept.

An envelope names its own certificate, so the name decides: Amazon's SNS host in the
topic's region, or an exact entry of SNS_TRUSTED_CERTIFICATES, which is read from disk.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from cryptography.x509 import Certificate, load_pem_x509_certificate
from django.conf import settings
from django.utils import timezone
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from plunk.api.errors import Forbidden, Unavailable

logger = logging.getLogger(__name__)

_FETCH_SECONDS = 3.0
_MAX_BYTES = 64 * 1024
_KEPT = 32
#: How long a fetch that failed speaks for the requests that come after it.
_FAILURE_SECONDS = 5.0

_pool = PoolManager(num_pools=4, maxsize=4)


def require_trusted(url: str, *, region: str) -> None:
    """Refuse (Forbidden) a certificate URL that is not SNS's own in `region`.

    Asks nobody. One pattern for the whole URL leaves no room for a port, user
    information, a query, another host or a bucket that somebody named like one.
    """
    if url not in settings.SNS_TRUSTED_CERTIFICATES and not re.fullmatch(
        rf"https://sns\.{re.escape(region)}\.amazonaws\.com(\.cn)?"
        r"/SimpleNotificationService-[0-9A-Za-z_-]{1,100}\.pem",
        url,
    ):
        raise Forbidden("The signing certificate is not one of Amazon SNS.")


def certificate_at(url: str) -> Certificate:
    """Return the certificate at a trusted URL.

    Raises Unavailable while it cannot be had, so that SNS posts again, and Forbidden
    where it is none or its time is over or has not come.
    """
    path = settings.SNS_TRUSTED_CERTIFICATES.get(url)
    certificate = _pinned(path) if path else _fetched(url)
    now = timezone.now()
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Forbidden("The signing certificate is not valid now.")
    return certificate


def fetch(url: str) -> bytes:
    """Return what Amazon serves at `url`: the one request that leaves this app."""
    try:
        response = _pool.request(
            "GET",
            url,
            redirect=False,
            retries=False,
            timeout=Timeout(total=_FETCH_SECONDS),
            preload_content=False,
        )
        with response:
            body = response.read(_MAX_BYTES + 1, decode_content=False)
    except (HTTPError, OSError) as error:
        logger.warning("no signing certificate", extra={"error": str(error)[:200]})
        raise Unavailable("The signing certificate cannot be fetched.") from error
    if response.status == 429 or response.status >= 500:
        raise Unavailable("The signing certificate cannot be fetched.")
    if response.status != 200 or len(body) > _MAX_BYTES:
        raise Forbidden("There is no signing certificate at that address.")
    return body


@dataclass(slots=True)
class _Flight:
    """One fetch, which every request that needs its certificate waits for."""

    answer: Future[Certificate] = field(default_factory=Future)
    failed_at: float | None = None

    def is_stale(self) -> bool:
        failed_at = self.failed_at
        return failed_at is not None and (
            time.monotonic() - failed_at >= _FAILURE_SECONDS
        )


_flights: OrderedDict[str, _Flight] = OrderedDict()
_lock = Lock()


def forget_certificates() -> None:
    """Drop what this process remembers of certificates."""
    with _lock:
        _flights.clear()
    _files.clear()


def _fetched(url: str) -> Certificate:
    with _lock:
        flight = _flights.get(url)
        is_ours = flight is None or flight.is_stale()
        if flight is None or is_ours:
            flight = _flights[url] = _Flight()
            _flights.move_to_end(url)
            if len(_flights) > _KEPT:
                _flights.popitem(last=False)
    if is_ours:
        _land(flight, url)
    try:
        return flight.answer.result(timeout=2 * _FETCH_SECONDS)
    except TimeoutError as error:
        raise Unavailable("The signing certificate cannot be fetched.") from error


def _land(flight: _Flight, url: str) -> None:
    try:
        flight.answer.set_result(load_pem_x509_certificate(fetch(url)))
    except ValueError:
        _fail(flight, Forbidden("The signing certificate is malformed."))
    except BaseException as error:
        _fail(flight, error)
        raise


def _fail(flight: _Flight, error: BaseException) -> None:
    flight.failed_at = time.monotonic()
    flight.answer.set_exception(error)


#: What was read from disk, with the file's time and size when it was.
_files: dict[str, tuple[int, int, Certificate]] = {}


def _pinned(path: str) -> Certificate:
    """Read a certificate from disk, again whenever the file has changed."""
    try:
        file = Path(path)
        stat = file.stat()
        known = _files.get(path)
        if known is None or known[:2] != (stat.st_mtime_ns, stat.st_size):
            certificate = load_pem_x509_certificate(file.read_bytes())
            known = (stat.st_mtime_ns, stat.st_size, certificate)
            _files[path] = known
        return known[2]
    except (OSError, ValueError) as error:
        # Our own disk's trouble, or a file still being written: not the sender's.
        logger.warning("no pinned certificate", extra={"error": str(error)[:200]})
        raise Unavailable("The signing certificate cannot be read.") from error
