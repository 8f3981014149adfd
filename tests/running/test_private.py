"""Who may read what an installation keeps in its folder."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from plunk.private import installation_secret, make_private_file
from plunk.projects.checks import check_secret
from plunk.running import preparing
from tests.running.processes import manage, running


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folder_and_file_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data" / "plunk.sqlite3"

    make_private_file(path)

    assert mode(path.parent) == 0o700
    assert mode(path) == 0o600


def test_a_database_of_before_is_closed_and_keeps_its_content(tmp_path: Path) -> None:
    path, wal = tmp_path / "plunk.sqlite3", tmp_path / "plunk.sqlite3-wal"
    for each in (path, wal):
        each.write_text("kept")
        each.chmod(0o644)

    make_private_file(path)

    assert (mode(path), mode(wal)) == (0o600, 0o600)
    assert path.read_text() == wal.read_text() == "kept"


def test_processes_that_start_at_once_agree_on_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"

    with ProcessPoolExecutor(4) as pool:
        found = set(pool.map(installation_secret, [path] * 8))

    assert found == {path.read_text()}
    assert len(found.pop()) > 64
    assert mode(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_preparing_makes_the_database_private(tmp_path: Path) -> None:
    data, log = tmp_path / "new" / "data", tmp_path / "log"
    secret = "a secret of the tests, long enough, 0123456789 abcdef"

    with running(*manage("prepare"), log=log, DATA_DIR=data, JWT_SECRET=secret) as it:
        assert it.ended() == 0, it.printed()

    assert mode(data) == 0o700
    assert {mode(each) for each in data.glob("plunk.sqlite3*")} == {0o600}


def test_a_database_in_memory_needs_no_file(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    monkeypatch.setitem(connection.settings_dict, "NAME", ":memory:")

    preparing._make_places()

    assert list(settings.DATA_DIR.iterdir()) == []


@pytest.mark.parametrize(
    ("secret", "is_embedded", "is_refused"),
    [("secret", False, True), ("x" * 32, False, False), ("secret", True, False)],
)
def test_a_short_secret_is_refused_in_a_full_installation(
    settings: Any, secret: str, is_embedded: bool, is_refused: bool
) -> None:
    settings.SECRET_KEY, settings.IS_EMBEDDED = secret, is_embedded

    assert [error.id for error in check_secret()] == ["plunk.E001"] * is_refused


def test_a_role_does_not_start_with_a_short_secret(tmp_path: Path) -> None:
    log = tmp_path / "log"
    full = {"REDIS_URL": "redis://127.0.0.1:6379/13", "JWT_SECRET": "secret"}

    with running(
        *manage("run", "--only", "worker"), log=log, DATA_DIR=tmp_path / "data", **full
    ) as it:
        code = it.ended()

    assert code == 1
    assert "JWT_SECRET has fewer than 32 characters" in it.printed()
