"""The key that signs the simulator's notifications, made once for an installation."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.conf import settings

_LIFETIME = timedelta(days=3650)


def ensure_certificate() -> Path:
    """Make key and certificate unless they are there; return the certificate's path.

    Several processes may start at once: a lock lets one of them make the pair, and the
    certificate is put in place last, so whoever sees it sees the key that fits.
    """
    folder = Path(settings.SIMULATOR_DIR)
    certificate = folder / "certificate.pem"
    if certificate.exists() and (folder / "key.pem").exists():
        return certificate
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (certificate.exists() and (folder / "key.pem").exists()):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            _put(folder / "key.pem", _key_pem(key), mode=0o600)
            _put(certificate, _certificate_pem(key), mode=0o644)
    return certificate


def signing_key() -> rsa.RSAPrivateKey:
    """Return the private key, read once per process."""
    ensure_certificate()
    return _read_key(Path(settings.SIMULATOR_DIR) / "key.pem")


@lru_cache(maxsize=4)
def _read_key(path: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key.")
    return key


def _put(path: Path, content: bytes, *, mode: int) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _certificate_pem(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SES simulator")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
