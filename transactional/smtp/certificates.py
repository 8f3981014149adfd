"""The certificate that clients are shown: found, renewed without a restart, or made.

In this order: Traefik's `acme.json`, `fullchain.pem` and `privkey.pem` in a folder, one
that is made here and signed by itself. What cannot be used is said in the log, and what
was used before it stays.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plunk.private import make_private_folder

logger = logging.getLogger(__name__)

_DAYS = 825
_RENEW_BEFORE = timedelta(days=30)
_LARGEST_FILE = 10 * 1024 * 1024


class CertificateError(Exception):
    """A certificate that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where certificates come from."""

    domain: str
    #: A folder with fullchain.pem and privkey.pem; None: there is none.
    folder: Path | None
    acme_json: Path | None
    #: Where the one that is made here is kept.
    own_folder: Path


class Certificates:
    """A TLS context whose certificate can be replaced under a running server."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: object = None
        self._is_own = False
        self._current = self._first()
        #: What servers are given: every handshake asks it for the newest.
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        _load(self.context, _own(source))
        self.context.sni_callback = self._choose

    @property
    def is_self_signed(self) -> bool:
        """Say whether clients have no reason to trust it."""
        return self._is_own

    def refresh(self) -> bool:
        """Use the files anew if they have changed; say whether another one is used."""
        seen = self._stamp()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self._current, self._is_own = self._found(), False
        except CertificateError as error:
            logger.error(  # noqa: TRY400 - what is wrong is in the file, not in the code
                "the certificate cannot be used; the former one stays",
                extra={"error": str(error)},
            )
            return False
        logger.info("a new certificate for SMTP")
        return True

    def _first(self) -> ssl.SSLContext:
        self._seen = self._stamp()
        if self._source.acme_json or self._source.folder:
            try:
                return self._found()
            except CertificateError as error:
                logger.error(  # noqa: TRY400
                    "the certificate cannot be used; one is made instead",
                    extra={"error": str(error)},
                )
        self._is_own = True
        return _context(_own(self._source))

    def _choose(
        self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext
    ) -> None:
        handshake.context = self._current

    def _found(self) -> ssl.SSLContext:
        source = self._source
        if source.acme_json:
            with _written(_from_acme(source.acme_json, source.domain)) as pair:
                return _context(pair)
        if source.folder:
            return _context(
                source.folder / "fullchain.pem", source.folder / "privkey.pem"
            )
        raise CertificateError("There is none.")

    def _stamp(self) -> object:
        """Return what changes whenever one of the files does."""
        source = self._source
        files: list[Path] = []
        if source.acme_json:
            files.append(source.acme_json)
        elif source.folder:
            files += [source.folder / "fullchain.pem", source.folder / "privkey.pem"]
        return [_stat(path) for path in files]


def _stat(path: Path) -> tuple[int, ...]:
    try:
        it = path.stat()
    except OSError:
        return ()
    return it.st_mtime_ns, it.st_size, it.st_ino


def _context(chain: Path, key: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, chain, key)
    return context


def _load(context: ssl.SSLContext, chain: Path, key: Path | None = None) -> None:
    """Load a pair, of two files or of one; raises CertificateError.

    A key that wants a password is refused too: OpenSSL would ask the terminal for it.
    """
    try:
        context.load_cert_chain(chain, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        # ssl.SSLError is an OSError.
        raise CertificateError(f"{chain}: {error}") from error


# -- Traefik --------------------------------------------------------------------------
def _from_acme(path: Path, domain: str) -> bytes:
    """Return chain and key for a domain from a file of Traefik's (versions 1 to 3)."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise CertificateError(f"{path} is too large.")
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CertificateError(f"{path}: {error}") from error
    for entry in _entries(stored):
        lower = {str(name).lower(): value for name, value in entry.items()}
        if not _covers(lower.get("domain"), domain):
            continue
        try:
            return b64decode(lower["certificate"]) + b"\n" + b64decode(lower["key"])
        except (KeyError, TypeError, ValueError) as error:
            raise CertificateError(
                f"{path}: the entry for {domain}: {error!r}"
            ) from error
    raise CertificateError(f"{path} holds no certificate for {domain}.")


def _entries(stored: Any) -> Iterator[dict[str, Any]]:
    """Yield certificates, whether they stand at the top or below their resolvers."""
    if not isinstance(stored, dict):
        return
    for holder in (stored, *stored.values()):
        found = holder.get("Certificates") if isinstance(holder, dict) else None
        if isinstance(found, list):
            yield from (entry for entry in found if isinstance(entry, dict))


def _covers(given: Any, domain: str) -> bool:
    if not isinstance(given, dict):
        return False
    lower = {str(name).lower(): value for name, value in given.items()}
    more = lower.get("sans")
    names = [lower.get("main"), *(more if isinstance(more, list) else [])]
    wildcard = f"*.{domain.partition('.')[2]}"
    return any(
        str(name).lower() in {domain.lower(), wildcard.lower()} for name in names
    )


@contextmanager
def _written(content: bytes) -> Iterator[Path]:
    """Put a pair where OpenSSL can read it, for a moment and for us alone."""
    with tempfile.TemporaryDirectory(prefix="plunk-smtp-") as folder:
        path = Path(folder) / "pair.pem"
        _write(path, content)
        yield path


# -- our own --------------------------------------------------------------------------
def _own(source: Source) -> Path:
    """Return the pair that is made here, in one file: they cannot fall apart.

    It is made anew before it runs out, and for another domain.
    """
    pair = source.own_folder / "self-signed.pem"
    if not _is_good(pair, source.domain):
        make_private_folder(source.own_folder)
        _write(pair, _make(source.domain))
    return pair


def _is_good(pair: Path, domain: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pair.read_bytes())
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        _context(pair)
    except (OSError, ValueError, x509.ExtensionNotFound, CertificateError):
        return False
    ends = certificate.not_valid_after_utc
    return _name(domain) in names and ends - _RENEW_BEFORE > datetime.now(UTC)


def _make(domain: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain[:64])])
    now = datetime.now(UTC)
    names = {_name(it) for it in (domain, "localhost", "127.0.0.1", "::1")}
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(
            x509.SubjectAlternativeName(sorted(names, key=repr)), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step; nobody but its owner may ever read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
    draft.replace(path)
