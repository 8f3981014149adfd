from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from django.contrib.staticfiles.finders import get_finder
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from plunk.lifecycle import starting
from plunk.projects.keys import digest, revoke_key
from plunk.projects.models import ApiKey, Project, User
from plunk.running import demo, preparing


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    return tmp_path


@pytest.mark.django_db
def test_the_first_start_makes_a_user_with_a_project_and_keys() -> None:
    made = demo.ensure_demo()

    user = User.objects.get(email=made.email)
    assert user.check_password(made.password)
    assert user.is_superuser
    assert str(user.projects.get().pk) == made.project
    assert ApiKey.objects.usable().filter(digest=digest(made.secret_key)).exists()


@pytest.mark.django_db
def test_a_lost_file_brings_new_keys_to_the_same_project(data_dir: Path) -> None:
    first = demo.ensure_demo()
    (data_dir / "demo.json").unlink()

    second = demo.ensure_demo()

    assert second.project == first.project
    assert second.public_key == first.public_key
    assert second.secret_key != first.secret_key
    assert User.objects.get().check_password(second.password)
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_a_revoked_key_is_replaced() -> None:
    first = demo.ensure_demo()
    revoke_key(key=ApiKey.objects.get(digest=digest(first.secret_key)))

    assert demo.ensure_demo().secret_key != first.secret_key


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"url": 1}', "\x00", '"sk"', '{"surprise": "x"}']
)
def test_a_file_that_makes_no_sense_is_written_anew(data_dir: Path, text: str) -> None:
    (data_dir / "demo.json").write_text(text)

    made = demo.ensure_demo()

    written = json.loads((data_dir / "demo.json").read_text())
    assert written["secret_key"] == made.secret_key


@pytest.mark.django_db
def test_an_emptied_database_gets_a_new_demo() -> None:
    first = demo.ensure_demo()
    User.objects.all().delete()
    Project.objects.all().delete()

    assert demo.ensure_demo().project != first.project


def test_static_files_are_collected_when_they_changed(
    data_dir: Path, settings: Any
) -> None:
    source = data_dir / "source"
    source.mkdir()
    (source / "new.css").write_text("a {}")
    settings.STATICFILES_DIRS = [source]
    cast(Any, get_finder).cache_clear()

    outcomes = [preparing.collect_static(), preparing.collect_static()]
    (source / "new.css").write_text("a { color: red }")
    outcomes.append(preparing.collect_static())
    cast(Any, get_finder).cache_clear()

    assert outcomes == [True, False, True]


@pytest.mark.django_db
def test_preparing_tells_the_apps_and_can_be_repeated() -> None:
    heard: list[object] = []

    def hear(**_: object) -> None:
        heard.append("starting")

    starting.connect(hear)
    try:
        call_command("prepare", verbosity=0)
        call_command("prepare", verbosity=0)
    finally:
        starting.disconnect(hear)

    assert heard == ["starting"] * 2


def test_a_silent_database_is_named_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", refuse)

    with pytest.raises(CommandError, match=r"within 0 seconds: connection refused"):
        call_command("prepare", "--wait", "0")


@pytest.mark.django_db
def test_pending_migrations_are_named_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    preparing.wait_for_migrations(seconds=0)
    monkeypatch.setattr(preparing, "_has_pending_migrations", lambda: True)

    with pytest.raises(preparing.NotReady, match=r"manage\.py prepare"):
        preparing.wait_for_migrations(seconds=0)
