from __future__ import annotations

import io
import json
import sys
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plunk.projects.creating import NewProject
from plunk.projects.keys import digest
from plunk.projects.models import ApiKey, Membership, Project, Role, User


def run(*words: str) -> str:
    """Run a command as typed; return what it printed."""
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put text on standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    put("")
    return put


@pytest.mark.django_db
def test_a_user_is_created_with_a_password_from_standard_input(typed: Any) -> None:
    typed("correct horse battery\n")

    run("create_user", "Dora@Example.com", "--password-stdin")

    user = User.objects.get(email="dora@example.com")
    assert user.check_password("correct horse battery")
    assert not user.is_staff


@pytest.mark.django_db
def test_a_user_without_a_password_cannot_log_in_with_any(typed: Any) -> None:
    printed = run("create_user", "dora@example.com", "--staff")

    user = User.objects.get(email="dora@example.com")
    assert not user.has_usable_password()
    assert user.is_staff
    assert "Forgot your password?" in printed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["not an address"], "Expected an e-mail address"),
        (["alice@example.com"], "There is a user alice@example.com already"),
        (["dora@example.com", "--password", "short"], "too short"),
        (["dora@example.com", "--password", ""], "too short"),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    alice: User, typed: Any, words: list[str], expected: str
) -> None:
    with pytest.raises(CommandError, match=expected):
        run("create_user", *words)

    assert User.objects.count() == 1


def test_a_project_is_created_with_its_keys(alice: User) -> None:
    made = json.loads(
        run("create_project", "Shop", "--owner", "Alice@example.com", "--json")
    )

    project = Project.objects.get(pk=made["id"])
    owner = Membership.objects.get(project=project)
    assert (owner.user, owner.role) == (alice, Role.OWNER)
    assert {key.digest for key in project.api_keys.all()} == {
        digest(made["public_key"]),
        digest(made["secret_key"]),
    }


def test_a_new_projects_secret_key_is_printed_for_people(alice: User) -> None:
    printed = run("create_project", "Shop", "--owner", alice.email)

    assert "Secret key: sk_" in printed
    assert "not shown again" in printed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["Shop", "--owner", "nobody@example.com"], "There is no user nobody"),
        (["  ", "--owner", "alice@example.com"], "Expected a name"),
        (["x" * 101, "--owner", "alice@example.com"], "Expected a name"),
        (["Shop"], "--owner"),
    ],
)
def test_a_project_that_cannot_be_is_refused(
    alice: User, words: list[str], expected: str
) -> None:
    with pytest.raises(CommandError, match=expected):
        run("create_project", *words)

    assert not Project.objects.exists()


def test_a_key_of_another_installation_keeps_working(project: Project) -> None:
    old = "sk_" + "0123456789abcdef" * 3

    made = json.loads(
        run(
            *["create_key", str(project.pk), "--kind", "secret"],
            *["--name", "Old shop", "--value", old, "--json"],
        )
    )

    key = ApiKey.objects.get(pk=made["id"])
    assert made["key"] == old
    assert (key.digest, key.name, key.project) == (digest(old), "Old shop", project)


def test_a_new_secret_key_is_shown_once(project: Project) -> None:
    printed = run("create_key", str(project.pk), "--kind", "secret")

    assert "sk_" in printed
    assert "not shown again" in printed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--kind", "secret", "--value", "pk_" + "0" * 48], "looks like sk_"),
        (["--kind", "secret", "--value", "sk_xyz"], "16 to 128 lower-case"),
        (["--kind", "secret", "--name", "x" * 101], "at most 100 characters"),
        (["--kind", "master"], "invalid choice"),
        ([], "--kind"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    project: Project, words: list[str], expected: str
) -> None:
    with pytest.raises(CommandError, match=expected):
        run("create_key", str(project.pk), *words)

    assert project.api_keys.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("project_id", "expected"),
    [
        ("shop", "Expected a project's id"),
        (str(uuid.UUID(int=7)), "There is no project"),
    ],
)
def test_a_key_needs_a_project_that_exists(project_id: str, expected: str) -> None:
    with pytest.raises(CommandError, match=expected):
        run("create_key", project_id, "--kind", "public")


def test_an_imported_key_belongs_to_one_project(
    project: Project, other_project: NewProject
) -> None:
    with pytest.raises(CommandError, match="belongs to a project already"):
        run(
            *["create_key", str(project.pk), "--kind", "secret"],
            *["--value", other_project.secret.value],
        )


def test_a_key_is_revoked_by_its_value_and_by_its_id(new_project: NewProject) -> None:
    run("revoke_key", new_project.secret.value)
    run("revoke_key", str(new_project.public.row.pk))

    assert not new_project.project.api_keys.usable().exists()


def test_a_key_is_revoked_once(new_project: NewProject) -> None:
    run("revoke_key", new_project.secret.value)

    with pytest.raises(CommandError, match="had been revoked before"):
        run("revoke_key", new_project.secret.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sk_oops", "Expected a key's id"),
        ("sk_" + "0" * 48, "There is no such key"),
        (str(uuid.UUID(int=7)), "There is no such key"),
    ],
)
def test_a_key_that_is_not_there_is_not_revoked(key: str, expected: str) -> None:
    with pytest.raises(CommandError, match=expected):
        run("revoke_key", key)


def test_projects_are_listed_without_their_secrets(
    new_project: NewProject, other_project: NewProject
) -> None:
    run("revoke_key", other_project.public.value)

    printed = run("list_projects")

    assert "owned by alice@example.com" in printed
    assert new_project.public.value in printed
    assert other_project.public.value not in printed
    assert new_project.secret.value not in printed
    assert f"sk_{'•' * 12}{new_project.secret.value[-4:]}" in printed


def test_projects_are_listed_for_programs(new_project: NewProject) -> None:
    listed = json.loads(run("list_projects", "--json"))

    assert [row["id"] for row in listed] == [str(new_project.project.pk)]
    assert listed[0]["owners"] == ["alice@example.com"]
    assert len(listed[0]["keys"]) == 2


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do() -> None:
    assert "create_project" in run("list_projects")
