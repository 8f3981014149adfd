from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

from plunk.projects.creating import NewProject
from plunk.projects.keys import NotUsable, create_key, regenerate_key
from plunk.projects.models import ApiKey, KeyKind, Project, User

SECRET = re.compile(rb"sk_[0-9a-f]{48}")


@pytest.fixture
def owner(client: Client, alice: User, project: Project) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def keys_url(project: Project) -> str:
    return f"/projects/{project.pk}/settings/keys/"


@pytest.fixture
def secret_key(project: Project) -> ApiKey:
    return ApiKey.objects.get(project=project, kind=KeyKind.SECRET)


def test_a_new_project_shows_its_keys_once_and_is_not_cached(
    client: Client, alice: User
) -> None:
    client.force_login(alice)

    answer = client.post("/projects/new/", {"name": "Acme", "url": ""})

    project = Project.objects.get()
    assert SECRET.search(answer.content)
    assert b"/v1/track" in answer.content
    assert b"/v1/send" in answer.content
    assert "no-store" in answer["Cache-Control"]
    for path in ("", "settings/keys/", "settings/"):
        page = client.get(f"/projects/{project.pk}/{path}")
        assert not SECRET.search(page.content)


@pytest.mark.parametrize(
    "name", ["", "x" * 101, "two\nlines", "nul\x00", "two\u2028lines"]
)
def test_a_project_needs_a_name_in_one_line(
    client: Client, alice: User, name: str
) -> None:
    client.force_login(alice)

    answer = client.post("/projects/new/", {"name": name})

    assert answer.status_code == 200
    assert not Project.objects.exists()


def test_a_script_is_no_website(owner: Client, project: Project) -> None:
    owner.post(
        f"/projects/{project.pk}/settings/",
        {"name": "Acme", "url": "javascript:alert(1)"},
    )

    project.refresh_from_db()
    assert project.url == ""


def test_name_and_website_are_saved_and_nothing_else(
    owner: Client, project: Project
) -> None:
    owner.post(
        f"/projects/{project.pk}/settings/",
        {
            "name": "Acme Ltd.",
            "url": "acme.example",
            "from_email": "hello@acme.example",
            "is_disabled": "on",
            "id": "x",
        },
    )

    project.refresh_from_db()
    assert project.name == "Acme Ltd."
    assert project.url == "https://acme.example"
    assert project.from_email == ""
    assert not project.is_disabled


def test_members_see_keys_without_their_secrets(
    client: Client, keys_url: str, bob: User, new_project: NewProject
) -> None:
    client.force_login(bob)

    answer = client.get(keys_url).content.decode()

    assert new_project.public.value in answer
    assert new_project.secret.value not in answer
    assert new_project.secret.value[-4:] in answer
    assert "New key" not in answer
    assert "Revoke" not in answer


def test_a_new_secret_key_is_shown_once(owner: Client, keys_url: str) -> None:
    answer = owner.post(f"{keys_url}new/", {"kind": "sk", "name": "Production"})

    shown = SECRET.search(answer.content)
    assert shown
    assert "no-store" in answer["Cache-Control"]
    listed = owner.get(keys_url).content
    assert shown[0] not in listed
    assert b"Production" in listed


def test_revoking_asks_first(owner: Client, keys_url: str, secret_key: ApiKey) -> None:
    url = f"{keys_url}{secret_key.pk}/revoke/"

    asked = owner.get(url)

    assert b"refused with 401" in asked.content
    assert ApiKey.objects.usable().filter(pk=secret_key.pk).exists()
    owner.post(url)
    assert not ApiKey.objects.usable().filter(pk=secret_key.pk).exists()
    assert b"Requests with these are refused" in owner.get(keys_url).content


def test_revoking_twice_finds_nothing(
    owner: Client, keys_url: str, secret_key: ApiKey
) -> None:
    owner.post(f"{keys_url}{secret_key.pk}/revoke/")

    assert owner.post(f"{keys_url}{secret_key.pk}/revoke/").status_code == 404


@pytest.mark.parametrize(("grace", "works"), [("0", False), ("24", True)])
def test_replacing_shows_the_new_key_and_ends_the_old_one(
    owner: Client, keys_url: str, secret_key: ApiKey, grace: str, works: bool
) -> None:
    answer = owner.post(f"{keys_url}{secret_key.pk}/regenerate/", {"grace": grace})

    assert SECRET.search(answer.content)
    assert ApiKey.objects.usable().filter(pk=secret_key.pk).exists() is works


@pytest.mark.parametrize("grace", ["0", "24"])
def test_a_key_that_is_being_replaced_is_not_replaced_again(
    owner: Client, keys_url: str, secret_key: ApiKey, grace: str
) -> None:
    """Two admins at once must not get two live keys, nor one a longer grace."""
    owner.post(f"{keys_url}{secret_key.pk}/regenerate/", {"grace": "1"})
    secret_key.refresh_from_db()
    ends_at = secret_key.revoked_at

    again = owner.post(f"{keys_url}{secret_key.pk}/regenerate/", {"grace": grace})

    secret_key.refresh_from_db()
    assert again.status_code == 302
    assert secret_key.revoked_at == ends_at
    assert ApiKey.objects.filter(kind=KeyKind.SECRET).count() == 2
    assert f"{secret_key.pk}/regenerate" not in owner.get(keys_url).content.decode()


def test_of_two_replacements_at_once_one_is_refused(secret_key: ApiKey) -> None:
    regenerate_key(key=secret_key)

    with pytest.raises(NotUsable):
        regenerate_key(key=secret_key)

    assert ApiKey.objects.usable().filter(kind=KeyKind.SECRET).count() == 1


def test_an_unknown_grace_changes_nothing(
    owner: Client, keys_url: str, secret_key: ApiKey
) -> None:
    owner.post(f"{keys_url}{secret_key.pk}/regenerate/", {"grace": "9999999999"})

    assert ApiKey.objects.count() == 2


def test_a_key_of_another_project_cannot_be_revoked_from_here(
    owner: Client, keys_url: str, other_project: NewProject
) -> None:
    foreign = other_project.secret.row

    assert owner.post(f"{keys_url}{foreign.pk}/revoke/").status_code == 404
    assert ApiKey.objects.usable().filter(pk=foreign.pk).exists()


def test_the_name_of_a_key_is_shown_as_text(
    owner: Client, keys_url: str, project: Project
) -> None:
    bad = "<img src=x onerror=alert(1)>"
    create_key(project=project, kind=KeyKind.SECRET, name=bad)

    assert bad.encode() not in owner.get(keys_url).content


def test_whoever_connects_is_told_where(
    owner: Client, keys_url: str, settings: Settings
) -> None:
    settings.SMTP_DOMAIN, settings.SMTP_PORT_SECURE = "smtp.example.com", 465

    shown = owner.get(keys_url).content.decode()
    settings.SMTP_ENABLED = False
    without = owner.get(keys_url).content.decode()

    assert '<code id="smtp-host" class="wrap">smtp.example.com</code>' in shown
    assert '<code id="smtp-secure" class="wrap">465</code>' in shown
    assert 'data-copy="smtp-host"' in shown
    assert "smtp" not in without
