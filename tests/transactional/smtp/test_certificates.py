"""What clients are shown, and how it is replaced under a running server."""

from __future__ import annotations

import json
import logging
import os
import smtplib
import ssl
import stat
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.transactional.smtp.conftest import Door, Open
from tests.transactional.smtp.mails import mail
from transactional.models import Email
from transactional.smtp import certificates
from transactional.smtp.certificates import Certificates, Source


def pair(domain: str) -> tuple[bytes, bytes]:
    """Return chain and key."""
    made = certificates._make(domain)
    begin = made.index(b"-----BEGIN PRIVATE KEY-----")
    return made[:begin], made[begin:]


def put(folder: Path, domain: str) -> None:
    chain, key = pair(domain)
    (folder / "fullchain.pem").write_bytes(chain)
    (folder / "privkey.pem").write_bytes(key)


def acme(path: Path, *domains: str, is_old: bool = False) -> Path:
    """Write a file as Traefik does."""
    entries = []
    for domain in domains:
        chain, key = (b64encode(it).decode() for it in pair(domain))
        entries.append(
            {"Domain": {"Main": domain, "SANs": None}, "Certificate": chain, "Key": key}
            if is_old
            else {"domain": {"main": domain}, "certificate": chain, "key": key}
        )
    stored: dict[str, Any] = {"Account": {}, "Certificates": entries}
    path.write_text(json.dumps(stored if is_old else {"le": stored, "other": None}))
    return path


def shown(door: Door, *, port: int = 465) -> str:
    """Return for what name the certificate is that a new client is shown."""
    with door.secure() if port == 465 else door.plain() as client:
        if port == 587:
            client.starttls(context=door.trusting())
        connection: Any = client.sock
        der = connection.getpeercert(binary_form=True)
    name = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    return name.removeprefix("CN=")


def until_shown(door: Door, name: str) -> None:
    deadline = time.monotonic() + 10
    while shown(door) != name:
        assert time.monotonic() < deadline, name
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_new_certificate_is_used_without_a_restart(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "one.example.com")

    with opened(folder=tmp_path, refresh_seconds=0.05) as door:
        assert shown(door) == "one.example.com"
        with door.client() as old:
            put(tmp_path, "two.example.com")
            until_shown(door, "two.example.com")
            assert shown(door, port=587) == "two.example.com"
            # Who is in the middle of something is not disturbed.
            old.send_message(mail())
        with caplog.at_level(logging.ERROR, "transactional.smtp.certificates"):
            (tmp_path / "privkey.pem").write_bytes(pair("other.example.com")[1])
            time.sleep(0.5)
        assert shown(door) == "two.example.com"
        put(tmp_path, "three.example.com")
        until_shown(door, "three.example.com")

    assert Email.objects.count() == 1
    assert "the former one stays" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_client_that_is_told_to_trusts_the_one_that_was_made(
    opened: Open, tmp_path: Path
) -> None:
    with opened() as door:
        context = ssl.create_default_context(cafile=tmp_path / "self-signed.pem")
        with smtplib.SMTP_SSL(
            "localhost", door.server.secure_port, context=context, timeout=20
        ) as client:
            code, _ = client.login("plunk", door.key)

    assert code == 235


def test_what_was_made_is_kept_and_its_owners_alone(tmp_path: Path) -> None:
    source = Source("mail.example.com", None, None, tmp_path / "smtp")
    path = tmp_path / "smtp" / "self-signed.pem"

    Certificates(source)
    first = path.read_bytes()
    Certificates(source)
    second = path.read_bytes()
    Certificates(Source("else.example.com", None, None, tmp_path / "smtp"))

    assert first == second != path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    made = x509.load_pem_x509_certificate(first)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "mail.example.com" in names.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("rest", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_broken_one_is_made_anew(rest: bytes, tmp_path: Path) -> None:
    (tmp_path / "self-signed.pem").write_bytes(rest)

    assert Certificates(Source("localhost", None, None, tmp_path)).is_self_signed
    assert len((tmp_path / "self-signed.pem").read_bytes()) > 500


def test_one_that_runs_out_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("localhost", None, None, tmp_path)
    monkeypatch.setattr(certificates, "_DAYS", 10)
    Certificates(source)
    monkeypatch.setattr(certificates, "_DAYS", 825)

    Certificates(source)

    made = x509.load_pem_x509_certificate((tmp_path / "self-signed.pem").read_bytes())
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=800)


@pytest.mark.parametrize("is_old", [True, False])
def test_traefiks_file_is_read(is_old: bool, tmp_path: Path) -> None:
    path = acme(
        tmp_path / "acme.json", "a.example.com", "mail.example.com", is_old=is_old
    )

    found = Certificates(Source("mail.example.com", None, path, tmp_path))

    assert not found.is_self_signed


@pytest.mark.parametrize(
    ("main", "is_found"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com", True),
        ("*.example.com", True),
        ("example.com", False),
        ("*.mail.example.com", False),
    ],
)
def test_a_certificate_is_for_its_domain(
    main: str, is_found: bool, tmp_path: Path
) -> None:
    path = acme(tmp_path / "acme.json", main)

    found = Certificates(Source("mail.example.com", None, path, tmp_path))

    assert found.is_self_signed is not is_found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"le": {"Certificates": [1, {"domain": 2}]}}',
        '{"le": {"Certificates": [{"domain": {"main": "localhost"}}]}}',
        '{"le": {"Certificates": [{"domain": {"main": "localhost"},'
        ' "certificate": "!", "key": "eA=="}]}}',
        '{"le": {"Certificates": [{"domain": {"main": "localhost"},'
        ' "certificate": "eA==", "key": "eA=="}]}}',
    ],
    ids=range(8),
)
def test_what_cannot_be_used_is_replaced_by_one_of_our_own(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "acme.json"
    path.write_text(text)

    with caplog.at_level(logging.ERROR, "transactional.smtp.certificates"):
        found = Certificates(Source("localhost", None, path, tmp_path))

    assert found.is_self_signed
    assert "the certificate cannot be used" in caplog.text


def test_a_key_that_wants_a_password_does_not_ask_for_it(tmp_path: Path) -> None:
    chain, key = pair("localhost")
    locked = serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "fullchain.pem").write_bytes(chain)
    (tmp_path / "privkey.pem").write_bytes(locked)

    assert Certificates(Source("localhost", tmp_path, None, tmp_path)).is_self_signed


def test_files_that_come_later_are_used(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    found = Certificates(Source("localhost", folder, None, tmp_path))
    assert found.is_self_signed
    assert not found.refresh()

    folder.mkdir()
    put(folder, "localhost")

    assert found.refresh()
    assert not found.is_self_signed
    os.utime(folder / "fullchain.pem", (1, 1))
    assert found.refresh()
    assert not found.refresh()
