"""A restored or copied database sends nothing until an operator says so (O9)."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import local

import pytest
from django.core.management import call_command
from django.db import connection

from tests.transactional.conftest import Queue
from tests.transactional.fakes import FakeSes
from transactional import delivery, fence
from transactional.delivery import drain
from transactional.models import Email, EmailState, Hold, SendingAccount
from transactional.sweeping import sweep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test be a process that has not looked at the fence yet."""
    monkeypatch.setattr(delivery, "_fenced", local())


def restore() -> None:
    """Make the database look as if it came from elsewhere."""
    SendingAccount.objects.update(storage="postgresql:another:1:2")


def test_a_new_database_is_ours_from_its_first_mail_on(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")

    drain()

    assert len(ses.calls) == 1
    assert SendingAccount.objects.get().storage.startswith(fence.storage_identity())


def test_a_restored_database_sends_nothing_until_it_is_released(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com", "bea@example.com")
    restore()

    drain()
    sweep()
    drain()
    held = [email.state for email in Email.objects.all()]
    (hold,) = Hold.objects.all()
    call_command("release_fence")
    drain()

    assert held == [EmailState.QUEUED] * 2
    assert hold.probe_at is None
    assert "release_fence" in hold.detail
    assert sorted(call["to"] for call in ses.calls) == [
        "ann@example.com",
        "bea@example.com",
    ]
    assert not Hold.objects.exists()


def test_no_probe_goes_through_the_fence_and_no_success_releases_it(
    queue: Queue, ses: FakeSes
) -> None:
    from transactional import holds

    queue("ann@example.com")
    restore()
    fence.check_fence()

    holds.release(domain="example.com")
    gate = holds.gate()
    drain()

    assert not gate.is_open
    assert not gate.is_probe
    assert ses.calls == []


def test_releasing_says_whether_anything_was_held() -> None:
    fence.check_fence()

    assert fence.release_fence() is False
    restore()
    assert fence.check_fence() is False
    assert fence.check_fence() is False
    assert fence.release_fence() is True
    assert fence.check_fence() is True


def test_a_backup_copied_over_the_file_is_found_out(queue: Queue, ses: FakeSes) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a file of SQLite's")
    queue("ann@example.com")
    fence.check_fence()
    backup = SendingAccount.objects.get().storage
    fence.renew()
    still_ours = fence.check_fence()
    fence.renew()

    SendingAccount.objects.update(storage=backup)
    drain()

    assert still_ours
    assert ses.calls == []
    assert Hold.objects.get().key == fence.FENCE


def test_a_crash_between_note_and_row_holds_nothing() -> None:
    fence.check_fence()
    row = SendingAccount.objects.get().storage
    fence.renew()

    SendingAccount.objects.update(storage=row)

    assert fence.check_fence() is True


def test_a_copy_of_the_file_is_another_database(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a file of SQLite's")
    original = tmp_path / "plunk.sqlite3"
    original.write_bytes(b"x")
    name = connection.settings_dict["NAME"]
    try:
        connection.settings_dict["NAME"] = str(original)
        first, again = fence.storage_identity(), fence.storage_identity()
        shutil.copy(original, tmp_path / "copy")
        (tmp_path / "copy").rename(original)
        restored = fence.storage_identity()
    finally:
        connection.settings_dict["NAME"] = name

    assert first == again
    assert restored != first
